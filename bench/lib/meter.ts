/**
 * Meters of a server that was started with one, `servers/heap.ts`, `turns.ts` or `soak.ts`. They answer
 * a signal by writing a file.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Turns } from '../servers/turns'
import type { Peer } from './sides'

const POLL_MS = 2

/** Measures the heap after a collection, in bytes; NaN for a server without a meter. */
export function measureHeap(peer: Peer, wait: () => void): number {
  if (!signalMeter(peer)) return NaN
  while (answerOf(peer) === '') wait()
  return Number(answerOf(peer))
}

/** Begins or ends to meter turns. Resolves with the turns so far. @throws Error for a server without a meter */
export async function meterTurns(peer: Peer): Promise<Turns> {
  if (!signalMeter(peer)) throw new Error('this server has no meter of turns')
  while (answerOf(peer) === '') await Bun.sleep(POLL_MS)
  return JSON.parse(answerOf(peer)) as Turns
}

/** Signals the meter. Returns false for a server without one. */
function signalMeter({ pid, meterFile }: Peer): boolean {
  if (meterFile === undefined || pid === undefined) return false
  rmSync(meterFile, { force: true })
  process.kill(pid, 'SIGIO')
  return true
}

/** Empty until it is whole: so little is written at once. */
const answerOf = ({ meterFile }: Peer): string =>
  existsSync(meterFile!) ? readFileSync(meterFile!, 'utf8') : ''
