/**
 * Rows of METRICS: what a metric is, and the kinds of them that there are. A row reads its numbers when somebody asks;
 * nothing is counted for it.
 */
import type { Family, Sample } from 'prom-client/lib/registry.js'
import type { Core } from '../core/core'
import type { Tally } from '../core/counters'
import type { Histogram, Latencies } from '../core/latencies'
import type { AppNumbers } from './metrics-apps'

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
  /** Time from one scheduled backup to the next; undefined where none are made. */
  readonly backupSeconds: number | undefined
}

/** MetricRow: one metric. */
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
/** The names of tables as Prometheus has them: `bytesSent` is `bytes_sent`. */
export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const one = (value: number): readonly Sample[] => [{ labels: NO_LABELS, value }]

/** What every kind of metric has. */
export type Common = Pick<MetricRow, 'name' | 'help'>

/** A number of the process; no sample where it is unknown. */
export const ofProcess = (
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

/** A number of each app that has its own, and of the others. */
export const ofApps = (
  kind: 'counter' | 'gauge',
  common: Common,
  read: (app: AppNumbers) => number,
): MetricRow => ({
  ...common,
  kind,
  labels: ['app_id'],
  read: ({ apps }) => apps.map((app) => ({ labels: { app_id: app.appId }, value: read(app) })),
})

/** The same by a label, for each value of it that there was. */
export const tallied = (
  kind: 'counter' | 'gauge',
  common: Common,
  label: string,
  read: (app: AppNumbers) => Tally,
): MetricRow => ({
  ...common,
  kind,
  labels: ['app_id', label],
  read: ({ apps }) =>
    apps.flatMap((app) =>
      Object.entries(read(app)).map(([value, count]) => ({
        labels: { app_id: app.appId, [label]: value },
        value: count,
      })),
    ),
})

/** A histogram of the process, in seconds. */
export const histogram = (
  common: Common,
  read: (latencies: Latencies) => Histogram,
): MetricRow => ({
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

/** What a row is rendered from, at this moment of the scrape. */
export const familyOf = (
  { name, help, kind, isSoketi, read }: MetricRow,
  scrape: Scrape,
): Family => ({
  name: isSoketi ? `${scrape.soketiPrefix}${name}` : name,
  help,
  type: kind,
  values: read(scrape),
})
