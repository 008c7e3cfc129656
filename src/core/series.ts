/**
 * SERIES: the numbers of which there is a time series, for the server and each app, and how those of short intervals
 * become one of a longer one. PERIODS: how long they are kept in which steps.
 */
import { TALLIES, type AppCounters, type Gauges, type Peaks, type Tallies } from './counters'
import type { Backlog } from './deliveries'
import type { Histogram } from './latencies'

/** Of an app, or of the server. */
export type Numbers = {
  readonly counters: AppCounters
  readonly tallies: Tallies
  readonly gauges: Gauges
  /** As its peak counts them: of the process those of all apps. */
  readonly openConnections: number
  readonly peaks: Peaks
  readonly backlog: Backlog
  /** Unexpected errors of ours; an app has none. */
  readonly faults: number
  /** Milliseconds that the oldest pending event of a webhook has waited. */
  readonly oldestPendingMs: number
  /** Of the server only. */
  readonly process: ProcessNumbers | undefined
}

/** What is measured of the process as a whole. */
type ProcessNumbers = {
  readonly delivery: Histogram
  readonly loopLag: Histogram
  /** Resident. */
  readonly memoryBytes: number
}

type Row = {
  readonly about: string
  /** Counters are summed up, of gauges the last one counts, of peaks the highest. */
  readonly fold: 'sum' | 'last' | 'max'
  /** Reading a peak begins the next interval. */
  readonly read: (numbers: Numbers) => number
  /** The gauge that a peak is of: while nothing happens, it is as high. */
  readonly peakOf?: string
  /** It grows while nothing happens. */
  readonly ages?: true
}

const counter = (name: keyof AppCounters, about: string): Row => ({
  about,
  fold: 'sum',
  read: ({ counters }) => counters[name],
})
const gauge = (name: keyof Gauges, about: string): Row => ({
  about,
  fold: 'last',
  read: ({ gauges }) => gauges[name],
})
const ofServer = (
  fold: Row['fold'],
  about: string,
  read: (process: ProcessNumbers) => number,
): Row => ({ about, fold, read: ({ process }) => (process ? read(process) : 0) })

/** By their names in the database and in answers. */
export const SERIES = {
  connections: gauge('connections', 'connections at the end'),
  connections_peak: {
    about: 'the most connections at once',
    fold: 'max',
    peakOf: 'connections',
    read: ({ peaks, openConnections }) => peaks.connections.take(openConnections),
  },
  channels: gauge('channels', 'channels with a subscriber at the end'),
  subscriptions: gauge('subscriptions', 'subscriptions at the end'),
  users: gauge('users', 'signed-in users at the end'),
  members: gauge('members', 'members of presence channels at the end'),
  connections_accepted: counter('connectionsAccepted', 'connections accepted'),
  connections_refused: counter('connectionsRefused', 'connections refused'),
  subscriptions_accepted: counter('subscriptionsAccepted', 'subscriptions accepted'),
  publications: counter('publications', 'events of backends, one per channel'),
  client_events: counter('clientEvents', 'client events'),
  client_events_limited: counter('clientEventsLimited', 'client events past a rate'),
  deliveries: counter('deliveries', 'events times their subscribers'),
  messages_received: counter('messagesReceived', 'frames from clients'),
  bytes_received: counter('bytesReceived', 'bytes of those'),
  requests_accepted: counter('requestsAccepted', 'requests to the API of an app'),
  body_bytes_received: counter('bodyBytesReceived', 'bytes of bodies of requests'),
  messages_sent: counter('messagesSent', 'frames to clients'),
  bytes_sent: counter('bytesSent', 'bytes of those'),
  refusals: {
    about: 'refusals of connections, frames and requests',
    fold: 'sum',
    read: ({ tallies }) => sumOf(tallies.refusalsByCode),
  },
  slow_readers_closed: counter('slowReadersClosed', 'connections cut for reading too slowly'),
  frames_queued: counter('framesQueued', 'frames that waited for a turn of the fan-out'),
  fan_out_lag_ms: counter('fanOutLagMs', 'milliseconds that those waited, all together'),
  fan_out_lag_peak_ms: {
    about: 'milliseconds that the slowest of them waited',
    fold: 'max',
    read: ({ peaks }) => peaks.fanOutLagMs.take(0),
  },
  history_hits: counter('historyHits', 'subscribers that came back and had missed nothing'),
  history_misses: counter('historyMisses', 'subscribers that came back too late'),
  cache_hits: counter('cacheHits', 'subscribers that got the last event of a cache channel'),
  cache_misses: counter('cacheMisses', 'subscribers for which there was none'),
  webhook_events: counter('webhookEvents', 'webhook events written down'),
  webhook_events_delivered: counter('webhookEventsDelivered', 'webhook events accepted'),
  webhook_events_dead: counter('webhookEventsDead', 'webhook events given up'),
  webhook_events_dropped: counter('webhookEventsDropped', 'webhook events lost'),
  webhook_events_pending: {
    about: 'webhook events that waited at the end',
    fold: 'last',
    read: ({ backlog }) => backlog.pending,
  },
  webhook_oldest_pending_ms: {
    about: 'milliseconds that the oldest of those had waited, at most',
    fold: 'max',
    ages: true,
    read: ({ oldestPendingMs }) => oldestPendingMs,
  },
  webhook_requests: counter('webhookRequests', 'webhook requests'),
  webhook_requests_failed: counter('webhookRequestsFailed', 'webhook requests that failed'),
  faults: { about: 'unexpected errors of ours', fold: 'sum', read: ({ faults }) => faults },
  deliveries_timed: ofServer(
    'sum',
    'deliveries whose latency was measured, a sample; of the server only',
    ({ delivery }) => delivery.count,
  ),
  delivery_ms: ofServer(
    'sum',
    'milliseconds that those took, all together',
    ({ delivery }) => delivery.sumMs,
  ),
  delivery_peak_ms: ofServer('max', 'milliseconds that the slowest of them took', ({ delivery }) =>
    delivery.peak.take(0),
  ),
  loop_lag_peak_ms: ofServer(
    'max',
    'milliseconds that a timer was late, at most; of the server only',
    ({ loopLag }) => loopLag.peak.take(0),
  ),
  memory_bytes: ofServer(
    'last',
    'resident memory at the end; of the server only',
    ({ memoryBytes }) => memoryBytes,
  ),
} as const satisfies Record<string, Row>

