/** Core: the nouns, as the one record that verbs are given. */
import type { AddressCounts } from './addresses'
import type { App } from './app'
import type { Apps } from './apps'
import type { Rates } from './bucket'
import type { Counters, Peaks, Tallies } from './counters'
import type { Backlog } from './deliveries'
import type { Engine } from './engine'
import type { Expiries } from './expiries'
import type { Facts } from './facts'
import type { CompiledHooks } from './hooks'
import type { Groups } from './groups'
import type { Hub } from './hub'
import type { Latencies } from './latencies'
import type { LeaveQueue } from './leave-queue'
import type { Limits } from './limits'
import type { NodeAbout } from './node-report'
import type { Readiness } from './readiness'
import type { RefusalLog } from './refusal-log'
import type { ReadQueue } from './read-queue'
import type { RequestQueue } from './request-queue'
import type { SocketMeter } from './intake'
import type { SharedChangeView } from './plugin'
import type { Slices } from './slices'
import type { KnownSoftware } from './software'
import type { SubscriptionCounts } from './subscription-counts'
import type { Unauthorized } from './unauthorized'
import type { Twin } from './twin'
import type { Uploads } from './uploads'
import type { Users } from './users'
import type { Tokens } from './tokens'
import type { Clock, Log } from './types'

export type Core = {
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  /** Of this node. */
  readonly about: NodeAbout
  readonly apps: Apps
  /** Of the admin API. */
  readonly tokens: Tokens
  /** Connections per address. */
  readonly addresses: AddressCounts
  readonly hub: Hub
  readonly groups: Groups
  readonly users: Users
  readonly software: KnownSoftware
  readonly unauthorized: Unauthorized
  readonly expiries: Expiries
  readonly subscriptionCounts: SubscriptionCounts
  readonly rates: Rates
  readonly requests: RequestQueue
  readonly reads: ReadQueue
  readonly uploads: Uploads
  readonly slices: Slices
  readonly leaveQueue: LeaveQueue
  readonly engine: Engine
  readonly hooks: CompiledHooks
  readonly facts: Facts
  /** Parts that share values with themselves on other nodes, as plugins do; by the name that they share them under. */
  readonly sharedTaps: Map<string, (change: SharedChangeView) => void>
  readonly counters: Counters
  readonly tallies: Tallies
  readonly peaks: Peaks
  readonly latencies: Latencies
  readonly refusalLog: RefusalLog
  readonly readiness: Readiness
  readonly sockets: SocketMeter
  readonly timing: Timing
  /** What may change while the server runs, besides what the nouns own. */
  readonly state: {
    /** Sweeps since the start; see `sweep`. */
    tick: number
    draining: boolean
    /** What `/metrics` says of this process alone; undefined before there is one. */
    readMetrics: (() => Promise<string>) | undefined
    /** What the endpoints of an app have not accepted; undefined before that is known. Throws where it cannot be read. */
    backlogOf: ((app: App) => Backlog) | undefined
    /** Of the public address; undefined until it is open, and for a socket file. */
    port: number | undefined
    /** The process that goes on in place of this one, or that did before it, while both have sockets. */
    twin: Twin | undefined
    /** Another process has the database: nobody joins a channel here any more. */
    hasMoved: boolean
    /** Why the last takeover has failed; undefined where none has. */
    takeoverFailure: string | undefined
    /** When the last backup was made, by the clock's `mono`; undefined while there is none. */
    backedUpAt: number | undefined
    /** When the certificate of the public port ends, in epoch milliseconds; undefined where it has none. */
    certificateEndsAt: number | undefined
  }
}

/** A certificate that ends so soon should have been renewed. */
export const CERTIFICATE_SOON_MS = 7 * 86_400_000

export type Timing = {
  /** Silence after which a client is pinged; the hello has it. */
  readonly activityTimeoutSeconds: number
  /** How long a pinged client may take to answer. */
  readonly pongTimeoutSeconds: number
  /** Silence after which a client is closed whose protocol has its own heartbeats. */
  readonly heartbeatTimeoutSeconds: number
  readonly sweepIntervalMs: number
  /** How long one gate may take before it refuses. */
  readonly gateTimeoutMs: number
  /** The most open connections of the process; 0 is no limit. */
  readonly maxConnections: number
}
