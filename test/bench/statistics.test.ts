/** The bench's own arithmetic: quantiles, merged rounds, medians, ratios. */
import { expect, test } from 'bun:test'
import { build } from 'hdr-histogram-js'
import { Histogram } from '../../bench/lib/histogram'
import type { BenchRecord } from '../../bench/lib/records'
import { judgeAll } from '../../bench/lib/judge'
import { TARGETS } from '../../bench/lib/targets'
import { findQuestion } from '../../bench/lib/catalogue'
import { findDefect } from '../../bench/lib/question'
import { planRounds } from '../../bench/lib/rounds'
import { figureAt, ratioOf, spreadOf } from '../../bench/lib/statistics'

/** Microseconds, by rising shares of the least and the greatest: many are short and few are long. */
const between = (least: number, most: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) =>
    Math.round(least * (most / least) ** ((index / (count - 1)) ** 3)),
  )

const SAMPLES: readonly (readonly [string, readonly number[]])[] = [
  ['a millisecond to ten', between(1000, 10_000, 20_000)],
  ['50 microseconds to a minute', between(50, 60e6, 20_000)],
  ['each to a tenth of a second', Array.from({ length: 100_000 }, (_, index) => index + 1)],
  ['two groups far apart', [...between(90, 120, 900), ...between(2e6, 3e6, 100)]],
  ['a single one', [4321]],
]
const PERCENTILES = [0, 25, 50, 90, 99, 99.9, 100]

test.each(SAMPLES)(
  'quantiles of %s are those of hdr-histogram-js to three digits, within two per cent',
  (_name, samples) => {
    const own = new Histogram()
    const other = build({ numberOfSignificantValueDigits: 3 })
    for (const micros of samples) {
      own.record(micros)
      other.recordValue(micros)
    }

    for (const percent of PERCENTILES) {
      const wanted = other.getValueAtPercentile(percent) / 1000
      expect(own.quantileMs(percent / 100) / wanted).toBeWithin(0.998, 1.018)
    }
    expect([own.total, own.maxMs]).toEqual([other.totalCount, Math.max(...samples) / 1000])
  },
)

test('quantiles below 128 microseconds are exact, and the least of all is the one at 0', () => {
  const histogram = new Histogram()
  for (const micros of [3, 5, 7, 127]) histogram.record(micros)

  expect([0, 0.25, 0.5, 0.75, 1].map((share) => histogram.quantileMs(share))).toEqual([
    0.003, 0.003, 0.005, 0.007, 0.127,
  ])
})

test('merged histograms are what one would have recorded', () => {
  const [whole, even, odd, merged] = [0, 0, 0, 0].map(() => new Histogram())
  for (let micros = 1; micros <= 50_000; micros++) {
    whole!.record(micros)
    ;(micros % 2 === 0 ? even : odd)!.record(micros)
  }
  merged!.merge(even!.buckets())
  merged!.merge(odd!.buckets())

  expect(merged!.total).toBe(whole!.total)
  expect(merged!.buckets()).toEqual(whole!.buckets())
  for (const share of [0.5, 0.9, 0.99])
    expect(merged!.quantileMs(share)).toBe(whole!.quantileMs(share))
})

test('a median of an even number of rounds lies between the middle two', () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, rounds: 4 })
  expect(spreadOf([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9, rounds: 3 })
})

test('rounds without a figure count for nothing', () => {
  expect(spreadOf([NaN, 7])).toEqual({ median: 7, min: 7, max: 7, rounds: 1 })
  expect(spreadOf([NaN])).toBeUndefined()
})

const at = (side: string) => ({ question: 'fanout', case: 'room', side })
const records = [
  { side: 'carillon', round: 1, figure: 20 },
  { side: 'bare', round: 1, figure: 10 },
  { side: 'bare', round: 2, figure: 30 },
  { side: 'carillon', round: 2, figure: 90 },
  { side: 'carillon', round: 3, figure: 999 },
].map((row) => ({ ...at(row.side), ...row, run: 'now' }) as unknown as BenchRecord)

test('a ratio is the median of the ratios of rounds that have both sides', () => {
  expect(ratioOf(records, [at('carillon'), at('bare')], 'figure')).toEqual({
    median: 2.5,
    min: 2,
    max: 3,
    rounds: 2,
  })
})

