/**
 * Marks: up to where the facts of a stream are written down. A mark is written in the transaction of the last row that
 * stands before it. Owns the marks that wait for their rows.
 */
import type { StreamMark } from '../store/outbox'

type WaitingMark = StreamMark & {
  /** So many entries were queued before it, since the start. */
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

  /** Adds a mark behind what is queued. Done when it is written. */
  add(mark: StreamMark): Promise<void> {
    const { promise, resolve: done } = Promise.withResolvers<void>()
    this.#waiting.push({ ...mark, at: this.#queued, done })
    return promise
  }

  /** Of so many next entries those that are one group: of the rows before a mark all or none, unless they fill it. */
  cut(length: number): number {
    const end = this.#written + length
    const next = this.#waiting.findIndex(({ at }) => at > end)
    const last = this.#waiting[next - 1]
    return next > 0 && last!.at > this.#written ? last!.at - this.#written : length
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
