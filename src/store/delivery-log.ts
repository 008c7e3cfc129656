/**
 * The delivery log: the last requests to each endpoint, and what came of them.
 */
import type { Database } from 'bun:sqlite'
import type { Attempt } from '../core/deliveries'

/** Requests to an endpoint that are remembered. */
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

/** Every function throws where the database does. */
export function deliveryLog(db: Database) {
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
