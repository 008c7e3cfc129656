/**
 * Statistics: what there is now, totals since the start, and a time series; of the server and each app for admins, of
 * one app for whoever has its credentials. Long answers are written in slices.
 */
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Gauges, Peaks, Tallies, Tally } from '../core/counters'
import type { Backlog } from '../core/deliveries'
import { LATENCIES, type Histogram } from '../core/latencies'
import { PERIODS, SERIES_NAMES, type PeriodName } from '../core/series'
import { firstStepOf, readSeries } from '../core/series-reader'
import { SERVER, type StatisticsStore, type StoredStep } from '../core/statistics'
import { sumUp } from '../core/totals'
import type { AdminChanges } from './admin-changes'
import { FieldError } from './errors'
import { respondWithLists, type List } from './lists'
import { sayNodeOf } from './nodes'
import { snakeCase } from './metric-rows'
import { fieldErrors } from './refusals'
import { ServerStatsAnswer, ServerStatsParameters } from './stats-schemas'

/** What statistics are read from, besides the core. */
export type StatsSource = {
  readonly store: Pick<StatisticsStore, 'read' | 'readSome' | 'lastValues'>
  readonly backlogOf: (app: App) => Backlog
  /** Epoch milliseconds. */
  readonly startedAt: number
}

type Query = { readonly [Name in 'period' | 'since' | 'apps']?: string | undefined }

const NO_PERIOD = { period: ['is none of hour, day, year'] }
const NO_TIME = { since: ['is no time in milliseconds since 1970'] }
const NO_SELECTION = { apps: ['is neither all nor none'] }

export const STATS_REFUSALS = { 422: fieldErrors(NO_PERIOD) }

export function stats(core: Core, source: StatsSource, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/stats', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(sayNodeOf(core))
    .get('', ({ query }) => respondWithServerStats(core, source, query), {
      query: ServerStatsParameters,
      response: { 200: ServerStatsAnswer, ...STATS_REFUSALS },
      detail: {
        operationId: 'showStats',
        summary: 'Statistics of the server and each app: now, since the start, and in time',
        description:
          'How many, how fast, how late, what was refused and what waits. Bytes are those of frames and bodies in UTF-8, without what WebSocket and HTTP add.',
      },
    })
}

/** Of one app. @throws FieldError for a query with mistakes */
export function respondWithAppStats(core: Core, source: StatsSource, app: App, query: Query) {
  const now = core.clock.now()
  const head = { at: now, started_at: source.startedAt, ...reportOf(app, source, now) }
  const series = seriesOf(source, app.id, { period: periodOf(query), since: sinceOf(query), now })
  return respondWithLists(core, [listOfPoints(head, series, ']}}}')])
}

async function respondWithServerStats(core: Core, source: StatsSource, query: Query) {
  const [period, since] = [periodOf(query), sinceOf(query)]
  const { apps = 'all' } = query
  if (apps !== 'all' && apps !== 'none') throw new FieldError(NO_SELECTION)
  const total = await sumUp(core, source.backlogOf)
  const now = core.clock.now()
  const latencies = Object.keys(LATENCIES).map((name) => [
    snakeCase(name),
    summaryOf(core.latencies[name as keyof typeof LATENCIES]),
  ])
  const head = {
    at: now,
    started_at: source.startedAt,
    now: { ...nowOf(total, total.backlog, now), apps: total.apps },
    peak: peakOf(core.peaks),
    totals: totalsOf(total),
    latencies: Object.fromEntries(latencies),
  }
  const list: List<App> = {
    items: apps === 'all' ? core.apps.all() : [],
    envelope: ['"apps":[', ']}}'],
    jsonOf: (app) => JSON.stringify(reportOf(app, source, core.clock.now())),
  }
  const points = listOfPoints(head, seriesOf(source, SERVER, { period, since, now }), ']},')
  return respondWithLists(core, [points, list as List<unknown>])
}

/** @throws FieldError */
function periodOf({ period = 'hour' }: Query): PeriodName {
  if (Object.hasOwn(PERIODS, period)) return period as PeriodName
  throw new FieldError(NO_PERIOD)
}

