/**
 * Shared: what the nodes of a plugin keep together. The engine holds the values, in a store where it is one node,
 * and has every node carry out `shared_changed` after each write, in one order.
 */
import type { Core } from './core'
import type { Order, SharedCall } from './engine'
import { notify } from './hooks'
import { jsonOf, parseJson } from './json'
import type { SharedChangeView } from './plugin'
import type { PluginStore } from './plugin-means'
import { freezeDeep } from './read-only'

/** Makes a call to the store that holds the values. `tell` gets the order of a write before this returns. */
export function callShared(
  store: PluginStore,
  { plugin, method, args }: SharedCall,
  tell: (order: Order) => void,
): unknown {
  const run = store[method] as (...args: readonly unknown[]) => unknown
  const answer = run(...args)
  if (method === 'get' || method === 'entries') return answer
  const [key, given] = args
  const value = { set: given, delete: undefined, increment: answer }[method]
  tell({ type: 'shared_changed', plugin, key: String(key), value })
  return answer
}

/** Notifies a plugin, and no other, of a value that it shares; it gets a copy, as another node would. */
export function notifyShared(
  core: Core,
  { plugin, key, value }: SharedChangeView & { readonly plugin: string },
): void {
  core.sharedTaps.get(plugin)?.({ key, value })
  const own = core.hooks.sharedChanged.filter((hook) => hook.plugin === plugin)
  if (own.length === 0) return
  const json = value === undefined ? undefined : jsonOf(value)
  const copy = json === undefined ? undefined : freezeDeep(parseJson(json))
  notify(core, own, Object.freeze({ key, value: copy }))
}
