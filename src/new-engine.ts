/** The engine of a server, as its settings say: that of one node, or of several that are one. */
import { systemClock } from './clock'
import type { Config } from './config/config'
import type { Core } from './core/core'
import type { Engine, EngineParts } from './core/engine'
import type { HistoryStore } from './core/history-log'
import { OneNodeEngine } from './core/one-node'
import type { ProvidedApp } from './core/provided-apps'
import type { Log } from './core/types'
import type { AnyPlugin } from './plugin'

type Options = {
  readonly config: Config
  readonly log: Log
  readonly plugins?: readonly AnyPlugin[]
  /** In place of the one that the settings say. */
  readonly newEngine?: (parts: EngineParts) => Engine
}

export type Engines = {
  readonly newEngine: (parts: EngineParts) => Engine
  /** Connects to the other nodes. @throws (rejects with) RedisUnfit */
  begin(core: Core): Promise<void>
  close(): Promise<void>
}

/** Loads what speaks to Redis only where it is needed. */
export async function enginesOf(
  options: Options,
  provided: readonly ProvidedApp[],
  historyStore: HistoryStore,
): Promise<Engines> {
  const { config, log, newEngine, plugins = [] } = options
  const newOneNode = (parts: EngineParts) => new OneNodeEngine({ ...parts, historyStore })
  if (newEngine || config.redisUrl === undefined)
    return { newEngine: newEngine ?? newOneNode, begin: async () => {}, close: async () => {} }
  const { newCluster } = await import('./cluster/open-cluster')
  const { agreedOf } = await import('./cluster/nodes-agreed')
  const agreed = agreedOf(config, plugins, provided)
  const cluster = newCluster(config, config.redisUrl, { clock: systemClock, log, agreed })
  const begin = (core: Core): Promise<void> => cluster.begin(core)
  return { newEngine: cluster.newEngine, begin, close: () => cluster.close() }
}
