/**
 * Attempts: the last requests to each endpoint and their outcomes, in the transaction that changes the rows that they
 * carried. Their bodies are not among them.
 */
import type { Database } from 'bun:sqlite'
import type { Attempt, KeptAttempt } from '../core/deliveries'

/** Of each endpoint. */
export const KEPT_ATTEMPTS = 20

const ADD = `
  INSERT INTO webhook_attempts (lane, number, at, duration_ms, events, status, error)
  SELECT $lane, COALESCE(MAX(number), 0) + 1, $at, $durationMs, $events, $status, $error
    FROM webhook_attempts WHERE lane = $lane
  RETURNING number`
const FORGET = `
  DELETE FROM webhook_attempts WHERE lane = $lane AND number <=
    (SELECT MAX(number) FROM webhook_attempts WHERE lane = $lane) - $kept`
const NEWEST = `
  SELECT number, at, duration_ms AS durationMs, events, status, error FROM webhook_attempts
   WHERE lane = $lane ORDER BY number DESC`

export function attemptStore(db: Database) {
  const forget = (lane: number, kept = 0): void =>
    void db.query<unknown, [{ lane: number; kept: number }]>(FORGET).run({ lane, kept })
  return {
    /** Returns its number. */
    add: (lane: number, { at, durationMs, events, status, error }: Attempt): number => {
      const values = { lane, at, durationMs, events, status, error }
      const { number } = db.query<{ number: number }, [typeof values]>(ADD).get(values)!
      forget(lane, KEPT_ATTEMPTS)
      return number
    },
    /** The newest first. */
    newest: (lane: number): KeptAttempt[] =>
      db.query<KeptAttempt, [{ lane: number }]>(NEWEST).all({ lane }),
    /** Those but the newest `kept`; all of them without a number. */
    forget,
  }
}
