/**
 * WriteQueue: entries that are not in the outbox yet, in order, bounded by count and by memory.
 */
import type { Entry } from '../store/outbox'

/** Enough for a disk that stalls; one app may have half, so that it leaves room for others. */
const MAX_ENTRIES = 200_000
const MAX_ENTRIES_PER_APP = MAX_ENTRIES / 2
const CALM_ENTRIES = MAX_ENTRIES_PER_APP / 2
const CROWDED_ENTRIES = MAX_ENTRIES_PER_APP / 4
/** Events may have 10 KB and more each: characters of one app; all apps may have twice as many. */
const MAX_CHARS_PER_APP = 67_108_864
/** The size of an entry without its event, about. */
const ENTRY_CHARS = 200

type Share = { entries: number; chars: number }

export class WriteQueue {
  readonly #entries: Entry[] = []
  readonly #byApp = new Map<string, Share>()
  #chars = 0

  get length(): number {
    return this.#entries.length
  }

  /** True when it is short enough for an overflow to be over. */
  get isCalm(): boolean {
    return this.length <= CALM_ENTRIES
  }

  /** True when it is so long that what can be added later should be. */
  get isCrowded(): boolean {
    return this.length >= CROWDED_ENTRIES
  }

  /** False where there is no room. */
  push(entry: Entry): boolean {
    const chars = charsOf(entry)
    const share = this.#byApp.get(entry.appId) ?? { entries: 0, chars: 0 }
    if (share.entries >= MAX_ENTRIES_PER_APP || this.length >= MAX_ENTRIES) return false
    if (share.chars + chars > MAX_CHARS_PER_APP) return false
    if (this.#chars + chars > 2 * MAX_CHARS_PER_APP) return false
    this.#entries.push(entry)
    this.#byApp.set(entry.appId, share)
    this.#count(share, 1, chars)
    return true
  }

  first(count: number): readonly Entry[] {
    return this.#entries.slice(0, count)
  }

  /** Removes the first `count`. */
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
