/**
 * Faults: unexpected errors of ours. They are counted and logged, and never end what would have come
 * next: somebody else's message, the next connection of a slice, the next turn of a chain.
 */
import type { Counters } from './counters'
import type { Clock, Log } from './types'

type FaultContext = { readonly counters: Counters; readonly log: Log }

export function countFault({ counters, log }: FaultContext, cause: unknown, fields?: object): void {
  counters.faults++
  log.error({ err: cause, ...fields }, 'fault')
}

/** Runs what nobody waits for: a timer's work, one of many. False where it failed, which is counted. */
export function runSafely(core: FaultContext, part: string, run: () => void): boolean {
  try {
    run()
    return true
  } catch (cause) {
    countFault(core, cause, { part })
    return false
  }
}

/** What a promise gives; fails once `ms` are over, or when the server is told to leave. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  givenUp?: AbortSignal,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const cancel = clock.after(ms, () => reject(new Error(`no answer within ${ms} ms`)))
  const giveUp = (): void => reject(new Error('the server was told to leave'))
  givenUp?.addEventListener('abort', giveUp)
  if (givenUp?.aborted) giveUp()
  try {
    return await Promise.race([promise, late])
  } finally {
    cancel()
    givenUp?.removeEventListener('abort', giveUp)
  }
}

/** Makes something at the first call and keeps it. What failed is made anew at the next call. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((cause: unknown) => {
      made = undefined
      throw cause
    })
    return made
  }
}
