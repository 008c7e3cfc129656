/**
 * `carillon stats`: how many, how fast, how late, what was refused and what waits, of the server or of one app.
 */
import { dataOf } from './client'
import { SERVER_OPTIONS, type Around, type CommandRow } from './command'
import { usageError } from './exits'
import type { Terminal } from './terminal'
import { showDuration, showTime } from './times'

type Numbers = Readonly<Record<string, number | null | Readonly<Record<string, number>>>>
type AppStats = {
  readonly id: string
  readonly slug: string
  readonly now: Numbers
  readonly peak: Numbers
  readonly totals: Numbers
}
type Point = Readonly<Record<string, number | Readonly<Record<string, number>>>> & {
  readonly at: number
}
type Stats = Omit<AppStats, 'id' | 'slug'> & {
  readonly at: number
  readonly started_at: number
  readonly latencies?: Readonly<Record<string, Readonly<Record<string, number | null>>>>
  readonly series: {
    readonly period: string
    readonly step_seconds: number
    readonly points: readonly Point[]
  }
  readonly apps?: readonly AppStats[]
  /** Absent where there is one. */
  readonly nodes?: readonly NodeStats[]
}
/** Null where they are not known. */
type NodeStats = {
  readonly name: string
  readonly age_ms: number
  readonly now: Numbers | null
  readonly peak: Numbers | null
  readonly totals: Numbers | null
}

const PERIODS = ['hour', 'day', 'year']

export const STATS: CommandRow = {
  name: 'stats',
  about: 'show how many, how fast, how late, what was refused and what waits',
  details:
    'Of the server and each app, or of one app. Rates are those of the period; totals are counted since the start. As lines and as JSON it has every number.',
  options: [
    ['--app <slug>', 'only of this app, by its slug or id'],
    ['--period <period>', 'hour (by default), day or year'],
    ['--series', 'a line for each step: connections, events, client events, deliveries, refusals'],
    ...SERVER_OPTIONS,
  ],
  examples: [
    ['stats', 'the server, and a line for each app'],
    ['stats --app my-shop --period day', 'one app, its rates of the last day'],
    ['stats --series --period day --json > day.json', 'every number of each minute'],
  ],
  run: async (given, around) => {
    const period = given.text('period') ?? PERIODS[0]!
    if (!PERIODS.includes(period)) throw usageError(`--period expects one of ${PERIODS.join(', ')}`)
    const stats = await readStats(given.text('app'), period, around)
    const { terminal } = around
    if (terminal.isJson) return terminal.json(given.has('series') ? stats.series.points : stats)
    if (given.has('series')) return printSeries(stats, terminal)
    if (terminal.isTerminal) printSummary(stats, terminal)
    else printNumbers(stats, terminal)
  },
}

async function readStats(app: string | undefined, period: string, around: Around): Promise<Stats> {
  const { client } = around
  if (app === undefined) return dataOf<Stats>(await client.admin(`/stats?period=${period}`))
  return dataOf<Stats>(await client.ofApp(app, `/stats?period=${period}`))
}

// ---------------------------------------------------------------- a summary for people

type Line = readonly [label: string, value: string]

function printSummary(stats: Stats, terminal: Terminal): void {
  terminal.fields([...linesOfNow(stats), ...linesOfRates(stats), ...linesOfTotals(stats)])
  const { nodes = [], apps = [] } = stats
  if (nodes.length > 1) {
    terminal.lines('')
    const rows = nodes.map(({ name, age_ms: age, now, peak, totals }) => [
      name,
      ...(now && peak && totals ? cellsOf({ now, peak, totals }) : NUMBERS.map(() => '?')),
      showDuration(age),
    ])
    terminal.table([{ title: 'NODE' }, ...NUMBERS, { title: 'HEARD OF BEFORE' }], rows, '')
  }
  if (apps.length === 0) return
  terminal.lines('')
  const rows = apps.map(({ slug, ...numbers }) => [slug, ...cellsOf(numbers)])
  terminal.table([{ title: 'APP' }, ...NUMBERS], rows, '')
}

const NUMBERS = [
  'CONNECTIONS',
  'PEAK',
  'CHANNELS',
  'EVENTS',
  'DELIVERIES',
  'REFUSED',
  'WAITING',
].map((title) => ({ title, isNumber: true }) as const)

const cellsOf = ({ now, peak, totals }: Pick<AppStats, 'now' | 'peak' | 'totals'>): string[] => [
  group(numberOf(now, 'connections')),
  group(numberOf(peak, 'connections')),
  group(numberOf(now, 'channels')),
  group(numberOf(totals, 'publications') + numberOf(totals, 'client_events')),
  group(numberOf(totals, 'deliveries')),
  group(sumOf(totals['refusals_by_code'])),
  group(numberOf(now, 'webhook_events_pending')),
]

