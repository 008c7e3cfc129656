/**
 * Users: which connections are signed in as which user, on this node. Owns the user of a connection, which
 * begins with a sign-in, or with a plugin that names them, and ends with the connection.
 * Spec: contract 5.
 */
import type { App } from './app'
import type { Connection, User, VerifiedSignin } from './connection'
import type { UserId } from './types'
import { WideMap } from './wide-map'

const NO_CONNECTIONS: ReadonlySet<Connection> = new Set()

/** Connections by app and user; empty entries are removed. */
class ByUser {
  readonly #connections = new Map<App, WideMap<UserId, Set<Connection>>>()

  of(app: App, userId: UserId): ReadonlySet<Connection> {
    return this.#connections.get(app)?.get(userId) ?? NO_CONNECTIONS
  }

  ids(app: App): readonly UserId[] {
    return this.#connections.get(app)?.keys() ?? []
  }

  /** True for the user's first. */
  add(app: App, userId: UserId, conn: Connection): boolean {
    const users = this.#connections.getOrInsertComputed(app, () => new WideMap())
    return users.getOrInsertComputed(userId, () => new Set()).add(conn).size === 1
  }

  /** True for the user's last. */
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
  /** Connections whose sign-in waits for a gate, or for their hello. */
  readonly #signingIn = new ByUser()
  /** The users that plugins have given to connections which have not entered yet. */
  readonly #given = new Map<Connection, VerifiedSignin>()

  /** The caller has checked that this connection has no user yet. O(1). */
  add(conn: Connection, app: App, user: User): void {
    conn.user = user
    if (this.#signedIn.add(app, user.id, conn)) app.gauges.users++
  }

  /** Called at the end of the connection. O(1). */
  remove(conn: Connection, app: App): void {
    if (conn.user && this.#signedIn.delete(app, conn.user.id, conn)) app.gauges.users--
  }

  /** Records that a sign-in waits for a gate, until the returned function is called. */
  beginSignin(conn: Connection, app: App, userId: UserId): () => void {
    this.#signingIn.add(app, userId, conn)
    return () => void this.#signingIn.delete(app, userId, conn)
  }

  /** Keeps the user that a plugin gives a connection, until it is taken back. */
  give(conn: Connection, signin: VerifiedSignin): void {
    this.#given.set(conn, signin)
    this.#signingIn.add(signin.app, signin.user.id, conn)
  }

  /** The user that a plugin has given the connection. */
  givenTo(conn: Connection): VerifiedSignin | undefined {
    return this.#given.get(conn)
  }

  /** Called when the connection has entered as that user, or has closed. */
  takeBack(conn: Connection): void {
    const signin = this.#given.get(conn)
    if (!signin) return
    this.#given.delete(conn)
    this.#signingIn.delete(signin.app, signin.user.id, conn)
  }

  /** True where the user has a connection on this node. */
  isOnline(app: App, userId: UserId): boolean {
    return this.#signedIn.of(app, userId).size > 0
  }

  connectionsOf(app: App, userId: UserId): Iterable<Connection> {
    return this.#signedIn.of(app, userId)
  }

  /** A copy of the current ones, on this node. */
  ids(app: App): readonly UserId[] {
    return this.#signedIn.ids(app)
  }

  /** Connections whose sign-in as the user waits for a gate, or for their hello. */
  signingIn(app: App, userId: UserId): Iterable<Connection> {
    return this.#signingIn.of(app, userId)
  }
}
