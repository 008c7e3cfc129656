/**
 * RequestQueue: requests that came, or whose bodies did, when the turn of the event loop was late
 * already. They go on in order, in the next turns, some milliseconds of each. Most of what a request
 * costs it does in microtasks, so each has a callback of its own: the next one sees how long it took.
 */
import type { Slices } from './slices'
import type { MaybePromise } from './types'

/** What those that waited take of a turn: less of the one that was late itself. */
export const REQUESTS_MS = { first: 1, most: 3 } as const
/** Callbacks of one turn: as many of the cheapest requests fit into it. */
const CALLBACKS = 64

export class RequestQueue {
  readonly #waiting: (() => void)[] = []
  /** Callbacks that are still to come in this turn. */
  #callbacks = 0
  /** When the first of them was called. */
  #began = 0
  #allowedMs = 0

  constructor(readonly slices: Pick<Slices, 'meter' | 'countRequest' | 'isLate'>) {}

  get size(): number {
    return this.#waiting.length
  }

  /** One has come: false where the turn has time for it and nobody waits. */
  mustWait(): boolean {
    this.slices.countRequest()
    return this.#waiting.length > 0 || this.slices.isLate
  }

  /** Does what has to wait. Rejects with what it throws. */
  defer<T>(deed: () => MaybePromise<T>): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>()
    this.#waiting.push(() => resolve(Promise.try(deed)))
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
    if (this.#callbacks === 0 && this.#waiting.length > 0) this.#arm(REQUESTS_MS.most)
  }
}