function linesOfNow({ at, started_at: startedAt, now, peak }: Stats): Line[] {
  const oldest = now['webhook_oldest_pending_ms']
  const age = typeof oldest === 'number' ? ` (the oldest ${showDuration(oldest)})` : ''
  const count = (name: string): string => group(numberOf(now, name))
  return [
    ['since', `${showTime(startedAt)}, ${showDuration(at - startedAt)}`],
    [
      'connections',
      `${group(numberOf(now, 'connections'))}, ${group(numberOf(peak, 'connections'))} at the most`,
    ],
    [
      'channels',
      `${count('channels')}, ${count('subscriptions')} subscriptions, ${count('members')} members`,
    ],
    ['users', `${count('users')} signed in`],
    [
      'webhooks',
      `${count('webhook_events_pending')} waiting${age}, ${count('webhook_events_failing')} failing, ${count('webhook_events_dead')} given up`,
    ],
  ]
}

/** Counters of the series, as they are shown per second. */
const RATES: readonly (readonly [label: string, names: readonly string[]])[] = [
  ['events', ['publications', 'client_events']],
  ['deliveries', ['deliveries']],
  ['connects', ['connections_accepted']],
  ['refusals', ['refusals']],
  ['bytes sent', ['bytes_sent']],
]

/** The mean of the period, and its highest step. */
function linesOfRates({ series }: Stats): Line[] {
  const { points, period, step_seconds: seconds } = series
  if (points.length === 0) return []
  const rates = RATES.map(([label, names]): Line => {
    const steps = points.map((point) => names.reduce((sum, name) => sum + numberOf(point, name), 0))
    const mean = steps.reduce((sum, each) => sum + each, 0) / steps.length / seconds
    const most = steps.reduce((max, each) => Math.max(max, each), 0) / seconds
    return [label, `${perSecond(mean)}, ${perSecond(most)} at the most`]
  })
  return [['rates', `of the last ${period}, in steps of ${showDuration(seconds * 1000)}`], ...rates]
}

function linesOfTotals({ totals, latencies = {} }: Stats): Line[] {
  const late = Object.entries(latencies).flatMap(
    ([name, { count, p50_ms: p50, p99_ms: p99 }]): Line[] => {
      const show = (ms: number | null | undefined): string =>
        typeof ms === 'number' ? showDuration(ms) : 'more'
      return count
        ? [[name.replaceAll('_', ' '), `half within ${show(p50)}, 99 % within ${show(p99)}`]]
        : []
    },
  )
  const refused = Object.entries(totals['refusals_by_code'] ?? {}).toSorted(([, a], [, b]) => b - a)
  const shown = refused.map(([code, count]) => `${code} ${group(count)}`).join(', ')
  const cut = [
    'slow_readers_closed',
    'silent_closed',
    'unfinished_closed',
    'unauthorized_closed',
    'faults',
  ].flatMap((name) => {
    const count = numberOf(totals, name)
    return count > 0 ? `${name.replaceAll('_', ' ')} ${group(count)}` : []
  })
  return [
    ...late,
    ['refused', shown || 'nothing'],
    ...(cut.length > 0 ? [['cut', cut.join(', ')] as const] : []),
  ]
}

const numberOf = (numbers: Numbers | Point, name: string): number => {
  const value = numbers[name]
  return typeof value === 'number' ? value : 0
}

const sumOf = (tally: Numbers[string] | undefined): number =>
  Object.values(tally ?? {}).reduce((sum, count) => sum + count, 0)

/** `1 234 567` */
const group = (value: number): string =>
  String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ' ')

const perSecond = (value: number): string =>
  `${value >= 100 ? group(value) : String(Math.round(value * 100) / 100)}/s`

// ---------------------------------------------------------------- numbers for programs

/** A line for each number: `now.connections`, `totals.refusals_by_code.login_failed`, `apps.my-shop.now.channels`. */
function printNumbers(stats: Stats, terminal: Terminal): void {
  const { at, started_at, now, peak, totals, latencies = {}, apps = [], nodes = [] } = stats
  const byNode = Object.fromEntries(
    nodes.map(({ name, now, peak, totals }) => [name, { now, peak, totals }]),
  )
  const byApp = Object.fromEntries(
    apps.map(({ slug, now, peak, totals }) => [slug, { now, peak, totals }]),
  )
  const head = { at, started_at, now, peak, totals, latencies }
  terminal.table([], flatten({ ...head, apps: byApp, nodes: byNode }), '')
}

function flatten(value: object, path = ''): (readonly [string, string | number])[] {
  return Object.entries(value).flatMap(([name, entry]: [string, unknown]) =>
    typeof entry === 'object' && entry !== null
      ? flatten(entry, `${path}${name}.`)
      : [[`${path}${name}`, typeof entry === 'number' ? entry : String(entry ?? '')] as const],
  )
}

/** What a line of the series has; the JSON has all. */
const SHOWN: readonly (readonly [title: string, name: string])[] = [
  ['CONNECTIONS', 'connections'],
  ['EVENTS', 'publications'],
  ['OF CLIENTS', 'client_events'],
  ['DELIVERIES', 'deliveries'],
  ['REFUSALS', 'refusals'],
]

/** A step in each line. */
function printSeries({ series }: Stats, terminal: Terminal): void {
  terminal.table(
    [{ title: 'TIME' }, ...SHOWN.map(([title]) => ({ title, isNumber: true }) as const)],
    series.points.map((point) => [
      showTime(point.at),
      ...SHOWN.map(([, name]) => numberOf(point, name)),
    ]),
    'there is no step yet',
  )
}
