/**
 * METRICS: every metric, in the order in which they are shown. Those of COUNTERS, TALLIES, GAUGES and LATENCIES make
 * their own rows. Names end in a unit of Prometheus: seconds, bytes, `_total`.
 */
import {
  COUNTERS,
  GAUGES,
  TALLIES,
  type AppCounters,
  type Counters,
  type Gauges,
  type Tallies,
} from '../core/counters'
import type { Backlog } from '../core/deliveries'
import type { CompiledHooks } from '../core/hooks'
import { LATENCIES, type Latencies } from '../core/latencies'
import { histogram, ofApps, ofProcess, snakeCase, tallied, type MetricRow } from './metric-rows'
import { PROCESS_ROWS, SOKETI_ROWS } from './metrics-adopted'
import { NODE_ROWS } from './metrics-nodes'
import { DOCUMENT_HEAD } from './openapi-text'

/** Shown in seconds, below. */
const IN_MILLISECONDS = 'fanOutLagMs'

const COUNTER_ROWS = Object.entries(COUNTERS)
  .filter(([name]) => name !== IN_MILLISECONDS)
  .map(([name, { about: help, byApp }]): MetricRow => {
    const common = { name: `carillon_${snakeCase(name)}_total`, help }
    return byApp
      ? ofApps('counter', common, ({ counters }) => counters[name as keyof AppCounters])
      : ofProcess('counter', common, ({ core }) => core.counters[name as keyof Counters])
  })

const TALLY_ROWS = Object.entries(TALLIES).map(([name, help]): MetricRow => {
  const [, label = ''] = /By(.*)$/.exec(name) ?? []
  const common = { name: `carillon_${snakeCase(name)}_total`, help }
  return tallied(
    'counter',
    common,
    snakeCase(label).slice(1),
    ({ tallies }) => tallies[name as keyof Tallies],
  )
})

const GAUGE_ROWS = Object.entries(GAUGES).map(([name, help]) =>
  ofApps(
    'gauge',
    { name: `carillon_${snakeCase(name)}`, help },
    ({ gauges }) => gauges[name as keyof Gauges],
  ),
)

const LATENCY_ROWS = Object.entries(LATENCIES).map(([name, { about: help }]) =>
  histogram(
    { name: `carillon_${snakeCase(name)}_seconds`, help },
    (all) => all[name as keyof Latencies],
  ),
)

const OTHER_ROWS: readonly MetricRow[] = [
  tallied(
    'gauge',
    {
      name: 'carillon_subscriptions_by_kind',
      help: 'subscriptions by the kind of their channel, with those to users, watchlists and groups',
    },
    'kind',
    ({ subscriptionsByKind }) => subscriptionsByKind,
  ),
  ofApps(
    'counter',
    {
      name: 'carillon_frames_queued_seconds_total',
      help: 'seconds after which those of carillon_frames_queued_total had reached the last subscriber, all together',
    },
    ({ counters }) => Math.round(counters[IN_MILLISECONDS]) / 1000,
  ),
]

const ofBacklogs = (
  name: string,
  help: string,
  read: (backlog: Backlog, now: number) => number,
): MetricRow => ({
  name: `carillon_webhook_${name}`,
  kind: 'gauge',
  labels: ['app_id'],
  help,
  read: ({ core, apps }) => {
    const now = core.clock.now()
    return apps.map(({ appId, backlog }) => ({
      labels: { app_id: appId },
      value: read(backlog, now),
    }))
  },
})

const BACKLOG_ROWS: readonly MetricRow[] = [
  ofBacklogs(
    'events_pending',
    'webhook events that no endpoint has accepted yet, once for each',
    ({ pending }) => pending,
  ),
  ofBacklogs(
    'events_failing',
    'those of them that were sent and not accepted, of endpoints that are not paused',
    ({ failing }) => failing,
  ),
  ofBacklogs(
    'endpoints_paused',
    'endpoints of webhooks that somebody has paused',
    ({ paused }) => paused,
  ),
  ofBacklogs('dead_letters', 'webhook events that were given up and are kept', ({ dead }) => dead),
  ofBacklogs(
    'oldest_pending_seconds',
    'how long the oldest pending one has waited, of endpoints that are not paused; 0 where there is none',
    ({ oldest }, now) => (oldest === null ? 0 : Math.max(0, now - oldest) / 1000),
  ),
]

type HookStats = CompiledHooks[keyof CompiledHooks][number]['stats']

const ofHooks = (name: string, help: string, read: (stats: HookStats) => number): MetricRow => ({
  name: `carillon_plugin_${name}_total`,
  kind: 'counter',
  labels: ['plugin', 'hook'],
  help,
  read: ({ core }) =>
    Object.values(core.hooks)
      .flat()
      .map(({ plugin, name: hook, stats }) => ({ labels: { plugin, hook }, value: read(stats) })),
})

const PLUGIN_ROWS: readonly MetricRow[] = [
  ofHooks('calls', 'how often a hook of a plugin was asked', ({ calls }) => calls),
  ofHooks('refusals', 'how often it refused', ({ refusals }) => refusals),
  ofHooks(
    'faults',
    'how often it threw, was late, or answered what it may not',
    ({ faults }) => faults,
  ),
  ofHooks('busy_seconds', 'seconds in which nothing else could run', ({ busyMs }) => busyMs / 1000),
]

const STATE_ROWS: readonly MetricRow[] = [
  ofProcess('gauge', { name: 'carillon_ready', help: '1 while `/ready` is green' }, ({ core }) =>
    Number(!core.state.draining && core.readiness.all().length === 0),
  ),
  {
    name: 'carillon_in_trouble',
    kind: 'gauge',
    labels: ['part'],
    help: '1 for each part for which `/ready` is red; the log and `/ready` say why',
    read: ({ core }) => core.readiness.parts().map((part) => ({ labels: { part }, value: 1 })),
  },
  {
    name: 'carillon_build_info',
    kind: 'gauge',
    labels: ['version'],
    help: '1, with the version of the server',
    read: () => [{ labels: { version: DOCUMENT_HEAD.info.version }, value: 1 }],
  },
  ofProcess(
    'gauge',
    {
      name: 'carillon_backup_age_seconds',
      help: 'age of the last scheduled backup; absent while there is none',
    },
    ({ core: { clock, state } }) =>
      state.backedUpAt === undefined ? undefined : (clock.mono() - state.backedUpAt) / 1000,
  ),
  ofProcess(
    'gauge',
    {
      name: 'carillon_certificate_end_timestamp_seconds',
      help: 'when the certificate of the public port ends; absent where it has none',
    },
    ({ core: { state } }) =>
      state.certificateEndsAt === undefined ? undefined : state.certificateEndsAt / 1000,
  ),
  ofProcess(
    'gauge',
    {
      name: 'carillon_backup_interval_seconds',
      help: 'time from one scheduled backup to the next; absent where none are made',
    },
    ({ backupSeconds }) => backupSeconds,
  ),
  ofProcess('gauge', { name: 'carillon_apps', help: 'apps' }, ({ core }) => core.apps.size),
]

export const METRICS: readonly MetricRow[] = [
  ...STATE_ROWS,
  ...GAUGE_ROWS,
  ...COUNTER_ROWS,
  ...TALLY_ROWS,
  ...OTHER_ROWS,
  ...BACKLOG_ROWS,
  ...PLUGIN_ROWS,
  ...LATENCY_ROWS,
  ...NODE_ROWS,
  ...PROCESS_ROWS,
  ...SOKETI_ROWS,
]
