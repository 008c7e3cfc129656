/**
 * Views: read-only views of apps and connections for plugins. They read through, so they are never stale. A
 * view is made at first use and dies with its app or connection.
 */
import type { App } from './app'
import type { Connection } from './connection'
import { refusal } from './errors'
import type { AppView, ConnectionView } from './plugin'

const apps = new WeakMap<App, AppView>()

export function appView(app: App): AppView {
  return apps.getOrInsertComputed(app, () => new AppReader(app))
}

/** Getters are on the prototype: a logged view shows nothing. */
class AppReader implements AppView {
  readonly #app: App

  constructor(app: App) {
    this.#app = app
  }

  get id(): string {
    return this.#app.id
  }
  get name(): string {
    return this.#app.record.name
  }
  get slug(): string {
    return this.#app.record.slug
  }
  get hosts(): readonly string[] {
    return this.#app.record.hosts
  }
  get keys(): AppView['keys'] {
    return this.#app.record.keys
  }
}

/** A connection's view for one plugin; `index` is the plugin's. */
export function viewOf(
  conn: Connection,
  { index, locals }: { readonly index: number; readonly locals: () => object },
): ConnectionView {
  const views = (conn.views ??= [])
  return (views[index] ??= new ConnectionReader(conn, locals))
}

class ConnectionReader implements ConnectionView {
  readonly #conn: Connection
  /** The function that makes them until first use: one more field in every view of every connection is dear. */
  #locals: object | (() => object)

  constructor(conn: Connection, newLocals: () => object) {
    this.#conn = conn
    this.#locals = newLocals
  }

  get locals(): object {
    if (typeof this.#locals === 'function') this.#locals = this.#locals()
    return this.#locals
  }

  get socketId(): string {
    return this.#conn.id
  }
  get app(): AppView | undefined {
    return this.#conn.app && appView(this.#conn.app)
  }
  get remoteAddress(): string {
    return this.#conn.remoteAddress
  }
  get userId(): string | undefined {
    return this.#conn.user?.id
  }
  get closed(): boolean {
    return this.#conn.closed
  }
  get signal(): AbortSignal {
    return this.#conn.signal
  }

  disconnect(message: string, { toReconnect = false } = {}): void {
    if (this.#conn.closed) return
    const code = toReconnect ? 'reconnect_requested' : 'connection_refused'
    this.#conn.refuse(refusal(code, message))
  }
}
