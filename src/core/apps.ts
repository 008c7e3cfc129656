/**
 * Apps: the tenants. Owns the maps by id, key and slug; a lookup is a map read, never a query. A change is
 * written to the store first, then to the maps, in one synchronous step. An `App` is one object for life:
 * whoever holds it sees its changes.
 */
import type { App, AppRecord, AppStore, AuditedChange } from './app'
import { AppNames, findClash, UNIQUE_FIELDS, type UniqueField } from './app-names'
import type { Deed } from './audit'
import {
  addCounters,
  addTallies,
  newAppCounters,
  newGauges,
  newPeaks,
  newTallies,
  newTally,
  type AppCounters,
  type Counters,
  type Tallies,
} from './counters'
import { quote, refusal, type Refusal } from './errors'
import { limitsOfApp, type Limits } from './limits'
import { overridesOf, applyOverrides, type ProvidedApp } from './provided-apps'
import { KeyPair } from './signature'
import type { AppId, Log } from './types'

type NameOwner = { readonly record: AppRecord }
type AppState = { -readonly [Field in keyof App]: App[Field] }

export type AppsOptions = {
  readonly limits: Limits
  readonly log: Log
  /** The process's. */
  readonly counters: Counters
  readonly tallies: Tallies
  /** Without clashes among them. */
  readonly provided: readonly ProvidedApp[]
  /** The app of clients that name none. */
  readonly defaultAppId: string | undefined
}

/** A change of the tenants, the same on every node. */
export type AppChange = (
  | { readonly type: 'create' | 'change'; readonly record: AppRecord }
  | { readonly type: 'remove'; readonly id: string }
) & {
  /** Whose doing it is; undefined for nobody's of the admin's side. */
  readonly deed?: Deed | undefined
}

/** `now` is epoch milliseconds. */
type Act = { readonly now: number; readonly deed: Deed | undefined }

/** Another app has the same value in these fields. */
export class AppConflict extends Error {
  constructor(readonly fields: readonly UniqueField[]) {
    super(`another app has the same ${fields.join(' and ')}`)
  }
}

/** The app was changed on another node, and this one did not know it yet. */
export class AppOutdated extends Error {
  constructor() {
    super('the app was changed on another node meanwhile')
  }
}

export class Apps {
  readonly #byId = new Map<string, AppState>()
  readonly #byKey = new Map<string, AppState>()
  readonly #bySlug = new Map<string, AppState>()
  readonly #published = new Set<AppState>()
  /** Provided apps without their changes, by id; below with their sources. */
  readonly #bases = new Map<string, AppRecord>()
  readonly #provided: ReadonlyMap<string, ProvidedApp>
  /**
   * Names of registered apps, and of stored ones that are hidden while a provided app has their id or key:
   * they keep their names and return when that is gone.
   */
  readonly #names = new AppNames<NameOwner>()

  constructor(
    readonly store: AppStore,
    readonly options: AppsOptions,
  ) {
    const { provided } = options
    this.#provided = new Map(provided.map((app) => [app.id, app]))
    const overrides = store.overrides()
    for (const { providedBy, ...base } of provided) {
      this.#bases.set(base.id, base)
      this.#registerLoaded(applyOverrides(base, overrides.get(base.id) ?? {}), providedBy)
    }
    for (const record of store.all()) this.#load(record)
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

  get size(): number {
    return this.#byId.size
  }

  /** Those that the app with the id counts in; the process's where there is none. */
  countersOf(id: string): AppCounters {
    return this.#byId.get(id)?.counters ?? this.options.counters
  }

  /** An app as it was provided, without its changes. */
  providedAs(id: string): AppRecord | undefined {
    return this.#bases.get(id)
  }

  get anyPublished(): boolean {
    return this.#published.size > 0
  }

  /** The app of clients that name none: the configured one, or the only one. */
  defaultApp(): App | undefined {
    const { defaultAppId } = this.options
    if (defaultAppId !== undefined) return this.#byId.get(defaultAppId)
    return this.#byId.size === 1 ? this.#byId.values().next().value : undefined
  }

  /** Fields of a new app that another app has already, hidden ones included; of `self`, only those that change. */
  findConflicts(record: AppRecord, self?: App): UniqueField[] {
    const others = [...this.#names.ownersOf(record)].filter(({ record: { id } }) => id !== self?.id)
    const changes = (field: UniqueField): boolean =>
      self === undefined || (field !== 'key' && self.record[field] !== record[field])
    return UNIQUE_FIELDS.filter(
      (field) => changes(field) && others.some((other) => findClash(field, record, other.record)),
    )
  }

  /**
   * Applies a change. Returns the app; undefined where it does not exist any more. `now` is epoch milliseconds.
   * @throws AppConflict, StoreError; then nothing has changed
   */
  apply(change: AppChange, now: number): App | undefined {
    if (change.type === 'remove') {
      const app = this.byId(change.id)
      if (app) this.#remove(app, { now, deed: change.deed })
      return app
    }
    const { type, record, deed } = change
    const app = type === 'change' ? this.byId(record.id) : undefined
    const conflicts = this.findConflicts(record, app)
    if (conflicts.length > 0) throw new AppConflict(conflicts)
    if (type === 'create') return this.#create(record, { now, deed })
    if (app) this.#change(app, record, { now, deed })
    return app
  }

  /** The caller has checked for conflicts. `now` is epoch milliseconds, here and below. */
  create(record: AppRecord, now: number): App {
    return this.#create(record, { now, deed: undefined })
  }

  /** Replaces an app's record; its id stays. The caller has checked for conflicts. */
  change(app: App, record: AppRecord, now: number): void {
    this.#change(app, record, { now, deed: undefined })
  }

  remove(app: App, now: number): void {
    this.#remove(app, { now, deed: undefined })
  }

  #create(record: AppRecord, act: Act): App {
    this.store.insert(record, act.now, audited(act, undefined, record))
    return this.#register(this.#stateOf(record, undefined))
  }

  #change({ id, record: before }: App, record: AppRecord, act: Act): void {
    const base = this.#provided.get(id)
    const change = audited(act, before, record)
    if (base) this.store.override({ id, overrides: overridesOf(base, record) }, act.now, change)
    else this.store.update(record, act.now, change)
    const state = this.#byId.get(id)
    if (!state) return
    this.#unregister(state)
    this.#register(Object.assign(state, this.#stateOf(record, state.providedBy, state)))
  }

