/**
 * Dead letters: events that were given up, listed and sent again.
 */
import type { Database } from 'bun:sqlite'
import type { DeadLetter, DeadLetterPage } from '../core/deliveries'
import type { LaneRow } from './outbox-lanes'

/** Bounds of a list, which is made in one turn: letters of an app, letters of an endpoint, bytes. */
const LIST_LIMITS = { app: 1000, endpoint: 100, bytes: 1_048_576 }

const NEWEST = `
  SELECT id, attempts, status, error, dead_at AS deadAt, octet_length(event) AS bytes
    FROM webhook_outbox WHERE lane = $lane AND dead_at IS NOT NULL ORDER BY id DESC LIMIT $limit`
const NEWEST_IDS = `
  SELECT id FROM webhook_outbox
   WHERE lane = $lane AND dead_at IS NOT NULL AND id < $before ORDER BY id DESC LIMIT $limit`
const SHOW = `
  SELECT id, lane, attempts, status, error, dead_at AS deadAt, octet_length(event) AS bytes
    FROM webhook_outbox WHERE id IN (SELECT value FROM json_each($ids)) AND dead_at IS NOT NULL
   ORDER BY id DESC`
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
type LetterOfLane = Letter & { readonly lane: number }

/** Letters with ids below `before`, the newest first; `bytes` of events at most, but one letter in any case. */
export type PageTerms = { readonly before: number; readonly limit: number; readonly bytes: number }

/** The state of a replay, which sends in order what was given up until `before`; `after` is the last id. */
export type Replay = { readonly before: number; after: number }

export function deadLetterStore(db: Database) {
  const change = (sql: string, values: Record<string, string | number>): number =>
    db.query<unknown, [typeof values]>(sql).run(values).changes
  const newestOf = ({ id: lane, endpoint }: LaneRow, limit: number, bytes: number) => {
    const values = { lane, limit }
    const letters = db.query<Letter, [typeof values]>(NEWEST).all(values)
    return withEvents(fitting(letters, bytes), () => endpoint)
  }
  /** From the index alone: fifty lanes with a hundred each are a millisecond. */
  const newestIds = (lane: number, before: number, limit: number): number[] => {
    const values = { lane, before, limit }
    const rows = db.query<{ id: number }, [typeof values]>(NEWEST_IDS).all(values)
    return rows.map(({ id }) => id)
  }
  const show = (ids: readonly number[]): LetterOfLane[] =>
    db.query<LetterOfLane, [{ ids: string }]>(SHOW).all({ ids: JSON.stringify(ids) })
  const withEvents = <L extends Letter>(
    letters: readonly L[],
    endpointOf: (letter: L) => string | undefined,
  ): DeadLetter[] => {
    const ids = JSON.stringify(letters.map(({ id }) => id))
    const rows = db.query<{ id: number; event: string }, [{ ids: string }]>(EVENTS).all({ ids })
    const events = new Map(rows.map(({ id, event }) => [id, event]))
    return letters.map((letter) => {
      const { id, attempts, status, error, deadAt } = letter
      const endpoint = endpointOf(letter)!
      return { id, endpoint, event: events.get(id)!, attempts, status, error, deadAt }
    })
  }
  return {
    /** The newest of each endpoint: a hundred where ten have any, fewer where more do, or where they are long. */
    newest: (lanes: readonly LaneRow[], most = LIST_LIMITS.endpoint): DeadLetter[] => {
      if (most === 0) return []
      const failed = lanes.filter(({ dead }) => dead > 0)
      const share = (of: number): number => Math.floor(of / Math.max(1, failed.length))
      const limit = Math.min(most, Math.max(1, share(LIST_LIMITS.app)))
      return failed.flatMap((lane) => newestOf(lane, limit, share(LIST_LIMITS.bytes)))
    },
    page: (lanes: readonly LaneRow[], { before, limit, bytes }: PageTerms): DeadLetterPage => {
      const ids = lanes
        .filter(({ dead }) => dead > 0)
        .flatMap(({ id }) => newestIds(id, before, limit + 1))
        .sort((a, b) => b - a)
      const letters = fitting(show(ids.slice(0, limit)), bytes)
      const next = letters.length < ids.length ? letters.at(-1)!.id : undefined
      return { letters: withEvents(letters, namesOf(lanes)), next }
    },
    /** Which of the letters the lanes have, by endpoint. */
    find: (lanes: readonly LaneRow[], ids: readonly number[]): Map<string, number[]> => {
      const nameOf = namesOf(lanes)
      const found = new Map<string, number[]>()
      for (const letter of show(ids)) {
        const endpoint = nameOf(letter)
        if (endpoint !== undefined) found.getOrInsertComputed(endpoint, () => []).push(letter.id)
      }
      return found
    },
    revive: (ids: readonly number[], now: number): void =>
      void change(REVIVE, { ids: JSON.stringify(ids), now }),
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

/** The first of the letters, as many as have so many bytes together; one in any case. */
function fitting<L extends Letter>(letters: readonly L[], bytes: number): L[] {
  let room = bytes
  return letters.filter((letter, index) => (room -= letter.bytes) >= 0 || index === 0)
}

function namesOf(lanes: readonly LaneRow[]): (letter: LetterOfLane) => string | undefined {
  const names = new Map(lanes.map(({ id, endpoint }) => [id, endpoint]))
  return ({ lane }) => names.get(lane)
}
