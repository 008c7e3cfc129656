/** The real clock. */
import type { Cancel, Clock } from './core/types'

/** The longest that the runtime's timers wait; what is longer would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(), // as cheap as the other: 31 ns, Bun 1.4
  after,
  every: (intervalMs, run) => {
    let cancel: Cancel
    const again = (): void => {
      cancel = after(intervalMs, again)
      run()
    }
    cancel = after(intervalMs, again)
    return () => cancel()
  },
}

function after(delayMs: number, run: () => void): Cancel {
  let timer: ReturnType<typeof setTimeout>
  const wait = (restMs: number): void => {
    timer =
      restMs > LONGEST_MS
        ? setTimeout(() => wait(restMs - LONGEST_MS), LONGEST_MS)
        : setTimeout(run, restMs)
  }
  wait(delayMs)
  return () => clearTimeout(timer)
}
