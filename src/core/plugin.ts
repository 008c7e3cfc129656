/**
 * The plugin interface: views, hooks and their answers. HOOKS is the table: a hook is a row with its kind,
 * whether it may wait, and the codes of its rejections.
 *
 * A *gate* may refuse, a *filter* may replace, a *tap* only observes. Only a hook whose type has a promise in
 * its answer may wait, `clientEvent` and `publish` where the plugin declares it. All that a hook is shown is read
 * only, at run time too.
 */
import type { ErrorCode } from './errors'
import type { MaybePromise } from './maybe-promise'
import type { ChannelName, JsonText } from './types'
import type { WebhookEventName } from './webhooks'

// ---------------------------------------------------------------- what plugins see

/** An app as it is now: a change through the admin API shows at once. */
export interface AppView {
  readonly id: string
  readonly name: string
  readonly slug: string
  /** Patterns of origins; empty where all may connect. */
  readonly hosts: readonly string[]
  /** The live pairs, oldest first. Secrets: never log them. */
  readonly keys: readonly { readonly key: string; readonly secret: string }[]
}

/** A connection: one view for each plugin, for the connection's whole life. */
export interface ConnectionView<Locals extends object = object> {
  readonly socketId: string
  /** Undefined where no app was found, and on wires that name it later. */
  readonly app: AppView | undefined
  /** The client's own, where proxies in between are trusted (`CARILLON_TRUSTED_PROXIES`). */
  readonly remoteAddress: string
  /** The signed-in user, if any. */
  readonly userId: string | undefined
  readonly closed: boolean
  /** Aborted when the connection has closed. */
  readonly signal: AbortSignal
  /** The plugin's own, made by its `locals`; dies with the connection. */
  readonly locals: Locals
  /** Closes it: for good (4009), or `toReconnect` (4200), which clients do at once, with fresh tokens. */
  disconnect(message: string, options?: { readonly toReconnect?: boolean }): void
}

/** What a gate or a filter that waits is asked. */
type Question = {
  /** Aborted when the hook is late or has failed, and when the asker has gone: hand it to `fetch`. */
  readonly signal: AbortSignal
}

/** The request that opened a connection. Its headers and query are copies that refuse to be changed. */
export type ConnectRequest = Question & {
  readonly headers: Headers
  readonly url: string
  /** What follows the question mark, decoded. */
  readonly query: URLSearchParams
  readonly remoteAddress: string
  /** True on a wire where each subscription names its app (`request.app` of `subscribe`). */
  readonly appComesLater: boolean
}

export type SubscribeRequest = Question & {
  /** The channel's app; on wires that name it per subscription, the connection has none. */
  readonly app: AppView
  /** The name for clients: a channel's, or a group's (`private:<slug>`). */
  readonly channel: string
  /** As received, unverified, like `channelData`. */
  readonly auth: string | undefined
  readonly channelData: string | undefined
  /** What else the client sent with it, unverified; empty on wires without such fields. */
  readonly params: Readonly<Record<string, unknown>>
}

/** A user whose signature was valid; `userData` is what the backend signed, with `id`. */
export type SigninView = Question & {
  readonly userId: string
  readonly userData: Readonly<Record<string, unknown>>
}

/** A connection in a channel; `userId` on presence channels. */
export type SubscriptionView = {
  readonly channel: string
  readonly userId: string | undefined
}

/** An event on its way; `data` is the JSON text of what subscribers get as `data`. */
export type EventView = Question & {
  readonly channel: string
  readonly event: string
  readonly data: JsonText
}

/** Without `data` where the client sent none. */
export type ClientEventView = Omit<EventView, 'data'> & {
  readonly data?: JsonText
  readonly userId: string | undefined
}

/** An event that was accepted, whoever sent it; `data` is the JSON text of what subscribers get, absent where there is none. */
export type PublishedView = {
  readonly channel: string
  readonly event: string
  readonly data?: JsonText
  /** Plugins are backends. */
  readonly origin: 'backend' | 'client'
  /** The client that sent it; undefined for a backend's. */
  readonly socketId: string | undefined
}

/** A user joined a presence channel with their first connection, or left it with the last. */
export type PresenceView = {
  readonly type: 'member_added' | 'member_removed'
  readonly channel: ChannelName
  readonly userId: string
}

/** An event for webhooks; what it does not have is undefined. */
export type WebhookView = {
  readonly name: WebhookEventName
  readonly channel: ChannelName
  /** The member, or the sender of a client event on a presence channel. */
  readonly userId: string | undefined
  /** Name and data of a client event. */
  readonly event: string | undefined
  readonly data: JsonText | undefined
}

/** An event that `POST /api/push` brought to one channel; `data` is the JSON of the text that Pusher's subscribers get. */
export type PushView = {
  readonly channel: string
  readonly event: string
  readonly data: JsonText
  /** Epoch milliseconds. */
  readonly at: number
}

