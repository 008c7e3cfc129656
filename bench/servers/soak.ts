/**
 * Loaded before a server that soaks. On SIGIO its wall clock jumps to where the file `BENCH_CLOCK`
 * says, in milliseconds beside the real one, and its heap is asked as `heap.ts` does.
 */
import { existsSync, readFileSync } from 'node:fs'
import './heap'

const file = process.env['BENCH_CLOCK']
if (file !== undefined) {
  const real = Date.now.bind(Date)
  let offsetMs = 0
  Date.now = () => real() + offsetMs
  process.prependListener('SIGIO', () => {
    offsetMs = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0
  })
}
