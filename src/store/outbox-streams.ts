/**
 * Streams: up to where the facts that several servers have in common are in this outbox. It is written with the rows
 * that follow from them, so that no restart writes them twice.
 */
import type { Database } from 'bun:sqlite'

const LAST = 'SELECT last FROM webhook_streams WHERE stream = $stream'
const MARK = `
  INSERT INTO webhook_streams (stream, last) VALUES ($stream, $id)
  ON CONFLICT (stream) DO UPDATE SET last = $id`

/** A stream, and the id of a fact in it. */
export type StreamMark = { readonly stream: string; readonly id: string }

export function streamStore(db: Database) {
  return {
    /** The id of the last fact of the stream that is in the outbox. */
    last: (stream: string): string | undefined =>
      db.query<{ last: string }, [{ stream: string }]>(LAST).get({ stream })?.last,
    /** Within a transaction; of each stream the last mark counts. */
    mark: (marks: readonly StreamMark[]): void => {
      const last = new Map(marks.map(({ stream, id }) => [stream, id]))
      for (const [stream, id] of last) db.query(MARK).run({ stream, id })
    },
  }
}
