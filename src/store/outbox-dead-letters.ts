/**
 * Dead letters: events that were given up, listed and sent again.
 */
import type { Database } from 'bun:sqlite'
import type { DeadLetter } from '../core/deliveries'
import type { LaneRow } from './outbox-lanes'

/** Bounds of a list, which is made in one turn: letters of an app, letters of an endpoint, bytes. */
const LIST_LIMITS = { app: 1000, endpoint: 100, bytes: 1_048_576 }

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
const GIVE_UP = `
  UPDATE webhook_outbox SET dead_at = $now WHERE id IN (SELECT value FROM json_each($ids))`
const GIVE_UP_OLDEST = `
  UPDATE webhook_outbox SET dead_at = $now
   WHERE attempts >= $attempts AND time_ms <= $before AND id IN (
     SELECT id FROM webhook_outbox WHERE lane = $lane AND dead_at IS NULL ORDER BY id LIMIT $limit)`

type Letter = Omit<DeadLetter, 'endpoint' | 'event'> & { readonly bytes: number }

/** The state of a replay, which sends in order what was given up until `before`; `after` is the last id. */
export type Replay = { readonly before: number; after: number }

export function deadLetterStore(db: Database) {
  const change = (sql: string, values: Record<string, string | number>): number =>
    db.query<unknown, [typeof values]>(sql).run(values).changes
  const newestOf = ({ id: lane, endpoint }: LaneRow, limit: number, bytes: number) => {
    const values = { lane, limit }
    const letters = db.query<Letter, [typeof values]>(NEWEST).all(values)
    let room = bytes
    const listed = letters.filter((letter, index) => (room -= letter.bytes) >= 0 || index === 0)
    const ids = JSON.stringify(listed.map(({ id }) => id))
    const rows = db.query<{ id: number; event: string }, [{ ids: string }]>(EVENTS).all({ ids })
    const events = new Map(rows.map(({ id, event }) => [id, event]))
    return listed.map(({ id, attempts, status, error, deadAt }) => {
      return { id, endpoint, event: events.get(id)!, attempts, status, error, deadAt }
    })
  }
  return {
    /** The newest of each endpoint: a hundred where ten have any, fewer where more do, or where they are long. */
    newest: (lanes: readonly LaneRow[]): DeadLetter[] => {
      const failed = lanes.filter(({ dead }) => dead > 0)
      const share = (of: number): number => Math.floor(of / Math.max(1, failed.length))
      const limit = Math.min(LIST_LIMITS.endpoint, Math.max(1, share(LIST_LIMITS.app)))
      return failed.flatMap((lane) => newestOf(lane, limit, share(LIST_LIMITS.bytes)))
    },
    /** Makes letters rows to send, as new. False where these were the last. */
    replay: (lane: number, replay: Replay, limit: number, now: number): boolean => {
      const values = { lane, limit, after: replay.after }
      const rows = db.query<{ id: number; deadAt: number }, [typeof values]>(OLDEST).all(values)
      const older = rows.filter(({ deadAt }) => deadAt <= replay.before)
      change(REVIVE, { ids: JSON.stringify(older.map(({ id }) => id)), now })
      replay.after = rows.at(-1)?.id ?? replay.after
      return rows.length === limit
    },
    /** `ids` is a JSON list. */
    giveUp: (ids: string, now: number): number => change(GIVE_UP, { ids, now }),
    /** Of the oldest `limit` rows those with as many attempts whose window began before; returns how many. */
    giveUpOldest: (
      terms: Record<'lane' | 'now' | 'before' | 'attempts' | 'limit', number>,
    ): number => change(GIVE_UP_OLDEST, terms),
  }
}
