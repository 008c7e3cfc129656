/**
 * Users: which connections are signed in as whom, on this node. Owns who a connection is: an identity
 * begins with a sign-in and ends with its connection, there is no other way out.
 * Spec: contract 5.
 */
import type { App } from './apps'
import type { Connection } from './connection'
import type { UserId } from './types'

/** Who a connection signed in as; `data` is what the backend signed, as an object. */
export type User = { readonly id: UserId; readonly data: Readonly<Record<string, unknown>> }

const NOBODY: ReadonlySet<Connection> = new Set()

export class Users {
  readonly #connections = new Map<App, Map<UserId, Set<Connection>>>()

  /** True when the user was nowhere before. The caller has made sure that the connection is nobody yet. O(1). */
  enter(conn: Connection, app: App, user: User): boolean {
    conn.user = user
    let users = this.#connections.get(app)
    if (!users) this.#connections.set(app, (users = new Map()))
    const own = users.get(user.id)
    if (own) own.add(conn)
    else users.set(user.id, new Set([conn]))
    return own === undefined
  }

  /** At the end of the connection. True when it was the user's last one. O(1). */
  exit(conn: Connection, app: App): boolean {
    const { user } = conn
    const users = this.#connections.get(app)
    const own = user && users?.get(user.id)
    if (!user || !users || !own?.delete(conn) || own.size > 0) return false
    users.delete(user.id)
    if (users.size === 0) this.#connections.delete(app)
    return true
  }

  /** Online is who has a signed-in connection. */
  isOnline(app: App, userId: UserId): boolean {
    return this.#connections.get(app)?.has(userId) ?? false
  }

  connectionsOf(app: App, userId: UserId): Iterable<Connection> {
    return this.#connections.get(app)?.get(userId) ?? NOBODY
  }
}
