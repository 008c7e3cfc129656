/**
 * Statistics: what there is now, totals since the start, and a time series; of the server and each app for admins, of
 * one app for whoever has its credentials. Long answers are written in slices.
 */
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Tally } from '../core/counters'
import type { Backlog } from '../core/deliveries'
import { figuresOf, WHOLE_NODE } from '../core/figures'
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
import { round, sharesOf, sumOfNodes, withOthers, type AppOfNodes } from './stats-nodes'
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
export async function respondWithAppStats(
  core: Core,
  source: StatsSource,
  app: App,
  query: Query,
): Promise<Response> {
  const [period, since] = [periodOf(query), sinceOf(query)]
  const others = await core.engine.figuresElsewhere([app.id])
  const now = core.clock.now()
  const own = figuresOf(app, source.backlogOf(app), app.peaks)
  const head = {
    at: now,
    started_at: source.startedAt,
    ...namesOf(app),
    ...sumOfNodes(core, own, others, 0),
    ...sharesOf(core, own, others, 0),
  }
  const series = seriesOf(source, app.id, { period, since, now })
  return respondWithLists(core, [listOfPoints(head, series, ']}}}')])
}

async function respondWithServerStats(core: Core, source: StatsSource, query: Query) {
  const [period, since] = [periodOf(query), sinceOf(query)]
  const { apps = 'all' } = query
  if (apps !== 'all' && apps !== 'none') throw new FieldError(NO_SELECTION)
  const others = await core.engine.figuresElsewhere([WHOLE_NODE])
  const total = await sumUp(core, source.backlogOf)
  const now = core.clock.now()
  const latencies = Object.keys(LATENCIES).map((name) => [
    snakeCase(name),
    summaryOf(core.latencies[name as keyof typeof LATENCIES]),
  ])
  const own = figuresOf(total, total.backlog, core.peaks)
  const sum = sumOfNodes(core, own, others, 0)
  const head = {
    at: now,
    started_at: source.startedAt,
    ...sum,
    now: { ...sum.now, apps: total.apps },
    ...sharesOf(core, own, others, 0),
    latencies: Object.fromEntries(latencies),
  }
  const list = listOfApps(core, source, apps === 'all' ? core.apps.all() : [])
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

export const namesOf = ({ id, record: { name, slug } }: App) => ({ id, name, slug })

/** Each app with the figures of all nodes. */
function listOfApps(core: Core, { backlogOf }: StatsSource, apps: Iterable<App>): List<AppOfNodes> {
  return {
    items: withOthers(core, apps),
    envelope: ['"apps":[', ']}}'],
    jsonOf: ({ app, others, index }) => {
      const own = figuresOf(app, backlogOf(app), app.peaks)
      return JSON.stringify({ ...namesOf(app), ...sumOfNodes(core, own, others, index) })
    },
  }
}

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
