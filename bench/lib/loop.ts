/**
 * How a load spends its time: in the reactor, until something is so or the time is up.
 */
import type { Reactor } from './reactor'

const IDLE_MS = 5
/** How long a load waits for anything new before it gives up. */
const PATIENCE_MS = 10_000

/** Turns until `done`; `progressed` counts what arrives. Returns false when nothing arrives any more. */
export function turnUntil(
  reactor: Reactor,
  isDone: () => boolean,
  progressed: () => number,
  patienceMs = PATIENCE_MS,
): boolean {
  let [seen, since] = [progressed(), performance.now()]
  while (!isDone()) {
    reactor.poll(IDLE_MS)
    const now = performance.now()
    if (progressed() !== seen) [seen, since] = [progressed(), now]
    else if (now - since > patienceMs) return false
  }
  return true
}

/** Turns for so long. `turn` runs between reads and returns for how many milliseconds it is idle. */
export function turnFor(reactor: Reactor, seconds: number, turn: () => number): void {
  const end = performance.now() + seconds * 1000
  for (let left = seconds * 1000; left > 0; left = end - performance.now())
    reactor.poll(Math.min(turn(), left))
}

/** Turns for so long, and again while nothing was counted: that would measure nothing. */
export function turnForSome(
  reactor: Reactor,
  seconds: number,
  turn: () => number,
  counted: () => number,
): void {
  const [before, end] = [counted(), performance.now() + PATIENCE_MS]
  do turnFor(reactor, seconds, turn)
  while (counted() === before && performance.now() < end)
}

type Queue = {
  readonly count: number
  /** Begun and not yet ready; well below a listen backlog. */
  readonly atOnce: number
  readonly begin: (index: number) => void
  /** How many are ready. */
  readonly ready: () => number
}

/** Begins with one after the other, so many at once. @throws Error when some never are ready */
export function oneByOne(reactor: Reactor, { count, atOnce, begin, ready }: Queue): void {
  for (let index = 0; index < count; index++) {
    const isRoom = (): boolean => index - ready() < atOnce
    if (!turnUntil(reactor, isRoom, ready)) throw lateError(ready(), index)
    begin(index)
  }
  if (!turnUntil(reactor, () => ready() === count, ready)) throw lateError(ready(), count)
}

const lateError = (ready: number, begun: number): Error =>
  new Error(`only ${ready} of ${begun} clients were ever ready`)
