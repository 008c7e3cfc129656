/**
 * RequestQueue: requests that arrived in a turn of the event loop that was already late. They run in order
 * in the next turns, some milliseconds of each. A request does most of its work in microtasks, so each has
 * a callback of its own, and the next one sees how long it took.
 */
import type { Slices } from './slices'
import type { MaybePromise } from './maybe-promise'

/** Milliseconds of a turn for requests that waited: `first` of the late turn itself. */
export const REQUESTS_MS = { first: 1, most: 3 } as const
/** Callbacks of one turn: so many of the cheapest requests fit into it. */
const CALLBACKS = 64

export class RequestQueue {
  readonly #waiting: (() => void)[] = []
  /** Callbacks still to run in this turn. */
  #callbacks = 0
  /** When the first of them ran. */
  #began = 0
  #allowedMs = 0

  constructor(readonly slices: Pick<Slices, 'meter' | 'countRequest' | 'isLate' | 'charge'>) {}

  get size(): number {
    return this.#waiting.length
  }

  /** Counts a request. False where the turn has time for it and no other waits. */
  mustWait(): boolean {
    this.slices.countRequest()
    return this.#waiting.length > 0 || this.slices.isLate
  }

  /** Runs a request that has to wait. Rejects with what it throws. */
  defer<T>(run: () => MaybePromise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    this.#waiting.push(() => resolve(Promise.try(run)))
    if (this.#callbacks === 0) this.#arm(REQUESTS_MS.first)
    return promise
  }

  #arm(allowedMs: number): void {
    this.#allowedMs = allowedMs
    this.#callbacks = Math.min(CALLBACKS, this.#waiting.length)
    this.#began = -Infinity
    for (let count = this.#callbacks; count > 0; count--) setImmediate(this.#next)
  }

  readonly #next = (): void => {
    this.#callbacks--
    const now = this.slices.meter()
    if (this.#began === -Infinity) this.#began = now
    if (now - this.#began < this.#allowedMs) this.#waiting.shift()?.()
    if (this.#callbacks > 0) return
    this.slices.charge(this.slices.meter() - this.#began)
    if (this.#waiting.length > 0) this.#arm(REQUESTS_MS.most)
  }
}
