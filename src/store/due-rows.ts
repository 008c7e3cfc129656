/**
 * Which rows of an endpoint may be sent: those of channels of which none is under way or was refused a
 * moment ago. The table is read once, in order, and never searched: what was read and cannot be sent
 * yet is remembered by its id, behind what came before it in its channel.
 *
 * Owns, for each endpoint, how far it was read, the ids of what was read and is still there, and which
 * channels are held until when. All of it dies with the process: at the start every row is due.
 */
import type { Database } from 'bun:sqlite'
import { Deadlines } from './deadlines'

/** A row without its event, which may be long. */
export type Head = {
  readonly id: number
  readonly channel: string
  readonly attempts: number
  /** When the window of its attempts began; epoch milliseconds. */
  readonly time_ms: number
  readonly bytes: number
}
/** An event on its way; `event` is JSON, times are epoch milliseconds. */
export type OutboxRow = Omit<Head, 'bytes'> & { readonly event: string }

type Place = Pick<Head, 'id' | 'channel'>

const READ = `
  SELECT id, channel FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL AND id > $cursor ORDER BY id LIMIT $limit`
const HEADS = `
  SELECT id, channel, attempts, time_ms, octet_length(event) AS bytes FROM webhook_outbox
   WHERE id IN (SELECT value FROM json_each($ids)) AND dead_at IS NULL ORDER BY id`

/** So many rows, and channels whose time has come, are looked at in one go. */
const LOOKED_AT = 500

export type Found = {
  /** In order within each channel; what is sent of them must be a beginning. */
  readonly rows: readonly Head[]
  /** There may be more, for which nobody has to wait. */
  readonly more: boolean
}

class Queue {
  /** Rows up to this one were read. */
  cursor = 0
  /** By channel, the ids of its rows that were read and are still there, in order; never none. */
  readonly known = new Map<string, number[]>()
  /** Channels of rows that are under way, and when they are given back whatever came of them. */
  readonly leased = new Set<string>()
  leasedUntil = 0
  /** Channels of which a row was refused, and until when. */
  readonly held = new Deadlines()
  /** Other known channels, the longest waiting first: those that were held for a refusal, and the rest. */
  readonly again = new Set<string>()
  readonly ready = new Set<string>()
  /** Which of the two come first; they take turns, since what is refused is often sent alone. */
  againFirst = false

  get inOrder(): readonly Set<string>[] {
    return this.againFirst ? [this.again, this.ready] : [this.ready, this.again]
  }

  /** Rows that were read; ids come in order, those that are under way already for the second time. */
  remember({ id, channel }: Place): void {
    const ids = this.known.get(channel)
    if (!ids) this.known.set(channel, [id])
    else if (id > ids.at(-1)!) ids.push(id)
    if (!this.isHeld(channel) && !this.again.has(channel)) this.ready.add(channel)
  }

  isHeld(channel: string): boolean {
    return this.leased.has(channel) || this.held.has(channel)
  }

  /** One request at a time is under way; what is left of the one before was not settled. */
  lease(rows: readonly Place[], until: number): void {
    for (const channel of this.leased) this.held.set(channel, this.leasedUntil)
    this.leased.clear()
    this.leasedUntil = until
    for (const row of rows) {
      this.remember(row)
      this.leased.add(row.channel)
      this.held.delete(row.channel)
      this.#unqueue(row.channel)
    }
  }

  hold(channel: string, until: number): void {
    this.leased.delete(channel)
    this.held.set(channel, until)
    this.#unqueue(channel)
  }

  free(channel: string): void {
    this.leased.delete(channel)
    this.held.delete(channel)
    if (this.known.has(channel) && !this.again.has(channel)) this.ready.add(channel)
  }

  /** When the next channel is held no longer. */
  get nextDue(): number | undefined {
    const first = this.held.first
    if (this.leased.size === 0) return first
    return Math.min(first ?? Infinity, this.leasedUntil)
  }

  release(now: number): void {
    if (this.leased.size > 0 && this.leasedUntil <= now) this.lease([], 0)
    for (let left = LOOKED_AT; left > 0; left--) {
      const channel = this.held.shift(now)
      if (channel === undefined) return
      if (this.known.has(channel)) this.again.add(channel)
    }
  }

  /** The first of a channel's rows are gone. */
  shift(channel: string, gone: ReadonlySet<number>): void {
    const ids = this.known.get(channel) ?? []
    const left = ids.findIndex((id) => !gone.has(id))
    if (left === -1) this.#drop(channel)
    else ids.splice(0, left)
  }