/** What became of an app. */
export type AppChangeView = { readonly type: 'created' | 'changed' | 'deleted' }

/** A value that the plugin shares was written, on any node; undefined where it was deleted. */
export type SharedChangeView = { readonly key: string; readonly value: unknown }

/** What was refused, and why; `plugins/README.md` lists the codes. */
type Refused = {
  readonly code: ErrorCode
  /** What the caller was shown; empty where it was shown a status only. */
  readonly message: string
  /** The plugin that has refused, or has failed; undefined where the server has. */
  readonly plugin: string | undefined
}

/** A refusal that a connection got. */
export type RefusalView = Refused & {
  /** The name for clients, or what the client wrote, where it is about a channel. */
  readonly channel: string | undefined
  /** The name of a client event. */
  readonly event: string | undefined
}

/** How a connection has ended. */
export type ClosingView = {
  /** That of the close frame: the client's own, or the server's. 1006 where there was none, 1005 where it had none. */
  readonly code: number
  readonly reason: string
  /** `network`: it broke off, or a client over HTTP has asked for nothing any more; nobody has said why. */
  readonly by: 'client' | 'server' | 'network'
  /** The code of the refusal by which the server has ended it; undefined where it was no refusal. */
  readonly refusal: ErrorCode | undefined
}

/** A request over HTTP that was refused, whoever sent it: it may be authenticated or not. */
export type RequestRefusalView = Refused & {
  /** The app that the path names, if there is one. */
  readonly app: AppView | undefined
  readonly remoteAddress: string
  /** As it was sent, without the query. */
  readonly path: string
  /** Undefined for handshakes. */
  readonly requestId: string | undefined
}

/** A request to the HTTP API. */
export interface RequestView extends Question {
  readonly method: string
  readonly url: string
  /** A copy that refuses to be changed. */
  readonly headers: Headers
  readonly remoteAddress: string
  /**
   * `trigger` and `read` are `/apps/...`, `admin` is `/api/admin/...`, `plugin` is below `/plugins/<name>`. What
   * plugins serve to admins only is asked for twice: as `plugin`, then as `admin`.
   */
  readonly area: 'trigger' | 'read' | 'admin' | 'plugin'
  /** The app that the path names; undefined for `admin` and `plugin`. */
  readonly app: AppView | undefined
  /**
   * As received, for `request` and `response` of triggers. Empty for `authenticate`, since the bodies of
   * unknown callers are not read, and where routes read bodies themselves: `admin`, `plugin`, `/api/apps/...`,
   * `/api/push`.
   * Each look at it makes a copy.
   */
  readonly body: Uint8Array
}

// ---------------------------------------------------------------- what plugins answer

/** A rejection; with `retryAfterSeconds` it means "too often": clients back off, SDKs get 429 with `Retry-After`. */
export type Reject = {
  readonly type: 'reject'
  readonly message: string
  readonly retryAfterSeconds: number | undefined
}
/** The user of a connection; `info` is what others see of them on presence channels. */
export type GivenUser = {
  readonly id: string
  readonly info?: object
  /** Ids of users whose status the connection is notified of. */
  readonly watchlist?: readonly string[]
}

/** What an `allow` may carry. One that its hook does not take is a fault. */
export type AllowOptions = {
  /** For `authorize`: JSON that identifies the subscriber of a presence channel. */
  readonly channelData?: string | undefined
  /** For `subscribe` and `authorize`: what the client gets with the reply, as JSON; without a key `presence`. */
  readonly data?: object | undefined
  /**
   * For `authorize`: from then on (epoch milliseconds) the hook is asked again with what the client sent, and the
   * subscription ends where it is not allowed again. Absent: it is allowed as long as it lasts.
   */
  readonly expiresAt?: number | undefined
  /** For `authorizePush`: replaces the body of `POST /api/push`. */
  readonly params?: unknown
  /** For `connect`: the connection is signed in as this user. */
  readonly user?: GivenUser | undefined
}

/** Replaces a signature; not in `subscribe`, where it only carries something. */
export type Allow = AllowOptions & { readonly type: 'allow' }
/** Replaces the data of an event. */
export type Replace = { readonly type: 'replace'; readonly data: unknown }

// ---------------------------------------------------------------- the hooks

type Gate<Args extends unknown[]> = (...args: Args) => Reject | void
type WaitingGate<Args extends unknown[], Yes = never> = (
  ...args: Args
) => MaybePromise<Reject | Yes | void>
/** Waits where the plugin's `waits` names it. */
type Filter<Name extends WaitingFilter, Waits, Args extends unknown[]> = (
  ...args: Args
) => Name extends Waits ? MaybePromise<Reject | Replace | void> : Reject | Replace | void
type Tap<Args extends unknown[]> = (...args: Args) => undefined | void
type WaitingTap = () => MaybePromise<void>
type HeadersToAdd = Readonly<Record<string, string>> | Iterable<readonly [string, string]>

