/**
 * Users: which connections are signed in as whom, on this node. Owns who a connection is: an identity
 * begins with a sign-in and ends with its connection, there is no other way out.
 * Spec: contract 5.
 */
import type { App } from './app'
import type { Connection, User } from './connection'
import type { UserId } from './types'

const NOBODY: ReadonlySet<Connection> = new Set()

/** Connections by app and user, without what is empty. */
class ByUser {
  readonly #connections = new Map<App, Map<UserId, Set<Connection>>>()

  of(app: App, userId: UserId): ReadonlySet<Connection> {
    return this.#connections.get(app)?.get(userId) ?? NOBODY
  }

  /** True when the user had none before. */
  add(app: App, userId: UserId, conn: Connection): boolean {
    let users = this.#connections.get(app)
    if (!users) this.#connections.set(app, (users = new Map()))
    const own = users.get(userId)
    if (own) own.add(conn)
    else users.set(userId, new Set([conn]))
    return own === undefined
  }

  /** True when it was the user's last one. */
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
  /** Their sign-in waits for a gate. */
  readonly #signingIn = new ByUser()

  /** True when the user was nowhere before. The caller has made sure that the connection is nobody yet. O(1). */
  add(conn: Connection, app: App, user: User): boolean {
    conn.user = user
    return this.#signedIn.add(app, user.id, conn)
  }

  /** At the end of the connection. True when it was the user's last one. O(1). */
  remove(conn: Connection, app: App): boolean {
    return conn.user !== undefined && this.#signedIn.delete(app, conn.user.id, conn)
  }

  /** Until the answer is called, the connection is about to be signed in. */
  beginSignin(conn: Connection, app: App, userId: UserId): () => void {
    this.#signingIn.add(app, userId, conn)
    return () => void this.#signingIn.delete(app, userId, conn)
  }

  /** Online is who has a signed-in connection. */
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
