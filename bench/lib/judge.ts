/**
 * Targets beside what a run reached.
 */
import { questionNamed } from './catalogue'
import { wasBusy } from './machine'
import { numberIn } from './question'
import type { BenchRecord } from './records'
import { figureAt, isAt, ratioOf, spreadOf, type Spread } from './statistics'
import { TARGETS, type Bound, type Target } from './targets'

export type Judged = {
  readonly target: Target
  /** What is asked here: the target's own, or where it has moved to. */
  readonly bound: Bound
  /** Undefined where a side or the case was not played. */
  readonly reached: Spread | undefined
  /** Not judged where the machine was busy: a figure of it says little. */
  readonly verdict: 'met' | 'missed' | 'not judged' | 'not measured'
}

/** Every target beside what a run reached. */
export const judgeAll = (records: readonly BenchRecord[]): readonly Judged[] => [
  ...TARGETS.map((target) => judge(target, records)),
  judgeFaults(records),
]

const FAULTS: Target = {
  figure: 'messages lost, reordered, repeated or miscounted by Carillon, in every row of the run',
  place: { question: '', case: '', side: 'carillon' },
  key: '',
  bound: { atMost: 0 },
  unit: 'messages',
}

function judgeFaults(records: readonly BenchRecord[]): Judged {
  const counts = records.flatMap((record) => {
    const { faults, subjects } = questionNamed(record.question)
    if (!subjects.includes(record.side)) return []
    return faults.map((key) => numberIn(record, key))
  })
  const reached = spreadOf(counts.length > 0 ? [counts.reduce((all, one) => all + one, 0)] : [])
  const verdict = !reached ? 'not measured' : reached.median === 0 ? 'met' : 'missed'
  return { target: FAULTS, bound: FAULTS.bound, reached, verdict }
}

/** What subjects lost or reordered, round by round, in words. */
export const defectsIn = (records: readonly BenchRecord[]): readonly string[] =>
  records.flatMap((record) => {
    const { question, case: label, side, round } = record
    const { faults, subjects } = questionNamed(question)
    const found = subjects.includes(side) ? faults.filter((key) => numberIn(record, key) > 0) : []
    return found.map(
      (key) => `${question}, ${label}, ${side}, round ${round}: ${numberIn(record, key)} ${key}`,
    )
  })

/** A target beside what a run reached. */
function judge(target: Target, records: readonly BenchRecord[]): Judged {
  const { place, through, key } = target
  const bound = boundHere(target, records)
  const reached = through ? ratioOf(records, [place, through], key) : figureAt(records, place, key)
  if (!reached) return { target, bound, reached, verdict: 'not measured' }
  if (!isCount(target) && wasBusy(recordsOf(target, records)))
    return { target, bound, reached, verdict: 'not judged' }
  const { median } = reached
  const isMet = 'atLeast' in bound ? median >= bound.atLeast : median <= bound.atMost
  return { target, bound, reached, verdict: isMet ? 'met' : 'missed' }
}

/** What must never happen is counted, on a busy machine as well. */
const isCount = ({ bound }: Target): boolean => 'atMost' in bound && bound.atMost === 0

const recordsOf = ({ place, through }: Target, records: readonly BenchRecord[]) =>
  records.filter((record) => isAt(place)(record) || (through && isAt(through)(record)))

/** Moved only where no round saw the two yardsticks as far apart as they were then. */
function boundHere({ bound, moves, through, key }: Target, records: readonly BenchRecord[]): Bound {
  if (!moves || !through) return bound
  const apart = ratioOf(records, [moves.yardstick, through], key)
  if (!apart || (apart.min <= moves.seen && moves.seen <= apart.max)) return bound
  const by = apart.median / moves.seen
  return 'atLeast' in bound ? { atLeast: bound.atLeast * by } : { atMost: bound.atMost * by }
}
