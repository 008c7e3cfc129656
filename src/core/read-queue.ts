/**
 * ReadQueue: connections that are not read, since so many of their frames wait for a turn of the event loop that
 * their clients had better wait. Each is read again once it has none left, one in each turn: one read of the
 * runtime brings thousands of frames.
 */
import type { Connection } from './connection'

/** Waiting frames past which a connection is not read. Those that its last read has brought come all the same. */
export const UNREAD_FRAMES = 256
/** Their characters past which it is not read, either: one more read brings half a million. */
export const UNREAD_CHARS = 131_072

export class ReadQueue {
  /** Their turn has not come yet. */
  readonly #waiting: Connection[] = []

  /** Stops reading, where the transport can. */
  pause(conn: Connection): void {
    if (conn.isUnread || !conn.sink.pause) return
    conn.isUnread = true
    conn.sink.pause()
  }

  /** Has a connection read again in one of the next turns; does nothing where it is read. */
  resume(conn: Connection): void {
    if (!conn.isUnread) return
    conn.isUnread = false
    if (this.#waiting.push(conn) === 1) setImmediate(this.#next)
  }

  readonly #next = (): void => {
    const conn = this.#waiting.shift()
    // Where it has more frames again, of its last read, it stays as it is.
    if (conn && !conn.closed && !conn.gone && !conn.isUnread) conn.sink.resume?.()
    if (this.#waiting.length > 0) setImmediate(this.#next)
  }
}
