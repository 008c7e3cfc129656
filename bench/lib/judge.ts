/**
 * Targets beside what a run reached.
 */
import { findQuestion } from './catalogue'
import { wasBusy } from './machine'
import { readNumber } from './question'
import type { BenchRecord } from './records'
import { figureAt, matchPlace, ratioOf, spreadOf, type Spread } from './statistics'
import type { Target } from './target-rows'
import { TARGETS } from './targets'

export type Judged = {
  readonly target: Target
  /** Undefined where a side or the case was not played. */
  readonly reached: Spread | undefined
  /** Not judged where the machine was busy. */
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
    const { faults, subjects } = findQuestion(record.question)
    if (!subjects.includes(record.side)) return []
    return faults.map((key) => readNumber(record, key))
  })
  const reached = spreadOf(counts.length > 0 ? [counts.reduce((all, one) => all + one, 0)] : [])
  const verdict = !reached ? 'not measured' : reached.median === 0 ? 'met' : 'missed'
  return { target: FAULTS, reached, verdict }
}

/** What subjects lost or reordered, round by round, in words. */
export const findDefects = (records: readonly BenchRecord[]): readonly string[] =>
  records.flatMap((record) => {
    const { question, case: label, side, round } = record
    const { faults, subjects } = findQuestion(question)
    const found = subjects.includes(side) ? faults.filter((key) => readNumber(record, key) > 0) : []
    return found.map(
      (key) => `${question}, ${label}, ${side}, round ${round}: ${readNumber(record, key)} ${key}`,
    )
  })

/** A target beside what a run reached. */
function judge(target: Target, records: readonly BenchRecord[]): Judged {
  const { place, through, key, bound } = target
  const reached = through ? ratioOf(records, [place, through], key) : figureAt(records, place, key)
  if (!reached) return { target, reached, verdict: 'not measured' }
  if (!isCount(target) && wasBusy(recordsOf(target, records)))
    return { target, reached, verdict: 'not judged' }
  const { median } = reached
  const isMet = 'atLeast' in bound ? median >= bound.atLeast : median <= bound.atMost
  return { target, reached, verdict: isMet ? 'met' : 'missed' }
}

/** What must never happen is counted, on a busy machine as well. */
const isCount = ({ bound }: Target): boolean => 'atMost' in bound && bound.atMost === 0

const recordsOf = ({ place, through }: Target, records: readonly BenchRecord[]) =>
  records.filter((record) => matchPlace(place)(record) || (through && matchPlace(through)(record)))
