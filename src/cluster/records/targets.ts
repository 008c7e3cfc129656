/**
 * Targets: where changes of the table go on this node. Before the start that is its database; of a server that runs it
 * is the node, which changes memory, database and connections.
 */
import type { AppOverrides, AppRecord } from '../../core/app'
import type { Core } from '../../core/core'
import type { Node } from '../../core/engine'
import { parseJson } from '../../core/json'
import type { Mirror, SharedValue } from '../../core/mirror'
import { applyOverrides } from '../../core/provided-apps'
import type { TokenRecord } from '../../core/tokens'
import { areSame } from './wire'

/** Each does nothing where that is what there is. They throw where the database does, and AppConflict. */
export interface Target {
  putApp(record: AppRecord): void
  removeApp(id: string): void
  putOverrides(id: string, overrides: AppOverrides): void
  putToken(record: TokenRecord): void
  removeToken(id: string): void
  putShared(plugin: string, key: string, value: SharedValue | undefined): void
}

/** The database alone. */
export const storedTarget = (mirror: Mirror): Target => ({
  putApp: (record) => mirror.putApp(record),
  removeApp: (id) => mirror.removeApp(id),
  putOverrides: (id, overrides) => mirror.putOverrides(id, overrides),
  putToken: (record) => mirror.putToken(record.id, record),
  removeToken: (id) => mirror.putToken(id, undefined),
  putShared: (plugin, key, value) => mirror.putShared(plugin, key, value),
})

/** A node that runs. */
export function liveTarget({ apps, tokens }: Core, node: Node, mirror: Mirror): Target {
  return {
    putApp(record) {
      const app = apps.byId(record.id)
      if (app?.providedBy !== undefined) return mirror.putApp(record) // hidden, as after a start
      if (app && areSame(app.record, record)) return
      const type = app ? 'change' : 'create'
      node.carryOut({ type: 'app_changed', change: { type, record } })
    },
    removeApp(id) {
      const app = apps.byId(id)
      if (!app || app.providedBy !== undefined) return mirror.removeApp(id)
      node.carryOut({ type: 'app_changed', change: { type: 'remove', id } })
    },
    putOverrides(id, overrides) {
      const base = apps.providedAs(id)
      const app = apps.byId(id)
      if (!base || !app) return mirror.putOverrides(id, overrides)
      const record = applyOverrides(base, overrides)
      if (areSame(app.record, record)) return
      node.carryOut({ type: 'app_changed', change: { type: 'change', record } })
    },
    putToken(record) {
      const { id, revokedAt: at } = record
      const known = tokens.byId(id)
      if (!known) {
        const change = { type: 'create', record: { ...record, revokedAt: undefined } } as const
        node.carryOut({ type: 'token_changed', change: { ...change, deed: undefined } })
      }
      if (at !== undefined && known?.revokedAt === undefined)
        node.carryOut({
          type: 'token_changed',
          change: { type: 'revoke', id, at, deed: undefined },
        })
    },
    removeToken: () => undefined, // each node forgets those that have ended
    putShared(plugin, key, value) {
      mirror.putShared(plugin, key, value)
      node.carryOut({
        type: 'shared_changed',
        plugin,
        key,
        value: value && parseJson(value.json),
      })
    },
  }
}
