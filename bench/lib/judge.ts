/**
 * Targets beside what a run reached.
 */
import { questionNamed } from './catalogue'
import { numberIn } from './question'
import type { BenchRecord } from './records'
import { figureAt, ratioOf, spreadOf, type Spread } from './statistics'
import { TARGETS, type Target } from './targets'

export type Judged = {
  readonly target: Target
  /** Undefined where a side or the case was not played. */
  readonly reached: Spread | undefined
  readonly verdict: 'met' | 'missed' | 'not measured'
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
  return { target: FAULTS, reached, verdict }
}

/** A target beside what a run reached. */
function judge(target: Target, records: readonly BenchRecord[]): Judged {
  const { place, through, key, bound } = target
  const reached = through ? ratioOf(records, [place, through], key) : figureAt(records, place, key)
  if (!reached) return { target, reached, verdict: 'not measured' }
  const { median } = reached
  const isMet = 'atLeast' in bound ? median >= bound.atLeast : median <= bound.atMost
  return { target, reached, verdict: isMet ? 'met' : 'missed' }
}
