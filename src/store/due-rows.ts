/**
 * Which rows of an endpoint may be sent: tried ones whose time has come, and fresh ones, none of them of
 * a channel that waits, because an older event of it was refused a moment ago.
 *
 * The search for fresh rows goes on where it ended. One event that is refused for minutes may have
 * hundreds of thousands behind it in its channel; walking over them took 150 ms for each request.
 * Owns how far each search has come.
 */
import type { Database } from 'bun:sqlite'
import type { OutboxRow } from './outbox'

const COLUMNS = 'SELECT id, channel, event, time_ms, attempts FROM webhook_outbox'
const ALIVE = 'lane = $lane AND dead_at IS NULL'
const WAITING = `
  SELECT DISTINCT channel FROM webhook_outbox WHERE ${ALIVE} AND attempts > 0 AND due_at > $now`
const TRIED = `
  ${COLUMNS} WHERE ${ALIVE} AND attempts > 0 AND due_at <= $now
     AND channel NOT IN (SELECT value FROM json_each($waiting)) ORDER BY id LIMIT $limit`
const FRESH = `
  ${COLUMNS} WHERE ${ALIVE} AND attempts = 0 AND id > $cursor
     AND channel NOT IN (SELECT value FROM json_each($waiting)) ORDER BY id LIMIT $limit`
const PASSED = `
  ${COLUMNS} WHERE ${ALIVE} AND attempts = 0 AND id <= $cursor
     AND channel IN (SELECT value FROM json_each($released)) ORDER BY id LIMIT $limit`
const NEWEST = 'SELECT MAX(id) AS id FROM webhook_outbox'

type Search = {
  /** Fresh rows up to this one are of channels that were passed. */
  readonly cursor: number
  readonly passed: ReadonlySet<string>
}

/** What was found, and where the search ends if all of it is taken. */
export type Found = {
  readonly rows: readonly OutboxRow[]
  /** Those of the rows that are fresh, and beyond the cursor. */
  readonly fresh: readonly OutboxRow[]
  readonly end: number
  readonly passed: ReadonlySet<string>
}

const START: Search = { cursor: 0, passed: new Set() }

export class DueRows {
  readonly #searches = new Map<number, Search>()

  constructor(readonly db: Database) {}

  /** The oldest, in order; `now` is epoch milliseconds. */
  find(lane: number, now: number, limit: number): Found {
    const { cursor, passed } = this.#searches.get(lane) ?? START
    const waiting = this.#all<{ channel: string }>(WAITING, { lane, now }).map((it) => it.channel)
    const terms = { lane, limit, waiting: JSON.stringify(waiting) }
    const tried = this.#all<OutboxRow>(TRIED, { ...terms, now })
    const fresh = this.#all<OutboxRow>(FRESH, { ...terms, cursor })
    const released = [...passed.difference(new Set(waiting))]
    const caught = this.#released(lane, cursor, released, limit)
    const rows = [...tried, ...caught, ...fresh].sort((a, b) => a.id - b.id).slice(0, limit)
    const newest = this.#all<{ id: number | null }>(NEWEST, {})[0]!.id ?? cursor
    const caughtUp = caught.length === 0 ? released : []
    return {
      rows,
      fresh,
      end: fresh.length < limit ? Math.max(cursor, newest) : fresh.at(-1)!.id,
      passed: passed.union(new Set(waiting)).difference(new Set(caughtUp)),
    }
  }

  /** The search goes on behind the rows that were taken, the oldest of those found. */
  advance(lane: number, { fresh, end, passed }: Found, taken: readonly OutboxRow[]): void {
    const last = taken.at(-1)?.id ?? 0
    const left = fresh.find(({ id }) => id > last)
    this.#searches.set(lane, { cursor: left ? left.id - 1 : end, passed })
  }

  /** Rows that were passed may be fresh again, or the lane is gone. */
  restart(lane: number): void {
    this.#searches.delete(lane)
  }

  /** Fresh rows before the cursor, of channels that wait no more. */
  #released(lane: number, cursor: number, channels: readonly string[], limit: number): OutboxRow[] {
    if (channels.length === 0) return []
    return this.#all<OutboxRow>(PASSED, { lane, cursor, limit, released: JSON.stringify(channels) })
  }

  #all<T>(sql: string, values: Record<string, string | number>): T[] {
    return this.db.query<T, [typeof values]>(sql).all(values)
  }
}
