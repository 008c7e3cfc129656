/** A plugin as the contract plays it: what it asks for is noted, or breaks. */
import type { AnyPlugin } from '../src/plugin'

/** How many channels of a plugin's own are tried. */
const MAX_OWN_CHANNELS = 20

/** The plugin, whose code is read for names of channels that need a signature; a prefix is completed. */
export function rememberChannels(plugin: AnyPlugin, channels: Set<string>): AnyPlugin {
  return {
    ...plugin,
    setup: (context) => {
      const hooks = plugin.setup(context)
      const code = [plugin.setup, ...Object.values(hooks)].join('\n')
      for (const [, name = ''] of code.matchAll(/['"`]((?:private|presence)-[\w\-=@,.;]*)/g))
        if (channels.size < MAX_OWN_CHANNELS) channels.add(name.replace(/-$/, '-carillon'))
      return hooks
    },
  }
}

/** Tells when the plugin first asks for a store: what one does that never asks is the same where they break. */
export function watchStores(plugin: AnyPlugin, onAsked: () => void): AnyPlugin {
  return {
    ...plugin,
    setup: (context) =>
      plugin.setup({
        ...context,
        get store() {
          onAsked()
          return context.store
        },
        get shared() {
          onAsked()
          return context.shared
        },
      }),
  }
}

/** Gives the plugin stores that break once the plugin has started. */
export function breakStore(plugin: AnyPlugin): AnyPlugin {
  return {
    ...plugin,
    setup: (context) => {
      let isBroken = false
      const store = new Proxy(context.store, {
        get: (target, name) => {
          if (isBroken) throw new Error('the store is out of order')
          return Reflect.get(target, name)
        },
      })
      const shared = new Proxy(context.shared, {
        get: (target, name) =>
          isBroken ? () => Promise.reject(new Error('out of order')) : Reflect.get(target, name),
      })
      const hooks = plugin.setup({ ...context, store, shared })
      const start = async (): Promise<void> => {
        await hooks.start?.()
        isBroken = true
      }
      return { ...hooks, start }
    },
  }
}
