/** The bench's judge of two runs: beyond the noise or not, and which way. */
import { expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findChanges, compareRuns } from '../../bench/compare'
import { describeSurroundings, type BenchRecord } from '../../bench/lib/records'
import { makeScratch } from '../../bench/lib/scratch'

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
  ['one just past it', [100, 101, 99], [88, 89, 87], 'regressed'],
  ['a loss of two rounds beside many', [100, 101, 99, 100], [50, 51], 'unclear'],
]

test.each(RUNS)('%s', (_name, before, after, verdict) => {
  const [change] = findChanges(deliveries(before), deliveries(after))

  expect(change?.verdict).toBe(verdict as 'same')
})

test('where less is better, more is a regression', () => {
  const [change] = findChanges(
    roundsOf('carillon', 'p99Ms', [10, 10, 11]),
    roundsOf('carillon', 'p99Ms', [20, 20, 21]),
  )

  expect(change).toMatchObject({ verdict: 'regressed', gain: -0.5 })
})

test('a slower machine is no regression when the yardstick is slower too', () => {
  const before = [...deliveries([200, 202, 204]), ...deliveries([100, 101, 102], 'bare')]
  const after = [...deliveries([100, 101, 102]), ...deliveries([50, 50.5, 51], 'bare')]

  const changes = findChanges(before, after)
  expect(changes.map(({ through, verdict }) => [through, verdict])).toEqual([['bare', 'same']])
})

test('without a yardstick runs of different machines are unclear', () => {
  const on = (cpu: string, records: readonly BenchRecord[]) =>
    records.map((each) => ({ ...each, cpu }))
  const before = on('quick', deliveries([100, 101, 102]))
  const after = deliveries([50, 50.5, 51])
  const bare = [deliveries([100, 101, 102], 'bare'), deliveries([100, 101, 102], 'bare')] as const

  const verdicts = (a: readonly BenchRecord[], b: readonly BenchRecord[]) =>
    findChanges(a, b).map(({ verdict }) => verdict)
  expect(verdicts(before, on('slow', after))).toEqual(['unclear'])
  expect(verdicts(before, on('quick', after))).toEqual(['regressed'])
  expect(verdicts([...before, ...bare[0]], on('slow', [...after, ...bare[1]]))).toEqual([
    'regressed',
  ])
})

test('memory is compared beside the figure', () => {
  const resting = (mib: number) =>
    deliveries([100, 100, 100]).map((each) => ({ ...each, restingRssMib: mib }))

  const changes = findChanges(resting(100), resting(150))
  expect(changes.map(({ title, verdict }) => [title, verdict])).toEqual([
    ['deliveries per server-CPU-second', 'same'],
    ['resting RSS MiB', 'regressed'],
  ])
})

test('the command fails on a regression, on a loss and on runs that share nothing', () => {
  using folder = makeScratch()
  const whole = { ...describeSurroundings(['quick']), at: '2026-01-02', lost: 0 }
  const kept = (name: string, records: readonly BenchRecord[], more: object = {}): string => {
    const file = join(folder.path, `${name}.jsonl`)
    const lines = records.map((each) => JSON.stringify({ ...whole, ...each, ...more }))
    writeFileSync(file, lines.join('\n'))
    return file
  }
  const base = kept('base', deliveries([100, 101, 99]))

  expect(compareRuns([base, base])).toEqual([])
  expect(compareRuns([base, kept('worse', deliveries([80, 81, 79]))])).toEqual([
    expect.stringContaining('regression past 10 %'),
  ])
  expect(compareRuns([base, kept('losing', deliveries([100]), { lost: 3 })])).toEqual([
    'B: fanout, room, carillon, round 1: 3 lost',
  ])
  const other = kept('other', deliveries([1]), { case: 'hall' })
  expect(compareRuns([base, other])).toEqual(['the runs have nothing in common'])
  expect(() => compareRuns([base])).toThrow('two runs')
})

test('a case that only one run has is not compared', () => {
  expect(findChanges(deliveries([1]), [])).toEqual([])
})
