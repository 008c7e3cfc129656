/** Writes the journal of a run, and gives numbers to what is in it. */
import type { Entry, Journal, NewEntry } from './journal'

export class Recorder {
  readonly #entries: Entry[] = []
  #last = 0

  write(entry: NewEntry): void {
    this.#entries.push({ at: this.now, ...entry })
  }

  /** Milliseconds of the clock of `at`, which is that of logs, too. */
  get now(): number {
    return Date.now()
  }

  /** A number that nothing else has: of a connection, a subscription, an event. */
  next(): number {
    return ++this.#last
  }

  get journal(): Journal {
    return this.#entries
  }
}
