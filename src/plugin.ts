/**
 * All that a plugin imports (as `carillon/plugin`): the shape of a plugin, the types of its hooks and
 * the words to answer with. `plugins/README.md` has every hook with an example.
 */
import type { Elysia } from 'elysia'
import type {
  Allow,
  AppView,
  Counter,
  HookName,
  Hooks,
  PluginStore,
  Reject,
  Replace,
} from './core/plugin'
import { scanObject } from './core/json-scan'
import type { Clock, Log } from './core/types'

export type {
  Allow,
  AppView,
  ClientEventView,
  ConnectionView,
  ConnectRequest,
  Counter,
  EventView,
  Hooks,
  PluginStore,
  PresenceView,
  PushView,
  RefusalView,
  Reject,
  Replace,
  RequestView,
  SigninView,
  SubscribeRequest,
  SubscriptionView,
  WebhookView,
} from './core/plugin'
export { clientOf, plainOf } from './core/addresses'
export {
  fullBucket,
  isFull,
  remainingIn,
  take,
  waitFor,
  type Bucket,
  type Rate,
} from './core/bucket'
export type { Clock, Log } from './core/types'

/** The major version of this interface; a plugin says for which one it was written. */
export const PLUGIN_INTERFACE = 1

/** What a plugin is given once, when a server sets it up. All of it ends with the server. */
export type PluginContext = {
  readonly log: Log
  /** Time, which tests can move. Timers that still run when the server stops are cancelled. */
  readonly clock: Clock
  /** Aborted when the server stops. */
  readonly signal: AbortSignal
  readonly store: PluginStore
  readonly apps: {
    byId(id: string): AppView | undefined
    all(): Iterable<AppView>
  }
  counter(name: string, about: string): Counter
  /**
   * Does it for each: those that the turn of the event loop has time for at once, the others in the next
   * ones. For what is done to many, as to end the connections of all whose tokens expire in a second.
   */
  inSlices<Item>(items: Iterable<Item>, deed: (item: Item) => void): void
  /**
   * A route's answer that may be long, `{"data":[...]}`: it is written in the time that turns of the event
   * loop have, and sent as it is read. `more` gives the next entries, as many as take microseconds, until
   * it gives none.
   */
  listInSlices<Entry>(more: () => readonly Entry[]): Promise<Response>
  /** The plugin's own routes, below `/plugins/<name>`; they are in the OpenAPI document. */
  readonly routes: Elysia<`/plugins/${string}`>
  /**
   * For a route's `beforeHandle`: answers 401 to whoever may not use the admin API. Plugins' `request`
   * hooks are asked before, as of any admin request.
   */
  readonly adminOnly: (context: { readonly request: Request }) => void
  /**
   * The text of a body of at most 1 MB, for routes with `parse: 'none'`: what is longer, no UTF-8 or
   * broken off is answered with 413 or 400. Called in a handler it comes after `adminOnly`.
   */
  readonly readBody: (request: Request) => Promise<string>
}

export type Plugin<Locals extends object = object> = {
  /** Lower-case letters, digits and dashes; unique. */
  readonly name: string
  readonly carillon: typeof PLUGIN_INTERFACE
  /** What it keeps for each connection, made when it first sees one. */
  readonly locals?: () => Locals
  /** Fields of apps that it enforces, with a check of one entry: what is wrong with it, if anything. */
  readonly enforces?: { readonly hosts?: (pattern: string) => string | undefined }
  /** Work that is done once; the hooks are what is asked later. */
  setup(context: PluginContext): Hooks<Locals>
}

/** Nothing but hooks: a misspelt one is a type error where it is written. */
type OnlyHooks<H> = { readonly [Name in keyof H]: Name extends HookName ? unknown : never }

/** Checks a plugin's shape as it is written. */
export function definePlugin<Locals extends object, H extends OnlyHooks<H>>(
  plugin: Omit<Plugin<Locals>, 'setup'> & { setup(context: PluginContext): H & Hooks<Locals> },
): Plugin<Locals> {
  return plugin
}

/**
 * Refuses, with a text that the client is shown. `retryAfterSeconds` makes it "too often": 4100 for a
 * connection, 4301 for a message, 429 with `Retry-After` over HTTP.
 */
export function reject(
  message: string,
  { retryAfterSeconds }: { readonly retryAfterSeconds?: number } = {},
): Reject {
  return { type: 'reject', message, retryAfterSeconds }
}

/**
 * Lets in without a signature: a subscriber (`authorize`), or a backend (`authenticate`,
 * `authorizePush`). On a presence channel `channelData` (JSON) must say who the subscriber is; without
 * it the signature decides as if nobody had answered. `params` replaces what is pushed.
 */
export function allow({
  channelData,
  params,
}: { readonly channelData?: string; readonly params?: unknown } = {}): Allow {
  return { type: 'allow', channelData, params }
}

/** Puts `data` (any JSON value; events of the HTTP API have text) in the place of an event's. */
export function replace(data: unknown): Replace {
  return { type: 'replace', data }
}

/**
 * The value of a key in the text of a JSON object, as it was written: what is parsed and written again may
 * be another number, in another order. Undefined where there is none.
 */
export function writtenIn(json: string, key: string): string | undefined {
  return scanObject(json, [key])?.[0]?.text
}

/** An app as the admin API takes it, with the id, key and secret that it must have. */
export type AppConfig = {
  readonly id: string
  readonly key: string
  readonly secret: string
  readonly name?: string
  readonly slug?: string
  readonly active?: boolean
  readonly client_events?: boolean
  readonly public_client_events?: boolean
  readonly subscription_counts?: boolean
  readonly epl_bridge?: boolean
  readonly hosts?: readonly string[]
  readonly webhooks?: readonly { readonly url: string; readonly [key: string]: unknown }[]
  readonly limits?: { readonly [name: string]: number }
}

export type CarillonConfig = {
  /** Asked in this order. */
  readonly plugins?: readonly AnyPlugin[]
  /** Apps that are not in the database. */
  readonly apps?: readonly AppConfig[]
}

/** A plugin, whatever it keeps for a connection. */
// oxlint-disable-next-line no-explicit-any
export type AnyPlugin = Plugin<any>

/** Checks the configuration file's shape as it is written. */
export function defineConfig(config: CarillonConfig): CarillonConfig {
  return config
}
