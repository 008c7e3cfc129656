/** CHARTS: what is plotted of the statistics: which numbers, in which unit, of the server, an app, or both. */
import { formatBytes, formatNumber, formatShort } from '../format'

/** A point of a series as the API has it; counters are those of the step. */
export type Point = Readonly<
  Record<string, number | Readonly<Record<string, number>> | undefined>
> & {
  readonly at: number
}

/** What the numbers of a chart are, and how they are written. */
type Unit = {
  readonly name: string
  readonly show: (value: number) => string
  /** For the axis, where there is little room. */
  readonly showShort: (value: number) => string
  /** The axis ends no lower. */
  readonly least: number
  /** Between the lines of the axis; uPlot's own, where there are none. */
  readonly steps?: readonly number[]
}

const unit = (name: string, least: number): Unit => ({
  name,
  least,
  show: (value) => `${formatNumber(value)}${name && ` ${name}`}`,
  showShort: formatShort,
})
const MS = unit('ms', 1)
const PER_SECOND = unit('/s', 1)
/** Of things that are whole. */
const LEAST_COUNT = 4
const BYTES: Unit = {
  name: 'bytes',
  show: formatBytes,
  showShort: formatBytes,
  least: 2 ** 20,
  steps: Array.from({ length: 50 }, (_, power) => 2 ** power),
}

export type Line = {
  readonly name: string
  /** Undefined where there is nothing to say of the step. */
  readonly read: (point: Point, stepSeconds: number) => number | undefined
}

export type Chart = {
  readonly id: string
  readonly title: string
  /** In words, for who does not know it. */
  readonly about: string
  readonly unit: Unit
  readonly of: 'server' | 'app' | 'both'
  /** From the points, where they decide which lines there are. */
  readonly linesOf: (points: readonly Point[]) => readonly Line[]
}

const numberOf = (point: Point, name: string): number => {
  const value = point[name]
  return typeof value === 'number' ? value : 0
}
const gauge = (name: string, field: string): Line => ({
  name,
  read: (point) => numberOf(point, field),
})
const rate = (name: string, field: string): Line => ({
  name,
  read: (point, seconds) => numberOf(point, field) / seconds,
})
/** Undefined in a step without any. */
const mean = (name: string, sum: string, count: string): Line => ({
  name,
  read: (point) => {
    const many = numberOf(point, count)
    return many > 0 ? numberOf(point, sum) / many : undefined
  },
})
/** The most of what was measured; undefined in a step without any. */
const most = (name: string, field: string, count: string): Line => ({
  name,
  read: (point) => (numberOf(point, count) > 0 ? numberOf(point, field) : undefined),
})
const always =
  (...lines: readonly Line[]) =>
  () =>
    lines

/** Reasons with a line of their own: the most frequent ones. */
const REASONS = 4
const REFUSALS = 'refusals_by_code'

