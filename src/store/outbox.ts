/**
 * The outbox of webhooks: events that no endpoint has accepted yet, a row for each endpoint, and what
 * endpoints were told is there (channels, members). A row that was given up is a dead letter until it
 * is replayed.
 *
 * Order is kept per channel and endpoint: a row waits while an older one of its channel does. Whatever
 * may concern many rows is done to so many at a time that the event loop never waits for it.
 */
import type { Database } from 'bun:sqlite'
import type { Attempt, DeadLetter, LaneReport } from '../core/deliveries'

/** The rows of one endpoint of one app. */
export type LaneKey = { readonly appId: string; readonly endpoint: string }

/** `userId` is empty where the channel itself is meant. */
export type Announcement = {
  readonly appId: string
  readonly channel: string
  readonly userId: string
}

/** What is written down: an event for an endpoint, or that something was announced and is, or is gone. */
export type Entry =
  | (LaneKey & { readonly type: 'event'; readonly channel: string; readonly event: string })
  | (Announcement & { readonly type: 'announced' | 'withdrawn' })

/** An event on its way; `event` is JSON, times are epoch milliseconds. */
export type OutboxRow = {
  readonly id: number
  readonly channel: string
  readonly event: string
  /** When the window of its attempts began. */
  readonly time_ms: number
  readonly attempts: number
}

/** Times are epoch milliseconds. An event with `alone` attempts behind it is sent alone. */
export type Lease = {
  readonly now: number
  readonly until: number
  readonly alone: number
}

const LANE_ID = 'SELECT id FROM webhook_lanes WHERE app_id = $appId AND endpoint = $endpoint'
const NEW_LANE = `
  INSERT INTO webhook_lanes (app_id, endpoint) VALUES ($appId, $endpoint) RETURNING id`
const LANES = 'SELECT app_id AS appId, endpoint FROM webhook_lanes'
const INSERT = `
  INSERT INTO webhook_outbox (lane, channel, event, time_ms, due_at)
  VALUES ($lane, $channel, $event, $now, $now)`
const ANNOUNCE = `
  INSERT INTO webhook_announced (app_id, channel, user_id) VALUES ($appId, $channel, $userId)
  ON CONFLICT DO NOTHING`
const WITHDRAW = `
  DELETE FROM webhook_announced WHERE app_id = $appId AND channel = $channel AND user_id = $userId`
/** Members before their channel, as they are told to leave. */
const ANNOUNCED = `
  SELECT app_id AS appId, channel, user_id AS userId FROM webhook_announced
   ORDER BY app_id, channel, user_id DESC`
/** Only a row that was tried is ever put off. */
const DUE = `
  SELECT id, channel, event, time_ms, attempts FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL AND (attempts = 0 OR due_at <= $now)
     AND channel NOT IN (SELECT channel FROM webhook_outbox
                          WHERE lane = $lane AND dead_at IS NULL AND attempts > 0 AND due_at > $now)
   ORDER BY id LIMIT $limit`
const OLDEST = `
  SELECT id, channel, event, time_ms, attempts FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit`
const LEASE = `
  UPDATE webhook_outbox
     SET attempts = attempts + 1, due_at = $until,
         time_ms = CASE WHEN attempts < $alone AND time_ms < $stale THEN $now ELSE time_ms END
   WHERE id IN (SELECT value FROM json_each($ids)) RETURNING id, time_ms`
const DELIVERED = 'DELETE FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids))'
const FAILED = `
  UPDATE webhook_outbox SET due_at = $dueAt, status = $status, error = $error
   WHERE id IN (SELECT value FROM json_each($ids))`
const BURY_TRIED = `
  UPDATE webhook_outbox SET dead_at = $now
   WHERE id IN (SELECT id FROM webhook_outbox
                 WHERE lane = $lane AND dead_at IS NULL AND attempts > 0
                   AND attempts >= $attempts AND time_ms <= $before LIMIT $limit)`
const BURY_OLDEST = `
  UPDATE webhook_outbox SET dead_at = $now
   WHERE time_ms <= $before AND id IN (
     SELECT id FROM webhook_outbox WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit)`
const NEXT_DUE = `
  SELECT MIN(due_at) AS at FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NULL AND attempts > 0 AND due_at > $now`
const FORGIVE = `
  UPDATE webhook_outbox SET attempts = 0, due_at = $now
   WHERE lane = $lane AND dead_at IS NULL AND attempts > 0`
const REOPEN = `
  UPDATE webhook_outbox SET due_at = $now, time_ms = MIN(time_ms, $now),
         attempts = CASE WHEN time_ms < $stale THEN 0 ELSE attempts END
   WHERE lane = $lane AND dead_at IS NULL AND attempts > 0`
const PENDING =
  'SELECT COUNT(*) AS count FROM webhook_outbox WHERE lane = $lane AND dead_at IS NULL'
const FAILING = `${PENDING} AND attempts > 0`
const DEAD_COUNT = `
  SELECT COUNT(*) AS count FROM webhook_outbox WHERE lane = $lane AND dead_at IS NOT NULL`
