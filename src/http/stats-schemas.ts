/** Schemas of statistics, made of the tables of what is counted; names are those of the tables in snake case. */
import { Type, type TProperties, type TSchema } from '@sinclair/typebox'
import { COUNTERS, GAUGES, PEAKS, TALLIES } from '../core/counters'
import { LATENCIES } from '../core/latencies'
import { PERIODS, SERIES, type PeriodName } from '../core/series'
import { snakeCase } from './metric-rows'
import { count, OPEN, textSchema } from './schemas'

export const StatsParameters = Type.Object(
  {
    period: Type.Optional(
      textSchema(
        'The time that the series covers: `hour` in steps of 10 seconds (the default), `day` in minutes, `year` in hours',
        'hour',
      ),
    ),
    since: Type.Optional(
      textSchema(
        'Only points that begin then or later, in milliseconds since 1970: for what one has not yet',
        '0',
      ),
    ),
  },
  OPEN,
)
export const ServerStatsParameters = Type.Object(
  {
    ...StatsParameters.properties,
    apps: Type.Optional(
      textSchema('`all`, or `none` to leave out the numbers of each app; `all` by default', 'all'),
    ),
  },
  OPEN,
)

const amount = (about: string) => Type.Number({ minimum: 0, description: about })
const time = (about: string) => Type.Number({ description: `${about}, in milliseconds since 1970` })
const tally = (about: string) =>
  Type.Record(Type.String(), Type.Integer(), { description: about, examples: [{}] })

const fieldsOf = <Row>(table: Readonly<Record<string, Row>>, schemaOf: (row: Row) => TSchema) =>
  Object.fromEntries(
    Object.entries(table).map(([name, row]) => [snakeCase(name), schemaOf(row)]),
  ) as TProperties

const BACKLOG = {
  webhook_events_pending: count('webhook events that wait for their endpoint'),
  webhook_events_failing: count(
    'of these, the ones that were sent and not accepted, of endpoints that are not paused',
  ),
  webhook_events_dead: count('webhook events that were given up, kept as dead letters'),
  webhook_endpoints_paused: count('endpoints that somebody has paused'),
  webhook_oldest_pending_ms: Type.Union([Type.Number(), Type.Null()], {
    description:
      'milliseconds that the oldest pending one has waited, of endpoints that are not paused; null where there is none',
  }),
}
const NOW = {
  ...fieldsOf(GAUGES, count),
  subscriptions_by_kind: tally(
    'subscriptions by the kind of their channel, with those to users, watchlists and groups',
  ),
  ...BACKLOG,
}
const PEAK = fieldsOf(PEAKS, amount)
const TALLY_FIELDS = fieldsOf(TALLIES, tally)
const byApp = Object.fromEntries(Object.entries(COUNTERS).filter(([, row]) => row.byApp))
const TOTALS = { ...fieldsOf(byApp, ({ about }) => amount(about)), ...TALLY_FIELDS }
const SERVER_TOTALS = { ...fieldsOf(COUNTERS, ({ about }) => amount(about)), ...TALLY_FIELDS }

const Point = Type.Object(
  {
    at: time('The beginning of the step'),
    ...fieldsOf(SERIES, ({ about }) => Type.Number({ description: about })),
    ...fieldsOf(TALLIES, (about) => Type.Optional(tally(`${about}; absent where there are none`))),
  },
  { description: 'Counters are those of the step; gauges are as they were at its end' },
)
const Series = Type.Object({
  period: Type.String({ examples: ['hour'] }),
  step_seconds: Type.Integer({ examples: [10] }),
  from: time('The beginning of the period'),
  points: Type.Array(Point, {
    description:
      'Of the node that answers, where it ran; at most one for each step, the oldest first. Those of minutes and hours come with the end of a minute',
  }),
})
const Moment = {
  at: time('When this was read'),
  started_at: time('When the server has started, since when totals are counted'),
}
const orNull = (description: string) => Type.Union([Type.Number(), Type.Null()], { description })
const latency = ({ about }: { readonly about: string }) =>
  Type.Object(
    {
      count: count('how many were measured since the start'),
      mean_ms: orNull('null where there are none'),
      p50_ms: orNull(
        'half took at most so long, to the next bound of the scale; null where there are none, or it is beyond the scale',
      ),
      p99_ms: orNull('99 of 100 took at most so long'),
    },
    { description: about },
  )

/** An example: nothing was counted, but for what is given. */
const exampleOf = (fields: TProperties, more: object = {}) => ({
  ...Object.fromEntries(
    Object.entries(fields).map(([name, { type }]) => [name, type === 'object' ? {} : 0]),
  ),
  ...more,
})

const exampleSeries = (period: PeriodName) => ({
  period,
  step_seconds: PERIODS[period].stepSeconds,
  from: 1_700_000_000_000,
  points: [
    {
      ...exampleOf(fieldsOf(SERIES, () => Type.Number())),
      at: 1_700_000_000_000,
      connections: 3,
      connections_peak: 3,
    },
  ],
})
const EXAMPLE_LATENCY = { count: 1, mean_ms: 0.2, p50_ms: 0.25, p99_ms: 0.25 }
const EXAMPLE_MOMENT = { at: 1_700_003_600_123, started_at: 1_700_000_000_123 }
const EXAMPLE_NOW = exampleOf(NOW, { connections: 3, webhook_oldest_pending_ms: null })
const EXAMPLE_APP = {
  id: '1',
  name: 'Test App',
  slug: 'test-app',
  now: EXAMPLE_NOW,
  peak: exampleOf(PEAK, { connections: 3 }),
  totals: exampleOf(TOTALS, { connections_accepted: 3 }),
}

