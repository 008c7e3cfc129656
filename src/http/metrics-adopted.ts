/**
 * Metrics with names that are not ours: those of the process as all clients of Prometheus have them, and soketi's,
 * so that dashboards from there go on. soketi's about other nodes are missing, and the bytes of answers over HTTP.
 */
import type { AppCounters } from '../core/counters'
import type { AppNumbers } from './metrics-apps'
import { ofProcess, snakeCase, type Common, type MetricRow } from './metric-rows'

// ---------------------------------------------------------------- the process

/** As all Prometheus clients name them; without what the runtime reports wrongly: its heap, its garbage collector. */
export const PROCESS_ROWS: readonly MetricRow[] = [
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

const SOKETI_COUNTERS: readonly (readonly [name: string, counter: keyof AppCounters])[] = [
  ['new_connections_total', 'connectionsAccepted'],
  ['ws_messages_received_total', 'messagesReceived'],
  ['ws_messages_sent_total', 'messagesSent'],
  ['socket_received_bytes', 'bytesReceived'],
  ['socket_transmitted_bytes', 'bytesSent'],
  ['http_calls_received_total', 'requestsAccepted'],
  ['http_received_bytes', 'bodyBytesReceived'],
]

export const SOKETI_ROWS: readonly MetricRow[] = [
  soketiApps(
    'gauge',
    { name: 'connected', help: 'as carillon_connections' },
    ({ gauges }) => gauges.connections,
  ),
  soketiApps(
    'counter',
    { name: 'new_disconnections_total', help: 'connections that were told hello, and have ended' },
    ({ counters, gauges }) => counters.connectionsAccepted - gauges.connections,
  ),
  ...SOKETI_COUNTERS.map(([name, counter]) =>
    soketiApps(
      'counter',
      { name, help: `as carillon_${snakeCase(counter)}_total` },
      ({ counters }) => counters[counter],
    ),
  ),
  ...PROCESS_ROWS.map(soketiProcess),
]
