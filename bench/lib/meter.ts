/**
 * Meters of a server that was started with one, `servers/heap.ts`, `turns.ts` or `soak.ts`. They answer
 * a signal by writing a file.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Turns } from '../servers/turns'
import type { Peer } from './sides'

const POLL_MS = 2

/** Bytes that are left once everything else is collected; NaN where it can't be asked. */
export function measureHeap(peer: Peer, wait: () => void): number {
  if (!signalMeter(peer)) return NaN
  while (answerOf(peer) === '') wait()
  return Number(answerOf(peer))
}

/** Begins or ends to meter turns; says what was found so far. @throws Error where that can't be asked */
export async function meterTurns(peer: Peer): Promise<Turns> {
  if (!signalMeter(peer)) throw new Error('this server has no meter of turns')
  while (answerOf(peer) === '') await Bun.sleep(POLL_MS)
  return JSON.parse(answerOf(peer)) as Turns
}

/** False where there is nobody to ask. */
function signalMeter({ pid, meterFile }: Peer): boolean {
  if (meterFile === undefined || pid === undefined) return false
  rmSync(meterFile, { force: true })
  process.kill(pid, 'SIGUSR2')
  return true
}

/** Empty until it is whole: so little is written at once. */
const answerOf = ({ meterFile }: Peer): string =>
  existsSync(meterFile!) ? readFileSync(meterFile!, 'utf8') : ''
