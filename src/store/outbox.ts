/**
 * The outbox of webhooks: events that no endpoint has accepted yet, a row for each endpoint. A row that
 * was given up is a dead letter until it is replayed.
 *
 * Order is kept per channel and endpoint: a row waits while an older one of its channel does. Whatever
 * may concern many rows is done to so many at a time that the event loop never waits for it, and no
 * statement looks at many more rows than it changes or returns.
 */
import type { Database } from 'bun:sqlite'
import type { Attempt, DeadLetter, LaneReport } from '../core/deliveries'
import { announcementStore, type Announcement } from './announcements'
import { deadLetters, type Replay } from './dead-letters'
import { DueRows, type Head, type OutboxRow } from './due-rows'
import { Lanes, nameOf, type LaneKey } from './lanes'
import { cancelledRows, markOf, type EventSubject } from './cancellations'

export type { Announcement } from './announcements'
export type { Replay } from './dead-letters'
export type { Head, OutboxRow } from './due-rows'
export { nameOf, type LaneKey } from './lanes'

export type EventEntry = LaneKey & {
  readonly type: 'event'
  readonly channel: string
  readonly event: string
  readonly subject: EventSubject
}
/** What is written down: an event for an endpoint, or that something was announced and is, or is gone. */
export type Entry = EventEntry | (Announcement & { readonly type: 'announce' | 'withdraw' })

/** What became of the events of a group. */
export type WriteCounts = {
  written: number
  /** Departures and what they cancelled. */
  cancelled: number
  /** For want of room for their endpoint. */
  dropped: number
}

/** `mono` and `until` are by the clock's `mono`. An event with `alone` attempts behind it is sent alone. */
export type Lease = {
  readonly now: number
  readonly mono: number
  readonly until: number
  readonly alone: number
}

export type TakeResult = {
  readonly rows: readonly OutboxRow[]
  /** Instead of any: so many were due, and given up. */
  readonly dead: number
  /** Instead of any: there may be some. */
  readonly more: boolean
}

/** Which rows count as never tried: with fewer attempts, or of a window that began before (epoch ms). */
export type AttemptReset = { readonly below: number; readonly before: number }

const INSERT = `
  INSERT INTO webhook_outbox (lane, channel, event, untold, time_ms, due_at)
  VALUES ($lane, $channel, $event, $untold, $now, 0)`
const OLDEST = `
  SELECT id, channel, attempts, time_ms FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit`
/** `due_at` is no time any more: it is 0 for what was not sent since the lane was opened. */
const LEASE = `
  UPDATE webhook_outbox
     SET attempts = attempts + 1, due_at = $now, untold = NULL,
         time_ms = CASE WHEN attempts < $alone AND time_ms < $stale THEN $now ELSE time_ms END
   WHERE id IN (SELECT value FROM json_each($ids)) RETURNING id, time_ms, event`
const REMOVE = 'DELETE FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids))'
const FAILED = `
  UPDATE webhook_outbox SET status = $status, error = $error
   WHERE id IN (SELECT value FROM json_each($ids))`
const REOPEN = `
  UPDATE webhook_outbox SET due_at = 0, time_ms = MIN(time_ms, $now),
         attempts = CASE WHEN attempts < $below OR time_ms < $before THEN 0 ELSE attempts END
   WHERE id IN (SELECT id FROM webhook_outbox
                 WHERE lane = $lane AND dead_at IS NULL AND attempts > 0 AND due_at > 0
                 LIMIT $limit)`
const DROP_ALIVE = `
  DELETE FROM webhook_outbox WHERE id IN (
    SELECT id FROM webhook_outbox WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit)`
const DROP_DEAD = DROP_ALIVE.replace('IS NULL', 'IS NOT NULL')

/** Rows that are changed in one go: 0.3 to 0.8 ms, Bun 1.4. */
export const SLICE_ROWS = 100
/** Rows among which a probe is looked for. */
const PROBED = 500
type Values = Record<string, string | number | null>

export type Outbox = ReturnType<typeof outboxStore>

/** How long events are tried. */
export type Window = { readonly windowMs: number; readonly staleMs: number }