test('rounds of another run, case or question are no pair', () => {
  const upper = { ...at('carillon'), round: 1, run: 'now', figure: 20 }
  const lower = { ...at('bare'), round: 1, run: 'now', figure: 10 }
  const ratio = (more: object) =>
    ratioOf(
      [upper, { ...lower, ...more }] as unknown as readonly BenchRecord[],
      [at('carillon'), at('bare')],
      'figure',
    )?.median

  expect(ratio({})).toBe(2)
  for (const other of [{ run: 'then' }, { case: 'hall' }, { question: 'spread' }])
    expect([other, ratio(other)]).toEqual([other, undefined])
})

test('a histogram that is cleared is empty, and a clock that went back counts as no time', () => {
  const histogram = new Histogram()
  histogram.record(5000, 3)
  expect(histogram.total).toBe(3)

  histogram.clear()
  histogram.record(-7)

  expect([histogram.total, histogram.quantileMs(1), histogram.maxMs]).toEqual([1, 0, 0])
  expect(histogram.buckets()).toEqual([0, 1])
})

test('a quantile is of those that were recorded: never more than the greatest, rounded up', () => {
  const histogram = new Histogram()
  for (const micros of [1, 2, 1001]) histogram.record(micros)

  expect(histogram.quantileMs(0.5)).toBe(0.002)
  expect(histogram.quantileMs(0.99)).toBe(1.001)
})

test('a single fault is a defect, and so is a play in which nothing happened', () => {
  const question = findQuestion('fanout')
  const whole = { lost: 0, reordered: 0, deliveries: 1 }

  expect(findDefect(question, whole)).toBeUndefined()
  expect(findDefect(question, { ...whole, lost: 1 })).toBe('1 lost')
  expect(findDefect(question, { ...whole, deliveries: 0 })).toBe('no deliveries')
})

test('the order of sides is reversed every other round', () => {
  const [cases, sides] = [[{ label: 'a' }], ['carillon', 'bare', 'soketi']]
  const plays = planRounds({
    question: findQuestion('fanout'),
    cases,
    sides,
    rounds: 3,
    seconds: 1,
  })

  expect(plays.map(({ round, side }) => `${round} ${side}`)).toEqual([
    '1 carillon',
    '1 bare',
    '1 soketi',
    '2 soketi',
    '2 bare',
    '2 carillon',
    '3 carillon',
    '3 bare',
    '3 soketi',
  ])
})

test('a figure that is null in a record is none', () => {
  const unknown = { ...at('peer'), round: 1, run: 'now', figure: null } as unknown as BenchRecord

  expect(figureAt([...records, unknown], at('peer'), 'figure')).toBeUndefined()
})

const DEEP = '1 000 x 100 B, 16/16'
const round = (side: string, deliveriesPerCpuSecond: number, more = {}): BenchRecord =>
  ({
    question: 'fanout',
    case: DEEP,
    side,
    round: 1,
    run: 'now',
    deliveriesPerCpuSecond,
    lost: 0,
    reordered: 0,
    ...more,
  }) as unknown as BenchRecord

/** The verdicts on a fan-out through the bare loop's and soketi's, at least 1.45 and 19.5. */
const verdictsOn = (records: readonly BenchRecord[]): readonly string[] =>
  judgeAll(records)
    .filter(({ target }) => target.place.case === DEEP)
    .map(({ verdict }) => verdict)

test('a target is met, missed, or not measured where somebody was absent', () => {
  expect(verdictsOn([round('carillon', 145), round('bare', 100)])).toEqual(['met', 'not measured'])
  expect(verdictsOn([round('carillon', 144), round('bare', 100), round('soketi', 4)])).toEqual([
    'missed',
    'met',
  ])
})

test('what is exactly as much as is asked at the most is met', () => {
  const limit = TARGETS.find(({ through, bound }) => !through && 'atMost' in bound)!
  const { place, key, bound } = limit
  const verdict = (more: number) => {
    const figure = 'atMost' in bound ? bound.atMost + more : NaN
    const record = { ...place, round: 1, run: 'now', [key]: figure } as unknown as BenchRecord
    return judgeAll([record]).find(({ target }) => target === limit)?.verdict
  }

  expect([verdict(0), verdict(0.01)]).toEqual(['met', 'missed'])
})

test('what Carillon lost in any row misses the last target, what others lost does not', () => {
  const last = (records: readonly BenchRecord[]) => judgeAll(records).at(-1)?.verdict

  expect(last([round('carillon', 1), round('bare', 1, { lost: 3 })])).toBe('met')
  expect(last([round('carillon', 1), round('carillon', 1, { reordered: 1 })])).toBe('missed')
})
