/**
 * What the charts of a report show, taken from its records. A chart without records is left out.
 */
import { RATES } from '../fanout'
import { findQuestion } from './catalogue'
import {
  drawBarChart,
  drawLineChart,
  makeLinearScale,
  makeLinearTicks,
  makeLogScale,
  makeLogTicks,
  abbreviate,
  type Bar,
  type BarRow,
  type Panel,
} from './charts'
import type { Colours } from './colours'
import { publishAtRate, makeCrowd, groupDigits, labelOf } from './crowds'
import { Histogram, type Buckets } from './histogram'
import type { Question } from './question'
import type { BenchRecord } from './records'
import { figureAt, ratioOf, type Place } from './statistics'
import { casesOf, orderSides } from './table'

export type Chart = { readonly title: string; readonly about: string; readonly html: string }

export function drawCharts(records: readonly BenchRecord[], colours: Colours): readonly Chart[] {
  const draws = [drawComparison, drawThroughput, drawLatencyOverLoad, drawMemory]
  return draws.flatMap((draw) => draw(records, colours) ?? [])
}

type Draw = (records: readonly BenchRecord[], colours: Colours) => Chart | undefined

/** COMPARED: questions in which Carillon is compared with other servers. */
const COMPARED = ['fanout', 'trigger', 'spread', 'connect', 'clientevent', 'presence', 'fairness']

const drawComparison: Draw = (records, colours) => {
  const rows = COMPARED.flatMap((name) => compareRows(findQuestion(name), records, colours))
  const values = rows.flatMap(({ bars }) => bars.map(({ value }) => value))
  if (values.length === 0) return undefined
  const [least, most] = [Math.min(0.5, ...values) * 0.9, Math.max(2, ...values) * 1.1]
  return {
    title: 'How many times as much Carillon does',
    about:
      "Per second of the server's CPU time, beside the others in the same rounds. For latencies: how many times shorter. The line is 1, as much; the scale is logarithmic.",
    html: drawBarChart({
      rows,
      scale: makeLogScale(least, most),
      ticks: makeLogTicks(least, most, [1, 2, 5]),
      mark: 1,
    }),
  }
}

function compareRows(
  question: Question,
  records: readonly BenchRecord[],
  colours: Colours,
): readonly BarRow[] {
  const { name, figure, yardsticks } = question
  return casesOf(question, records).flatMap((label) => {
    if (/ at \d/.test(label)) return [] // a fixed rate asks for latency
    const at = (side: string): Place => ({ question: name, case: label, side })
    const others = sidesIn(question, label, records).filter(
      (side) => side !== 'carillon' && (yardsticks.includes(side) || !isDress(side)),
    )
    const bars = others.flatMap((side): readonly Bar[] => {
      const ratio = ratioOf(records, [at('carillon'), at(side)], figure.key)
      if (!ratio) return []
      const value = figure.better === 'more' ? ratio.median : 1 / ratio.median
      const kind = colours.classOf(side)
      return [{ side, kind, value, text: `${groupDigits(value, value < 10 ? 2 : 1)} x` }]
    })
    return bars.length > 0 ? [{ label: `${name}: ${label}`, bars }] : []
  })
}

const DRESSES: readonly string[] = [
  'watched',
  'none',
  'plain',
  'guarded',
  'empty',
  'history',
  'durable',
  'webhooks',
]

/** True for Carillon in another configuration: it is compared with itself and is not in the charts. */
export const isDress = (side: string): boolean => DRESSES.includes(side)

const drawThroughput: Draw = (records, colours) => {
  const question = findQuestion('fanout')
  const rows = casesOf(question, records)
    .filter((label) => !/ at \d/.test(label))
    .map((label) => ({
      label,
      bars: barsOf(question, {
        label,
        key: 'deliveriesPerCpuSecond',
        records,
        colours,
        show: abbreviate,
      }),
    }))
  const most = mostOf(rows)
  if (most === 0) return undefined
  return {
    title: 'Deliveries per second of server CPU',
    about:
      'One event to all subscribers of a channel is as many deliveries. "4/4": four publishers, four messages in flight; 1/1 leaves a server nothing to join.',
    html: drawBarChart({ rows, scale: makeLinearScale(most), ticks: makeLinearTicks(most) }),
  }
}

const QUANTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p99', 0.99],
  ['p999', 0.999],
] as const

const drawLatencyOverLoad: Draw = (records, colours) => {
  const rated = RATES.map((rate) => ({ rate, label: labelOf(makeCrowd(publishAtRate(rate))) }))
  const own = records.filter((record) => record.question === 'fanout')
  const played = rated.filter(({ label }) => own.some((record) => record.case === label))
  if (played.length === 0) return undefined
  const inRates = own.filter((record) => played.some(({ label }) => label === record.case))
  const panels = orderSides(findQuestion('fanout'), inRates).map((side): Panel => ({
    title: side,
    kind: colours.classOf(side),
    series: QUANTILES.map(([name, share]) => ({
      name,
      points: played.flatMap(({ label }, place) => {
        const latency = mergeLatencies(
          inRates.filter((each) => each.case === label && each.side === side),
        )
        return latency.total > 0 ? [[place, latency.quantileMs(share)] as const] : []
      }),
    })),
  }))
  const values = panels.flatMap(({ series }) =>
    series.flatMap(({ points }) => points.map(([, ms]) => ms)),
  )
  const [least, most] = [Math.min(...values) * 0.8, Math.max(...values) * 1.25]
  return {
    title: 'Latency over load',
    about:
      'Milliseconds from the moment at which a message was due to its arrival at each of 1 000 subscribers, all rounds together: half of all deliveries, 90, 99 and 99.9 of a hundred. A server that is asked for more than it can falls behind without end.',
    html: drawLineChart({
      panels,
      places: played.map(({ rate }) => abbreviate(rate)),
      xTitle: 'messages per second',
      scale: makeLogScale(least, most),
      ticks: makeLogTicks(least, most, most / least > 100 ? [1] : [1, 2, 5]),
    }),
  }
}

/** Merges the latencies of several rounds. */
function mergeLatencies(records: readonly BenchRecord[]): Histogram {
  const histogram = new Histogram()
  for (const { latency } of records) histogram.merge(latency as Buckets)
  return histogram
}

const drawMemory: Draw = (records, colours) => {
  const question = findQuestion('connect')
  const rows = casesOf(question, records).map((label) => ({
    label,
    bars: barsOf(question, {
      label,
      key: 'rssBytesEach',
      records,
      colours,
      show: (bytes) => `${groupDigits(bytes)} B`,
    }),
  }))
  const most = mostOf(rows)
  if (most === 0) return undefined
  return {
    title: 'Memory per idle connection',
    about: 'Resident memory of the server that came with the connections, divided by them.',
    html: drawBarChart({ rows, scale: makeLinearScale(most), ticks: makeLinearTicks(most) }),
  }
}

type Wanted = {
  readonly label: string
  readonly key: string
  readonly records: readonly BenchRecord[]
  readonly colours: Colours
  readonly show: (value: number) => string
}

function barsOf(
  question: Question,
  { label, key, records, colours, show }: Wanted,
): readonly Bar[] {
  return sidesIn(question, label, records).flatMap((side) => {
    const spread = figureAt(records, { question: question.name, case: label, side }, key)
    return spread
      ? [{ side, kind: colours.classOf(side), value: spread.median, text: show(spread.median) }]
      : []
  })
}

const sidesIn = (question: Question, label: string, records: readonly BenchRecord[]) =>
  orderSides(
    question,
    records.filter((record) => record.question === question.name && record.case === label),
  )

const mostOf = (rows: readonly BarRow[]): number =>
  Math.max(0, ...rows.flatMap(({ bars }) => bars.map(({ value }) => value)))
