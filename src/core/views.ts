/**
 * Views: what plugins see of apps, connections and questions. They read through, so they are never stale, and
 * are frozen or hand out copies: what a plugin writes reaches neither the server nor the next plugin. A view
 * is made at first use and dies with what it shows.
 */
import type { App, AppRecord } from './app'
import type { Connection } from './connection'
import { refusal } from './errors'
import type { SubscribeCommand } from './messages'
import type {
  AppView,
  ConnectionView,
  ClientEventView,
  ConnectRequest,
  EventView,
  SigninView,
  SubscribeRequest,
} from './plugin'
import { reasonOf } from './plugin-answers'
import { freezeDeep, readOnlyHeaders, readOnlyQuery } from './read-only'
import type { JsonText } from './types'

const apps = new WeakMap<App, AppView>()

export function appView(app: App): AppView {
  return apps.get(app) ?? addView(app) // a closure here costs 30 ns a call (Bun 1.4.5)
}

function addView(app: App): AppView {
  const view = new AppReader(app)
  apps.set(app, view)
  return view
}

/** Getters are on the prototype: a logged view shows nothing. */
class AppReader implements AppView {
  readonly #app: App
  #lists: FrozenLists | undefined

  constructor(app: App) {
    this.#app = app
    Object.freeze(this)
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
    return this.#frozen().hosts
  }
  get keys(): AppView['keys'] {
    return this.#frozen().keys
  }

