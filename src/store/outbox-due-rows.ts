/**
 * DueRows: the rows of one endpoint that may be sent: those of channels of which no row is under way or was
 * refused a moment ago. The table is read once, in order, and never searched: a row that was read and may
 * not be sent yet is remembered by its id, behind the earlier ones of its channel.
 *
 * Owns how far the endpoint's rows were read, the ids of those that were read and are still there, and
 * which channels are held until when. All of it ends with the process: at the start every row is due.
 */
import type { Database } from 'bun:sqlite'
import { Deadlines } from './deadlines'

type Row = {
  readonly id: number
  readonly channel: string
  readonly attempts: number
  /** When the window of its attempts began; epoch milliseconds. */
  readonly time_ms: number
}
/** A row without its event, which may be long. */
export type Head = Row & { readonly bytes: number }
/** A row to send; `event` is JSON. */
export type OutboxRow = Row & { readonly event: string }

type Place = Pick<Row, 'id' | 'channel'>

const READ = `
  SELECT id, channel FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL AND id > $cursor ORDER BY id LIMIT $limit`
const HEADS = `
  SELECT id, channel, attempts, time_ms, octet_length(event) AS bytes FROM webhook_outbox
   WHERE id IN (SELECT value FROM json_each($ids)) AND dead_at IS NULL ORDER BY id`

/** Rows that are read, and channels that are released, in one go. */
const MAX_PER_FIND = 500

export type FindResult = {
  /** In order within each channel; of each channel the first ones must be sent first. */
  readonly rows: readonly Head[]
  /** True where there may be more that are due. */
  readonly more: boolean
}

export class DueRows {
  /** Rows up to this id were read. */
  #cursor = 0
  /** By channel, the ids of its rows that were read and are still there, in order; never none. */
  readonly #known = new Map<string, number[]>()
  /** Channels of rows that are under way, and when they are released whatever the outcome. */
  readonly #leased = new Set<string>()
  #leasedUntil = 0
  /** Channels of which a row was refused, and until when they are held. */
  readonly #held = new Deadlines()
  /** Other known channels, the longest waiting first: those that were held for a refusal, and the rest. */
  readonly #retried = new Set<string>()
  readonly #ready = new Set<string>()
  /** Which of the two come first; they take turns, since a refused row is often sent alone. */
  #retriedFirst = false

  constructor(
    readonly db: Database,
    readonly lane: number,
  ) {}

  /** At most `limit`; `now` is by the clock's `mono`. */
  find(now: number, limit: number): FindResult {
    this.#release(now)
    this.#retriedFirst = !this.#retriedFirst
    const inOrder = this.#retriedFirst ? [this.#retried, this.#ready] : [this.#ready, this.#retried]
    const count = (): number =>
      inOrder.reduce((sum, channels) => sum + this.#firstIds(channels, limit).length, 0)
    const unread = count() < limit && this.#read(Math.min(2 * limit, MAX_PER_FIND))
    const expected = count()
    const rows = inOrder.flatMap((channels) => this.#heads(channels, limit))
    const left = this.#ready.size + this.#retried.size > 0
    return { rows: rows.slice(0, limit), more: unread || left || rows.length < expected }
  }

  /** Rows that are sent now: their channels are held until these are settled, or `until`. */
  lease(rows: readonly Place[], until: number): void {
    // One request at a time is under way: rows of an earlier one that are left were not settled.
    for (const channel of this.#leased) this.#held.set(channel, this.#leasedUntil)
    this.#leased.clear()
    this.#leasedUntil = until
    for (const row of rows) {
      this.#remember(row)
      this.#leased.add(row.channel)
      this.#held.delete(row.channel)
      this.#unqueue(row.channel)
    }
  }

  /** Rows that were refused: their channels are held for longer. */
  hold(rows: readonly Place[], until: number): void {
    for (const { channel } of rows) {
      this.#leased.delete(channel)
      this.#held.set(channel, until)
      this.#unqueue(channel)
    }
  }

  /** Removes rows that are gone, the first ones of their channels, whose next ones are due. */
  remove(rows: readonly Place[]): void {
    const gone = new Set(rows.map(({ id }) => id))
    for (const channel of new Set(rows.map((row) => row.channel))) {
      const ids = this.#known.get(channel) ?? []
      const left = ids.findIndex((id) => !gone.has(id))
      if (left === -1) this.#drop(channel)
      else ids.splice(0, left)
      this.#leased.delete(channel)
      this.#held.delete(channel)
      if (this.#known.has(channel) && !this.#retried.has(channel)) this.#ready.add(channel)
    }
  }

  /** When the next channel is released; by the clock's `mono`. */
  get nextDue(): number | undefined {
    const { first } = this.#held
    return this.#leased.size === 0 ? first : Math.min(first ?? Infinity, this.#leasedUntil)
  }

  /** Reads the table anew, since rows that were read before have returned. Held channels stay held. */
  reread(): void {
    this.#cursor = 0
    for (const channels of [this.#known, this.#ready, this.#retried]) channels.clear()
  }

  #release(now: number): void {
    if (this.#leased.size > 0 && this.#leasedUntil <= now) this.lease([], 0)
    for (let left = MAX_PER_FIND; left > 0; left--) {
      const channel = this.#held.shift(now)
      if (channel === undefined) return
      if (this.#known.has(channel)) this.#retried.add(channel)
    }
  }

  /** Reads on. True where there may be more. */
  #read(limit: number): boolean {
    const values = { lane: this.lane, cursor: this.#cursor, limit }
    const rows = this.db.query<Place, [typeof values]>(READ).all(values)
    for (const row of rows) this.#remember(row)
    this.#cursor = rows.at(-1)?.id ?? this.#cursor
    return rows.length === limit
  }

  /** Ids come in order, those of rows under way for the second time. */
  #remember({ id, channel }: Place): void {
    const ids = this.#known.getOrInsertComputed(channel, () => [])
    if (id > (ids.at(-1) ?? 0)) ids.push(id)
    const isHeld = this.#leased.has(channel) || this.#held.has(channel)
    if (!isHeld && !this.#retried.has(channel)) this.#ready.add(channel)
  }

  #heads(channels: ReadonlySet<string>, limit: number): Head[] {
    const ids = this.#firstIds(channels, limit)
    if (ids.length === 0) return []
    const values = { ids: JSON.stringify(ids) }
    const rows = this.db.query<Head, [typeof values]>(HEADS).all(values)
    if (rows.length < ids.length) this.#forgetMissing(channels, ids, rows)
    return rows
  }

  /** The first rows of each of the channels, at most `limit`. */
  #firstIds(channels: ReadonlySet<string>, limit: number): number[] {
    const ids: number[] = []
    for (const channel of channels) {
      if (ids.length >= limit) break
      ids.push(...this.#known.get(channel)!.slice(0, limit - ids.length))
    }
    return ids
  }

  /** Forgets rows that were cancelled, or given up with others of their endpoint. */
  #forgetMissing(
    channels: ReadonlySet<string>,
    ids: readonly number[],
    rows: readonly Head[],
  ): void {
    const there = new Set(rows.map(({ id }) => id))
    const missing = new Set(ids.filter((id) => !there.has(id)))
    for (const channel of [...channels].slice(0, ids.length)) {
      const left = this.#known.get(channel)!.filter((id) => !missing.has(id))
      if (left.length === 0) this.#drop(channel)
      else this.#known.set(channel, left)
    }
  }

  #drop(channel: string): void {
    this.#known.delete(channel)
    this.#unqueue(channel)
  }

  #unqueue(channel: string): void {
    this.#ready.delete(channel)
    this.#retried.delete(channel)
  }
}
