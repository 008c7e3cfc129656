/**
 * Changes of apps, and of tokens for the admin API; every node carries them out alike. With a deed they are audited,
 * in the same transaction.
 */
import type { App, AppRecord } from './app'
import type { AppChange } from './apps'
import type { Deed } from './audit'
import type { Core } from './core'
import { andThen, type MaybePromise } from './maybe-promise'
import type { TokenRecord } from './tokens'

/**
 * Returns the new app; undefined where it was deleted before the engine answered.
 * @throws AppConflict, StoreError (or rejects with them), as the others do
 */
export function createApp(
  core: Core,
  record: AppRecord,
  deed?: Deed,
): MaybePromise<App | undefined> {
  const change = { type: 'create', record, deed } as const
  return andThen(orderChange(core, change), () => core.apps.byId(record.id))
}

/** Replaces the record of an app; its id stays. */
export function changeApp(core: Core, record: AppRecord, deed?: Deed): MaybePromise<void> {
  return orderChange(core, { type: 'change', record, deed })
}

export function removeApp(core: Core, { id }: App, deed?: Deed): MaybePromise<void> {
  return orderChange(core, { type: 'remove', id, deed })
}

export function createToken(core: Core, record: TokenRecord, deed: Deed): MaybePromise<void> {
  return core.engine.order({ type: 'token_changed', change: { type: 'create', record, deed } })
}

/** The token is refused from now on; nothing happens to one that has been revoked before. */
export function revokeToken(core: Core, { id }: TokenRecord, deed: Deed): MaybePromise<void> {
  return core.engine.order({ type: 'token_changed', change: { type: 'revoke', id, deed } })
}

const orderChange = (core: Core, change: AppChange): MaybePromise<void> =>
  core.engine.order({ type: 'app_changed', change })
