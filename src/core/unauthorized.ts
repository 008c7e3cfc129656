/**
 * Unauthorized: the connections of each app that have not shown who they are, in the order in which
 * they came. Whoever has had the app's time for it stands in front, so that looking for them costs no
 * more than they are many. Spec: contract 5.6.
 */
import type { App } from './app'
import type { Connection } from './connection'

export class Unauthorized {
  readonly #byApp = new Map<App, Set<Connection>>()

  /** With its hello. */
  add(conn: Connection): void {
    const { app } = conn
    if (!app) return
    const known = this.#byApp.get(app)
    if (known) known.add(conn)
    else this.#byApp.set(app, new Set([conn]))
  }

  /** It has signed in or entered a channel that needs a signature; for life. */
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

  /** Whose time is over at `now` (`mono`), as their app's limit is now. Live: they may go while they are looked at. */
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
