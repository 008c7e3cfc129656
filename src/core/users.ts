/**
 * Users: which connections are signed in as which user, on this node. Owns the user of a connection, which
 * begins with a sign-in and ends with the connection.
 * Spec: contract 5.
 */
import type { App } from './app'
import type { Connection, User } from './connection'
import type { UserId } from './types'

const NO_CONNECTIONS: ReadonlySet<Connection> = new Set()

/** Connections by app and user; empty entries are removed. */
class ByUser {
  readonly #connections = new Map<App, Map<UserId, Set<Connection>>>()

  of(app: App, userId: UserId): ReadonlySet<Connection> {
    return this.#connections.get(app)?.get(userId) ?? NO_CONNECTIONS
  }

  /** True if the user had none before. */
  add(app: App, userId: UserId, conn: Connection): boolean {
    const users = this.#connections.getOrInsertComputed(app, () => new Map())
    const own = users.getOrInsertComputed(userId, () => new Set())
    return own.add(conn).size === 1
  }

  /** True if it was the user's last one. */
  delete(app: App, userId: UserId, conn: Connection): boolean {
    const users = this.#connections.get(app)
    const own = users?.get(userId)
    if (!users || !own?.delete(conn) || own.size > 0) return false
    users.delete(userId)
    if (users.size === 0) this.#connections.delete(app)
    return true
  }
}

export class Users {
  readonly #signedIn = new ByUser()
  /** Connections whose sign-in waits for a gate. */
  readonly #signingIn = new ByUser()

  /** True if the user had no connection before. The caller has checked that this one has no user yet. O(1). */
  add(conn: Connection, app: App, user: User): boolean {
    conn.user = user
    return this.#signedIn.add(app, user.id, conn)
  }

  /** Called at the end of the connection. True if it was the user's last one. O(1). */
  remove(conn: Connection, app: App): boolean {
    return conn.user !== undefined && this.#signedIn.delete(app, conn.user.id, conn)
  }

  /** Records that a sign-in waits for a gate, until the returned function is called. */
  beginSignin(conn: Connection, app: App, userId: UserId): () => void {
    this.#signingIn.add(app, userId, conn)
    return () => void this.#signingIn.delete(app, userId, conn)
  }

  isOnline(app: App, userId: UserId): boolean {
    return this.#signedIn.of(app, userId).size > 0
  }

  connectionsOf(app: App, userId: UserId): Iterable<Connection> {
    return this.#signedIn.of(app, userId)
  }

  /** Connections whose sign-in as the user waits for a gate. */
  signingIn(app: App, userId: UserId): Iterable<Connection> {
    return this.#signingIn.of(app, userId)
  }
}
