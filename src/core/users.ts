/**
 * Users: which connections are signed in as whom, on this node. Owns who a connection is: an identity
 * begins with a sign-in and ends with its connection, there is no other way out.
 * Spec: contract 5.
 */
import type { App } from './apps'
import type { Connection } from './connection'
import type { UserId } from './types'

const NOBODY: ReadonlySet<Connection> = new Set()

export class Users {
  readonly #connections = new Map<App, Map<UserId, Set<Connection>>>()

  /** The caller has made sure that the connection is nobody yet. O(1). */
  enter(conn: Connection, app: App, userId: UserId): void {
    conn.userId = userId
    let users = this.#connections.get(app)
    if (!users) this.#connections.set(app, (users = new Map()))
    const own = users.get(userId)
    if (own) own.add(conn)
    else users.set(userId, new Set([conn]))
  }

  /** At the end of the connection. O(1). */
  exit(conn: Connection, app: App): void {
    const users = this.#connections.get(app)
    const own = conn.userId === undefined ? undefined : users?.get(conn.userId)
    if (!users || !own?.delete(conn) || own.size > 0) return
    users.delete(conn.userId!)
    if (users.size === 0) this.#connections.delete(app)
  }

  connectionsOf(app: App, userId: UserId): Iterable<Connection> {
    return this.#connections.get(app)?.get(userId) ?? NOBODY
  }
}
