/**
 * Dead letters: events that were given up, shown and sent again.
 */
import type { Database } from 'bun:sqlite'
import type { DeadLetter } from '../core/deliveries'
import type { LaneRow } from './lanes'

/** A list is made and sent while everybody waits: so many letters of an app, and of an endpoint, and bytes. */
const SHOWN = { app: 1000, endpoint: 100, bytes: 1_048_576 }

const NEWEST = `
  SELECT id, attempts, status, error, dead_at AS deadAt, octet_length(event) AS bytes
    FROM webhook_outbox WHERE lane = $lane AND dead_at IS NOT NULL ORDER BY id DESC LIMIT $limit`
const EVENTS = `
  SELECT id, event FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids))`
const OLDEST = `
  SELECT id, dead_at AS deadAt FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NOT NULL AND id > $after ORDER BY id LIMIT $limit`
const REVIVE = `
  UPDATE webhook_outbox SET dead_at = NULL, attempts = 0, time_ms = $now
   WHERE id IN (SELECT value FROM json_each($ids))`
const BURY = `
  UPDATE webhook_outbox SET dead_at = $now WHERE id IN (SELECT value FROM json_each($ids))`
const BURY_OLDEST = `
  UPDATE webhook_outbox SET dead_at = $now
   WHERE attempts >= $attempts AND time_ms <= $before AND id IN (
     SELECT id FROM webhook_outbox WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit)`

type Letter = Omit<DeadLetter, 'endpoint' | 'event'> & { readonly bytes: number }

/** Where a replay has come to: it takes what was given up until `before`, in order. */
export type Replay = { readonly before: number; after: number }

export type BuryTerms = {
  readonly lane: number
  readonly now: number
  /** Whose window began until then. */
  readonly before: number
  /** That were tried so often. */
  readonly attempts: number
  readonly limit: number
}

export function deadLetters(db: Database) {
  const change = (sql: string, values: Record<string, string | number>): number =>
    db.query<unknown, [typeof values]>(sql).run(values).changes
  const newest = ({ id: lane, endpoint }: LaneRow, limit: number, bytes: number): DeadLetter[] => {
    const values = { lane, limit }
    const letters = db.query<Letter, [typeof values]>(NEWEST).all(values)
    let room = bytes
    const shown = letters.filter((letter, index) => (room -= letter.bytes) >= 0 || index === 0)
    const ids = JSON.stringify(shown.map(({ id }) => id))
    const rows = db.query<{ id: number; event: string }, [{ ids: string }]>(EVENTS).all({ ids })
    const events = new Map(rows.map(({ id, event }) => [id, event]))
    return shown.map(({ id, attempts, status, error, deadAt }) => {
      return { id, endpoint, event: events.get(id)!, attempts, status, error, deadAt }
    })
  }
  return {
    /** The newest of each endpoint: a hundred where ten have any, fewer where more do, or where they are long. */
    shown: (lanes: readonly LaneRow[]): DeadLetter[] => {
      const those = lanes.filter(({ dead }) => dead > 0)
      const share = (of: number): number => Math.floor(of / Math.max(1, those.length))
      const limit = Math.min(SHOWN.endpoint, Math.max(1, share(SHOWN.app)))
      return those.flatMap((lane) => newest(lane, limit, share(SHOWN.bytes)))
    },
    /** As new; false where that was the end. */
    replay: (lane: number, replay: Replay, limit: number, now: number): boolean => {
      const values = { lane, limit, after: replay.after }
      const rows = db.query<{ id: number; deadAt: number }, [typeof values]>(OLDEST).all(values)
      const those = rows.filter(({ deadAt }) => deadAt <= replay.before)
      change(REVIVE, { ids: JSON.stringify(those.map(({ id }) => id)), now })
      replay.after = rows.at(-1)?.id ?? replay.after
      return rows.length === limit
    },
    bury: (ids: readonly number[], now: number): number =>
      ids.length === 0 ? 0 : change(BURY, { ids: JSON.stringify(ids), now }),
    /** Of the oldest so many rows. How many. */
    buryOldest: (terms: BuryTerms): number => change(BURY_OLDEST, terms),
  }
}
