/**
 * METRICS: every metric, in the order in which they are shown. Those of COUNTERS, GAUGES and LATENCIES have a row by
 * themselves. Names end in a unit of Prometheus: seconds, bytes, `_total`. soketi's are kept beside ours for dashboards
 * that come from there, as far as they mean something here.
 */
import type { Family, Sample } from 'prom-client/lib/registry.js'
import type { Core } from '../core/core'
import { COUNTERS, GAUGES, type AppCounters, type Counters, type Gauges } from '../core/counters'
import { LATENCIES, type Histogram, type Latencies } from '../core/latencies'
import type { AppNumbers } from './metrics-apps'
import { DOCUMENT_HEAD } from './openapi-text'

/** What only the rim knows of the process; undefined where the system does not tell. */
export type ProcessNumbers = {
  readonly residentBytes: number
  /** That the process may have, or the machine has. */
  readonly memoryBytes: number
  readonly userSeconds: number
  readonly systemSeconds: number
  readonly startedAtSeconds: number
  readonly openFiles: number | undefined
  readonly maxFiles: number | undefined
}

/** What is rendered, all of one moment. */
export type Scrape = {
  readonly core: Core
  readonly process: ProcessNumbers
  readonly apps: readonly AppNumbers[]
  /** Of the server, for soketi's label `port`. */
  readonly port: string
  /** Before the names that are soketi's. */
  readonly soketiPrefix: string
}

export type MetricRow = {
  /** soketi's have none of their prefix. */
  readonly name: string
  readonly kind: Family['type']
  readonly labels: readonly string[]
  readonly help: string
  /** Named as soketi names it, behind a prefix of the settings. */
  readonly isSoketi?: true
  readonly read: (scrape: Scrape) => readonly Sample[]
}

const NO_LABELS = {}
const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const one = (value: number): readonly Sample[] => [{ labels: NO_LABELS, value }]

type Common = Pick<MetricRow, 'name' | 'help'>

const ofProcess = (
  kind: 'counter' | 'gauge',
  common: Common,
  read: (scrape: Scrape) => number | undefined,
): MetricRow => ({
  ...common,
  kind,
  labels: [],
  read: (scrape) => {
    const value = read(scrape)
    return value === undefined ? [] : one(value)
  },
})

const ofApps = (
  kind: 'counter' | 'gauge',
  common: Common,
  read: (app: AppNumbers) => number,
): MetricRow => ({
  ...common,
  kind,
  labels: ['app_id'],
  read: ({ apps }) => apps.map((app) => ({ labels: { app_id: app.appId }, value: read(app) })),
})

/** In milliseconds here, in seconds there. */
const histogram = (common: Common, read: (latencies: Latencies) => Histogram): MetricRow => ({
  ...common,
  kind: 'histogram',
  labels: ['le'],
  read: ({ core }) => samplesOf(common.name, read(core.latencies)),
})

function samplesOf(name: string, { boundsMs, counts, sumMs }: Histogram): Sample[] {
  let sum = 0
  const buckets = counts.map((count, index): Sample => {
    sum += count
    const bound = boundsMs[index]
    const le = bound === undefined ? '+Inf' : String(bound / 1000)
    return { metricName: `${name}_bucket`, labels: { le }, value: sum }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: NO_LABELS, value: sumMs / 1000 },
    { metricName: `${name}_count`, labels: NO_LABELS, value: sum },
  ]
}

// ---------------------------------------------------------------- ours

/** Their histograms say it. */
const IN_HISTOGRAMS: readonly string[] = ['framesQueued', 'fanOutLagMs']

