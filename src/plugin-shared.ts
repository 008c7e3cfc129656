/** What a plugin shares with itself on other nodes: calls go through the engine, so each is a promise. */
import type { Core } from './core/core'
import { logFailure } from './core/plugin-faults'
import type { SharedStore } from './core/plugin-means'
import type { Log } from './core/types'

/** How deep a plugin may write in its own `sharedChanged` hook. */
const MAX_DEPTH = 4

type Parts = {
  readonly plugin: string
  readonly log: Log
  /** Undefined until the server is built. */
  readonly coreOf: () => Core | undefined
}

/** The values that a plugin's nodes share. A call that fails rejects, and is in the log. */
export function newShared({ plugin, log, coreOf }: Parts): SharedStore {
  let depth = 0

  /** The plugin's hooks run before it returns, where there is one node. */
  const ask = (method: keyof SharedStore, args: readonly unknown[]): unknown => {
    const core = coreOf()
    if (!core) throw new Error(`shared.${method} works from start on, and not in setup`)
    if (depth === MAX_DEPTH)
      throw new Error(`plugin ${plugin} writes in its own sharedChanged hook, ${depth} deep`)
    depth++
    try {
      return core.engine.share({ plugin, method, args })
    } finally {
      depth--
    }
  }

  const asking = <Name extends keyof SharedStore>(name: Name): SharedStore[Name] => {
    const method = (...args: readonly unknown[]): Promise<unknown> => {
      const answer = (async () => ask(name, args))()
      answer.catch((cause: unknown) => logFailure(log, { plugin, hook: `shared.${name}` }, cause))
      return answer
    }
    return method as SharedStore[Name]
  }

  return {
    get: asking('get'),
    set: asking('set'),
    delete: asking('delete'),
    entries: asking('entries'),
    increment: asking('increment'),
  }
}