const LANES_OF_APP = 'SELECT id, endpoint FROM webhook_lanes WHERE app_id = $appId ORDER BY id'
const DEAD = `
  SELECT id, event, attempts, status, error, dead_at AS deadAt FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NOT NULL ORDER BY id DESC LIMIT $limit`
const REPLAY = `
  UPDATE webhook_outbox SET dead_at = NULL, attempts = 0, due_at = $now, time_ms = $now
   WHERE id IN (SELECT id FROM webhook_outbox
                 WHERE lane = $lane AND dead_at <= $now ORDER BY id LIMIT $limit)`
const DROP = `
  DELETE FROM webhook_outbox
   WHERE id IN (SELECT id FROM webhook_outbox WHERE lane = $lane ORDER BY id LIMIT $limit)`
const DROP_LANE = 'DELETE FROM webhook_lanes WHERE id = $lane'
const LOG_ATTEMPT = `
  INSERT INTO webhook_attempts (lane, number, at, duration_ms, events, status, error)
  SELECT $lane, COALESCE(MAX(number), 0) + 1, $at, $durationMs, $events, $status, $error
    FROM webhook_attempts WHERE lane = $lane`
const FORGET_ATTEMPTS = `
  DELETE FROM webhook_attempts WHERE lane = $lane AND number <=
    (SELECT MAX(number) FROM webhook_attempts WHERE lane = $lane) - $kept`
const ATTEMPTS = `
  SELECT at, duration_ms AS durationMs, events, status, error FROM webhook_attempts
   WHERE lane = $lane ORDER BY number DESC`
const SIZE = 'SELECT COUNT(*) AS count FROM webhook_outbox'

/** How long an event is tried, from when it was written down (contract 7.6). */
export const WINDOW_MS = 300_000
/** An event that was not tried alone for so long gets a whole window from its next attempt on. */
const STALE_MS = WINDOW_MS / 2
/** Rows that are changed or looked at in one go. */
export const SLICE_ROWS = 500
/** Requests to an endpoint that are remembered. */
const KEPT_ATTEMPTS = 20

type Values = Record<string, string | number | null>

export type Outbox = ReturnType<typeof outboxStore>

