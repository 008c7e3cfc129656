/**
 * WriteQueue: entries that are not in the outbox yet, in order, bounded by count and by memory.
 */
import type { Entry, EventEntry } from '../store/outbox'

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

/** An event as all of its endpoints have it in common; a channel that fifty are told of is one object, not fifty. */
export type QueuedEvent = Omit<EventEntry, 'endpoint'>
export type Queued = Exclude<Entry, EventEntry> | QueuedEvent

export class WriteQueue {
  #entries: Queued[] = []
  /** Whom each is for; undefined for those that are no events. */
  #endpoints: (string | undefined)[] = []
  /** Where the first one is. */
  #start = 0
  readonly #byApp = new Map<string, Share>()
  #chars = 0

  get length(): number {
    return this.#entries.length - this.#start
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
  push(entry: Queued, endpoint: string | undefined): boolean {
    const chars = charsOf(entry)
    const share = this.#byApp.get(entry.appId) ?? { entries: 0, chars: 0 }
    if (share.entries >= MAX_ENTRIES_PER_APP || this.length >= MAX_ENTRIES) return false
    if (share.chars + chars > MAX_CHARS_PER_APP) return false
    if (this.#chars + chars > 2 * MAX_CHARS_PER_APP) return false
    this.#entries.push(entry)
    this.#endpoints.push(endpoint)
    this.#byApp.set(entry.appId, share)
    this.#count(share, 1, chars)
    return true
  }

  first(count: number): readonly Entry[] {
    const end = Math.min(this.#start + count, this.#entries.length)
    const entries: Entry[] = []
    for (let index = this.#start; index < end; index++) {
      const entry = this.#entries[index]!
      entries.push(entry.type === 'event' ? { ...entry, endpoint: this.#endpoints[index]! } : entry)
    }
    return entries
  }

  /** Removes the first `count`. */
  shift(count: number): void {
    const start = this.#start
    this.#start = Math.min(start + count, this.#entries.length)
    for (let index = start; index < this.#start; index++) {
      const entry = this.#entries[index]!
      const share = this.#byApp.get(entry.appId)!
      this.#count(share, -1, -charsOf(entry))
      if (share.entries === 0) this.#byApp.delete(entry.appId)
    }
    if (this.#start * 2 < this.#entries.length) return
    this.#entries = this.#entries.slice(this.#start)
    this.#endpoints = this.#endpoints.slice(this.#start)
    this.#start = 0
  }

  #count(share: Share, entries: number, chars: number): void {
    share.entries += entries
    share.chars += chars
    this.#chars += chars
  }
}

const charsOf = (entry: Queued): number =>
  ENTRY_CHARS + (entry.type === 'event' ? entry.event.length : 0)
