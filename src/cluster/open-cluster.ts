/** Opens what makes this server one of several: its engine, and its link to Redis. */
import type { Config } from '../config/config'
import type { AppRecord } from '../core/app'
import type { Core } from '../core/core'
import type { EngineParts } from '../core/engine'
import type { Mirror, StoredAdmin } from '../core/mirror'
import { Readiness } from '../core/readiness'
import type { Clock, Log } from '../core/types'
import { RedisAway } from './link/away'
import { newNumbers, type Context } from './context'
import { Incarnations, Lives } from './incarnations'
import { openLink, type Link, type LinkEvents } from './link/link'
import { linkOptionsOf } from './link/link-settings'
import { Nodes, NODES_BUS, NODES_PLACE, type NodesOptions } from './nodes/nodes'
import { TABLE_SCRIPTS } from './records/scripts'
import { takeRecords, type EarlyRecords } from './records/start'
import { RedisEngine } from './redis-engine'
import { SCRIPTS } from './scripts'
import { VERSION } from './wire'

export type Cluster = {
  readonly newEngine: (parts: EngineParts) => RedisEngine
  /** Connects. Done after the first attempt, whether Redis is there or not. @throws (rejects with) RedisUnfit */
  begin(core: Core, mirror: Mirror): Promise<void>
  /** Takes what the table of apps has, before anything is read of the database. @throws (rejects with) RedisUnfit */
  takeRecords(mirror: Mirror): Promise<EarlyRecords>
  /** Makes what this start has generated. @throws (rejects with) AppConflict, RealtimeError */
  found(record: AppRecord | undefined, admin: StoredAdmin | undefined): Promise<void>
  /** Leaves the others. */
  close(): Promise<void>
}

export type ClusterOptions = Pick<NodesOptions, 'agreed'> & {
  /** The newest version of messages that it reads; another one in tests only. */
  readonly reads?: number
  /** The real one, also in tests: leases are by Redis' own. */
  readonly clock: Clock
  readonly log: Log
  /** How far behind numbers of subscriptions may be. */
  readonly lagMs?: number
}

export function newCluster(config: Config, url: string, options: ClusterOptions): Cluster {
  const { clock, log, lagMs, reads = VERSION } = options
  const context: Omit<Context, 'kindOf'> = {
    link: NO_LINK,
    node: undefined!,
    cluster: config.cluster,
    clock,
    log,
    incarnations: new Incarnations(),
    lives: new Lives(),
    numbers: newNumbers(),
    versions: { reads, writes: reads },
    untold: new Set(),
  }
  let engine: RedisEngine
  let full: Context
  let nodes: Nodes
  return {
    newEngine: (parts) => {
      full = { ...context, kindOf: parts.kindOf }
      nodes = new Nodes(full, options)
      engine = new RedisEngine(parts, full, nodes, lagMs)
      return engine
    },
    async begin(core, mirror) {
      const scripts = [...Object.values(SCRIPTS), ...Object.values(TABLE_SCRIPTS)]
      const linkOptions = linkOptionsOf(config, url, { ...options, readiness: core.readiness })
      full.link = await openLink(
        { ...linkOptions, scripts, versions: full.versions },
        eventsOf(engine, nodes),
      )
      await nodes.begin(core)
      await engine.begin(core, mirror)
    },
    takeRecords: (mirror) =>
      takeRecords(linkOptionsOf(config, url, { ...options, readiness: new Readiness() }), mirror),
    found: (record, admin) => engine.records.found(record, admin),
    async close() {
      nodes.stop()
      await Promise.all([engine.leave(), nodes.leave()])
      await full.link.close()
    },
  }
}

/** Each of the two hears what is for it. */
function eventsOf({ events }: RedisEngine, nodes: Nodes): LinkEvents {
  return {
    message: (bus, text) => (bus === NODES_BUS ? nodes.receive(text) : events.message(bus, text)),
    connected: (covers) => {
      events.connected(covers)
      if (covers(NODES_PLACE)) void nodes.hearAgain()
    },
    lost: (reason, covers) => events.lost(reason, covers),
    deaf: (ms, covers) => {
      nodes.context.numbers.deafMs += Math.round(ms)
      events.deaf(ms, covers)
      if (covers(NODES_PLACE)) void nodes.hearAgain()
    },
  }
}

/** Before the first connect. */
const NO_LINK: Link = {
  run: () => Promise.reject(new RedisAway('Redis is not connected yet', false)),
  subscribe: () => Promise.reject(new RedisAway('Redis is not connected yet', false)),
  unsubscribe: () => undefined,
  heardUntil: () => Infinity,
  hearOut: () => Promise.resolve(),
  isUp: false,
  trouble: 'not connected yet',
  warnings: [],
  isPlaceUp: () => false,
  life: () => undefined,
  close: async () => undefined,
}