  /** Some of a channel's rows are gone. */
  forget(channel: string, gone: ReadonlySet<number>): void {
    const left = this.known.get(channel)!.filter((id) => !gone.has(id))
    if (left.length === 0) this.#drop(channel)
    else this.known.set(channel, left)
  }

  #drop(channel: string): void {
    this.known.delete(channel)
    this.#unqueue(channel)
  }

  #unqueue(channel: string): void {
    this.ready.delete(channel)
    this.again.delete(channel)
  }
}

export class DueRows {
  readonly #queues = new Map<number, Queue>()

  constructor(readonly db: Database) {}

  /** At most `limit`; `now` is by the clock's `mono`. */
  find(lane: number, now: number, limit: number): Found {
    const queue = this.#queueOf(lane)
    queue.release(now)
    queue.againFirst = !queue.againFirst
    const wanted = (): number[] =>
      queue.inOrder.flatMap((channels) => firstIds(queue, channels, limit))
    const unread = wanted().length < limit && this.#read(lane, queue)
    const ids = wanted().length
    const rows = queue.inOrder.flatMap((channels) => this.#heads(queue, channels, limit))
    const left = queue.ready.size + queue.again.size > 0
    return { rows: rows.slice(0, limit), more: unread || left || rows.length < ids }
  }

  /** Rows that are sent now: their channels are held until they are settled, or `until`. */
  lease(lane: number, rows: readonly Place[], until: number): void {
    this.#queueOf(lane).lease(rows, until)
  }

  /** Rows that were refused: their channels are held for longer. */
  hold(lane: number, rows: readonly Place[], until: number): void {
    for (const { channel } of rows) this.#queueOf(lane).hold(channel, until)
  }

  /** Rows that are gone, the first of their channels: what stands behind them is next. */
  gone(lane: number, rows: readonly Place[]): void {
    const queue = this.#queueOf(lane)
    const ids = new Set(rows.map(({ id }) => id))
    for (const channel of new Set(rows.map((row) => row.channel))) {
      queue.shift(channel, ids)
      queue.free(channel)
    }
  }

  /** When the next channel is held no longer; by the clock's `mono`. */
  nextDue(lane: number): number | undefined {
    return this.#queueOf(lane).nextDue
  }

  /** Everything is due; or the lane is gone. */
  restart(lane: number): void {
    this.#queues.delete(lane)
  }

  /** Rows that were read before have come back: the table is read anew. What is held stays held. */
  reread(lane: number): void {
    const queue = this.#queueOf(lane)
    queue.cursor = 0
    for (const names of [queue.known, queue.ready, queue.again]) names.clear()
  }

  #queueOf(lane: number): Queue {
    let queue = this.#queues.get(lane)
    if (!queue) this.#queues.set(lane, (queue = new Queue()))
    return queue
  }

  /** Reads on. True where there may be more. */
  #read(lane: number, queue: Queue): boolean {
    const values = { lane, cursor: queue.cursor, limit: LOOKED_AT }
    const rows = this.db.query<Place, [typeof values]>(READ).all(values)
    for (const row of rows) queue.remember(row)
    queue.cursor = rows.at(-1)?.id ?? queue.cursor
    return rows.length === LOOKED_AT
  }

  #heads(queue: Queue, channels: ReadonlySet<string>, limit: number): Head[] {
    const ids = firstIds(queue, channels, limit)
    if (ids.length === 0) return []
    const values = { ids: JSON.stringify(ids) }
    const rows = this.db.query<Head, [typeof values]>(HEADS).all(values)
    if (rows.length < ids.length) forgetMissing(queue, channels, ids, rows)
    return rows
  }
}

/** The first rows of each of the channels, at most so many. */
function firstIds(queue: Queue, channels: ReadonlySet<string>, limit: number): number[] {
  const ids: number[] = []
  for (const channel of channels) {
    if (ids.length >= limit) break
    ids.push(...queue.known.get(channel)!.slice(0, limit - ids.length))
  }
  return ids
}

/** Rows that were taken back, or given up with others of their endpoint. */
function forgetMissing(
  queue: Queue,
  channels: ReadonlySet<string>,
  ids: readonly number[],
  rows: readonly Head[],
): void {
  const there = new Set(rows.map(({ id }) => id))
  const missing = new Set(ids.filter((id) => !there.has(id)))
  for (const channel of [...channels].slice(0, ids.length)) queue.forget(channel, missing)
}
