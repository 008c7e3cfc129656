/** What the machine did besides: read from the system's words, shown, and no target judged when it was busy. */
import { expect, test } from 'bun:test'
import { judgeAll } from '../../bench/lib/judge'
import { findChanges } from '../../bench/compare'
import {
  formatBeginning,
  formatBusyness,
  parseOwnTicks,
  computeShares,
  parseTicks,
  wasBusy,
  watchMachine,
  type Busyness,
} from '../../bench/lib/machine'
import type { BenchRecord } from '../../bench/lib/records'
import { findQuestion } from '../../bench/lib/catalogue'
import { formatTable } from '../../bench/lib/table'
import { writePage } from '../../bench/lib/page'

/** user nice system idle iowait irq softirq steal guest guest_nice */
const STAT = `cpu  300 6 90 900 60 0 30 15 9 0
cpu0 100 2 30 300 20 0 10 5 3 0
cpu1 200 4 60 600 40 0 20 10 6 0
intr 1 2 3
`

test.each([
  [[], { all: 1401, busy: 426, steal: 15 }],
  [[0, 1], { all: 1401, busy: 426, steal: 15 }],
  [[1], { all: 934, busy: 284, steal: 10 }],
])('ticks of CPUs %p: a guest is part of its user, waiting is not work', (cpus, ticks) => {
  expect(parseTicks(STAT, cpus)).toEqual(ticks)
})

test('own time is that of the process and of children that have ended, whatever it is called', () => {
  const stat = '12 (a) 9 (b) S 1 12 12 0 -1 4194560 1 2 3 4 70 30 5 6 20 0 1 0 99'

  expect(parseOwnTicks(stat)).toBe(111)
})

test.each([
  ['nothing else', { all: 400, busy: 200, steal: 0 }, 200, { stealPercent: 0, othersPercent: 0 }],
  ['others', { all: 400, busy: 240, steal: 0 }, 200, { stealPercent: 0, othersPercent: 10 }],
  ['the host', { all: 400, busy: 200, steal: 40 }, 200, { stealPercent: 10, othersPercent: 0 }],
  ['no time', { all: 0, busy: 0, steal: 0 }, 3, { stealPercent: 0, othersPercent: 0 }],
])('shares of %s', (_what, machine, own, shares) => {
  const nothing = { machine: { all: 0, busy: 0, steal: 0 }, own: 0 }

  expect(computeShares(nothing, { machine, own })).toEqual(shares)
})

test.skipIf(process.platform !== 'linux')('a look at this machine finds every figure', () => {
  const found = watchMachine()()

  for (const [name, figure] of Object.entries(found))
    expect([name, figure]).toEqual([name, expect.any(Number)])
  expect(found.stealPercent).toBeWithin(0, 100.1)
})

test('a load average above half of the CPUs is said before a run', () => {
  expect(formatBeginning(0.9, 2)).toBe('Load average 0.90 on 2 CPUs')
  expect(formatBeginning(1.1, 2)).toContain('the machine is busy')
})

const CALM: Busyness = { loadAverage: 1, stealPercent: 0.4, othersPercent: 2 }
const record = (side: string, figure: number, round: number, busyness: Partial<Busyness>) =>
  ({
    run: 'now',
    at: '2026-01-02T03:04:05Z',
    command: 'bun run bench',
    question: 'fanout',
    case: '1 000 x 100 B, 4/4',
    side,
    round,
    deliveriesPerCpuSecond: figure,
    deliveriesPerSecond: figure / 2,
    lost: 0,
    reordered: 0,
    latency: [],
    ...busyness,
  }) as unknown as BenchRecord

const run = (...busyness: readonly Partial<Busyness>[]): readonly BenchRecord[] =>
  busyness.flatMap((each, index) => [
    record('carillon', 200 + 10 * index, index + 1, each),
    record('bare', 100, index + 1, each),
  ])

const verdicts = (records: readonly BenchRecord[]): readonly string[] =>
  judgeAll(records)
    .map(({ verdict }) => verdict)
    .filter((verdict) => verdict !== 'not measured')

const BUSY = { ...CALM, othersPercent: 30 }
test.each([
  ['a calm machine', [CALM], 'met'],
  ['others that work', [BUSY], 'not judged'],
  ['a host that steals', [{ ...CALM, stealPercent: 9 }], 'not judged'],
  ['one busy round of three, which a median does not see', [CALM, BUSY, CALM], 'met'],
  ['a run that does not say', [{}], 'met'],
  ['a system that has no such figures', [{ loadAverage: 9 }], 'met'],
])('%s', (_what, busyness, verdict) => {
  const records = run(...busyness)

  expect(verdicts(records)).toEqual([verdict, 'met']) // what was lost is counted all the same
  expect(wasBusy(records)).toBe(verdict === 'not judged')
  expect(writePage(records).includes('The machine was busy')).toBe(verdict === 'not judged')
})

test('a change is unclear when one of the two runs was on a busy machine', () => {
  const [calm, busy] = [run(CALM, CALM, CALM), run(BUSY, BUSY, BUSY)]
  const verdictOn = (before: readonly BenchRecord[], after: readonly BenchRecord[]) =>
    findChanges(before, after).map(({ verdict }) => verdict)

  expect(verdictOn(calm, calm)).toEqual(['same'])
  expect([verdictOn(calm, busy), verdictOn(busy, calm)]).toEqual([['unclear'], ['unclear']])
})

test('what is not known is not shown', () => {
  expect(formatBusyness(run(CALM))).toBe(
    'Median of the plays: load average 1.00, steal 0.4 %, others took 2.0 % of the CPUs',
  )
  expect(formatBusyness(run({ loadAverage: 2 }))).toBe('Median of the plays: load average 2.00')
  expect(formatBusyness(run({}))).toBe('')
})

test('every figure of several rounds has its spread beside it', () => {
  expect(formatTable(findQuestion('fanout'), run(CALM, CALM, CALM))).toMatch(
    /carillon +210 ±5 % +105 ±5 %/,
  )
})
