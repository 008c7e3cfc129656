/**
 * Faults: unexpected errors of ours. They are counted and logged, and never end what would have come
 * next: somebody else's message, the next connection of a slice, the next turn of a chain.
 */
import type { Core } from './core'

type Witness = Pick<Core, 'counters' | 'log'>

export function countFault({ counters, log }: Witness, cause: unknown, fields?: object): void {
  counters.faults++
  log.error({ err: cause, ...fields }, 'fault')
}

/** Runs what nobody waits for: a timer's work, one of many. False where it failed, which is counted. */
export function survives(core: Witness, part: string, run: () => void): boolean {
  try {
    run()
    return true
  } catch (cause) {
    countFault(core, cause, { part })
    return false
  }
}
