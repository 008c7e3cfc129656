/**
 * Apps: the tenants. Owns the maps by id and by key; a lookup is a map read, never a query.
 * Apps that the settings bring win over stored ones of the same id or key.
 */
import type { Limits } from './limits'
import { KeyPair } from './signature'
import type { AppId } from './types'

/** How an app is written down, in the store or in the settings. */
export type AppRecord = {
  readonly id: string
  readonly name: string
  readonly slug: string
  readonly key: string
  readonly secret: string
  readonly active: boolean
  readonly clientEvents: boolean
}

/** An app at work. Its identity lasts as long as the app does. */
export type App = {
  readonly id: AppId
  readonly name: string
  readonly slug: string
  /** The live pairs, oldest first; any of them connects, signs requests and signs subscriptions. */
  readonly keys: readonly KeyPair[]
  readonly active: boolean
  readonly clientEvents: boolean
  readonly limits: Limits
}

export class Apps {
  readonly #byId = new Map<string, App>()
  readonly #byKey = new Map<string, App>()

  constructor(records: readonly AppRecord[], limits: Limits) {
    for (const record of records) {
      const app = appOf(record, limits)
      this.#byId.set(app.id, app)
      this.#byKey.set(record.key, app)
    }
  }

  byId(id: string): App | undefined {
    return this.#byId.get(id)
  }

  byKey(key: string): App | undefined {
    return this.#byKey.get(key)
  }

  all(): Iterable<App> {
    return this.#byId.values()
  }
}

/** The pair of an app that a caller named. */
export function keyPairOf(app: App, key: string): KeyPair | undefined {
  return app.keys.find((pair) => pair.key === key)
}

function appOf(record: AppRecord, limits: Limits): App {
  const { id, name, slug, key, secret, active, clientEvents } = record
  return {
    id: id as AppId,
    name,
    slug,
    keys: [new KeyPair(key, secret)],
    active,
    clientEvents,
    limits,
  }
}
