/**
 * Selection: the first few of very many items, in an order, after a place in it. The items are looked at in slices,
 * so that a page of a hundred thousand delays nobody, and what comes or goes meanwhile disturbs nothing: the order is
 * that of values that an item never changes.
 */
import type { Slices, Work } from './slices'

export type Choice<T> = {
  /** Live, or a copy. */
  readonly items: Iterable<T>
  /** False for what is not meant, or comes before the page. */
  readonly accepts: (item: T) => boolean
  readonly compare: (a: T, b: T) => number
  /** How many at most, from 1 on. */
  readonly limit: number
}

export type Selected<T> = {
  /** In order. */
  readonly items: readonly T[]
  /** There is at least one more after them. */
  readonly hasMore: boolean
}

/** Items of a step: 50 µs at most. */
const ITEMS = 512
/** Kept beyond the limit before they are sorted: a sort takes 0.2 ms. */
const SPARE = 512

export function select<T>(slices: Slices, choice: Choice<T>): Promise<Selected<T>> {
  const selecting = new Selecting(choice)
  slices.add(selecting)
  return selecting.done.promise
}

class Selecting<T> implements Work {
  readonly part = 'a page'
  readonly done = Promise.withResolvers<Selected<T>>()
  readonly #items: Iterator<T>
  /** One more than the page may have tells that there are more. */
  readonly #most: number
  #kept: T[] = []
  /** The last of so many that are before it: what comes after is not on the page. */
  #last: T | undefined = undefined

  constructor(readonly choice: Choice<T>) {
    this.#items = choice.items[Symbol.iterator]()
    this.#most = choice.limit + 1
  }

  step(): boolean {
    try {
      return this.#look()
    } catch (cause) {
      this.done.reject(cause as Error)
      return false
    }
  }

  #look(): boolean {
    for (let left = ITEMS; left > 0; left--) {
      const next = this.#items.next()
      if (next.done) return this.#finish()
      this.#consider(next.value)
    }
    return true
  }

  #consider(item: T): void {
    const { accepts, compare } = this.choice
    if (this.#last !== undefined && compare(item, this.#last) >= 0) return
    if (!accepts(item)) return
    if (this.#kept.push(item) >= this.#most + SPARE) this.#cut()
  }

  #cut(): void {
    this.#kept = this.#kept.toSorted(this.choice.compare).slice(0, this.#most)
    if (this.#kept.length === this.#most) this.#last = this.#kept.at(-1)
  }

  #finish(): false {
    this.#cut()
    const { limit } = this.choice
    this.done.resolve({ items: this.#kept.slice(0, limit), hasMore: this.#kept.length > limit })
    return false
  }
}
