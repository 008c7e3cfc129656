/**
 * SIZES: how much of each question is played, how often and for how long.
 */
import type { BenchCase, Question } from './question'
import { isPublished } from './published'
import { isMoved } from './moves'
import { isSized } from './sizing'
import { isTargeted } from './targets'

export type Size = {
  readonly about: string
  readonly rounds: number
  /** Seconds of one measurement, after a warm-up. */
  readonly seconds: number
  readonly cases: (question: Question) => readonly BenchCase[]
  /** True where records are kept. */
  readonly isRecorded: boolean
  /** True where figures are compared with targets: one short round is not enough for that. */
  readonly isJudged: boolean
  /** Questions that are a run of their own, unless they are named. */
  readonly apart: readonly string[]
}

export const SIZES = {
  full: {
    about: 'every case',
    rounds: 5,
    seconds: 3,
    cases: ({ cases }) => cases,
    isRecorded: true,
    isJudged: true,
    apart: ['idle'],
  },
  targets: {
    about: 'what the tables of targets, README.md, docs/sizing.md and docs/moving.md need',
    rounds: 3,
    seconds: 1.5,
    cases: selectTargeted,
    isRecorded: true,
    isJudged: true,
    apart: ['stalls'],
  },
  quick: {
    about: 'a little of each, about a minute',
    rounds: 1,
    seconds: 0.6,
    cases: ({ quickCases }) => quickCases,
    isRecorded: true,
    isJudged: false,
    apart: [],
  },
  smoke: {
    about: 'a moment of each: no figures worth keeping, fails when a message is lost',
    rounds: 1,
    seconds: 0.4,
    cases: ({ smokeCases }) => smokeCases,
    isRecorded: false,
    isJudged: false,
    apart: [],
  },
} as const satisfies Record<string, Size>

export type SizeName = keyof typeof SIZES

/** Selects the cases that some target, the digest or a table of a guide names, with the sides that these name. */
export function selectTargeted({
  name,
  cases,
  subjects,
  yardsticks,
}: Question): readonly BenchCase[] {
  return cases.flatMap((row) => {
    const sides = [...subjects, ...yardsticks].filter((side) => {
      const place = { question: name, case: row.label, side }
      return [isTargeted, isPublished, isSized, isMoved].some((isWanted) => isWanted(place))
    })
    return sides.length > 0 ? [{ ...row, sides }] : []
  })
}
