/**
 * Rounds: every case against every side, in fresh processes, with the order reversed every other
 * round, so that what drifts on the machine hits all.
 */
import type { BenchCase, Outcome, Question } from './question'
import type { Side } from './sides'

/** What was found in one round, and where. */
export type Play = {
  readonly question: string
  readonly case: BenchCase
  readonly side: Side
  /** From 1. */
  readonly round: number
  readonly outcome: Outcome
}

/** A play that is planned. */
export type Planned = {
  readonly question: Question
  readonly row: BenchCase
  readonly side: Side
  readonly round: number
  readonly rounds: number
  readonly seconds: number
}

export type Plan = {
  readonly question: Question
  readonly cases: readonly BenchCase[]
  /** The sides that can be measured here. */
  readonly sides: readonly Side[]
  readonly rounds: number
  readonly seconds: number
}

/** All plays of a question in their order. */
export function planRounds({ question, cases, sides, rounds, seconds }: Plan): readonly Planned[] {
  return Array.from({ length: rounds }, (_, index) => index + 1).flatMap((round) =>
    cases.flatMap((row) => {
      const eligible = sides.filter((side) => !row.sides || row.sides.includes(side))
      return (round % 2 === 1 ? eligible : eligible.toReversed()).map((side) => ({
        question,
        row,
        side,
        round,
        rounds,
        seconds: row.seconds ?? seconds,
      }))
    }),
  )
}

export async function playOne(
  { question, row, side, round, seconds }: Planned,
  onProgress: ((perSecond: number) => void) | undefined,
): Promise<Play> {
  const outcome = await question.play({ row, side, seconds, onProgress })
  return { question: question.name, case: row, side, round, outcome }
}

/** The name of a play, for messages. */
export const nameOf = ({ question, row, side, round }: Planned): string =>
  `${question.name}, ${row.label}, ${side}, round ${round}`
