/**
 * Faults: unexpected errors of ours. They are counted and logged, and never end what follows: another client's
 * message, the next connection of a slice, the next turn of a chain.
 */
import type { Counters } from './counters'
import type { Clock, Log } from './types'

type FaultContext = { readonly counters: Counters; readonly log: Log }

export function countFault({ counters, log }: FaultContext, cause: unknown, fields?: object): void {
  counters.faults++
  log.error({ err: cause, ...fields }, 'fault')
}

/** Runs work that nobody waits for, such as a timer's. False where it threw: that is counted as a fault. */
export function runSafely(core: FaultContext, part: string, run: () => void): boolean {
  try {
    run()
    return true
  } catch (cause) {
    countFault(core, cause, { part })
    return false
  }
}

/** The promise's result; rejects after `ms`, or when `givenUp` is aborted because the server leaves. */
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

/** Makes something at the first call and keeps it. After a failure the next call makes it anew. */
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
