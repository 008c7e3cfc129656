/**
 * The outbox of webhooks: events that no endpoint has accepted yet, a row for each endpoint. A row that
 * was given up is a dead letter until it is replayed.
 *
 * Order is kept per channel and endpoint: a row waits while an older one of its channel does. What may
 * concern many rows is done in slices, so that the event loop never waits for it, and no statement reads
 * many more rows than it changes or returns.
 */
import type { Database } from 'bun:sqlite'
import {
  addBacklog,
  NO_BACKLOG,
  type Attempt,
  type Backlog,
  type DeadLetter,
  type DeadLetterPage,
  type KeptAttempt,
  type LaneReport,
} from '../core/deliveries'
import type { AuditEntry } from '../core/audit'
import { writeAudited } from './audit'
import { attemptStore } from './outbox-attempts'
import { announcementStore, type Announcement } from './outbox-announcements'
import { cancelledRows, markOf, type EventSubject } from './outbox-cancellations'
import { deadLetterStore, type PageTerms, type Replay } from './outbox-dead-letters'
import { DueRows, type Head, type OutboxRow } from './outbox-due-rows'
import { Lanes, nameOf, type LaneKey, type LaneRow } from './outbox-lanes'
import { streamStore, type StreamMark } from './outbox-streams'

export type { Announcement } from './outbox-announcements'
export { KEPT_ATTEMPTS } from './outbox-attempts'
export type { PageTerms, Replay } from './outbox-dead-letters'
export type { Head, OutboxRow } from './outbox-due-rows'
export { nameOf, type LaneKey } from './outbox-lanes'
export type { StreamMark } from './outbox-streams'

export type EventEntry = LaneKey & {
  readonly type: 'event'
  readonly channel: string
  readonly event: string
  readonly subject: EventSubject
  /** When it happened; undefined where that is now. Epoch milliseconds. */
  readonly at?: number | undefined
}
/** A change of the outbox: an event for an endpoint, or an announcement that begins or ends. */
export type Entry = EventEntry | (Announcement & { readonly type: 'announce' | 'withdraw' })

/** Counts of an endpoint's events in a group. */
export type WriteCounts = LaneKey & {
  /** How many rows it has more; may be negative. */
  rows: number
  written: number
  /** Departures and the rows that they cancelled. */
  cancelled: number
  /** Events for which their endpoint had no room. */
  dropped: number
}

/** `mono` and `until` are by the clock's `mono`. A row with `alone` attempts is sent alone. */
export type Lease = {
  readonly now: number
  readonly mono: number
  readonly until: number
  readonly alone: number
}

export type TakeResult = {
  readonly rows: readonly OutboxRow[]
  /** Rows that were given up; then none were taken. */
  readonly dead: number
  /** Where none were taken: true when there may be some. */
  readonly more: boolean
}

/** The rows whose attempts count as none: with fewer than `below`, or of a window that began before (epoch ms). */
export type AttemptReset = { readonly below: number; readonly before: number }

const INSERT = `
  INSERT INTO webhook_outbox (lane, channel, event, untold, time_ms, due_at)
  VALUES ($lane, $channel, $event, $untold, $now, 0)`
const OLDEST = `
  SELECT id, channel, attempts, time_ms FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit`
/** Of each lane, in one go: fifty statements take ten times as long. */
const OLDEST_TIMES = `
  SELECT (SELECT time_ms FROM webhook_outbox
           WHERE lane = value AND dead_at IS NULL ORDER BY id LIMIT 1) AS oldest
    FROM json_each($lanes)`
/** `due_at` is not a time any more: it is 0 for rows that were not sent since the lane was opened. */
const LEASE = `
  UPDATE webhook_outbox
     SET attempts = attempts + 1, due_at = $now, untold = NULL,
         time_ms = CASE WHEN attempts < $alone AND time_ms < $stale THEN $now ELSE time_ms END
   WHERE id IN (SELECT value FROM json_each($ids)) RETURNING id, time_ms, event`
const REMOVE = 'DELETE FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids))'
/** Takes half the time of the other. */
const REMOVE_ONE = 'DELETE FROM webhook_outbox WHERE id = $id'
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
/** Rows among which a probe is chosen. */
const PROBE_ROWS = 200
type Values = Record<string, string | number | null>