/** The filters that may wait where a plugin declares it: nobody else pays for their promises. */
export type WaitingFilter = 'clientEvent' | 'publish'

/** The hooks of a plugin; `Waits` are the filters that it has declared to wait. */
export type Hooks<Locals extends object = object, Waits extends WaitingFilter = never> = {
  readonly start?: WaitingTap
  readonly upgrade?: Gate<[conn: ConnectionView<Locals>, request: ConnectRequest]>
  readonly connect?: WaitingGate<[conn: ConnectionView<Locals>, request: ConnectRequest], Allow>
  readonly connected?: Tap<[conn: ConnectionView<Locals>]>
  readonly frame?: Gate<[conn: ConnectionView<Locals>, text: string]>
  readonly signin?: WaitingGate<[conn: ConnectionView<Locals>, user: SigninView]>
  readonly subscribe?: WaitingGate<[conn: ConnectionView<Locals>, request: SubscribeRequest], Allow>
  readonly authorize?: WaitingGate<[conn: ConnectionView<Locals>, request: SubscribeRequest], Allow>
  readonly subscribed?: Tap<[conn: ConnectionView<Locals>, subscription: SubscriptionView]>
  readonly clientEvent?: Filter<
    'clientEvent',
    Waits,
    [conn: ConnectionView<Locals>, event: ClientEventView]
  >
  readonly unsubscribed?: Tap<[conn: ConnectionView<Locals>, subscription: SubscriptionView]>
  readonly presence?: Tap<[app: AppView, news: PresenceView]>
  readonly refused?: Tap<[conn: ConnectionView<Locals>, refusal: RefusalView]>
  readonly requestRefused?: Tap<[refusal: RequestRefusalView]>
  readonly disconnected?: Tap<[conn: ConnectionView<Locals>, closing: ClosingView]>
  readonly authenticate?: WaitingGate<[request: RequestView], Allow>
  readonly request?: Gate<[request: RequestView]>
  readonly apiRequested?: Tap<[request: RequestView]>
  readonly authorizePush?: WaitingGate<[request: RequestView, params: unknown], Allow>
  readonly pushRequested?: Tap<[app: AppView, push: PushView]>
  readonly pushDelivered?: Tap<[conn: ConnectionView<Locals>, push: PushView]>
  readonly apiProcessed?: Tap<[request: RequestView]>
  readonly appChanged?: Tap<[app: AppView, change: AppChangeView]>
  readonly sharedChanged?: Tap<[change: SharedChangeView]>
  readonly publish?: Filter<'publish', Waits, [app: AppView, event: EventView]>
  readonly published?: Tap<[app: AppView, event: PublishedView]>
  readonly webhook?: Gate<[app: AppView, event: WebhookView]>
  /** Headers to add to the answer. */
  readonly response?: (
    request: RequestView,
    answer: { readonly status: number },
  ) => HeadersToAdd | void
  readonly stop?: WaitingTap
}

export type HookName = keyof Hooks

export type HookRow = {
  readonly kind: 'gate' | 'filter' | 'tap'
  readonly waits: boolean | 'declared'
  /** The codes of a rejection, and of one with `retryAfterSeconds`. */
  readonly refusal?: ErrorCode
  readonly throttled?: ErrorCode
}

const TAP: HookRow = { kind: 'tap', waits: false }
const WAITING_TAP: HookRow = { kind: 'tap', waits: true }
const gate = (refusal: ErrorCode, throttled: ErrorCode = 'too_often'): HookRow => ({
  kind: 'gate',
  waits: false,
  refusal,
  throttled,
})
const waitingGate = (...codes: Parameters<typeof gate>): HookRow => ({
  ...gate(...codes),
  waits: true,
})
const filter = (refusal: ErrorCode): HookRow => ({
  ...gate(refusal),
  kind: 'filter',
  waits: 'declared',
})

export const HOOKS: Readonly<Record<HookName, HookRow>> = {
  start: WAITING_TAP,
  upgrade: gate('connection_refused', 'connection_throttled'),
  connect: waitingGate('connection_refused', 'connection_throttled'),
  connected: TAP,
  frame: gate('message_refused'),
  signin: waitingGate('signin_refused'),
  subscribe: waitingGate('subscription_refused'),
  authorize: waitingGate('subscription_refused'),
  subscribed: TAP,
  clientEvent: filter('client_event_refused'),
  unsubscribed: TAP,
  presence: TAP,
  refused: TAP,
  requestRefused: TAP,
  disconnected: TAP,
  authenticate: waitingGate('request_unauthorized'),
  request: gate('request_refused'),
  apiRequested: TAP,
  authorizePush: waitingGate('request_refused'),
  pushRequested: TAP,
  pushDelivered: TAP,
  apiProcessed: TAP,
  appChanged: TAP,
  sharedChanged: TAP,
  publish: filter('publish_refused'),
  published: TAP,
  webhook: gate('webhook_refused'),
  response: { kind: 'filter', waits: false },
  stop: WAITING_TAP,
}
