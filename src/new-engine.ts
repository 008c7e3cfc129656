/** The engine of a server, as its settings say: that of one node, or of several that are one. */
import { systemClock } from './clock'
import type { Config } from './config/config'
import type { Credentials } from './config/credentials'
import type { Core } from './core/core'
import type { Engine, EngineParts } from './core/engine'
import type { Mirror } from './core/mirror'
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
  /** What N nodes have of apps and admins; undefined for one node. */
  readonly records: NodesRecords | undefined
}

/** What N nodes have in common of what one keeps in its database. */
export type NodesRecords = {
  /**
   * Takes it into the database, before that is read. Done when the first app and admin are there, or this node may
   * make them: `areMissing` says whether they are needed. @throws (rejects with) RedisUnfit
   */
  take(areMissing: () => boolean): Promise<void>
  /** Makes the first app and admin. @throws (rejects with) AppConflict, RealtimeError */
  found(credentials: Pick<Credentials, 'newApp' | 'admin'>): Promise<void>
}

/** Loads what speaks to Redis only where it is needed. */
export async function enginesOf(
  options: Options,
  provided: readonly ProvidedApp[],
  mirror: () => Mirror,
): Promise<Engines> {
  const { config, log, newEngine, plugins = [] } = options
  if (newEngine || config.redisUrl === undefined) return enginesOfOne(newEngine)
  const { newCluster } = await import('./cluster/open-cluster')
  const { agreedOf } = await import('./cluster/nodes/agreed')
  const agreed = agreedOf(config, plugins, provided)
  const cluster = newCluster(config, config.redisUrl, { clock: systemClock, log, agreed })
  const own = mirror()
  return {
    newEngine: cluster.newEngine,
    begin: (core) => cluster.begin(core, own),
    close: () => cluster.close(),
    records: {
      async take(areMissing) {
        const early = await cluster.takeRecords(own)
        try {
          await early.found(areMissing)
        } finally {
          await early.close()
        }
      },
      found: ({ newApp, admin: { username, passwordSha256, origin } }) =>
        cluster.found(newApp, origin === 'generated' ? { username, passwordSha256 } : undefined),
    },
  }
}

const enginesOfOne = (newEngine: Options['newEngine']): Engines => ({
  newEngine: newEngine ?? ((parts) => new OneNodeEngine(parts)),
  begin: async () => {},
  close: async () => {},
  records: undefined,
})
