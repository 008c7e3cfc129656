/**
 * Statistics of apps for whoever may see them: the busiest ones with the course of their last hour, in one call, and
 * all numbers of one of them.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import { findBusiest } from '../core/busiest'
import type { Core } from '../core/core'
import { quote } from '../core/errors'
import { figuresOf } from '../core/figures'
import { Sparklines, type Spark } from '../core/sparklines'
import type { AdminChanges } from './admin-changes'
import { sees, type Caller } from './admin-needs'
import { FieldError } from './errors'
import { respondWithLists, type List } from './lists'
import { sayNodeOf } from './nodes'
import { fieldErrors, NOT_FOUND } from './refusals'
import { OPEN, textSchema } from './schemas'
import { namesOf, respondWithAppStats, STATS_REFUSALS, type StatsSource } from './stats'
import { round, sumOfNodes } from './stats-nodes'
import { AppStatsAnswer, AppsStatsAnswer, StatsParameters } from './stats-schemas'

const LIMIT = { usual: 50, most: 100 } as const
const noLimit = (given: string) => ({
  limit: [`is ${quote(given)}; expected a number from 1 to ${LIMIT.most}`],
})

const Parameters = Type.Object(
  {
    limit: Type.Optional(textSchema('As many apps at most, 50 by default, 100 at most', '50')),
    search: Type.Optional(textSchema('Only apps whose name, slug or id has this', 'shop')),
  },
  OPEN,
)
type Query = (typeof Parameters)['static']

export function appsStats(core: Core, source: StatsSource, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(sayNodeOf(core))
    .get(
      '/stats/apps',
      ({ request, query }) => respondWithApps(core, source, query, changes.callerOf(request)),
      {
        query: Parameters,
        response: { 200: AppsStatsAnswer, 422: fieldErrors(noLimit('x')) },
        detail: {
          operationId: 'listAppStats',
          summary: 'The busiest apps: now, and their last hour',
          description:
            'Those that the caller sees, with the most connections first: `now` is of all nodes, the course of the one that answers. Made for sparklines.',
        },
      },
    )
    .get(
      '/apps/:slug/stats',
      ({ request, params, query }) =>
        respondWithAppStats(core, source, changes.appOf(request, params.slug), query),
      {
        query: StatsParameters,
        response: { 200: AppStatsAnswer, 404: NOT_FOUND, ...STATS_REFUSALS },
        detail: {
          operationId: 'readStatsOfApp',
          summary: 'Statistics of one app: now, since the start, and in time',
          description: 'As `/api/apps/{appSlug}/stats` has them for the app itself.',
        },
      },
    )
}

async function respondWithApps(core: Core, source: StatsSource, query: Query, caller: Caller) {
  const limit = readLimit(query.limit)
  const isFound = searchFor(query.search ?? '')
  const isMeant = (app: App): boolean => sees(caller, app) && isFound(app)
  const { apps, count } = await findBusiest(core, { limit, isMeant })
  const others = await core.engine.figuresElsewhere(apps.map(({ id }) => id))
  const now = core.clock.now()
  const sparklines = new Sparklines(source.store, now)
  const known = others.filter(({ figures }) => figures)
  const head = JSON.stringify({
    at: now,
    count,
    ...(core.engine.isShared && { nodes: known.length + 1 }),
    step_seconds: 60,
    minutes: sparklines.minutes,
  })
  const left = apps.entries()
  const list: List<readonly [index: number, App]> = {
    items: () => left.take(1).toArray(), // one in each step
    envelope: [`{"data":${head.slice(0, -1)},"apps":[`, ']}}'],
    jsonOf: ([index, app]) => {
      const own = figuresOf(app, source.backlogOf(app), app.peaks)
      const sum = sumOfNodes(core, own, others, index)
      return JSON.stringify({ ...namesOf(app), now: sum.now, ...courseOf(app, sparklines) })
    },
  }
  return respondWithLists(core, [list as List<unknown>])
}

/** @throws FieldError */
function readLimit(given: string = String(LIMIT.usual)): number {
  const limit = /^\d{1,3}$/.test(given) ? Number(given) : 0
  if (limit < 1 || limit > LIMIT.most) throw new FieldError(noLimit(given))
  return limit
}

function searchFor(text: string): (app: App) => boolean {
  const part = text.toLowerCase()
  return ({ id, record: { name, slug } }) =>
    [name, slug, id].some((each) => each.toLowerCase().includes(part))
}

/** Of this node. */
function courseOf({ id }: App, sparklines: Sparklines) {
  const { last, minutes } = sparklines.of(id)
  const course = (name: keyof Spark): number[] => minutes.map((spark) => round(spark[name]))
  return {
    per_second: last ? { events: round(last.events), deliveries: round(last.deliveries) } : null,
    minutes: {
      connections: course('connections'),
      events: course('events'),
      deliveries: course('deliveries'),
    },
  }
}
