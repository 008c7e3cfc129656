/**
 * Unauthorized: the connections of each app that are not authorized yet, oldest first, so that overdue ones
 * are found in O(their number). Spec: contract 5.6.
 */
import type { App } from './app'
import type { Connection } from './connection'

export class Unauthorized {
  readonly #byApp = new Map<App, Set<Connection>>()

  add(conn: Connection): void {
    if (conn.app) this.#byApp.getOrInsertComputed(conn.app, () => new Set()).add(conn)
  }

  /** Called when the connection has signed in or joined a channel that needs a signature; for life. */
  authorize(conn: Connection): void {
    if (conn.authorized) return
    conn.authorized = true
    this.delete(conn)
  }

  delete(conn: Connection): void {
    const { app } = conn
    const known = app && this.#byApp.get(app)
    if (app && known?.delete(conn) && known.size === 0) this.#byApp.delete(app)
  }

  /** Connections past their app's current limit at `now` (`mono`). Live: they may be deleted meanwhile. */
  *overdue(now: number): IterableIterator<Connection> {
    for (const [app, known] of this.#byApp) {
      const seconds = app.limits.authorizeWithinSeconds
      if (seconds === 0) continue
      for (const conn of known) {
        if (now - conn.establishedAt < seconds * 1000) break
        yield conn
      }
    }
  }
}
