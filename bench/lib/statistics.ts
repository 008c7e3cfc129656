/**
 * Median and spread of a few rounds, and of ratios between two sides round by round.
 */
import { readNumber } from './question'
import type { BenchRecord } from './records'

export type Spread = {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: number
}

/** The spread of the values that are numbers; undefined where none is. */
export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  if (upper === undefined) return undefined
  const median = sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, rounds: sorted.length }
}

/** A place of a figure: a case of a question, played against a side. */
export type Place = { readonly question: string; readonly case: string; readonly side: string }

export const matchPlace =
  (place: Place) =>
  (record: Place): boolean =>
    record.question === place.question && record.case === place.case && record.side === place.side

/** A figure of all rounds. */
export function figureAt(
  records: readonly BenchRecord[],
  place: Place,
  key: string,
): Spread | undefined {
  return spreadOf(records.filter(matchPlace(place)).map((record) => readNumber(record, key)))
}

/** One figure through another: of each round that has both, so that what drifts hits both alike. */
export function ratioOf(
  records: readonly BenchRecord[],
  [upper, lower]: readonly [Place, Place],
  key: string,
): Spread | undefined {
  const lowers = records.filter(matchPlace(lower))
  return spreadOf(
    records.filter(matchPlace(upper)).map((record) => {
      const pair = lowers.find(({ round, run }) => round === record.round && run === record.run)
      return pair ? readNumber(record, key) / readNumber(pair, key) : NaN
    }),
  )
}
