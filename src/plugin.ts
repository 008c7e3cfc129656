/**
 * All that a plugin imports (as `carillon/plugin`): the shape of a plugin, the types of its hooks and
 * the functions that make their answers. `plugins/README.md` has every hook with an example.
 */
import { Type } from '@sinclair/typebox'
import { t as ofFramework, type Elysia, type Static } from 'elysia'
import type { SwitchName } from './apps/switches'
import type {
  Allow,
  AllowOptions,
  AppView,
  HookName,
  Hooks,
  Reject,
  Replace,
  WaitingFilter,
} from './core/plugin'
import type {
  Counter,
  LabelledCounter,
  PluginActions,
  PluginStore,
  SharedStore,
} from './core/plugin-means'
import type { MaybePromise } from './core/maybe-promise'
import { scanObject } from './core/json-scan'
import type { Clock, Log } from './core/types'

export type * from './core/plugin'
export type * from './core/plugin-means'
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
export { WideMap } from './core/wide-map'

/**
 * Schemas of settings and routes: TypeBox's, and what the framework adds for routes, such as `t.File`. Its own
 * `t.Integer` and `t.Date` take text, too, which is wrong for settings. The types are the framework's: with
 * `NodeNext` the two resolve TypeBox to different files, whose types do not fit each other.
 */
export const t: typeof ofFramework = { ...ofFramework, ...Type }

type TObject = ReturnType<typeof t.Object>

/** The major version of this interface; a plugin names the one that it was written for. */
export const PLUGIN_INTERFACE = 1

/** A line of the log: what happened after its values, or the text alone, or an error alone. */
type WriteLine = {
  (fields: object, message: string): void
  (message: string | Error): void
}

/** The log of a plugin, whose lines carry its name. */
export type PluginLog = { readonly [Level in keyof Log]: WriteLine }

/** What a plugin is given once, when a server sets it up. All of it ends with the server. */
export type PluginContext<Settings = unknown> = PluginActions & {
  readonly log: PluginLog
  /** Time, which tests can move. Timers that still run when the server stops are cancelled. */
  readonly clock: Clock
  /** Aborted when the server stops. */
  readonly signal: AbortSignal
  readonly store: PluginStore
  /** From `start` on: what the plugin keeps for all nodes of the server. With one node, it lasts as `store` does. */
  readonly shared: SharedStore
  readonly apps: {
    byId(id: string): AppView | undefined
    all(): Iterable<AppView>
  }
  /**
   * The plugin's settings of an app, as its schema has them: frozen, defaults filled in. Undefined where the app has
   * none. Throws for some that an earlier version of the schema let pass, so that a gate refuses.
   */
  settingsOf(app: AppView): Settings | undefined
  counter(name: string, about: string): Counter
  /** With `labels`, such as `['reason']`: `counter.of({ reason: 'expired' }).count++`. */
  counter<Label extends string>(
    name: string,
    about: string,
    labels: readonly Label[],
  ): LabelledCounter<Label>
  /** A number that is read when somebody asks for it. `read` may not wait. */
  gauge(name: string, about: string, read: () => number): void
  /** Gives plugins that depend on this one an object, such as functions; called once, in `setup`. */
  provide(service: object): void
  /** What a plugin provides that this one depends on. Throws where it provides nothing, or `dependsOn` does not name it. */
  use<Service extends object>(plugin: string): Service
  /**
   * Runs `deed` for each item: as many as this turn of the event loop has time for, the others in the next
   * turns. For work on many, such as closing all connections whose tokens expire in one second.
   */
  inSlices<Item>(items: Iterable<Item>, deed: (item: Item) => void): void
  /**
   * A response that may be long, `{"data":[...]}`: written a slice per turn of the event loop, sent as it
   * is read. `more` returns the next entries, or a promise of them, as many as take microseconds, and none at the end.
   */
  listInSlices<Entry>(more: () => MaybePromise<readonly Entry[]>): Promise<Response>
  /** The plugin's own routes, below `/plugins/<name>`; they are in the OpenAPI document. */
  readonly routes: Elysia<`/plugins/${string}`>
  /**
   * For a route's `beforeHandle`: responds with 401 to a request that may not use the admin API, with 403 to a token
   * that may not do everything. Plugins' `request` hooks run before, as for any admin request. The audit has who called
   * the route, unless it is a `GET` or the answer's status is 400 or more.
   */
  readonly adminOnly: (context: { readonly request: Request }) => void
  /**
   * The text of a body of at most 1 MB, for routes with `parse: 'none'`. A longer one is refused with 413,
   * one that is not UTF-8 or is broken off with 400. In a handler it runs after `adminOnly`.
   */
  readonly readBody: (request: Request) => Promise<string>
}

