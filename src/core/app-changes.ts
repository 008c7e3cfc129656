/** Changes of apps, as the admin API makes them; every node carries them out alike. */
import type { App, AppRecord } from './app'
import type { Core } from './core'
import type { AppChange } from './apps'
import { andThen, type MaybePromise } from './maybe-promise'

/**
 * Returns the new app; undefined where it was deleted before the engine answered.
 * @throws AppConflict, StoreError (or rejects with them), as the next two do
 */
export function createApp(core: Core, record: AppRecord): MaybePromise<App | undefined> {
  return andThen(orderChange(core, { type: 'create', record }), () => core.apps.byId(record.id))
}

/** Replaces the record of an app; its id stays. */
export function changeApp(core: Core, record: AppRecord): MaybePromise<void> {
  return orderChange(core, { type: 'change', record })
}

export function removeApp(core: Core, { id }: App): MaybePromise<void> {
  return orderChange(core, { type: 'remove', id })
}

const orderChange = (core: Core, change: AppChange): MaybePromise<void> =>
  core.engine.order({ type: 'app_changed', change })
