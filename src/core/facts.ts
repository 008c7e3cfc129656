/**
 * Facts: what happened, told to whoever asked: webhooks, metrics, the console. A listener must not
 * throw and must not change what it is told about.
 */
import type { Fact } from './messages'

export type FactListener = (fact: Fact) => void

export class Facts {
  readonly #listeners: FactListener[] = []

  /** False lets a hot path skip building a fact that nobody wants. */
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