const NAMES = { id: Type.String(), name: Type.String(), slug: Type.String() }
const asOfApp = Type.Object(
  {},
  { additionalProperties: true, description: 'As in the statistics of an app: of all nodes' },
)
const ABRIDGED = { now: asOfApp, peak: asOfApp, totals: asOfApp }
const APP = {
  ...NAMES,
  now: Type.Object(NOW, {
    description:
      'As it is at the moment, on all nodes. Channels, users and members count on each node that they are on',
  }),
  peak: Type.Object(PEAK, {
    description: 'The most since the start; connections are the sum of the most of each node',
  }),
  totals: Type.Object(TOTALS, { description: 'Since the start of each node that is there' }),
}
const ofNode = (about: string) =>
  Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], {
    description: `${about}; null where it is not known: Redis is away, or the node has just come`,
  })
/** What each of several nodes has to do with the numbers. */
const NODES = {
  nodes: Type.Optional(
    Type.Array(
      Type.Object({
        id: Type.String({ description: 'Another one after each start' }),
        name: Type.String({ description: '`CARILLON_NODE_NAME`, or the host name' }),
        asked: Type.Boolean({ description: 'True for the one that answers, which is the first' }),
        age_ms: Type.Number({
          description:
            'How long ago it was heard of; every two seconds it tells what has changed of its numbers',
        }),
        started_at: time('When it has started, since when its totals are counted'),
        now: ofNode('As above, on this node alone'),
        peak: ofNode('As above'),
        totals: ofNode('As above'),
      }),
      {
        description:
          'Which nodes the numbers are the sum of, and what each has of them; absent where there is one',
      },
    ),
  ),
}

export const AppStatsAnswer = Type.Object(
  { data: Type.Object({ ...Moment, ...APP, ...NODES, series: Series }) },
  { examples: [{ data: { ...EXAMPLE_MOMENT, ...EXAMPLE_APP, series: exampleSeries('hour') } }] },
)

const Course = (about: string) =>
  Type.Array(Type.Number(), { description: `${about}, for each of \`minutes\`` })
const PerSecond = Type.Object({
  events: Type.Number({ description: 'events of backends and clients' }),
  deliveries: Type.Number({ description: 'events times their subscribers' }),
})

export const AppsStatsAnswer = Type.Object(
  {
    data: Type.Object({
      at: Moment.at,
      count: count('How many apps there are, listed or not'),
      nodes: Type.Optional(
        count('How many nodes `now` is the sum of; absent where there is one server'),
      ),
      step_seconds: Type.Integer({ examples: [60] }),
      minutes: Type.Array(time('The beginning of a minute'), {
        description: 'Of the last hour, where the server ran; none where statistics are off',
      }),
      apps: Type.Array(
        Type.Object({
          ...NAMES,
          now: asOfApp,
          per_second: Type.Union([PerSecond, Type.Null()], {
            description: 'In the last ten seconds that are over; null where statistics are off',
          }),
          minutes: Type.Object({
            connections: Course('Connections at the end'),
            events: Course('Events per second'),
            deliveries: Course('Deliveries per second'),
          }),
        }),
      ),
    }),
  },
  {
    examples: [
      {
        data: {
          at: 1_700_003_600_123,
          count: 1,
          step_seconds: 60,
          minutes: [1_700_003_520_000],
          apps: [
            {
              id: '1',
              name: 'Test App',
              slug: 'test-app',
              now: EXAMPLE_NOW,
              per_second: { events: 2.5, deliveries: 7.5 },
              minutes: { connections: [3], events: [2.5], deliveries: [7.5] },
            },
          ],
        },
      },
    ],
  },
)

const SERVER = {
  ...Moment,
  now: Type.Object({ ...NOW, apps: count('apps') }),
  peak: Type.Object(PEAK),
  totals: Type.Object(SERVER_TOTALS),
  ...NODES,
  latencies: Type.Object(fieldsOf(LATENCIES, latency), { description: 'Of the node that answers' }),
  series: Series,
  apps: Type.Array(Type.Object({ ...NAMES, ...ABRIDGED })),
}
const EXAMPLE_SERVER = {
  ...EXAMPLE_MOMENT,
  now: { ...EXAMPLE_NOW, apps: 1 },
  peak: exampleOf(PEAK, { connections: 3 }),
  totals: exampleOf(SERVER_TOTALS, { connections_accepted: 3 }),
  latencies: Object.fromEntries(
    Object.keys(LATENCIES).map((name) => [snakeCase(name), EXAMPLE_LATENCY]),
  ),
  series: exampleSeries('hour'),
  apps: [EXAMPLE_APP],
}
export const ServerStatsAnswer = Type.Object(
  { data: Type.Object(SERVER) },
  { examples: [{ data: EXAMPLE_SERVER }] },
)