export type Outbox = ReturnType<typeof outboxStore>

/** The methods that operators call, and are told when the database cannot be written. */
export const OPERATORS_WRITES = ['replay', 'replayChosen', 'audit', 'pause', 'resume'] as const

/** How long events are tried. */
export type Window = { readonly windowMs: number; readonly staleMs: number }

/** Every function throws where the database does, and then has written nothing. */
export function outboxStore(db: Database, { windowMs, staleMs }: Window) {
  const all = <T>(sql: string, values: Values): T[] => db.query<T, [Values]>(sql).all(values)
  /** When the oldest row of each lane was written; null for one that has none. */
  const oldestOf = (of: readonly LaneRow[]): readonly (number | null)[] =>
    all<{ oldest: number | null }>(OLDEST_TIMES, { lanes: idsOf(of) }).map(({ oldest }) => oldest)
  const change = (sql: string, values: Values): number =>
    db.query<unknown, [Values]>(sql).run(values).changes
  const lanes = new Lanes(db)
  const lastAttempts = attemptStore(db)
  const announcements = announcementStore(db)
  const streams = streamStore(db)
  const deadLetters = deadLetterStore(db)
  const dueRows = new Map<number, DueRows>()
  const dueRowsOf = (lane: number): DueRows =>
    dueRows.getOrInsertComputed(lane, () => new DueRows(db, lane))

  /** Returns by how many rows the outbox grows. */
  const writeEvent = (entry: EventEntry, now: number, room: number): number => {
    const lane = lanes.idOf(entry)
    const cancelled = cancelledRows(db, lane, entry)
    if (cancelled.length === 1) return -change(REMOVE_ONE, { id: cancelled[0]! })
    if (cancelled.length > 0) return -change(REMOVE, { ids: JSON.stringify(cancelled) })
    if (room <= 0) return 0
    const { channel, event, subject, at = now } = entry
    change(INSERT, { lane, channel, event, untold: markOf(subject), now: Math.min(at, now) })
    return 1
  }
  const lease = (lane: number, rows: readonly OldestRow[], terms: Lease): OutboxRow[] => {
    const { now, alone, until } = terms
    const values = { ids: idsOf(rows), now, alone, stale: now - staleMs }
    const leased = all<{ id: number; time_ms: number; event: string }>(LEASE, values)
    const byId = new Map(leased.map((row) => [row.id, row]))
    dueRowsOf(lane).lease(rows, until)
    return rows.flatMap(({ id, channel, attempts }) => {
      const row = byId.get(id)
      return row ? [{ ...row, channel, attempts }] : []
    })
  }
  /** Records the outcome of a request and changes its rows: both or neither. */
  const recordAttempt = (lane: number, attempt: Attempt, sql: string, values: Values) =>
    db
      .transaction(() => ({
        number: lastAttempts.add(lane, attempt),
        changed: change(sql, values),
      }))
      .immediate()
  /** The transaction of a pause or its end. */
  const setPause = (key: LaneKey, pausedAt: number | null, entry: AuditEntry): void => {
    lanes.idOf(key) // before it, as above
    writeAudited(db, entry, () => lanes.writePause(key, pausedAt))
    lanes.notePause(key, pausedAt)
  }
  return {
    /** Rows of all endpoints, dead letters too. */
    size: (): number => lanes.size,
    /** True where an endpoint that is not paused has rows that may be accepted yet. */
    hasPending: (): boolean => lanes.hasPending(),
    /** Rows of one endpoint. */
    stored: (key: LaneKey): number => lanes.stored(key),
    keys: (): LaneKey[] => lanes.all(),
    /** True for a departure that cancels its arrival, and takes no room. */
    cancels: (entry: EventEntry): boolean => cancelledRows(db, lanes.idOf(entry), entry).length > 0,
    /** Writes all of a group, in order, and its marks, or nothing of it; at most `maxRows` of an endpoint. */
    record: (
      entries: readonly Entry[],
      now: number,
      maxRows: number,
      marks: readonly StreamMark[] = [],
    ): Iterable<WriteCounts> => {
      const counts = new Map<string, WriteCounts>()
      // Before the transaction, since a rollback would not take the ids out of memory.
      for (const entry of entries) if (entry.type === 'event') lanes.idOf(entry)
      const write = (entry: Entry): void => {
        if (entry.type !== 'event') return announcements[entry.type](entry)
        const own = counts.getOrInsertComputed(nameOf(entry), () => noneOf(entry))
        const more = writeEvent(entry, now, maxRows - lanes.stored(entry) - own.rows)
        own.rows += more
        if (more === 1) own.written++
        else if (more === 0) own.dropped++
        else own.cancelled += 1 - more
      }
      db.transaction(() => {
        entries.forEach(write)
        streams.mark(marks)
      }).immediate()
      for (const own of counts.values()) lanes.count(own, own.rows)
      return counts.values()
    },
    announcements: announcements.page,
    /** The id of the last fact of a stream that was recorded. */
    lastOf: streams.last,
    /**
     * Makes rows due that were sent before, and resets their attempts. True while there is more of it;
     * nothing may be taken until then.
     */
    reopen: (key: LaneKey, now: number, { below, before }: AttemptReset): boolean => {
      const lane = lanes.idOf(key)
      const rows = change(REOPEN, { lane, now, below, before, limit: SLICE_ROWS })
      if (rows < SLICE_ROWS) dueRows.delete(lane)
      return rows === SLICE_ROWS
    },
    /** Leases the first due rows, as many as `choose` returns. A crash releases them. */
    take: (
      key: LaneKey,
      terms: Lease & { readonly limit: number },
      choose: (due: readonly Head[]) => number,
    ): TakeResult => {
      const lane = lanes.idOf(key)
      const due = dueRowsOf(lane)
      const { rows, more } = due.find(terms.mono, terms.limit)
      const before = terms.now - windowMs
      const over = rows.filter((row) => row.attempts > terms.alone && row.time_ms <= before)
      if (over.length > 0) {
        deadLetters.giveUp(idsOf(over), terms.now)
        due.remove(over)
        return { rows: [], dead: over.length, more: true }
      }
      const chosen = rows.slice(0, choose(rows))
      return { rows: chosen.length === 0 ? [] : lease(lane, chosen, terms), dead: 0, more }
    },
    /** Leases the row to probe an endpoint with: of the first of each channel the least tried. */
    takeProbe: (key: LaneKey, terms: Lease): TakeResult => {
      const lane = lanes.idOf(key)
      const oldest = all<OldestRow>(OLDEST, { lane, limit: PROBE_ROWS })
      const first = new Map(oldest.toReversed().map((row) => [row.channel, row]))
      const [probe] = [...first.values()].sort((a, b) => a.attempts - b.attempts || a.id - b.id)
      return { rows: probe ? lease(lane, [probe], terms) : [], dead: 0, more: false }
    },
    /** Returns the number of the attempt, here and below. */
    recordDelivery: (key: LaneKey, rows: readonly OutboxRow[], attempt: Attempt): number => {
      const lane = lanes.idOf(key)
      const { number, changed } = recordAttempt(lane, attempt, REMOVE, { ids: idsOf(rows) })
      lanes.count(key, -changed)
      dueRowsOf(lane).remove(rows)
      return number
    },
    /** The rows are tried again at `dueAt`, by the clock's `mono`. */
    recordFailure: (
      key: LaneKey,
      rows: readonly OutboxRow[],
      attempt: Attempt,
      dueAt: number,
    ): number => {
      const lane = lanes.idOf(key)
      const { status, error } = attempt
      const { number } = recordAttempt(lane, attempt, FAILED, { ids: idsOf(rows), status, error })
      dueRowsOf(lane).hold(rows, dueAt)
      return number
    },
    /** Gives up those of an endpoint's oldest rows whose window is over and that have as many attempts; returns how many. */
    giveUp: (key: LaneKey, now: number, minAttempts: number): number => {
      const before = now - windowMs
      const terms = { lane: lanes.idOf(key), now, before, attempts: minAttempts, limit: SLICE_ROWS }
      return deadLetters.giveUpOldest(terms)
    },
    /** When the next rows are due; by the clock's `mono`. */
    nextDue: (key: LaneKey): number | undefined => dueRowsOf(lanes.idOf(key)).nextDue,
    /** Deletes a slice of the rows of a removed endpoint, in the end the endpoint; returns how many rows. */
    drop: (key: LaneKey): number => {
      const values = { lane: lanes.idOf(key), limit: SLICE_ROWS }
      const dropped = change(DROP_ALIVE, values) || change(DROP_DEAD, values)
      lanes.count(key, -dropped)
      if (dropped > 0) return dropped
      lastAttempts.forget(values.lane)
      dueRows.delete(values.lane)
      lanes.remove(key)
      return 0
    },
    attempts: (key: LaneKey): KeptAttempt[] =>
      lanes.has(key) ? lastAttempts.newest(lanes.idOf(key)) : [],
    lanes: (appId: string): LaneReport[] => {
      const rows = lanes.ofApp(appId)
      const oldest = oldestOf(rows)
      return rows.map(({ id: lane, ...numbers }, index) => ({
        ...numbers,
        oldest: oldest[index]!,
        attempts: lastAttempts.newest(lane),
      }))
    },
    /** What waits for a paused endpoint has no age and does not fail: nobody waits for it to be accepted. */
    backlog: (appId: string): Backlog => {
      if (!lanes.hasRows(appId) && lanes.pausedOf(appId) === 0) return NO_BACKLOG
      const rows = lanes.ofApp(appId)
      const oldest = oldestOf(rows)
      return rows
        .map(({ pausedAt, ...numbers }, index) => ({
          ...numbers,
          oldest: pausedAt === null ? oldest[index]! : null,
          failing: pausedAt === null ? numbers.failing : 0,
          paused: Number(pausedAt !== null),
        }))
        .reduce(addBacklog, NO_BACKLOG)
    },
    publicIdOf: (key: LaneKey): string => lanes.publicIdOf(key),
    pausedAt: (key: LaneKey): number | null => lanes.pausedAt(key),
    /** Notes a pause that was audited elsewhere, or its end. */
    setPause: (key: LaneKey, pausedAt: number | null): void => {
      lanes.writePause(key, pausedAt)
      lanes.notePause(key, pausedAt)
    },
    pause: (key: LaneKey, entry: AuditEntry): void => setPause(key, entry.at, entry),
    resume: (key: LaneKey, entry: AuditEntry): void => setPause(key, null, entry),
    deadLetters: (appId: string, most?: number): DeadLetter[] =>
      deadLetters.newest(lanes.ofApp(appId), most),
    /** Those of some endpoints of an app. */
    deadLetterPage: (
      appId: string,
      endpoints: ReadonlySet<string>,
      terms: PageTerms,
    ): DeadLetterPage => {
      const chosen = lanes.ofApp(appId).filter(({ endpoint }) => endpoints.has(endpoint))
      return deadLetters.page(chosen, terms)
    },
    /** For what changes no row. */
    audit: (entry: AuditEntry): void => writeAudited(db, entry, () => undefined),
    /** Which of the letters an app's endpoints have, by endpoint. */
    findDeadLetters: (appId: string, ids: readonly number[]): Map<string, number[]> =>
      deadLetters.find(lanes.ofApp(appId), ids),
    /** Makes the dead letters that were found due, as new. */
    replayChosen: (
      appId: string,
      found: ReadonlyMap<string, readonly number[]>,
      entry: AuditEntry,
    ): void => {
      writeAudited(db, entry, () => deadLetters.revive([...found.values()].flat(), entry.at))
      for (const endpoint of found.keys()) dueRowsOf(lanes.idOf({ appId, endpoint })).reread()
    },
    /** Makes a slice of the dead letters due, as new; what is audited is so with it. True while there is more. */
    replay: (key: LaneKey, replay: Replay, now: number, audited?: AuditEntry): boolean => {
      const lane = lanes.idOf(key)
      const revive = () => deadLetters.replay(lane, replay, SLICE_ROWS, now)
      const more = audited ? writeAudited(db, audited, revive) : revive()
      if (!more) dueRowsOf(lane).reread()
      return more
    },
  }
}

const noneOf = ({ appId, endpoint }: LaneKey): WriteCounts => ({
  appId,
  endpoint,
  rows: 0,
  written: 0,
  cancelled: 0,
  dropped: 0,
})

type OldestRow = Omit<Head, 'bytes'>

const idsOf = (rows: readonly { readonly id: number }[]): string =>
  JSON.stringify(rows.map(({ id }) => id))