/** Every function throws where the database does; then nothing of what it was to write is written. */
export function outboxStore(db: Database) {
  const all = <T>(sql: string, values: Values): T[] => db.query<T, [Values]>(sql).all(values)
  const change = (sql: string, values: Values): number =>
    db.query<unknown, [Values]>(sql).run(values).changes
  const count = (sql: string, values: Values): number =>
    all<{ count: number }>(sql, values)[0]!.count

  let size = count(SIZE, {})
  const idByLane = new Map<string, number>()
  const idOf = ({ appId, endpoint }: LaneKey): number => {
    const name = `${appId} ${endpoint}`
    let id = idByLane.get(name)
    if (id !== undefined) return id
    const [found] = all<{ id: number }>(LANE_ID, { appId, endpoint })
    id = (found ?? all<{ id: number }>(NEW_LANE, { appId, endpoint })[0]!).id
    idByLane.set(name, id)
    return id
  }
  const write = (entry: Entry, now: number): void => {
    if (entry.type === 'event') {
      const { channel, event } = entry
      change(INSERT, { lane: idOf(entry), channel, event, now })
    } else {
      const { type, ...announcement } = entry
      change(type === 'announced' ? ANNOUNCE : WITHDRAW, announcement)
    }
  }
  const lease = (rows: readonly OutboxRow[], { now, until, alone }: Lease): OutboxRow[] => {
    const values = { ids: idsOf(rows), now, until, alone, stale: now - STALE_MS }
    const times = all<{ id: number; time_ms: number }>(LEASE, values)
    const timeById = new Map(times.map(({ id, time_ms }) => [id, time_ms]))
    return rows.map((row) => ({ ...row, time_ms: timeById.get(row.id) ?? row.time_ms }))
  }
  /** What came of a request, and what that means for its rows: both or neither. */
  const settle = (key: LaneKey, attempt: Attempt, settleRows: () => number): number =>
    db
      .transaction(() => {
        const lane = idOf(key)
        change(LOG_ATTEMPT, { lane, ...attempt })
        change(FORGET_ATTEMPTS, { lane, kept: KEPT_ATTEMPTS })
        return settleRows()
      })
      .immediate()
  const reopen = (key: LaneKey, now: number): void => {
    change(REOPEN, { lane: idOf(key), now, stale: now - STALE_MS })
  }
  const lanesOf = (appId: string) => all<{ id: number; endpoint: string }>(LANES_OF_APP, { appId })
  return {
    /** Rows that are kept, dead letters too. */
    size: (): number => size,
    /** All of a group, in order, or nothing of it. */
    record: (entries: readonly Entry[], now: number): void => {
      // Outside of the transaction: what it would take back is remembered here.
      for (const entry of entries) if (entry.type === 'event') idOf(entry)
      db.transaction(() => entries.forEach((entry) => write(entry, now))).immediate()
      size += entries.filter(({ type }) => type === 'event').length
    },
    announced: (): Announcement[] => all<Announcement>(ANNOUNCED, {}),
    /** Nobody else is at work: what a process that is gone had leased, or put off, is due at once. */
    reopen: (now: number): LaneKey[] => {
      const lanes = all<LaneKey>(LANES, {})
      for (const lane of lanes) reopen(lane, now)
      return lanes
    },
    /** The same for one endpoint. */
    reopenLane: (key: LaneKey, now: number): void => reopen(key, now),
    /**
     * Leases rows until `until`, in order; `choose` says how many of those that are due. A crash gives
     * them back when the lease ends.
     */
    take: (
      key: LaneKey,
      terms: Lease & { readonly limit: number },
      choose: (due: readonly OutboxRow[]) => number,
    ): OutboxRow[] =>
      db
        .transaction(() => {
          const { now, limit } = terms
          const due = all<OutboxRow>(DUE, { lane: idOf(key), now, limit })
          return due.length === 0 ? [] : lease(due.slice(0, choose(due)), terms)
        })
        .immediate(),
    /** Leases the one row with which an endpoint is probed: of the first of each channel the least tried. */
    takeProbe: (key: LaneKey, terms: Lease): OutboxRow[] =>
      db
        .transaction(() => {
          const oldest = all<OutboxRow>(OLDEST, { lane: idOf(key), limit: SLICE_ROWS })
          const first = new Map(oldest.toReversed().map((row) => [row.channel, row]))
          const [probe] = [...first.values()].sort((a, b) => a.attempts - b.attempts || a.id - b.id)
          return probe ? lease([probe], terms) : []
        })
        .immediate(),
    delivered: (key: LaneKey, rows: readonly OutboxRow[], attempt: Attempt): void => {
      size -= settle(key, attempt, () => change(DELIVERED, { ids: idsOf(rows) }))
    },
    /** `dueAt`: when they are tried again; epoch milliseconds. */
    failed: (key: LaneKey, rows: readonly OutboxRow[], attempt: Attempt, dueAt: number): void => {
      const { status, error } = attempt
      settle(key, attempt, () => change(FAILED, { ids: idsOf(rows), dueAt, status, error }))
    },
    /**
     * Rows whose window is over become dead letters: those that were tried so often, or, with 0, the
     * oldest whether tried or not. How many; a slice at a time.
     */
    bury: (key: LaneKey, now: number, attempts: number): number => {
      const values = { lane: idOf(key), now, before: now - WINDOW_MS, limit: SLICE_ROWS }
      return attempts === 0
        ? change(BURY_OLDEST, values)
        : change(BURY_TRIED, { ...values, attempts })
    },
    /** When something is due that is not yet. */
    nextDue: (key: LaneKey, now: number): number | undefined =>
      all<{ at: number | null }>(NEXT_DUE, { lane: idOf(key), now })[0]?.at ?? undefined,
    /** What was refused is due, as if never tried. */
    forgive: (key: LaneKey, now: number): void => {
      change(FORGIVE, { lane: idOf(key), now })
    },
    /** Forgets rows of an endpoint that is gone, at last the endpoint. How many; a slice at a time. */
    drop: (key: LaneKey): number => {
      const lane = idOf(key)
      const dropped = change(DROP, { lane, limit: SLICE_ROWS })
      size -= dropped
      if (dropped < SLICE_ROWS) {
        change(FORGET_ATTEMPTS, { lane, kept: 0 })
        change(DROP_LANE, { lane })
        idByLane.delete(`${key.appId} ${key.endpoint}`)
      }
      return dropped
    },
    lanes: (appId: string): LaneReport[] =>
      lanesOf(appId).map(({ id: lane, endpoint }) => ({
        endpoint,
        pending: count(PENDING, { lane }),
        failing: count(FAILING, { lane }),
        dead: count(DEAD_COUNT, { lane }),
        oldest: all<OutboxRow>(OLDEST, { lane, limit: 1 })[0]?.time_ms ?? null,
        attempts: all<Attempt>(ATTEMPTS, { lane }),
      })),
    /** So many of each endpoint, the newest first. */
    dead: (appId: string, limit: number): DeadLetter[] =>
      lanesOf(appId).flatMap(({ id: lane, endpoint }) =>
        all<Omit<DeadLetter, 'endpoint'>>(DEAD, { lane, limit }).map((letter) => ({
          ...letter,
          endpoint,
        })),
      ),
    /** What was given up until `now` goes out again, as new. How many; a slice at a time. */
    replay: (key: LaneKey, now: number): number =>
      change(REPLAY, { lane: idOf(key), now, limit: SLICE_ROWS }),
  }
}

const idsOf = (rows: readonly OutboxRow[]): string => JSON.stringify(rows.map(({ id }) => id))
