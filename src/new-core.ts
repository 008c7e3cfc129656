/**
 * The core of one server: its nouns, made of the settings.
 */
import type { Config } from './config/config'
import { AddressCounts } from './core/addresses'
import { LocalBroker } from './core/broker'
import { Rates } from './core/bucket'
import { Cache } from './core/cache'
import type { Core } from './core/core'
import { Facts } from './core/facts'
import { Groups, type GroupTable } from './core/groups'
import { Hub } from './core/hub'
import { LeaveQueue } from './core/leave-queue'
import { Presence } from './core/presence'
import { RefusalLog } from './core/refusal-log'
import { SubscriptionCounts } from './core/subscription-counts'
import { sweepIntervalMs } from './core/sweep'
import type { NodeId, Topics } from './core/types'
import { Unauthorized } from './core/unauthorized'
import { Users } from './core/users'
import { socketsAllowed } from './open-files'
import { wireError } from './protocols/errors'

/** What was there before the core. */
type Begun = Pick<
  Core,
  'clock' | 'log' | 'apps' | 'hooks' | 'uploads' | 'requests' | 'slices' | 'counters'
>

export function newCore(
  config: Config,
  begun: Begun,
  topics: Topics,
  tables: readonly GroupTable[],
): Core {
  const { clock, counters, log } = begun
  const { limits } = config
  const state: Core['state'] = { tick: 0, draining: false, troubles: new Map() }
  const groups = new Groups(tables)
  const hub = new Hub(topics, groups, { clock, counters, log, limits, state })
  return {
    node: crypto.randomUUID() as string as NodeId,
    limits,
    ...begun,
    addresses: new AddressCounts(config.limits.maxConnectionsPerAddress),
    hub,
    groups,
    presence: new Presence(),
    users: new Users(),
    unauthorized: new Unauthorized(),
    cache: new Cache(config.cacheTtlSeconds * 1000),
    subscriptionCounts: new SubscriptionCounts(),
    rates: new Rates(),
    leaving: new LeaveQueue(),
    broker: new LocalBroker((publication) => hub.deliver(publication)),
    facts: new Facts(),
    refusals: new RefusalLog(log, clock, (code) => wireError(code).log),
    timing: {
      activityTimeoutSeconds: config.activityTimeoutSeconds,
      pongTimeoutSeconds: config.pongTimeoutSeconds,
      heartbeatTimeoutSeconds: config.heartbeatTimeoutSeconds,
      sweepIntervalMs: sweepIntervalMs(config),
      gateTimeoutMs: config.gateTimeoutMs,
      maxConnections: config.maxConnections || socketsAllowed(),
    },
    state,
  }
}
