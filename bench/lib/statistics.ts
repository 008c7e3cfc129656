/**
 * Median and spread of a few rounds.
 */
export type Spread = { readonly median: number; readonly min: number; readonly max: number }

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]!
  const median = sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2
  return { median, min: sorted[0]!, max: sorted[sorted.length - 1]! }
}
