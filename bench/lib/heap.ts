/**
 * The heap of a server that was started with `servers/heap.ts`.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import type { Peer } from './sides'

/** Bytes that are left once everything else is collected; NaN where it can't be asked. */
export function heapBytesOf({ pid, heapFile }: Peer, wait: () => void): number {
  if (heapFile === undefined || pid === undefined) return NaN
  rmSync(heapFile, { force: true })
  process.kill(pid, 'SIGUSR2')
  while (!existsSync(heapFile) || readFileSync(heapFile, 'utf8') === '') wait()
  return Number(readFileSync(heapFile, 'utf8'))
}
