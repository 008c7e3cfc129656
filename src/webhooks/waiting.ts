/**
 * Waiting: entries that are not written down yet, in order, no more than memory may hold.
 */
import type { Entry } from '../store/outbox'

/** So many for a disk that does not take them; of one app half as many, so that it leaves room for others. */
const MOST = 200_000
const MOST_PER_APP = MOST / 2
const CALM = MOST_PER_APP / 2
const CROWDED = MOST_PER_APP / 4

export class Waiting {
  readonly #entries: Entry[] = []
  /** How many of each app. */
  readonly #byApp = new Map<string, number>()

  get length(): number {
    return this.#entries.length
  }

  /** Few enough to say that what was lost is over. */
  get isCalm(): boolean {
    return this.length <= CALM
  }

  /** So many that what can be written later should be. */
  get isCrowded(): boolean {
    return this.length >= CROWDED
  }

  /** False where there is no room. */
  push(entry: Entry): boolean {
    const own = this.#byApp.get(entry.appId) ?? 0
    if (own >= MOST_PER_APP || this.length >= MOST) return false
    this.#entries.push(entry)
    this.#byApp.set(entry.appId, own + 1)
    return true
  }

  first(count: number): readonly Entry[] {
    return this.#entries.slice(0, count)
  }

  /** The first were written. */
  shift(count: number): void {
    for (const { appId } of this.#entries.splice(0, count)) {
      const left = this.#byApp.get(appId)! - 1
      if (left > 0) this.#byApp.set(appId, left)
      else this.#byApp.delete(appId)
    }
  }
}
