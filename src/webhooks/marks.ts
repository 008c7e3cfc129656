/**
 * Marks: up to where the facts of a stream are written down. A mark is written in the transaction of the last row that
 * stands before it. Owns the marks that wait for their rows.
 */
import type { StreamMark } from '../store/outbox'

type WaitingMark = StreamMark & {
  /** So many entries were queued before its rows, and with them, since the start. */
  readonly from: number
  readonly at: number
  readonly done: () => void
}

export class Marks {
  /** In their order. */
  readonly #waiting: WaitingMark[] = []
  #queued = 0
  #written = 0

  get length(): number {
    return this.#waiting.length
  }

  /** An entry was queued. */
  countQueued(): void {
    this.#queued++
  }

  /** How many entries were queued, since the start. */
  get queued(): number {
    return this.#queued
  }

  /** Adds a mark behind its rows, which are what was queued since `from`. Done when it is written. */
  add(mark: StreamMark, from: number): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>()
    this.#waiting.push({ stream: mark.stream, id: mark.id, from, at: this.#queued, done })
    return promise
  }

  /** Of so many next entries those that are one group: all rows of a mark or none, unless they alone are too many. */
  cut(length: number): number {
    const end = this.#written + length
    const split = this.#waiting.find(({ from, at }) => from < end && at > end)
    return split && split.from > this.#written ? split.from - this.#written : length
  }

  /** The marks that are written with so many of the next entries. */
  of(length: number): readonly StreamMark[] {
    const end = this.#written + length
    const count = this.#waiting.findIndex(({ at }) => at > end)
    return count === -1 ? [...this.#waiting] : this.#waiting.slice(0, count)
  }

  /** So many entries were written, with their marks. */
  shift(length: number): void {
    this.#written += length
    const marks = this.of(0).length
    for (const { done } of this.#waiting.splice(0, marks)) done()
  }

  /** Another process writes what is queued: nobody is told that it has. */
  forget(): void {
    this.#waiting.length = 0
  }
}
