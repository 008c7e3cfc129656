/**
 * HistoryLog: what durable streams have to write. An event is delivered at once and written with all others of its
 * turn of the event loop, in one transaction; its backend is answered after that. Offsets are reserved ahead, in the
 * store, so that one which was delivered and lost in a crash is never given to another event.
 * Rows have numbers of their own, whatever their stream: the table needs no index. A new event takes the place of the
 * one that was given up first, of any stream: most transactions change a page or two. What is left over is deleted, many
 * at a time. All of it in the order in which it was given up, so that what is stored of a stream never has a gap.
 */
import { RealtimeError, refusal, type Refusal } from './errors'
import type { Claim, KeptEvent } from './messages'
import type { ChannelName, JsonText, SocketId } from './types'

export type StoredEvent = {
  readonly row: number
  /** The id of its stream. */
  readonly stream: number
  readonly offset: number
  /** A JSON string. */
  readonly name: JsonText
  readonly data: JsonText
  readonly except: SocketId | undefined
  /** Epoch milliseconds. */
  readonly at: number
  readonly once: Claim | undefined
}

export type StoredStream = {
  readonly id: number
  readonly appId: string
  readonly channel: ChannelName
  readonly epoch: string
  /** No event had a later offset. */
  readonly reserved: number
  /** It was ended by a stop: `reserved` is the offset of its last event. */
  readonly isClosed: boolean
}

/** A row whose streams have ended. */
export type EndedStreams = { readonly row: number; readonly streams: readonly number[] }

/** What the log knows of a stream. */
export type LoggedStream = Omit<StoredStream, 'reserved' | 'isClosed'> & {
  /** The last offset that is reserved, or is about to be. */
  reserved: number
  /** The last one that a commit has reserved; 0 for a stream that the store has not got. */
  committed: number
}

export type HistoryWrite =
  | {
      readonly type: 'reserve'
      readonly stream: LoggedStream
      readonly reserved: number
      readonly isClosed: boolean
    }
  /** Takes the place of what the row had before. */
  | {
      readonly type: 'append'
      readonly stream: number
      readonly row: number
      readonly event: KeptEvent
      /** Epoch milliseconds. */
      readonly at: number
    }
  /** A row that says of many streams that they have ended: to delete them takes longer than a turn may. */
  | { readonly type: 'end'; readonly row: number; readonly streams: readonly number[] }
  /** Streams by their ids, rows of those that have ended among them, and events by their rows. */
  | {
      readonly type: 'discard'
      readonly streams: readonly number[]
      readonly rows: readonly number[]
    }

/** Storage of durable streams. */
export interface HistoryStore {
  /** In the order of their ids; also those that have ended. */
  streams(): Iterable<StoredStream>
  /** The rows that say which ones have. */
  ended(): Iterable<EndedStreams>
  /** In no order; also those of streams that were discarded. */
  events(): Iterable<StoredEvent>
  /** All or nothing. @throws RealtimeError('store_unavailable') */
  commit(writes: readonly HistoryWrite[]): void
  /** Gives all streams other epochs, since their channels' next events are kept elsewhere. */
  endEpochs(): void
}

/** Of one transaction, at most: two milliseconds. */
const MAX_GROUP = { writes: 500, chars: 256 * 1024 } as const
/** Offsets that are reserved at a time. */
const RESERVED_AHEAD = 1000
/** What is in the store although it was given up, of all streams: then it is deleted, with the next transaction. */
export const MAX_DISCARDED = { rows: 256, bytes: 256 * 1024 } as const

const MAY_BE = 'the event may have been published'

type Group = {
  readonly writes: HistoryWrite[]
  readonly done: PromiseWithResolvers<Outcome>
  chars: number
}
type Outcome = Refusal | undefined

export class HistoryLog {
  readonly #store: HistoryStore
  /** The first is the next to be committed. */
  readonly #groups: Group[] = []
  #isScheduled = false
  #lastStream = 0
  #lastRow = 0
  /** No later row is in the store. */
  #lastStored = 0
  /** Ids of streams, and rows of events, that are still stored. */
  readonly #streams: number[] = []
  readonly #rows = new Rows()
  /** They are deleted with the next commit; else they wait until they are many. */
  #isDue = false
  /** Rows that new events should have got: what they had before is deleted with the next commit, before all else. */
  #stale: number[] = []

  constructor(store: HistoryStore) {
    this.#store = store
  }

