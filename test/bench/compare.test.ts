/** The bench's judge of two runs: beyond the noise or not, and which way. */
import { expect, test } from 'bun:test'
import { changesBetween } from '../../bench/compare'
import type { BenchRecord } from '../../bench/lib/records'

type Side = 'carillon' | 'bare'

const roundsOf = (side: Side, key: string, figures: readonly number[]): readonly BenchRecord[] =>
  figures.map(
    (figure, index) =>
      ({
        run: 'now',
        question: key === 'p99Ms' ? 'fairness' : 'fanout',
        case: 'room',
        side,
        round: index + 1,
        [key]: figure,
      }) as unknown as BenchRecord,
  )

const deliveries = (figures: readonly number[], side: Side = 'carillon') =>
  roundsOf(side, 'deliveriesPerCpuSecond', figures)

/** Rounds before, rounds after, and what they mean. */
const RUNS: readonly (readonly [string, number[], number[], string])[] = [
  ['the same', [100, 101, 99], [100, 101, 99], 'same'],
  ['a change within the ranges of the rounds', [80, 100, 120], [90, 115, 130], 'same'],
  ['ranges apart, but by less than the noise', [100, 100, 101], [103, 103, 104], 'same'],
  ['a gain beyond it', [100, 101, 99], [120, 121, 119], 'better'],
  ['a loss beyond it', [100, 101, 99], [92, 93, 91], 'worse'],
  ['a loss of a single round', [100], [50], 'unclear'],
  ['a loss past the threshold', [100, 101, 99], [80, 81, 79], 'regressed'],
]

test.each(RUNS)('%s', (_name, before, after, verdict) => {
  const [change] = changesBetween(deliveries(before), deliveries(after))

  expect(change?.verdict).toBe(verdict as 'same')
})

test('where less is better, more is a regression', () => {
  const [change] = changesBetween(
    roundsOf('carillon', 'p99Ms', [10, 10, 11]),
    roundsOf('carillon', 'p99Ms', [20, 20, 21]),
  )

  expect(change).toMatchObject({ verdict: 'regressed', gain: -0.5 })
})

test('a slower machine is no regression when the yardstick is slower too', () => {
  const before = [...deliveries([200, 202, 204]), ...deliveries([100, 101, 102], 'bare')]
  const after = [...deliveries([100, 101, 102]), ...deliveries([50, 50.5, 51], 'bare')]

  const changes = changesBetween(before, after)
  expect(changes.map(({ through, verdict }) => [through, verdict])).toEqual([['bare', 'same']])
})

test('a case that only one run has is not compared', () => {
  expect(changesBetween(deliveries([1]), [])).toEqual([])
})