/** Every function throws where the database does; then nothing of what it was to write is written. */
export function outboxStore(db: Database, { windowMs, staleMs }: Window) {
  const all = <T>(sql: string, values: Values): T[] => db.query<T, [Values]>(sql).all(values)
  const change = (sql: string, values: Values): number =>
    db.query<unknown, [Values]>(sql).run(values).changes
  const [log, due, lanes] = [deliveryLog(db), new DueRows(db), new Lanes(db)]
  const [announcements, dead] = [announcementStore(db), deadLetters(db)]

  /** Returns by how many rows the outbox grows. */
  const writeEvent = (entry: EventEntry, now: number, room: number): number => {
    const lane = lanes.idOf(entry)
    const cancelled = cancelledRows(db, lane, entry)
    if (cancelled.length > 0) return -change(REMOVE, { ids: JSON.stringify(cancelled) })
    if (room <= 0) return 0
    const { channel, event, subject } = entry
    change(INSERT, { lane, channel, event, untold: markOf(subject), now })
    return 1
  }
  const lease = (lane: number, rows: readonly Omit<Head, 'bytes'>[], terms: Lease): OutboxRow[] => {
    const { now, alone, until } = terms
    const values = { ids: idsOf(rows), now, alone, stale: now - staleMs }
    const leased = all<{ id: number; time_ms: number; event: string }>(LEASE, values)
    const byId = new Map(leased.map((row) => [row.id, row]))
    due.lease(lane, rows, until)
    return rows.flatMap(({ id, channel, attempts }) => {
      const row = byId.get(id)
      return row ? [{ ...row, channel, attempts }] : []
    })
  }
  /** What came of a request, and what that means for its rows: both or neither. */
  const settle = (lane: number, attempt: Attempt, settleRows: () => number): number =>
    db
      .transaction(() => {
        log.add(lane, attempt)
        return settleRows()
      })
      .immediate()
  return {
    /** Rows that are kept, dead letters too. */
    size: (): number => lanes.size,
    /** The same of one endpoint. */
    stored: (key: LaneKey): number => lanes.stored(key),
    keys: (): LaneKey[] => lanes.all(),
    /** Whether it is a departure that cancels its arrival, and takes no room. */
    cancels: (entry: EventEntry): boolean => cancelledRows(db, lanes.idOf(entry), entry).length > 0,
    /** All of a group, in order, or nothing of it; of an endpoint at most so many rows. */
    record: (entries: readonly Entry[], now: number, most: number): WriteCounts => {
      const counts = new Map<string, { readonly key: LaneKey; rows: number }>()
      // Outside of the transaction: what it would take back is remembered.
      for (const entry of entries) if (entry.type === 'event') lanes.idOf(entry)
      const told: WriteCounts = { written: 0, cancelled: 0, dropped: 0 }
      const write = (entry: Entry): void => {
        if (entry.type !== 'event') return announcements[entry.type](entry)
        const name = nameOf(entry)
        const { rows } = counts.get(name) ?? { rows: 0 }
        const more = writeEvent(entry, now, most - lanes.stored(entry) - rows)
        counts.set(name, { key: entry, rows: rows + more })
        if (more === 1) told.written++
        else if (more === 0) told.dropped++
        else told.cancelled += 1 - more
      }
      db.transaction(() => entries.forEach(write)).immediate()
      for (const { key, rows } of counts.values()) lanes.count(key, rows)
      return told
    },
    announcements: announcements.page,
    /**
     * What was tried is due, and as new where the pardon says so. True while there is more of it; nothing
     * may be taken meanwhile.
     */
    reopen: (key: LaneKey, now: number, { below, before }: AttemptReset): boolean => {
      const lane = lanes.idOf(key)
      const rows = change(REOPEN, { lane, now, below, before, limit: SLICE_ROWS })
      if (rows < SLICE_ROWS) due.restart(lane)
      return rows === SLICE_ROWS
    },
    /**
     * Leases rows until they are settled or `until`, in order; `choose` says how many of those that are
     * due. A crash gives them back.
     */
    take: (
      key: LaneKey,
      terms: Lease & { readonly limit: number },
      choose: (due: readonly Head[]) => number,
    ): TakeResult => {
      const lane = lanes.idOf(key)
      const { rows, more } = due.find(lane, terms.mono, terms.limit)
      const before = terms.now - windowMs
      const over = rows.filter((row) => row.attempts > terms.alone && row.time_ms <= before)
      dead.bury(
        over.map(({ id }) => id),
        terms.now,
      )
      due.gone(lane, over)
      if (over.length > 0) return { rows: [], dead: over.length, more: true }
      const chosen = rows.slice(0, choose(rows))
      return { rows: chosen.length === 0 ? [] : lease(lane, chosen, terms), dead: 0, more }
    },
    /** Leases the one row with which an endpoint is probed: of the first of each channel the least tried. */
    takeProbe: (key: LaneKey, terms: Lease): TakeResult => {
      const lane = lanes.idOf(key)
      const oldest = all<Omit<Head, 'bytes'>>(OLDEST, { lane, limit: PROBED })
      const first = new Map(oldest.toReversed().map((row) => [row.channel, row]))
      const [probe] = [...first.values()].sort((a, b) => a.attempts - b.attempts || a.id - b.id)
      return { rows: probe ? lease(lane, [probe], terms) : [], dead: 0, more: false }
    },
    recordDelivery: (key: LaneKey, rows: readonly OutboxRow[], attempt: Attempt): void => {
      const lane = lanes.idOf(key)
      lanes.count(key, -settle(lane, attempt, () => change(REMOVE, { ids: idsOf(rows) })))
      due.gone(lane, rows)
    },
    /** `dueAt`: when they are tried again; by the clock's `mono`. */
    recordFailure: (
      key: LaneKey,
      rows: readonly OutboxRow[],
      attempt: Attempt,
      dueAt: number,
    ): void => {
      const lane = lanes.idOf(key)
      const { status, error } = attempt
      settle(lane, attempt, () => change(FAILED, { ids: idsOf(rows), status, error }))
      due.hold(lane, rows, dueAt)
    },
    /** Of an endpoint's oldest rows those become dead letters whose window is over, and that were tried so often. */
    giveUp: (key: LaneKey, now: number, attempts: number): number => {
      const lane = lanes.idOf(key)
      return dead.buryOldest({ lane, now, before: now - windowMs, attempts, limit: SLICE_ROWS })
    },
    /** When something is due that is not yet; by the clock's `mono`. */
    nextDue: (key: LaneKey): number | undefined => due.nextDue(lanes.idOf(key)),
    /** Forgets rows of an endpoint that is gone, at last the endpoint. How many; a slice at a time. */
    drop: (key: LaneKey): number => {
      const values = { lane: lanes.idOf(key), limit: SLICE_ROWS }
      const dropped = change(DROP_ALIVE, values) || change(DROP_DEAD, values)
      lanes.count(key, -dropped)
      if (dropped > 0) return dropped
      log.forget(values.lane)
      due.restart(values.lane)
      lanes.remove(key)
      return 0
    },
    lanes: (appId: string): LaneReport[] =>
      lanes.ofApp(appId).map(({ id: lane, ...numbers }) => ({
        ...numbers,
        oldest: all<Omit<Head, 'bytes'>>(OLDEST, { lane, limit: 1 })[0]?.time_ms ?? null,
        attempts: log.of(lane),
      })),
    /** The newest of each endpoint. */
    dead: (appId: string): DeadLetter[] => dead.shown(lanes.ofApp(appId)),
    /** What was given up goes out again, as new. True while there is more of it. */
    replay: (key: LaneKey, replay: Replay, now: number): boolean => {
      const lane = lanes.idOf(key)
      const more = dead.replay(lane, replay, SLICE_ROWS, now)
      if (!more) due.reread(lane)
      return more
    },
  }
}

