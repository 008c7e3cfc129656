/**
 * Apps: the tenants. Owns the maps by id, key and slug; a lookup is a map read, never a query.
 * A change is written to the store first, then shown; both in one synchronous step. An `App` keeps
 * its identity for life: who holds one sees its changes.
 */
import type { Limits } from './limits'
import { KeyPair } from './signature'
import type { AppId } from './types'

export type KeyRecord = { readonly key: string; readonly secret: string }

/** How an app is written down. */
export type AppRecord = {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly active: boolean
  readonly clientEvents: boolean
  readonly publicClientEvents: boolean
  readonly subscriptionCounts: boolean
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

/** An app that comes from outside the database; its other settings may be changed and last. */
export type ProvidedApp = AppRecord & { readonly providedBy: string }

/** An app at work. */
export type App = {
  readonly id: AppId
  readonly record: AppRecord
  /** The live pairs, oldest first; any of them connects, signs requests and signs subscriptions. */
  readonly keys: readonly KeyPair[]
  /** The app's own, else the node's. */
  readonly limits: Limits
  /** Where its id, key and secret come from, if not from the database. */
  readonly providedBy: string | undefined
}

/** What apps are written to. Its methods throw where the database does. */
export interface AppStore {
  all(): readonly AppRecord[]
  /** Writes an app, new or changed; without its keys where they come from elsewhere. */
  save(record: AppRecord, options: { readonly keys: boolean; readonly now: number }): void
  remove(id: string): void
}

/** The fields in which no two apps may agree. */
const UNIQUE = ['id', 'name', 'slug'] as const
export type UniqueField = (typeof UNIQUE)[number] | 'key'

type AppState = { -readonly [Field in keyof App]: App[Field] }

export class Apps {
  readonly #byId = new Map<string, AppState>()
  readonly #byKey = new Map<string, AppState>()
  readonly #bySlug = new Map<string, AppState>()

  constructor(
    readonly store: AppStore,
    readonly limits: Limits,
    provided: readonly ProvidedApp[] = [],
  ) {
    const stored = store.all()
    const ids = new Set(provided.map(({ id }) => id))
    const taken = new Set(provided.flatMap(({ keys }) => keys.map(({ key }) => key)))
    for (const record of stored) {
      const free = record.keys.every(({ key }) => !taken.has(key)) && !ids.has(record.id)
      if (free && record.keys.length > 0) this.#show(this.#stateOf(record, undefined))
    }
    for (const { providedBy, ...record } of provided) {
      const changed = stored.find(({ id }) => id === record.id)
      this.#show(this.#stateOf({ ...record, ...changed, keys: record.keys }, providedBy))
    }
  }

  byId(id: string): App | undefined {
    return this.#byId.get(id)
  }

  byKey(key: string): App | undefined {
    return this.#byKey.get(key)
  }

  bySlug(slug: string): App | undefined {
    return this.#bySlug.get(slug)
  }

  all(): Iterable<App> {
    return this.#byId.values()
  }

  /** The fields of `record` that another app has already. */
  conflicts(record: AppRecord, self?: App): UniqueField[] {
    const others = [...this.#byId.values()].filter((app) => app !== self)
    const fields: UniqueField[] = UNIQUE.filter((field) =>
      others.some((app) => app.record[field] === record[field]),
    )
    const taken = record.keys.some(({ key }) => (this.#byKey.get(key) ?? self) !== self)
    return taken ? [...fields, 'key'] : fields
  }

  /** The caller has asked for conflicts. `now` is epoch milliseconds, here and below. */
  create(record: AppRecord, now: number): App {
    this.store.save(record, { keys: true, now })
    return this.#show(this.#stateOf(record, undefined))
  }

  /** Replaces what is written of an app; its id stays. */
  change(app: App, record: AppRecord, now: number): void {
    this.store.save(record, { keys: app.providedBy === undefined, now })
    const state = this.#byId.get(app.id)
    if (!state) return
    this.#hide(state)
    const kept = new Map(state.keys.map((pair) => [pair.key, pair]))
    const keys = record.keys.map(({ key, secret }) => kept.get(key) ?? new KeyPair(key, secret))
    Object.assign(state, { record, keys, limits: { ...this.limits, ...record.limits } })
    this.#show(state)
  }

  remove(app: App): void {
    this.store.remove(app.id)
    const state = this.#byId.get(app.id)
    if (state) this.#hide(state)
  }

  #stateOf(record: AppRecord, providedBy: string | undefined): AppState {
    return {
      id: record.id as AppId,
      record,
      keys: record.keys.map(({ key, secret }) => new KeyPair(key, secret)),
      limits: { ...this.limits, ...record.limits },
      providedBy,
    }
  }

  #show(state: AppState): App {
    this.#byId.set(state.id, state)
    this.#bySlug.set(state.record.slug, state)
    for (const { key } of state.keys) this.#byKey.set(key, state)
    return state
  }

  #hide(state: AppState): void {
    this.#byId.delete(state.id)
    // A provided app may have taken the slug of a stored one.
    if (this.#bySlug.get(state.record.slug) === state) this.#bySlug.delete(state.record.slug)
    for (const { key } of state.keys) this.#byKey.delete(key)
  }
}

/** The pair of an app that a caller named. */
export function keyPairOf(app: App, key: string): KeyPair | undefined {
  return app.keys.find((pair) => pair.key === key)
}
