/**
 * The outbox of webhooks: events that no endpoint has accepted yet, a row for each endpoint, and what
 * endpoints were told is there (channels, members). A row that was given up is a dead letter until it
 * is replayed.
 *
 * Order is kept per channel and endpoint: a row waits while an older one of its channel does.
 */
import type { Database } from 'bun:sqlite'

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

export type Failure = {
  readonly dueAt: number
  readonly status: number | null
  readonly error: string
}

export type LaneCount = {
  readonly endpoint: string
  readonly pending: number
  /** Of those pending, the ones that were sent and not accepted. */
  readonly failing: number
  readonly dead: number
  /** When the oldest one pending was written down, or was replayed. */
  readonly oldest: number | null
}

export type DeadLetter = {
  readonly id: number
  readonly endpoint: string
  readonly event: string
  readonly attempts: number
  readonly status: number | null
  readonly error: string | null
  readonly dead_at: number
}

const INSERT = `
  INSERT INTO webhook_outbox (app_id, endpoint, channel, event, time_ms, due_at)
  VALUES ($appId, $endpoint, $channel, $event, $now, $now)`
const ANNOUNCE = `
  INSERT INTO webhook_announced (app_id, channel, user_id) VALUES ($appId, $channel, $userId)
  ON CONFLICT DO NOTHING`
const WITHDRAW = `
  DELETE FROM webhook_announced WHERE app_id = $appId AND channel = $channel AND user_id = $userId`
/** Members before their channel, as they are told to leave. */
const ANNOUNCED = `
  SELECT app_id AS appId, channel, user_id AS userId FROM webhook_announced
   ORDER BY app_id, channel, user_id DESC`
const DUE = `
  SELECT id, event, time_ms, attempts FROM webhook_outbox AS due
   WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL AND due_at <= $now
     AND NOT EXISTS (
       SELECT 1 FROM webhook_outbox
        WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL
          AND channel = due.channel AND id < due.id AND due_at > $now)
   ORDER BY id LIMIT $limit`
/** The one that has been tried least, of the first of each channel. */
const PROBE = `
  SELECT id, event, time_ms, attempts FROM webhook_outbox AS due
   WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL
     AND id IN (SELECT MIN(id) FROM webhook_outbox
                 WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL
                 GROUP BY channel)
   ORDER BY attempts, id LIMIT 1`
const LEASE = `
  UPDATE webhook_outbox
     SET attempts = attempts + 1, due_at = $until,
         time_ms = CASE WHEN attempts < $alone AND time_ms < $stale THEN $now ELSE time_ms END
   WHERE id IN (SELECT value FROM json_each($ids)) RETURNING id, time_ms`
const DELIVERED = 'DELETE FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids))'
const FAILED = `
  UPDATE webhook_outbox SET due_at = $dueAt, status = $status, error = $error
   WHERE id IN (SELECT value FROM json_each($ids))`
const BURY = `
  UPDATE webhook_outbox SET dead_at = $now
   WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL
     AND time_ms <= $before AND attempts >= $attempts`
const NEXT_DUE = `
  SELECT MIN(due_at) AS at FROM webhook_outbox
   WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL AND due_at > $now`
const FORGIVE = `
  UPDATE webhook_outbox SET attempts = 0, due_at = $now
   WHERE app_id = $appId AND endpoint = $endpoint AND dead_at IS NULL AND attempts > 0`
const LANES = 'SELECT DISTINCT app_id AS appId, endpoint FROM webhook_outbox'
const REOPEN = `
  UPDATE webhook_outbox SET due_at = $now,
         attempts = CASE WHEN time_ms < $stale THEN 0 ELSE attempts END
   WHERE dead_at IS NULL`
const COUNTS = `
  SELECT endpoint, SUM(dead_at IS NULL) AS pending, SUM(dead_at IS NULL AND attempts > 0) AS failing,
         SUM(dead_at IS NOT NULL) AS dead, MIN(CASE WHEN dead_at IS NULL THEN time_ms END) AS oldest
    FROM webhook_outbox WHERE app_id = $appId GROUP BY endpoint`
const DEAD = `
  SELECT id, endpoint, event, attempts, status, error, dead_at FROM webhook_outbox
   WHERE app_id = $appId AND dead_at IS NOT NULL ORDER BY id DESC LIMIT $limit`
const REPLAY = `
  UPDATE webhook_outbox SET dead_at = NULL, attempts = 0, due_at = $now, time_ms = $now
   WHERE app_id = $appId AND dead_at IS NOT NULL`
const DROP = 'DELETE FROM webhook_outbox WHERE app_id = $appId AND endpoint = $endpoint'
const SIZE = 'SELECT COUNT(*) AS size FROM webhook_outbox'

