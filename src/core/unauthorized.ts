/**
 * Unauthorized: the connections of each app that are not authorized yet, oldest first, so that overdue ones
 * are found in O(their number). They are linked to each other: a set of the runtime moves all of them when it grows,
 * which takes 5 ms at the hundred thousandth (Bun 1.4.5), in a turn that clients choose. Spec: contract 5.6.
 */
import type { App } from './app'
import type { Connection } from './connection'

/** The connections of one app, between the two ends. */
type Line = { oldest: Connection | undefined; newest: Connection | undefined }

export class Unauthorized {
  readonly #byApp = new Map<App, Line>()

  /** For a connection that has just been established. */
  add(conn: Connection): void {
    if (!conn.app) return
    const line = this.#byApp.getOrInsertComputed(conn.app, newLine)
    if (isIn(line, conn)) return
    conn.older = line.newest
    if (line.newest) line.newest.newer = conn
    else line.oldest = conn
    line.newest = conn
  }

  /** Called when the connection has signed in or joined a channel that needs a signature; for life. */
  authorize(conn: Connection): void {
    if (conn.authorized) return
    conn.authorized = true
    this.delete(conn)
  }

  delete(conn: Connection): void {
    const { app, older, newer } = conn
    const line = app && this.#byApp.get(app)
    if (!line || !isIn(line, conn)) return
    if (older) older.newer = newer
    else line.oldest = newer
    if (newer) newer.older = older
    else line.newest = older
    conn.older = conn.newer = undefined
    if (!line.oldest) this.#byApp.delete(app)
  }

  /**
   * Connections past their app's current limit at `now` (`mono`). Live: they may be deleted meanwhile. Where the
   * last one that was passed and kept is deleted, the rest is left to the next look.
   */
  *overdue(now: number): IterableIterator<Connection> {
    for (const [app, line] of this.#byApp) {
      const seconds = app.limits.authorizeWithinSeconds
      if (seconds === 0) continue
      let kept: Connection | undefined
      for (let conn = line.oldest; conn; conn = kept ? kept.newer : line.oldest) {
        if (now - conn.establishedAt < seconds * 1000) break
        yield conn
        if (isIn(line, conn)) kept = conn
      }
    }
  }
}

const newLine = (): Line => ({ oldest: undefined, newest: undefined })

const isIn = (line: Line, conn: Connection): boolean =>
  conn.older !== undefined || line.oldest === conn
