/**
 * Fates: the same for the same seed.
 */
export type Chance = {
  /** Below `count`. */
  below(count: number): number
  of<T>(list: readonly T[]): T
}

/** Park and Miller's generator. */
export function makeChance(seed: number): Chance {
  let state = (seed % 2147483647) + 1
  const below = (count: number): number => {
    state = (state * 48271) % 2147483647
    return state % count
  }
  return { below, of: (list) => list[below(list.length)]! }
}
