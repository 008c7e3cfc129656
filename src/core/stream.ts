/**
 * Stream: the latest events of one channel, numbered. What is given up is always the oldest, and the numbers tell.
 * A stream that begins anew has another epoch, so that it is never taken for the one that was lost.
 */
import { jsonText } from './json'
import type { BackendPublication, KeptEvent } from './messages'
import type { Position } from './types'

/** The position of an event that nothing keeps. */
export const NOT_KEPT: Position = { epoch: '', offset: 0 }

/** What is kept at most: events, milliseconds, bytes. */
export type Bounds = { readonly size: number; readonly ttlMs: number; readonly bytes: number }

/** Events between two positions, both of them excluded. */
export type HistoryQuery = {
  readonly since: Position | undefined
  readonly before: Position | undefined
  /** Forward is the oldest first. */
  readonly direction: 'forward' | 'backward'
  readonly limit: number
  /** Where a page ends that is not at its limit; it has one event at least. */
  readonly maxBytes: number
}

export type HistoryPage = {
  /** Of the last event of the stream. */
  readonly position: Position
  readonly events: readonly KeptEvent[]
  /** There are more events in this direction. */
  readonly hasMore: boolean
  /** Nothing after `since` was given up; without `since`, nothing of the stream. */
  readonly recovered: boolean
}

/** What an event takes besides its text; its frame to a subscriber takes less. */
export const EVENT_BYTES = 200

/** In a slot that is not used any more, until the others are moved: there are at most as many again. */
const GIVEN_UP = {} as KeptEvent

export class Stream {
  readonly epoch: string
  /** Of the events that are kept. */
  bytes = 0
  /** Called with each event that was stored, when it is given up. */
  onGivenUp: ((event: KeptEvent) => void) | undefined = undefined
  #offset: number
  /** The oldest first, from `#start` on. */
  #events: KeptEvent[] = []
  #start = 0

  /** Begins anew, or goes on after `offset` in the stream of an epoch. */
  constructor(epoch = newEpoch(), offset = 0) {
    this.epoch = epoch
    this.#offset = offset
  }

  get position(): Position {
    return { epoch: this.epoch, offset: this.#offset }
  }

  /** How many events are kept. */
  get size(): number {
    return this.#events.length - this.#start
  }

  /** That of the last event. */
  get offset(): number {
    return this.#offset
  }

  /** The last event that is kept. */
  get newest(): KeptEvent | undefined {
    return this.size > 0 ? this.#events.at(-1) : undefined
  }

  /** `row` is where the event is stored; 0 where it is not. */
  append(publication: BackendPublication, now: number, bounds: Bounds, row = 0): Position {
    const bytes = bytesOf(publication)
    this.#add({ offset: ++this.#offset, publication, at: now, bytes, row })
    this.trim(now, bounds)
    return this.position
  }

  /** Takes up an event of before, in their order. Offsets may be missing: those of a crash. */
  restore({ offset, publication, at, row }: Omit<KeptEvent, 'bytes'>): void {
    this.#add({ offset, publication, at, bytes: bytesOf(publication), row })
  }

  #add(event: KeptEvent): void {
    this.#events.push(event)
    this.bytes += event.bytes
  }

  /** Gives up what exceeds the bounds. */
  trim(now: number, { size, ttlMs, bytes }: Bounds): void {
    const before = now - ttlMs
    let oldest = this.#events[this.#start]
    while (oldest && (this.size > size || this.bytes > bytes || oldest.at <= before)) {
      this.dropOldest()
      oldest = this.#events[this.#start]
    }
  }

  /** Gives up the oldest event, if there is one. */
  dropOldest(): void {
    const oldest = this.#events[this.#start]
    if (!oldest) return
    this.bytes -= oldest.bytes
    if (oldest.row > 0) this.onGivenUp?.(oldest)
    this.#events[this.#start++] = GIVEN_UP
    if (this.#start * 2 < this.#events.length) return
    this.#events.splice(0, this.#start)
    this.#start = 0
  }

  /**
   * All events after the position, the oldest first; undefined where they are not all here, or exceed `maxBytes` with
   * `besides` for each.
   */
  since(
    { epoch, offset }: Position,
    maxBytes: number,
    besides = 0,
  ): readonly KeptEvent[] | undefined {
    if (epoch !== this.epoch || !this.#isWholeAfter(offset)) return undefined
    const from = this.#indexAfter(offset)
    let bytes = 0
    for (let index = from; index < this.#events.length; index++)
      if ((bytes += this.#events[index]!.bytes + besides) > maxBytes) return undefined
    return this.#events.slice(from)
  }

  /** The last `count` events, as many of them as fit, the oldest first. */
  last(count: number, maxBytes: number, besides = 0): readonly KeptEvent[] {
    let from = this.#events.length
    let bytes = 0
    while (from > this.#start && this.#events.length - from < count) {
      if ((bytes += this.#events[from - 1]!.bytes + besides) > maxBytes) break
      from--
    }
    return this.#events.slice(from)
  }

  /** A part of what is kept. A position of another epoch, or one that was not reached yet, finds nothing. */
  page({ since, before, direction, limit, maxBytes }: HistoryQuery): HistoryPage {
    const { position } = this
    const isKnown = (given: Position | undefined): boolean =>
      !given || (given.epoch === this.epoch && given.offset <= this.#offset + 1)
    if (!isKnown(since) || !isKnown(before) || (since && since.offset > this.#offset))
      return { position, events: [], hasMore: false, recovered: false }
    const recovered = since ? this.#isWholeAfter(since.offset) : this.first === 1
    const low = this.#indexAfter(since ? since.offset : 0)
    const high = (before ? this.#indexAfter(before.offset - 1) : this.#events.length) - 1
    const isForward = direction === 'forward'
    const events: KeptEvent[] = []
    let bytes = 0
    let index = isForward ? low : high
    while (index >= low && index <= high && events.length < limit) {
      const event = this.#events[index]!
      if ((bytes += event.bytes) > maxBytes && events.length > 0) break
      events.push(event)
      index += isForward ? 1 : -1
    }
    return { position, events, hasMore: index >= low && index <= high, recovered }
  }

  /** The offset of the oldest event that is kept; that of the next one where none is. */
  get first(): number {
    return this.#events[this.#start]?.offset ?? this.#offset + 1
  }

  /** True where all events after the offset are kept. What a crash has left out was never answered. */
  #isWholeAfter(offset: number): boolean {
    const index = this.#indexAfter(offset)
    const next = this.#events[index]?.offset ?? this.#offset + 1
    return (
      offset === next - 1 || (index > this.#start && this.#events[index - 1]!.offset === offset)
    )
  }

  /** The index of the first event after an offset. */
  #indexAfter(offset: number): number {
    let [low, high] = [this.#start, this.#events.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#events[middle]!.offset > offset) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** What an event takes where it is kept. Texts as they are written: a name may have characters that JSON escapes. */
export function bytesOf({ event, data, once }: BackendPublication): number {
  const keyChars = once ? once.key.length + once.fingerprint.length : 0
  return Buffer.byteLength(jsonText(event)) + Buffer.byteLength(data) + keyChars + EVENT_BYTES
}

/** 60 random bits: who had a position in a lost stream must not be taken for a reader of this one. */
function newEpoch(): string {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2))
  return (
    (high! & 0x3fff_ffff).toString(36).padStart(6, '0') + (low! >>> 2).toString(36).padStart(6, '0')
  )
}
