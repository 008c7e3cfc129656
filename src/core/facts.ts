/**
 * Facts: what happened, emitted to listeners such as webhooks. A listener must not throw and must not change
 * core's state.
 */
import type { Fact } from './messages'

export type FactListener = (fact: Fact) => void

export class Facts {
  readonly #listeners: FactListener[] = []

  /** False lets a hot path skip building a fact. */
  get hasListeners(): boolean {
    return this.#listeners.length > 0
  }

  listen(listener: FactListener): void {
    this.#listeners.push(listener)
  }

  emit(fact: Fact): void {
    for (const listener of this.#listeners) listener(fact)
  }
}