export type SeriesName = keyof typeof SERIES
export const SERIES_NAMES = Object.keys(SERIES) as readonly SeriesName[]

const ROWS: readonly Row[] = SERIES_NAMES.map((name) => SERIES[name])

/** One number for each of SERIES, in their order. */
export type Values = readonly number[]

export const NO_VALUES: Values = ROWS.map(() => 0)

export const readValues = (numbers: Numbers): number[] => ROWS.map(({ read }) => read(numbers))

function sumOf(tally: Tallies['refusalsByCode']): number {
  let sum = 0
  for (const label in tally) sum += tally[label]!
  return sum
}

/** Adds the values of an app to those of the server. Its peaks are no higher than the server's own. */
export function addValues(sum: number[], values: Values): void {
  for (let index = 0; index < ROWS.length; index++)
    if (ROWS[index]!.fold === 'max') sum[index] = Math.max(sum[index]!, values[index]!)
    else sum[index]! += values[index]!
}

/** True where a counter, a gauge or an age is another one; a peak changes with one of them. */
export const differs = (values: Values, before: Values): boolean =>
  ROWS.some(({ fold, ages }, index) => (fold !== 'max' || ages) && values[index] !== before[index])

/** What an interval has: counters since `before`, and the gauges and peaks that are given. */
export const since = (values: Values, before: Values): number[] =>
  ROWS.map(({ fold }, index) => (fold === 'sum' ? values[index]! - before[index]! : values[index]!))

/** Values with the higher one of each peak. */
export const withPeaks = (values: Values, others: Values): number[] =>
  ROWS.map(({ fold }, index) =>
    fold === 'max' ? Math.max(values[index]!, others[index]!) : values[index]!,
  )

/** The values of an interval in which nothing has happened, after one with these. */
export const carried = (values: Values): number[] =>
  ROWS.map(({ peakOf }, index) => {
    const from = peakOf === undefined ? index : SERIES_NAMES.indexOf(peakOf as SeriesName)
    return ROWS[from]!.fold === 'last' ? values[from]! : 0
  })

// ---------------------------------------------------------------- labels

const TALLY_NAMES = Object.keys(TALLIES) as (keyof Tallies)[]

/** The count of one label of one tally. */
export type LabelCount = {
  readonly tally: keyof Tallies
  readonly label: string
  readonly count: number
}

/** The counts of a moment, by tally and label. */
export type Labels = ReadonlyMap<string, number>

export const NO_LABELS: Labels = new Map()

export function readLabels(tallies: Tallies): Labels {
  const labels = new Map<string, number>()
  for (const tally of TALLY_NAMES)
    for (const label in tallies[tally]) labels.set(`${tally} ${label}`, tallies[tally][label]!)
  return labels
}

/** Those that are more than they were. */
export function labelsSince(labels: Labels, before: Labels): LabelCount[] {
  const counts: LabelCount[] = []
  for (const [key, total] of labels) {
    const count = total - (before.get(key) ?? 0)
    if (count <= 0) continue
    const at = key.indexOf(' ')
    counts.push({ tally: key.slice(0, at) as keyof Tallies, label: key.slice(at + 1), count })
  }
  return counts
}

// ---------------------------------------------------------------- periods

/** What is asked for, the steps of its points, and how long these are kept. */
export const PERIODS = {
  hour: { stepSeconds: 10, keptSeconds: 3600 },
  day: { stepSeconds: 60, keptSeconds: 86_400 },
  year: { stepSeconds: 3600, keptSeconds: 366 * 86_400 },
} as const satisfies Record<string, Period>

export type Period = { readonly stepSeconds: number; readonly keptSeconds: number }
export type PeriodName = keyof typeof PERIODS

/** The beginning of the step of a time; epoch milliseconds, both. */
export const stepAt = (at: number, { stepSeconds }: Period): number =>
  Math.floor(at / (stepSeconds * 1000)) * stepSeconds * 1000
