/** App: a tenant, as it is stored and as it is served. */
import type { Deed } from './audit'
import type { AppCounters, Gauges, Peaks, Tallies, Tally } from './counters'
import type { LimitName, Limits } from './limits'
import type { KeyPair } from './signature'
import type { AppId } from './types'

export type KeyRecord = { readonly key: string; readonly secret: string }

/** An app as it is stored. */
export type AppRecord = {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly active: boolean
  readonly clientEvents: boolean
  readonly tlsOnly: boolean
  readonly subscriptionCounts: boolean
  /** Switches that only dialects read; a missing one is off. */
  readonly dialects: { readonly [name: string]: boolean }
  /** Origins that may connect; empty for all. */
  readonly hosts: readonly string[]
  readonly webhooks: readonly WebhookRecord[]
  /** Which channels keep their events; none where it is empty. */
  readonly history: readonly HistoryRule[]
  /** The app's own limits, where it has any. */
  readonly limits: Partial<Limits>
  /** Settings of plugins for the app, by the plugin's name, as JSON. */
  readonly plugins: { readonly [plugin: string]: SettingsRecord }
  /** One or two live pairs, oldest first. */
  readonly keys: readonly KeyRecord[]
  /** The id of the token that made it, if one did. */
  readonly createdBy?: string | undefined
  /** Epoch milliseconds; absent where it is from outside the database. */
  readonly createdAt?: number | undefined
}

export type SettingsRecord = { readonly [name: string]: unknown }

/** An endpoint in soketi's format; stored as given. */
export type WebhookRecord = {
  readonly url: string
  readonly event_types?: readonly string[]
  readonly filter?: { readonly [name: string]: string }
  readonly headers?: { readonly [name: string]: string }
}

/** Channels whose events are kept, as the wire has it; of several rules for a channel the first counts. */
export type HistoryRule = {
  /** How their names begin. Only one that begins with `private-` or `presence-` covers such channels. */
  readonly prefix: string
  /** How many events of a channel are kept, and for how long. */
  readonly size: number
  readonly ttl_seconds: number
  /** They are stored, and survive a restart. */
  readonly durable: boolean
  /** How many of them a new subscriber gets that does not ask. */
  readonly rewind: number
}

/** An app as it is served. */
export type App = {
  readonly id: AppId
  readonly record: AppRecord
  /** The live pairs, oldest first; any of them connects, signs requests and signs subscriptions. */
  readonly keys: readonly KeyPair[]
  /** One of its secrets is published. */
  readonly isPublished: boolean
  /** The app's own, else the node's. */
  readonly limits: Limits
  /** The source of its id, key and secret, where that is not the database. */
  readonly providedBy: string | undefined
  /** Counted for life; those of the process once the app has ended. */
  readonly counters: AppCounters
  readonly tallies: Tallies
  readonly gauges: Gauges
  /** Those of now, to channels and groups of every kind, by the name of the kind. */
  readonly subscriptionsByKind: Tally
  readonly peaks: Peaks
}

/** Changes of a provided app; a limit of null is the node's, settings of null are none. */
export type AppOverrides = Partial<
  Omit<AppRecord, 'id' | 'keys' | 'limits' | 'plugins' | 'createdBy' | 'createdAt'>
> & {
  readonly limits?: { readonly [Name in LimitName]?: number | null }
  readonly plugins?: { readonly [plugin: string]: SettingsRecord | null }
}

/** Changes of the provided app with the id. */
export type Overridden = { readonly id: string; readonly overrides: AppOverrides }

/** A change of an app that is audited: `before` is undefined for a new one, `after` for one that is deleted. */
export type AuditedChange = {
  readonly deed: Deed
  /** Epoch milliseconds. */
  readonly at: number
  readonly before: AppRecord | undefined
  readonly after: AppRecord | undefined
}

/** Storage of apps. Its methods throw where the database does; what is audited is written in the same transaction. */
export interface AppStore {
  /** In the order of their creation. */
  all(): readonly AppRecord[]
  /** Throws where the id, name, slug or key is taken. `now` is epoch milliseconds, here and below. */
  insert(record: AppRecord, now: number, audited?: AuditedChange): void
  update(record: AppRecord, now: number, audited?: AuditedChange): void
  /** Tokens of the app end with it. */
  remove(id: string, now: number, audited?: AuditedChange): void
  /** Changes of provided apps, by id. */
  overrides(): ReadonlyMap<string, AppOverrides>
  override(overridden: Overridden, now: number, audited?: AuditedChange): void
}

export function findKeyPair(app: App, key: string): KeyPair | undefined {
  return app.keys.find((pair) => pair.key === key)
}

/** The defaults of a new app. */
export const NEW_APP: Omit<AppRecord, 'id' | 'name' | 'slug' | 'keys'> = {
  active: true,
  clientEvents: true,
  tlsOnly: false,
  subscriptionCounts: false,
  dialects: {},
  hosts: [],
  webhooks: [],
  history: [],
  limits: {},
  plugins: {},
}

/** Digits: two SDKs read nothing else from a `PUSHER_URL`. */
export function newAppId(): string {
  const [random] = crypto.getRandomValues(new Uint32Array(1))
  return String(100_000_000 + (random! % 900_000_000))
}

/** 36 characters each, 122 of their bits random. */
export function newKeyPair(): KeyRecord {
  return { key: crypto.randomUUID(), secret: crypto.randomUUID() }
}