  #remove(app: App, act: Act): void {
    this.store.remove(app.id, act.now, audited(act, app.record, undefined))
    const state = this.#byId.get(app.id)
    if (!state) return
    this.#byId.delete(state.id)
    this.#published.delete(state)
    this.#unregister(state)
    const { counters, tallies } = this.options
    addCounters(counters, state)
    addTallies(tallies, state)
    // Its connections end in later turns, and events that are under way: they go on counting.
    state.counters = counters
    state.tallies = tallies
  }

  /** Registers a stored app, unless a provided one has its id or one of its keys. */
  #load(record: AppRecord): void {
    const { id, name, keys } = record
    const same = this.#provided.get(id)
    const owners = keys.map(({ key }) => this.#provided.get(this.#byKey.get(key)?.id ?? ''))
    const app = same ?? owners.find((owner) => owner !== undefined)
    if (!app) return this.#registerLoaded(record, undefined)
    this.#names.add({ record }, record)
    this.options.log.warn(
      { appId: id, name, field: same ? 'id' : 'key', by: app.providedBy },
      'a stored app is hidden: a provided app has its id or key',
    )
  }

  /** Changed or stored names and slugs may equal those of an app that was provided later: that is a warning. */
  #registerLoaded(record: AppRecord, providedBy: string | undefined): void {
    for (const { record: other } of this.#names.ownersOf(record))
      if (this.#byId.has(other.id) && (other.name === record.name || other.slug === record.slug))
        this.options.log.warn(
          { appIds: [other.id, record.id] },
          'two apps have the same name or slug',
        )
    this.#register(this.#stateOf(record, providedBy))
  }

  /** Pairs that the app has already, all its numbers stay the same objects. */
  #stateOf(record: AppRecord, providedBy: string | undefined, before?: AppState): AppState {
    const pairOf = (key: string): KeyPair | undefined =>
      before?.keys.find((pair) => pair.key === key)
    const keys = record.keys.map(({ key, secret }) => pairOf(key) ?? new KeyPair(key, secret))
    return {
      id: record.id as AppId,
      record,
      keys,
      isPublished: keys.some(({ isPublished }) => isPublished),
      limits: limitsOfApp(this.options.limits, record.limits),
      providedBy,
      counters: before?.counters ?? newAppCounters(),
      tallies: before?.tallies ?? newTallies(),
      gauges: before?.gauges ?? newGauges(),
      subscriptionsByKind: before?.subscriptionsByKind ?? newTally(),
      peaks: before?.peaks ?? newPeaks(),
    }
  }

  #register(state: AppState): App {
    this.#byId.set(state.id, state)
    this.#names.add(state, state.record)
    if (state.isPublished) this.#published.add(state)
    else this.#published.delete(state)
    for (const { key } of state.keys) this.#byKey.set(key, state)
    // A stored app may have the slug of a provided one, which was registered first.
    if (!this.#bySlug.has(state.record.slug)) this.#bySlug.set(state.record.slug, state)
    return state
  }

  #unregister(state: AppState): void {
    const { record } = state
    this.#names.remove(state, record)
    for (const { key } of state.keys) this.#byKey.delete(key)
    if (this.#bySlug.get(record.slug) !== state) return
    this.#bySlug.delete(record.slug)
    for (const { record: other } of this.#names.ownersOf(record)) {
      const next = this.#byId.get(other.id)
      if (next?.record.slug === record.slug) this.#bySlug.set(record.slug, next)
    }
  }
}

/** The app with a client's key, or the refusal where it is unknown or disabled. */
export function findAppByKey({ apps }: { readonly apps: Apps }, key: string): App | Refusal {
  const app = apps.byKey(key)
  if (!app) return refusal('app_not_found', `App key ${quote(key)} does not exist`)
  return checkActive(app) ?? app
}

export const checkActive = ({ id, record }: App): Refusal | undefined =>
  record.active ? undefined : refusal('app_disabled', `App ${id} is disabled`)

function audited(
  { deed, now: at }: Act,
  before: AppRecord | undefined,
  after: AppRecord | undefined,
): AuditedChange | undefined {
  return deed && { deed, at, before, after }
}