const idsOf = (rows: readonly { readonly id: number }[]): string =>
  JSON.stringify(rows.map(({ id }) => id))

// ---------------------------------------------------------------- the last requests to each endpoint

/** So many are remembered. */
const KEPT = 20

const ADD = `
  INSERT INTO webhook_attempts (lane, number, at, duration_ms, events, status, error)
  SELECT $lane, COALESCE(MAX(number), 0) + 1, $at, $durationMs, $events, $status, $error
    FROM webhook_attempts WHERE lane = $lane`
const FORGET = `
  DELETE FROM webhook_attempts WHERE lane = $lane AND number <=
    (SELECT MAX(number) FROM webhook_attempts WHERE lane = $lane) - $kept`
const SHOW = `
  SELECT at, duration_ms AS durationMs, events, status, error FROM webhook_attempts
   WHERE lane = $lane ORDER BY number DESC`

function deliveryLog(db: Database) {
  const forget = (lane: number, kept: number) =>
    db.query<unknown, [{ lane: number; kept: number }]>(FORGET).run({ lane, kept })
  return {
    add: (lane: number, attempt: Attempt): void => {
      db.query<unknown, [Attempt & { lane: number }]>(ADD).run({ lane, ...attempt })
      forget(lane, KEPT)
    },
    /** The newest first. */
    of: (lane: number): Attempt[] => db.query<Attempt, [{ lane: number }]>(SHOW).all({ lane }),
    /** All of an endpoint that is gone. */
    forget: (lane: number): void => void forget(lane, 0),
  }
}