export type Plugin<Locals extends object = object, Waits extends WaitingFilter = never> = {
  /** Lower-case letters, digits and dashes; unique. */
  readonly name: string
  readonly carillon: typeof PLUGIN_INTERFACE
  /**
   * Names of plugins that it needs: they are set up, started and asked before it, wherever they are listed, and
   * `use` gives it what they provide. One that is not listed stops the start.
   */
  readonly dependsOn?: readonly string[]
  /** What it keeps for each connection, made when it first sees one. */
  readonly locals?: () => Locals
  /** Fields of apps that it enforces, each with a check that returns what is wrong with an entry. */
  readonly enforces?: { readonly hosts?: (pattern: string) => string | undefined }
  /** The schema of its settings of an app, which the admin API and configuration files then take: `plugins.<name>`. */
  readonly settings?: TObject
  /**
   * Its filters that answer with promises. Without this a promise is a fault. Later events of the same request or
   * connection wait for the answer, and nobody else does.
   */
  readonly waits?: readonly Waits[]
  /** Runs once per server, and returns the hooks that run later. */
  setup(context: PluginContext): Hooks<Locals, Waits>
}

/** Hooks and nothing else: a misspelt name is a type error where it is written. */
type OnlyHooks<H> = { readonly [Name in keyof H]: Name extends HookName ? unknown : never }

/** Checks a plugin's shape as it is written. */
export function definePlugin<
  Locals extends object,
  H extends OnlyHooks<H>,
  Schema extends TObject = TObject,
  Waits extends WaitingFilter = never,
>(
  plugin: Omit<Plugin<Locals, Waits>, 'setup' | 'settings'> & {
    readonly settings?: Schema
    setup(context: PluginContext<Readonly<Static<Schema>>>): H & Hooks<Locals, Waits>
  },
): Plugin<Locals, Waits> {
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
 * Lets in without a signature: a subscriber (`authorize`), or a backend (`authenticate`, `authorizePush`). On a
 * presence channel `channelData` (JSON) must name the member; without it the signature decides, as if no plugin
 * had answered. `params` replaces what is pushed. In `connect`, `user` signs the connection in; in `subscribe` and
 * `authorize`, `data` is for the client. `connect` and `subscribe` let nobody in by it: they pass.
 */
export function allow(options: AllowOptions = {}): Allow {
  return { type: 'allow', ...options }
}

/** Replaces an event's data with `data`, any JSON value; events of the HTTP API have text. */
export function replace(data: unknown): Replace {
  return { type: 'replace', data }
}

/**
 * The value of a key in the text of a JSON object, as it was written: parsing and writing it again may
 * change numbers and the order of keys. Undefined where the key is absent.
 */
export function writtenIn(json: string, key: string): string | undefined {
  return scanObject(json, [key])?.[0]?.text
}

/** An app as the admin API takes it, with the id, key and secret that it must have. */
export type AppConfig = { readonly [Name in SwitchName]?: boolean } & {
  readonly id: string
  readonly key: string
  readonly secret: string
  readonly name?: string
  readonly slug?: string
  readonly hosts?: readonly string[]
  readonly webhooks?: readonly { readonly url: string; readonly [key: string]: unknown }[]
  readonly history?: readonly {
    readonly prefix: string
    readonly size?: number
    readonly ttl_seconds?: number
    readonly durable?: boolean
    readonly rewind?: number
  }[]
  readonly limits?: { readonly [name: string]: number }
  /** Settings of plugins for the app, by name. */
  readonly plugins?: { readonly [plugin: string]: { readonly [name: string]: unknown } }
}

export type CarillonConfig = {
  /** Their hooks run in this order. */
  readonly plugins?: readonly AnyPlugin[]
  /** Apps that are not in the database. */
  readonly apps?: readonly AppConfig[]
}

/** A plugin with any `locals`. */
// oxlint-disable-next-line no-explicit-any
export type AnyPlugin = Plugin<any, any>

/** Checks the configuration file's shape as it is written. */
export function defineConfig(config: CarillonConfig): CarillonConfig {
  return config
}