  /** The stored streams; read before their events, once, before anything is written. */
  *streams(): IterableIterator<StoredStream> {
    const gone = new Set<number>()
    for (const ended of this.#store.ended()) {
      this.#lastStream = Math.max(this.#lastStream, ended.row)
      for (const id of ended.streams) gone.add(id)
      this.#discardEnded(ended)
    }
    for (const stream of this.#store.streams()) {
      this.#lastStream = Math.max(this.#lastStream, stream.id)
      if (!gone.has(stream.id)) yield stream
    }
  }

  /** The stored events, in no order. */
  *events(): IterableIterator<StoredEvent> {
    for (const event of this.#store.events()) {
      this.#lastStream = Math.max(this.#lastStream, event.stream)
      this.#lastRow = this.#lastStored = Math.max(this.#lastRow, event.row)
      yield event
    }
  }

  /** A stream that the store has not got yet. */
  begin(appId: string, channel: ChannelName, epoch: string): LoggedStream {
    return { id: ++this.#lastStream, appId, channel, epoch, reserved: 0, committed: 0 }
  }

  /**
   * Reserves an offset. The first ones of a stream that the store has not got need no commit before the event: after
   * a crash nothing is left of it, and the next one has another epoch, or it was stored with all of them reserved.
   */
  reserve(stream: LoggedStream, offset: number): Refusal | undefined {
    if (isLate(stream, offset)) {
      const refused = this.commitNow()
      if (refused) return refused
    }
    if (offset + RESERVED_AHEAD / 2 <= stream.reserved) return undefined
    const mustCommit = isLate(stream, offset)
    stream.reserved = offset + RESERVED_AHEAD
    this.#add({ type: 'reserve', stream, reserved: stream.reserved, isClosed: false }, 0)
    return mustCommit ? this.commitNow() : undefined
  }

  /** A row for the next event. While the store fails it is a new one: what is in others is not known. */
  takeRow(): number {
    const isSound = this.#stale.length === 0
    return (isSound ? this.#rows.shift() : undefined) ?? ++this.#lastRow
  }

  /** Adds an event whose offset is reserved, and which has its row. */
  append({ id }: LoggedStream, event: KeptEvent, at: number): void {
    const { row, publication } = event
    this.#add({ type: 'append', stream: id, row, event, at }, publication.data.length)
  }

  /** Ends a stream; its events are discarded one by one. */
  discardStream(id: number): void {
    this.#streams.push(id)
    this.#makeDue()
  }

  /**
   * Ends streams now, after all that was added before; their events follow. A refusal where that fails: they are there
   * still.
   */
  discardNow(streams: readonly number[]): Refusal | undefined {
    if (streams.length === 0) return undefined
    this.commitNow()
    if (streams.length > MAX_DISCARDED.rows) return this.#endNow(streams)
    const write = { type: 'discard', streams, rows: [] } as const
    const refused = this.#tryCommit([write], 'nothing was given up')
    if (!refused) this.#makeDue()
    return refused
  }

  #endNow(streams: readonly number[]): Refusal | undefined {
    const ended = { row: ++this.#lastStream, streams }
    const refused = this.#tryCommit([{ type: 'end', ...ended }], 'nothing was given up')
    if (!refused) this.#discardEnded(ended)
    return refused
  }

  /** Deletes streams that have ended, then the row that says so. */
  #discardEnded({ row, streams }: EndedStreams): void {
    for (const id of streams) this.#streams.push(id)
    this.discardStream(row)
  }

  discardEvent(row: number, bytes: number): void {
    this.#rows.push(row, bytes)
    if (this.#rows.isFull) this.#makeDue()
  }

  /** Resolves when all that was added is committed, or with the refusal where that fails. */
  committed(): Promise<Outcome> {
    return this.#groups.at(-1)?.done.promise ?? Promise.resolve(undefined)
  }

  /** Commits all that was added. */
  commitNow(): Outcome {
    let refused: Outcome
    while (this.#groups.length > 0) refused ??= this.#commit(this.#groups.shift()!)
    return refused
  }

  /** Deletes what was given up, however little it is. */
  sweep(): void {
    if (this.#hasDiscarded) this.#makeDue()
  }

  /** Writes all that is not written yet, and where each stream ends. */
  close(ends: Iterable<readonly [stream: LoggedStream, offset: number]>): void {
    for (const [stream, offset] of ends)
      this.#add({ type: 'reserve', stream, reserved: offset, isClosed: true }, 0)
    let refused = this.commitNow()
    while (!refused && this.#hasDiscarded) {
      this.#isDue = true
      refused = this.#commit(newGroup())
    }
  }

  get #hasDiscarded(): boolean {
    return this.#streams.length + this.#rows.length + this.#stale.length > 0
  }

  #makeDue(): void {
    this.#isDue = true
    this.#schedule()
  }

  #add(write: HistoryWrite, chars: number): void {
    let group = this.#groups.at(-1)
    if (!group || group.writes.length >= MAX_GROUP.writes || group.chars >= MAX_GROUP.chars) {
      group = newGroup()
      this.#groups.push(group)
      this.#schedule()
    }
    group.writes.push(write)
    group.chars += chars
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#isScheduled = false
    try {
      this.#commit(this.#groups.shift() ?? newGroup())
    } catch {
      // Whoever waits for the group has it.
    }
    if (this.#groups.length > 0 || this.#isDue) this.#schedule()
  }

  /** @throws what is no failure of the database; whoever waits for the group gets it, too */
  #commit(group: Group): Outcome {
    // Groups that wait may have rows that were given up before those that would be deleted.
    if (this.#isDue && this.#groups.length + this.#stale.length === 0) this.#addDiscarded(group)
    const stale = this.#stale.splice(0)
    if (stale.length > 0) group.writes.unshift({ type: 'discard', streams: [], rows: stale })
    try {
      const refused = group.writes.length > 0 ? this.#tryCommit(group.writes) : undefined
      if (refused) this.#failAll(group, ({ resolve }) => resolve(refused))
      else this.#noteWritten(group)
      return refused
    } catch (cause) {
      this.#failAll(group, ({ reject }) => reject(cause))
      throw cause
    }
  }

  #noteWritten({ writes, done }: Group): void {
    for (const write of writes)
      if (write.type === 'reserve') write.stream.committed = write.reserved
      else if (write.type === 'append') this.#lastStored = Math.max(this.#lastStored, write.row)
    done.resolve(undefined)
  }

  /** Where one fails all later ones fail: they may need what was not written. */
  #failAll(group: Group, settle: (done: Group['done']) => void): void {
    for (const { writes, done } of [group, ...this.#groups.splice(0)]) {
      for (const write of writes) this.#noteFailed(write)
      settle(done)
    }
  }

  #addDiscarded({ writes }: Group): void {
    const streams = this.#streams.splice(0, MAX_DISCARDED.rows)
    const rows = this.#rows.take(MAX_DISCARDED.rows)
    if (streams.length + rows.length > 0) writes.push({ type: 'discard', streams, rows })
    this.#isDue = this.#hasDiscarded
  }