/** @throws FieldError */
function sinceOf({ since = '0' }: Query): number {
  if (/^\d{1,16}$/.test(since)) return Number(since)
  throw new FieldError(NO_TIME)
}

// ---------------------------------------------------------------- numbers

function reportOf(app: App, { backlogOf }: StatsSource, now: number) {
  const { id, record } = app
  return {
    id,
    name: record.name,
    slug: record.slug,
    now: nowOf(app, backlogOf(app), now),
    peak: peakOf(app.peaks),
    totals: totalsOf(app),
  }
}

type Current = { readonly gauges: Gauges; readonly subscriptionsByKind: Tally }

export const nowOf = ({ gauges, subscriptionsByKind }: Current, backlog: Backlog, now: number) => ({
  ...inSnakeCase(gauges),
  subscriptions_by_kind: presentIn(subscriptionsByKind),
  webhook_events_pending: backlog.pending,
  webhook_events_failing: backlog.failing,
  webhook_events_dead: backlog.dead,
  webhook_endpoints_paused: backlog.paused,
  webhook_oldest_pending_ms:
    backlog.oldest === null ? null : round(Math.max(0, now - backlog.oldest)),
})

const peakOf = ({ connections, fanOutLagMs }: Peaks) => ({
  connections: connections.ever,
  fan_out_lag_ms: round(fanOutLagMs.ever),
})

type Counted = { readonly counters: Readonly<Record<string, number>>; readonly tallies: Tallies }

const totalsOf = ({ counters, tallies }: Counted) => ({
  ...inSnakeCase(counters),
  ...inSnakeCase(tallies),
})

const inSnakeCase = (numbers: object): object =>
  Object.fromEntries(
    Object.entries(numbers).map(([name, value]: [string, unknown]) => [
      snakeCase(name),
      typeof value === 'number' ? round(value) : value,
    ]),
  )

/** Kinds with a subscription. */
const presentIn = (tally: Tally): Tally =>
  Object.fromEntries(Object.entries(tally).filter(([, size]) => size > 0))

export const round = (value: number): number => Math.round(value * 1000) / 1000

function summaryOf(histogram: Histogram) {
  const { count } = histogram
  return {
    count,
    mean_ms: count === 0 ? null : round(histogram.sumMs / count),
    p50_ms: quantileOf(histogram, count * 0.5),
    p99_ms: quantileOf(histogram, count * 0.99),
  }
}

/** The lowest bound that so many are within; null where there are none, or none is high enough. */
function quantileOf({ counts, boundsMs }: Histogram, rank: number): number | null {
  let sum = 0
  for (const [index, count] of counts.entries()) {
    sum += count
    if (count > 0 && sum >= rank) return boundsMs[index] ?? null
  }
  return null
}

// ---------------------------------------------------------------- series

type Asked = { readonly period: PeriodName; readonly since: number; readonly now: number }

const seriesOf = ({ store }: StatsSource, appId: string, asked: Asked) => ({
  head: {
    period: asked.period,
    step_seconds: PERIODS[asked.period].stepSeconds,
    from: firstStepOf(asked.period, asked.now),
  },
  next: readSeries(store, appId, asked),
})

/** Points within an answer that begins with the fields of `head`. */
const listOfPoints = (
  head: object,
  { head: series, next }: ReturnType<typeof seriesOf>,
  end: string,
): List<unknown> => ({
  items: next,
  envelope: [`{"data":${openOf(head)},"series":${openOf(series)},"points":[`, end],
  jsonOf: (step) => JSON.stringify(pointOf(step as StoredStep)),
})

/** An object as JSON, without its end. */
const openOf = (value: object): string => JSON.stringify(value).slice(0, -1)

function pointOf({ at, values, labels }: StoredStep): object {
  const point: Record<string, unknown> = { at }
  for (const [index, name] of SERIES_NAMES.entries()) point[name] = round(values[index]!)
  for (const { tally, label, count } of labels) {
    const name = snakeCase(tally)
    const counts = (point[name] ??= Object.create(null)) as Tally
    counts[label] = count
  }
  return point
}