export const CHARTS: readonly Chart[] = [
  {
    id: 'connections',
    title: 'Connections',
    about: 'Clients that are connected',
    unit: unit('', LEAST_COUNT),
    of: 'both',
    linesOf: always(gauge('open', 'connections')),
  },
  {
    id: 'events',
    title: 'Events in',
    about: 'Events that were published, by backends and by clients',
    unit: PER_SECOND,
    of: 'both',
    linesOf: always(rate('of backends', 'publications'), rate('of clients', 'client_events')),
  },
  {
    id: 'deliveries',
    title: 'Deliveries out',
    about: 'Events times the subscribers that they go to',
    unit: PER_SECOND,
    of: 'both',
    linesOf: always(rate('delivered', 'deliveries')),
  },
  {
    id: 'latency',
    title: 'Delivery latency',
    about: 'From an event to its last subscriber, sampled',
    unit: MS,
    of: 'server',
    linesOf: always(
      mean('mean', 'delivery_ms', 'deliveries_timed'),
      most('slowest', 'delivery_peak_ms', 'deliveries_timed'),
    ),
  },
  {
    id: 'fan-out',
    title: 'Fan-out wait',
    about: 'How long events to large channels waited until their last subscriber was served',
    unit: MS,
    of: 'app',
    linesOf: always(
      mean('mean', 'fan_out_lag_ms', 'frames_queued'),
      most('slowest', 'fan_out_lag_peak_ms', 'frames_queued'),
    ),
  },
  {
    id: 'refusals',
    title: 'Refusals',
    about: 'Connections, frames and requests that were refused, by reason',
    unit: PER_SECOND,
    of: 'both',
    linesOf: linesOfRefusals,
  },
  {
    id: 'webhooks',
    title: 'Webhook backlog',
    about: 'Webhook events that no endpoint has accepted yet',
    unit: unit('events', LEAST_COUNT),
    of: 'both',
    linesOf: always(gauge('waiting', 'webhook_events_pending')),
  },
  {
    id: 'memory',
    title: 'Memory',
    about: 'Resident memory of the process',
    unit: BYTES,
    of: 'server',
    linesOf: always(gauge('resident', 'memory_bytes')),
  },
  {
    id: 'loop',
    title: 'Event loop lag',
    about: 'How late a timer was, at most',
    unit: MS,
    of: 'server',
    linesOf: always(gauge('most', 'loop_lag_peak_ms')),
  },
]

/** The most frequent reasons, and all others together. */
function linesOfRefusals(points: readonly Point[]): readonly Line[] {
  const totals = new Map<string, number>()
  for (const point of points)
    for (const [code, count] of Object.entries(talliedIn(point)))
      totals.set(code, (totals.get(code) ?? 0) + count)
  const codes = [...totals].toSorted(([, a], [, b]) => b - a).map(([code]) => code)
  const shown = codes.slice(0, REASONS)
  if (codes.length === 0) return [rate('refused', 'refusals')]
  const lines = shown.map((code): Line => ({
    name: code,
    read: (point, seconds) => (talliedIn(point)[code] ?? 0) / seconds,
  }))
  if (codes.length === shown.length) return lines
  const isOther = ([code]: readonly [string, number]): boolean => !shown.includes(code)
  const sumOthers = (point: Point): number =>
    Object.entries(talliedIn(point))
      .filter(isOther)
      .reduce((sum, [, count]) => sum + count, 0)
  return [...lines, { name: 'others', read: (point, seconds) => sumOthers(point) / seconds }]
}

function talliedIn(point: Point): Readonly<Record<string, number>> {
  const tally = point[REFUSALS]
  return typeof tally === 'object' ? tally : {}
}

export type Course = {
  readonly points: readonly Point[]
  readonly stepSeconds: number
  /** Epoch milliseconds, both. */
  readonly from: number
  readonly to: number
}

/** Times, then a list for each line, as uPlot has it: null where the server did not run. */
export type Columns = readonly [readonly number[], ...(readonly (number | null)[])[]]

export function columnsOf(lines: readonly Line[], { points, stepSeconds }: Course): Columns {
  const times: number[] = []
  const columns: (number | null)[][] = lines.map(() => [])
  let due = points[0]?.at ?? 0
  for (const point of points) {
    if (point.at > due) {
      times.push(due)
      for (const column of columns) column.push(null)
    }
    times.push(point.at)
    for (const [index, { read }] of lines.entries())
      columns[index]!.push(read(point, stepSeconds) ?? null)
    due = point.at + stepSeconds * 1000
  }
  return [times, ...columns]
}

/** The numbers of a line that a table tells, of what is shown; undefined where there are none. */
export function summaryOf(column: readonly (number | null)[]) {
  const values = column.filter((value) => value !== null)
  if (values.length === 0) return undefined
  return { last: values.at(-1)!, least: Math.min(...values), most: Math.max(...values) }
}

/** A point that is there anew takes the place of the one before. */
export function join(before: readonly Point[], more: readonly Point[]): readonly Point[] {
  const first = more[0]
  return first ? [...before.filter(({ at }) => at < first.at), ...more] : before
}