  #tryCommit(writes: readonly HistoryWrite[], meaning = MAY_BE): Outcome {
    try {
      this.#store.commit(writes)
      return undefined
    } catch (cause) {
      if (!(cause instanceof RealtimeError)) throw cause
      const { message, retryAfterSeconds } = cause
      const text = `${message}; ${meaning}`
      return { ...refusal('history_unavailable', text), retryAfterSeconds }
    }
  }

  /** What could not be deleted is stale, and what could not be written has left its row so. The sweep tries again. */
  #noteFailed(write: HistoryWrite): void {
    this.#isDue = false
    if (write.type === 'reserve') {
      write.stream.reserved = write.stream.committed
      return
    }
    if (write.type === 'end') return
    if (write.type === 'discard') {
      this.#streams.unshift(...write.streams) // before the row that says that they have ended
      this.#stale.push(...write.rows)
      return
    }
    const { row, event } = write
    if (event.row === row) event.row = 0
    if (row <= this.#lastStored) this.#stale.push(row)
  }
}

/** Rows that were given up, in that order. */
class Rows {
  #rows: number[] = []
  #bytes: number[] = []
  #start = 0
  /** Of all of them. */
  #sum = 0

  get length(): number {
    return this.#rows.length - this.#start
  }

  get isFull(): boolean {
    return this.length >= MAX_DISCARDED.rows || this.#sum >= MAX_DISCARDED.bytes
  }

  push(row: number, bytes: number): void {
    this.#rows.push(row)
    this.#bytes.push(bytes)
    this.#sum += bytes
  }

  shift(): number | undefined {
    if (this.length === 0) return undefined
    const row = this.#rows[this.#start]!
    this.#sum -= this.#bytes[this.#start++]!
    if (this.#start * 2 >= this.#rows.length) this.#forgetTaken()
    return row
  }

  /** The first ones, up to so many. */
  take(most: number): readonly number[] {
    return Array.from({ length: Math.min(most, this.length) }, () => this.shift()!)
  }

  #forgetTaken(): void {
    this.#rows.splice(0, this.#start)
    this.#bytes.splice(0, this.#start)
    this.#start = 0
  }
}

/** True where a crash could leave the stream without this offset reserved. */
const isLate = ({ committed }: LoggedStream, offset: number): boolean =>
  offset > (committed || RESERVED_AHEAD)

const newGroup = (): Group => ({ writes: [], done: Promise.withResolvers(), chars: 0 })