  /** Copied once per record: a change of the app replaces its record. */
  #frozen(): FrozenLists {
    const { record } = this.#app
    if (this.#lists?.record === record) return this.#lists
    const keys = record.keys.map(({ key, secret }) => ({ key, secret }))
    const hosts = Object.freeze([...record.hosts])
    return (this.#lists = { record, hosts, keys: freezeDeep(keys) })
  }

  /** The record that a view shows. @throws TypeError for what is none */
  static recordOf(view: AppView): AppRecord {
    if (view instanceof AppReader) return view.#app.record
    throw new TypeError('expected an app as hooks are shown it')
  }

  static {
    Object.freeze(this.prototype)
  }
}

/** The record of the app that a view shows, as it is now. @throws TypeError */
export const recordOf = (view: AppView): AppRecord => AppReader.recordOf(view)

type FrozenLists = Pick<AppView, 'hosts' | 'keys'> & { readonly record: AppRecord }

/** A connection's view for one plugin; `index` is the plugin's. */
export function viewOf(
  conn: Connection,
  { index, locals }: { readonly index: number; readonly locals: () => object },
): ConnectionView {
  const views = (conn.views ??= [])
  return (views[index] ??= new ConnectionReader(conn, locals))
}

/** The connection of a view. @throws TypeError for what is none */
export let connectionOf: (view: ConnectionView) => Connection

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
    return ownSignals.getOrInsertComputed(this, () => derive(this.#conn.signal))
  }

  disconnect(message: string, options?: { readonly toReconnect?: boolean } | null): void {
    if (this.#conn.closed || this.#conn.pendingRefusal) return
    const code = options?.toReconnect ? 'reconnect_requested' : 'connection_refused'
    this.#conn.refuse(refusal(code, reasonOf(message)))
  }

  static {
    connectionOf = (view) => (view as ConnectionReader).#conn
    Object.freeze(this.prototype)
  }
}

// ---------------------------------------------------------------- questions of gates that may wait

const deadlines = new WeakMap<
  object,
  { readonly abort: AbortController; readonly signal: AbortSignal }
>()

/**
 * The signal of a question: aborted when it is given up, or with `asker`, if there is one. Made at first use, and
 * for each reader another.
 */
export function signalOf(question: object, asker: AbortSignal | undefined): AbortSignal {
  const made = deadlines.getOrInsertComputed(question, () => {
    const abort = new AbortController()
    const sources = asker ? [abort.signal, asker] : [abort.signal]
    return { abort, signal: AbortSignal.any(sources) }
  })
  return derive(made.signal)
}

/** A signal that is aborted with another: who sets its `onabort` or dispatches its event reaches no other plugin. */
const derive = (signal: AbortSignal): AbortSignal => Object.freeze(AbortSignal.any([signal]))

/** By the view of a connection for one plugin; made at first use. */
const ownSignals = new WeakMap<ConnectionView, AbortSignal>()

/** Aborts the signal of a question whose gate is late, or has failed. */
export function giveUp(question: unknown, cause: unknown): void {
  if (question instanceof Object) deadlines.get(question)?.abort.abort(cause)
}

/** The request of a connection, for `upgrade` and `connect`. */
export class ConnectReader implements ConnectRequest {
  readonly #conn: Connection
  readonly #sent: SentRequest
  readonly appComesLater: boolean
  #headers: Headers | undefined
  #query: URLSearchParams | undefined

  constructor(conn: Connection, sent: SentRequest, appComesLater: boolean) {
    this.#conn = conn
    this.#sent = sent
    this.appComesLater = appComesLater
    Object.freeze(this)
  }

  get headers(): Headers {
    return (this.#headers ??= readOnlyHeaders(this.#sent.headers))
  }
  get url(): string {
    return this.#sent.url
  }
  get query(): URLSearchParams {
    return (this.#query ??= readOnlyQuery(this.#sent.query))
  }
  get remoteAddress(): string {
    return this.#sent.remoteAddress
  }
  get signal(): AbortSignal {
    return signalOf(this, this.#conn.signal)
  }

  static {
    Object.freeze(this.prototype)
  }
}

type SentRequest = Pick<ConnectRequest, 'headers' | 'url' | 'query' | 'remoteAddress'>

/** A subscription as it is asked for. Fields of its own: a plugin may spread it. */
export class SubscribeReader implements SubscribeRequest {
  readonly app: AppView
  readonly auth: string | undefined
  readonly channelData: string | undefined
  readonly #conn: Connection
  readonly #command: SubscribeCommand

  constructor(
    conn: Connection,
    command: SubscribeCommand,
    /** The name for clients. */
    readonly channel: string,
  ) {
    this.app = appView(command.app)
    this.auth = command.auth
    this.channelData = command.channelData
    this.#conn = conn
    this.#command = command
    Object.freeze(this)
  }

  /** Most plugins never read it. */
  get params(): SubscribeRequest['params'] {
    return freezeDeep(this.#command.params())
  }
  get signal(): AbortSignal {
    return signalOf(this, this.#conn.signal)
  }

  static {
    Object.freeze(this.prototype)
  }
}

/** An event on its way, of a backend or of a client. Fields of its own: a plugin may spread it. */
export class EventReader implements EventView, ClientEventView {
  /** Absent where a client sent none. */
  declare readonly data: JsonText
  /** Of a client's event; absent on a backend's. */
  declare readonly userId: string | undefined
  readonly #sender: Connection | undefined

  constructor(
    /** The name for clients. */
    readonly channel: string,
    readonly event: string,
    data: JsonText | undefined,
    sender?: Connection,
    userId?: string,
  ) {
    if (data !== undefined) this.data = data
    if (sender) this.userId = userId
    this.#sender = sender
    Object.freeze(this)
  }

  get signal(): AbortSignal {
    return signalOf(this, this.#sender?.signal)
  }

  /** The same event with other data. */
  replaceData(data: JsonText): EventReader {
    return new EventReader(this.channel, this.event, data, this.#sender, this.userId)
  }

  static {
    Object.freeze(this.prototype)
  }
}

/** A user as the backend signed them. */
export class SigninReader implements SigninView {
  readonly userId: string
  readonly userData: SigninView['userData']
  readonly #conn: Connection

  constructor(conn: Connection, { userId, userData }: Omit<SigninView, 'signal'>) {
    this.userId = userId
    this.userData = freezeDeep(userData)
    this.#conn = conn
    Object.freeze(this)
  }

  get signal(): AbortSignal {
    return signalOf(this, this.#conn.signal)
  }

  static {
    Object.freeze(this.prototype)
  }
}
