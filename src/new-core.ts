/** The core of one server: its nouns, built in order, and the engine that ties them to this node. */
import { version } from '../package.json'
import { nodeNameOf } from './config/cluster-settings'
import type { Config } from './config/config'
import { AddressCounts } from './core/addresses'
import { Rates } from './core/bucket'
import type { Core } from './core/core'
import { newPeaks } from './core/counters'
import { Departures } from './core/departures'
import type { Engine, EngineParts } from './core/engine'
import { Expiries } from './core/expiries'
import { Facts } from './core/facts'
import { Groups } from './core/groups'
import { Hub } from './core/hub'
import { newNode } from './core/node'
import { newLatencies } from './core/latencies'
import type { NodeAbout } from './core/node-report'
import { LeaveQueue } from './core/leave-queue'
import { ReadQueue } from './core/read-queue'
import { Readiness } from './core/readiness'
import { RefusalLog } from './core/refusal-log'
import { KnownSoftware } from './core/software'
import { SubscriptionCounts } from './core/subscription-counts'
import { sweepIntervalMs } from './core/sweep'
import type { Topics } from './core/types'
import { listenForTaps } from './core/taps'
import { Unauthorized } from './core/unauthorized'
import { Users } from './core/users'
import { DIALECTS } from './dialects/dialects'
import { socketLimit } from './open-files'
import { WIRE_ERRORS } from './protocols/errors'
import { SocketBytes } from './socket-bytes'

/** The parts that exist before the core. */
type CoreParts = Pick<
  Core,
  | 'clock'
  | 'log'
  | 'apps'
  | 'tokens'
  | 'hooks'
  | 'uploads'
  | 'requests'
  | 'slices'
  | 'counters'
  | 'tallies'
>

/** Builds the nouns of core on the parts that exist before them, and ties their knots. */
export function newCore(
  config: Config,
  parts: CoreParts,
  topics: Topics,
  newEngine: (parts: Omit<EngineParts, 'sharedOf'>) => Engine,
): Core {
  const { clock, counters, log, slices } = parts
  const { limits } = config
  const state: Core['state'] = {
    tick: 0,
    draining: false,
    port: undefined,
    readMetrics: undefined,
    backlogOf: undefined,
    twin: undefined,
    hasMoved: false,
    takeoverFailure: undefined,
    backedUpAt: undefined,
    certificateEndsAt: undefined,
  }
  const groups = new Groups(DIALECTS.flatMap(({ groups: tables }) => tables ?? []))
  const readiness = new Readiness()
  const [latencies, peaks] = [newLatencies(), newPeaks()]
  const fanOut = { clock, counters, peaks, latencies, log, limits, readiness, slices }
  const hub = new Hub(topics, groups, fanOut)
  const users = new Users()
  const facts = new Facts()
  const departures = new Departures({ clock, counters, log, facts, state }, config.webhookSettleMs)
  const engine = newEngine({
    clock,
    facts,
    departures,
    users,
    slices,
    kindOf: groups.kindOf,
    cacheTtlMs: config.cacheTtlSeconds * 1000,
    limits,
  })
  const core: Core = {
    limits,
    about: aboutOf(config, clock.now()),
    ...parts,
    addresses: new AddressCounts(config.limits.maxConnectionsPerAddress),
    hub,
    groups,
    peaks,
    latencies,
    users,
    software: new KnownSoftware(),
    unauthorized: new Unauthorized(),
    expiries: new Expiries(),
    subscriptionCounts: new SubscriptionCounts(),
    rates: new Rates(),
    leaveQueue: new LeaveQueue(),
    reads: new ReadQueue(),
    engine,
    facts,
    sharedTaps: new Map(),
    refusalLog: new RefusalLog(log, clock, (code) => WIRE_ERRORS[code].log),
    timing: {
      activityTimeoutSeconds: config.activityTimeoutSeconds,
      pongTimeoutSeconds: config.pongTimeoutSeconds,
      heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds,
      sweepIntervalMs: sweepIntervalMs(config),
      gateTimeoutMs: config.gateTimeoutMs,
      maxConnections: config.maxConnections || socketLimit(),
    },
    readiness,
    sockets: new SocketBytes(parts.slices),
    state,
  }
  engine.run(newNode(core))
  listenForTaps(core)
  return core
}

/** Workers are named by their numbers. */
function aboutOf(config: Config, startedAt: number): NodeAbout {
  const name = nodeNameOf(config)
  const number = Number(/:(\d+)$/.exec(name)?.[1])
  const worker = config.workers > 1 && number > 0 ? number : undefined
  return { name, worker, host: config.host, version, startedAt }
}
