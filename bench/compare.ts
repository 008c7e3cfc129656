/**
 * `bun run bench compare A B`: what got better or worse from run A to run B.
 *
 * What is compared is a subject's figure, through the yardstick's of the same round where both runs
 * have one: the machine of another day cancels out. A change counts when it is beyond the noise:
 * more than NOISE, and the ranges of the rounds do not overlap. Without a yardstick runs of different
 * machines can't be compared, and a run on a busy machine proves nothing.
 *
 * REGRESSION is 10 %. The CPU cost of the same commit differs by up to a tenth between two runs on a
 * shared machine, ratios to the bare loop by half of that: below it a build would fail on a
 * neighbour's work. What it is there to catch, a delivery that is encoded twice, a loop over sockets,
 * a promise per message, costs more.
 */
import { findQuestion } from './lib/catalogue'
import { UsageError } from './lib/command-line'
import { groupDigits } from './lib/crowds'
import { formatHeading } from './lib/heading'
import { findDefects } from './lib/judge'
import { wasBusy } from './lib/machine'
import type { Figure } from './lib/question'
import { readRecords, type BenchRecord } from './lib/records'
import { figureAt, matchPlace, ratioOf, type Place, type Spread } from './lib/statistics'

export const NOISE = 0.05
export const REGRESSION = 0.1
/** One round has no range, and two hardly any: a change between them is unclear. */
const LEAST_ROUNDS = 3

export type Change = {
  readonly place: Place
  readonly title: string
  /** What both figures are divided by; undefined when they stand for themselves. */
  readonly through: string | undefined
  readonly before: Spread
  readonly after: Spread
  /** 0.1 is a tenth better, -0.1 a tenth worse, whichever way is better. */
  readonly gain: number
  readonly verdict: 'better' | 'worse' | 'regressed' | 'same' | 'unclear'
}

/** Memory is compared beside the figure, where it was measured. */
const MEMORY: Figure = {
  title: 'resting RSS MiB',
  key: 'restingRssMib',
  digits: 0,
  better: 'less',
}

/** Returns the regressions; a loss in the second run is one, whatever the figures are. */
export function compareRuns([before, after, ...more]: readonly string[]): readonly string[] {
  if (before === undefined || after === undefined || more.length > 0)
    throw new UsageError('compare expects two runs of bench/results: compare A B')
  const runs = [readRecords(before), readRecords(after)] as const
  for (const [index, run] of runs.entries())
    console.log(`${'AB'[index]}  ${formatHeading(run[0]!)}`)
  const changes = findChanges(...runs)
  for (const change of changes) console.log(lineOf(change))
  const missing = placesIn(runs[0]).length - new Set(changes.map(({ place }) => place)).size
  if (missing > 0) console.log(`Only in A: ${missing} cases, which are not compared`)
  const regressed = changes.filter(({ verdict }) => verdict === 'regressed')
  if (changes.length === 0) return ['the runs have nothing in common']
  const losses = findDefects(runs[1]).map((defect) => `B: ${defect}`)
  return [
    ...losses,
    ...regressed.map((change) => `regression past ${REGRESSION * 100} %: ${lineOf(change)}`),
  ]
}

export function findChanges(
  before: readonly BenchRecord[],
  after: readonly BenchRecord[],
): readonly Change[] {
  return placesIn(before).flatMap((place) => {
    const { figure } = findQuestion(place.question)
    return [figure, MEMORY].flatMap((each) => changeAt(place, each, [before, after]) ?? [])
  })
}

/** Each once, of subjects only. */
function placesIn(records: readonly BenchRecord[]): readonly Place[] {
  const places = new Map(
    records.map(({ question, case: label, side }) => {
      const place = { question, case: label, side }
      return [JSON.stringify(place), place] as const
    }),
  )
  return [...places.values()].filter(({ question, side }) =>
    findQuestion(question).subjects.includes(side),
  )
}

const machineOf = ({ cpu, cores, memoryGib, arch }: BenchRecord): string =>
  [cpu, cores, memoryGib, arch].join()

type Runs = readonly [before: readonly BenchRecord[], after: readonly BenchRecord[]]

function changeAt(place: Place, figure: Figure, runs: Runs): Change | undefined {
  const { yardsticks } = findQuestion(place.question)
  const through = yardsticks.find((side) =>
    runs.every((records) => ratioOf(records, [place, { ...place, side }], figure.key)),
  )
  const [before, after] = runs.map((records) =>
    through === undefined
      ? figureAt(records, place, figure.key)
      : ratioOf(records, [place, { ...place, side: through }], figure.key),
  )
  if (!before || !after) return undefined
  const gain = gainOf(figure, before, after)
  const [here, there] = runs.map((records) => machineOf(records[0]!))
  const isCalm = !runs.some((records) => wasBusy(records.filter(matchPlace(place))))
  const isKnown = isCalm && (through !== undefined || here === there)
  return {
    place,
    title: figure.title,
    through,
    before,
    after,
    gain,
    verdict: isKnown ? verdictOn(gain, before, after) : 'unclear',
  }
}

const gainOf = ({ better }: Figure, before: Spread, after: Spread): number =>
  better === 'more' ? after.median / before.median - 1 : before.median / after.median - 1

function verdictOn(gain: number, before: Spread, after: Spread): Change['verdict'] {
  const isApart = after.min > before.max || after.max < before.min
  if (!isApart || Math.abs(gain) <= NOISE) return 'same'
  if (Math.min(before.rounds, after.rounds) < LEAST_ROUNDS) return 'unclear'
  if (gain > 0) return 'better'
  return gain < -REGRESSION ? 'regressed' : 'worse'
}

const lineOf = ({ place, title, through, before, after, gain, verdict }: Change): string => {
  const digits = before.median < 100 ? 2 : 0
  const figures = `${groupDigits(before.median, digits)} -> ${groupDigits(after.median, digits)}`
  const percent = `${gain >= 0 ? '+' : ''}${(gain * 100).toFixed(1)} %`
  const what = through === undefined ? title : `${title}, through ${through}'s`
  return `${verdict.padEnd(9)}  ${percent.padStart(8)}  ${place.question}, ${place.case}, ${place.side}: ${what}: ${figures}`
}
