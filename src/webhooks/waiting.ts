/**
 * Waiting: entries that are not written down yet, in order, no more than memory may hold.
 */
import type { Entry } from '../store/outbox'

/** So many for a disk that does not take them; of one app half as many, so that it leaves room for others. */
const MOST = 200_000
const MOST_PER_APP = MOST / 2
const CALM = MOST_PER_APP / 2
const CROWDED = MOST_PER_APP / 4
/** Events may carry 10 KB and more each: so many characters of an app, and twice as many of all. */
const MOST_CHARS_PER_APP = 67_108_864
/** What an entry takes beside its event, about. */
const ENTRY_CHARS = 200

type Share = { entries: number; chars: number }

export class Waiting {
  readonly #entries: Entry[] = []
  /** How many of each app, and of all. */
  readonly #byApp = new Map<string, Share>()
  #chars = 0

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
    const chars = charsOf(entry)
    const share = this.#byApp.get(entry.appId) ?? { entries: 0, chars: 0 }
    if (share.entries >= MOST_PER_APP || this.length >= MOST) return false
    if (share.chars + chars > MOST_CHARS_PER_APP) return false
    if (this.#chars + chars > 2 * MOST_CHARS_PER_APP) return false
    this.#entries.push(entry)
    this.#byApp.set(entry.appId, share)
    this.#count(share, 1, chars)
    return true
  }

  first(count: number): readonly Entry[] {
    return this.#entries.slice(0, count)
  }

  /** The first were written. */
  shift(count: number): void {
    for (const entry of this.#entries.splice(0, count)) {
      const share = this.#byApp.get(entry.appId)!
      this.#count(share, -1, -charsOf(entry))
      if (share.entries === 0) this.#byApp.delete(entry.appId)
    }
  }

  #count(share: Share, entries: number, chars: number): void {
    share.entries += entries
    share.chars += chars
    this.#chars += chars
  }
}

const charsOf = (entry: Entry): number =>
  ENTRY_CHARS + (entry.type === 'event' ? entry.event.length : 0)