/** How long an event is tried, from when it was written down (contract 7.6). */
export const WINDOW_MS = 300_000
/** An event that was not tried alone for so long gets a whole window from its next attempt on. */
const STALE_MS = WINDOW_MS / 2

type Values = Record<string, string | number | null>

export type Outbox = ReturnType<typeof outboxStore>

/** Every function throws where the database does; then nothing of what it was to write is written. */
export function outboxStore(db: Database) {
  let size = db.query<{ size: number }, []>(SIZE).get()!.size
  /** Statements that add or remove no row but report how many they changed. */
  const change = (sql: string, values: Values): number =>
    db.query<unknown, [Values]>(sql).run(values).changes
  const remove = (sql: string, values: Values): number => {
    const removed = change(sql, values)
    size -= removed
    return removed
  }
  const write = (entry: Entry, now: number): void => {
    const { type, ...values } = entry
    if (type === 'event') change(INSERT, { ...values, now })
    else change(type === 'announced' ? ANNOUNCE : WITHDRAW, values)
  }
  const lease = (rows: readonly OutboxRow[], { now, until, alone }: Lease): OutboxRow[] => {
    const ids = idsOf(rows)
    const times = db
      .query<{ id: number; time_ms: number }, [Values]>(LEASE)
      .all({ ids, now, until, alone, stale: now - STALE_MS })
    const timeById = new Map(times.map(({ id, time_ms }) => [id, time_ms]))
    return rows.map((row) => ({ ...row, time_ms: timeById.get(row.id) ?? row.time_ms }))
  }
  return {
    /** Rows that are kept, dead letters too. */
    size: (): number => size,
    /** All of a group, in order, or nothing of it. */
    record: (entries: readonly Entry[], now: number): void => {
      db.transaction(() => entries.forEach((entry) => write(entry, now))).immediate()
      size += entries.filter(({ type }) => type === 'event').length
    },
    announced: (): Announcement[] => db.query<Announcement, []>(ANNOUNCED).all(),
    /** Nobody else is at work: what a process that is gone had leased, or put off, is due at once. */
    reopen: (now: number): LaneKey[] => {
      change(REOPEN, { now, stale: now - STALE_MS })
      return db.query<LaneKey, []>(LANES).all()
    },
    /**
     * Leases rows until `until`, in order; `choose` says how many of those that are due. A crash gives
     * them back when the lease ends.
     */
    take: (
      lane: LaneKey,
      terms: Lease & { readonly limit: number },
      choose: (due: readonly OutboxRow[]) => number,
    ): OutboxRow[] =>
      db
        .transaction(() => {
          const { now, limit } = terms
          const due = db.query<OutboxRow, [Values]>(DUE).all({ ...lane, now, limit })
          return lease(due.slice(0, choose(due)), terms)
        })
        .immediate(),
    /** Leases the one row with which an endpoint is tried that did not answer. */
    takeProbe: (lane: LaneKey, terms: Lease): OutboxRow[] =>
      db
        .transaction(() => lease(db.query<OutboxRow, [Values]>(PROBE).all({ ...lane }), terms))
        .immediate(),
    delivered: (rows: readonly OutboxRow[]): void => {
      remove(DELIVERED, { ids: idsOf(rows) })
    },
    failed: (rows: readonly OutboxRow[], failure: Failure): void => {
      change(FAILED, { ids: idsOf(rows), ...failure })
    },
    /** Rows that were tried so often and whose window is over become dead letters. How many. */
    bury: (lane: LaneKey, now: number, attempts: number): number =>
      change(BURY, { ...lane, now, before: now - WINDOW_MS, attempts }),
    /** When something is due that is not yet. */
    nextDue: (lane: LaneKey, now: number): number | undefined =>
      db.query<{ at: number | null }, [Values]>(NEXT_DUE).get({ ...lane, now })?.at ?? undefined,
    /** What was refused is due, as if never tried. */
    forgive: (lane: LaneKey, now: number): void => {
      change(FORGIVE, { ...lane, now })
    },
    /** Forgets the rows of an endpoint that is gone. How many. */
    drop: (lane: LaneKey): number => remove(DROP, { ...lane }),
    counts: (appId: string): LaneCount[] => db.query<LaneCount, [Values]>(COUNTS).all({ appId }),
    /** The newest first. */
    dead: (appId: string, limit: number): DeadLetter[] =>
      db.query<DeadLetter, [Values]>(DEAD).all({ appId, limit }),
    /** Dead letters go out again, as new. How many. */
    replay: (appId: string, now: number): number => change(REPLAY, { appId, now }),
  }
}

const idsOf = (rows: readonly OutboxRow[]): string => JSON.stringify(rows.map(({ id }) => id))
