/**
 * Loaded before a server whose heap is measured: on SIGIO it collects everything that nobody holds
 * and writes what is left, in bytes, to the file `BENCH_METER`.
 */
import { writeFileSync } from 'node:fs'
import { heapStats } from 'bun:jsc'

const file = process.env['BENCH_METER']
if (file !== undefined)
  process.on('SIGIO', () => {
    Bun.gc(true)
    writeFileSync(file, String(heapStats().heapSize))
  })
