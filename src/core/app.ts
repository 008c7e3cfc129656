/**
 * App: a tenant, as it is written down and as it is at work.
 */
import type { LimitName, Limits } from './limits'
import type { KeyPair } from './signature'
import type { AppId } from './types'

export type KeyRecord = { readonly key: string; readonly secret: string }

/** How an app is written down. */
export type AppRecord = {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly active: boolean
  readonly clientEvents: boolean
  readonly subscriptionCounts: boolean
  /** Switches that only dialects read; one that is not there is off. */
  readonly dialects: { readonly [name: string]: boolean }
  /** Origins that may connect; empty for all. */
  readonly hosts: readonly string[]
  readonly webhooks: readonly WebhookRecord[]
  /** The app's own limits, where it has any. */
  readonly limits: Partial<Limits>
  /** One or two live pairs, oldest first. */
  readonly keys: readonly KeyRecord[]
}

/** An endpoint as soketi's users write it; stored as given. */
export type WebhookRecord = { readonly url: string } & { readonly [key: string]: unknown }

/** An app at work. */
export type App = {
  readonly id: AppId
  readonly record: AppRecord
  /** The live pairs, oldest first; any of them connects, signs requests and signs subscriptions. */
  readonly keys: readonly KeyPair[]
  /** Everybody knows a secret of it. */
  readonly isPublished: boolean
  /** The app's own, else the node's. */
  readonly limits: Limits
  /** Where its id, key and secret come from, if not from the database. */
  readonly providedBy: string | undefined
}

/** What of a provided app is different; a limit of null is the node's. */
export type AppOverrides = Partial<Omit<AppRecord, 'id' | 'keys' | 'limits'>> & {
  readonly limits?: { readonly [Name in LimitName]?: number | null }
}

/** What apps are written to. Its methods throw where the database does. */
export interface AppStore {
  /** In the order in which they were made. */
  all(): readonly AppRecord[]
  /** A new app; throws where its id, name, slug or key is taken. `now` is epoch milliseconds, here and below. */
  insert(record: AppRecord, now: number): void
  /** An app that is stored already. */
  update(record: AppRecord, now: number): void
  remove(id: string): void
  /** What was changed of provided apps, by id. */
  overrides(): ReadonlyMap<string, AppOverrides>
  override(id: string, overrides: AppOverrides, now: number): void
}

/** The pair of an app that a caller named. */
export function findKeyPair(app: App, key: string): KeyPair | undefined {
  return app.keys.find((pair) => pair.key === key)
}

/** What an app is until somebody says otherwise. */
export const NEW_APP: Omit<AppRecord, 'id' | 'name' | 'slug' | 'keys'> = {
  active: true,
  clientEvents: true,
  subscriptionCounts: false,
  dialects: {},
  hosts: [],
  webhooks: [],
  limits: {},
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
