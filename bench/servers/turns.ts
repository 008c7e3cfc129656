/**
 * Loaded before a server whose turns are looked at. On SIGIO it begins to meter, on the next it
 * ends; each time it writes what it has found so far to the file `BENCH_METER`. Meanwhile the event loop never rests: an
 * immediate in every turn reads how much CPU time its thread has had since the one before.
 */
import { writeFileSync } from 'node:fs'
import { cpuSecondsOfThread } from '../lib/libc'

/** Times are milliseconds of CPU; `busy` is that of all turns in which something happened. */
export type Turns = { readonly turns: number; readonly longest: number; readonly busy: number }

/** CPU time by the scheduler's count: `process.threadCpuUsage()` changes with the clock tick only, every 4 ms. */
const cpuMs = (): number => cpuSecondsOfThread() * 1000
/** Looking alone takes two microseconds. */
const IDLE_MS = 0.05

let isMetering = false
let [turns, longest, busy, last] = [0, 0, 0, 0]

function look(): void {
  if (!isMetering) return
  const now = cpuMs()
  const turn = now - last
  last = now
  turns++
  if (turn > IDLE_MS) busy += turn
  longest = Math.max(longest, turn)
  setImmediate(look)
}

function begin(file: string): void {
  Bun.gc(true) // what others have left behind is not collected at this case's cost
  isMetering = true
  ;[turns, longest, busy] = [0, 0, 0]
  last = cpuMs()
  setImmediate(look)
  writeReport(file)
}

function end(file: string): void {
  isMetering = false
  writeReport(file)
}

function writeReport(file: string): void {
  const found: Turns = { turns, longest, busy }
  writeFileSync(file, JSON.stringify(found))
}

const file = process.env['BENCH_METER']
if (file !== undefined) process.on('SIGIO', () => (isMetering ? end : begin)(file))