const COUNTER_ROWS = Object.entries(COUNTERS)
  .filter(([name]) => !IN_HISTOGRAMS.includes(name))
  .map(([name, { about: help, byApp }]): MetricRow => {
    const common = { name: `carillon_${snakeCase(name)}_total`, help }
    return byApp
      ? ofApps('counter', common, ({ counters }) => counters[name as keyof AppCounters])
      : ofProcess('counter', common, ({ core }) => core.counters[name as keyof Counters])
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

const STATE_ROWS: readonly MetricRow[] = [
  ofProcess('gauge', { name: 'carillon_ready', help: '1 while `/ready` is green' }, ({ core }) =>
    Number(!core.state.draining && core.readiness.all().length === 0),
  ),
  {
    name: 'carillon_build_info',
    kind: 'gauge',
    labels: ['version'],
    help: '1, with the version of the server',
    read: () => [{ labels: { version: DOCUMENT_HEAD.info.version }, value: 1 }],
  },
  ofProcess('gauge', { name: 'carillon_apps', help: 'apps' }, ({ core }) => core.apps.size),
]

// ---------------------------------------------------------------- the process

/** As all Prometheus clients name them; without what the runtime reports wrongly: its heap, its garbage collector. */
const PROCESS_ROWS: readonly MetricRow[] = [
  ofProcess(
    'counter',
    { name: 'process_cpu_user_seconds_total', help: 'CPU time in the program, in seconds' },
    ({ process }) => process.userSeconds,
  ),
  ofProcess(
    'counter',
    { name: 'process_cpu_system_seconds_total', help: 'CPU time in the system, in seconds' },
    ({ process }) => process.systemSeconds,
  ),
  ofProcess(
    'counter',
    { name: 'process_cpu_seconds_total', help: 'CPU time of both, in seconds' },
    ({ process }) => process.userSeconds + process.systemSeconds,
  ),
  ofProcess(
    'gauge',
    { name: 'process_resident_memory_bytes', help: 'resident memory, in bytes' },
    ({ process }) => process.residentBytes,
  ),
  ofProcess(
    'gauge',
    { name: 'process_start_time_seconds', help: 'start of the process, in seconds since 1970' },
    ({ process }) => process.startedAtSeconds,
  ),
  ofProcess(
    'gauge',
    { name: 'process_open_fds', help: 'open file descriptors, sockets among them' },
    ({ process }) => process.openFiles,
  ),
  ofProcess(
    'gauge',
    { name: 'process_max_fds', help: 'file descriptors that the system allows' },
    ({ process }) => process.maxFiles,
  ),
]

// ---------------------------------------------------------------- soketi's

const soketiApps = (
  kind: 'counter' | 'gauge',
  common: Common,
  read: (app: AppNumbers) => number,
): MetricRow => ({
  ...common,
  kind,
  labels: ['app_id', 'port'],
  isSoketi: true,
  read: ({ apps, port }) =>
    apps.map((app) => ({ labels: { app_id: app.appId, port }, value: read(app) })),
})

/** With the label that soketi gives all of its metrics. */
const soketiProcess = ({ name, help, kind, read }: MetricRow): MetricRow => ({
  name,
  help,
  kind,
  labels: ['port'],
  isSoketi: true,
  read: (scrape) => {
    const labels = { port: scrape.port }
    return read(scrape).map(({ value }) => ({ labels, value }))
  },
})

const SOKETI_ROWS: readonly MetricRow[] = [
  soketiApps(
    'gauge',
    { name: 'connected', help: 'as carillon_connections' },
    ({ gauges }) => gauges.connections,
  ),
  soketiApps(
    'counter',
    { name: 'new_connections_total', help: 'as carillon_connections_accepted_total' },
    ({ counters }) => counters.connectionsAccepted,
  ),
  soketiApps(
    'counter',
    { name: 'new_disconnections_total', help: 'connections that were told hello, and have ended' },
    ({ counters, gauges }) => counters.connectionsAccepted - gauges.connections,
  ),
  soketiApps(
    'counter',
    { name: 'ws_messages_received_total', help: 'as carillon_messages_received_total' },
    ({ counters }) => counters.messagesReceived,
  ),
  ...PROCESS_ROWS.map(soketiProcess),
]

export const METRICS: readonly MetricRow[] = [
  ...STATE_ROWS,
  ...GAUGE_ROWS,
  ...COUNTER_ROWS,
  ...LATENCY_ROWS,
  ...PROCESS_ROWS,
  ...SOKETI_ROWS,
]

/** What a row is rendered from. */
export const familyOf = (
  { name, help, kind, isSoketi, read }: MetricRow,
  scrape: Scrape,
): Family => ({
  name: isSoketi ? `${scrape.soketiPrefix}${name}` : name,
  help,
  type: kind,
  values: read(scrape),
})
