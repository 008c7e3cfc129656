/** InTurns: what is done with very many items, in as many turns of the event loop as that takes. */

/** Items that one turn puts in their places, or sorts: a millisecond. */
const PLACED_AT_ONCE = 1000
/** Those that one turn merges: the same. */
const MERGED_AT_ONCE = 3000

export const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Places all, one after the other. */
export async function inTurns<T>(items: Iterable<T>, place: (item: T) => void): Promise<void> {
  let left = PLACED_AT_ONCE
  for (const item of items) {
    place(item)
    if (--left > 0) continue
    left = PLACED_AT_ONCE
    await nextTurn()
  }
}

/** All in the order of a number that each has; those of one number in the order in which they come. */
export async function inOrder<T>(
  items: Iterable<T>,
  numberOf: (item: T) => number,
): Promise<readonly T[]> {
  let sorted: T[] = []
  await inTurns(items, (item) => sorted.push(item))
  const { length } = sorted
  for (let from = 0; from < length; from += PLACED_AT_ONCE) {
    if (from > 0) await nextTurn()
    const some = sorted.slice(from, from + PLACED_AT_ONCE)
    some.sort((one, other) => numberOf(one) - numberOf(other))
    for (const [index, item] of some.entries()) sorted[from + index] = item
  }
  for (let width = PLACED_AT_ONCE; width < length; width *= 2)
    sorted = await merge(sorted, width, numberOf)
  return sorted
}

/** Merges each two neighbours that are sorted, and so wide. */
async function merge<T>(
  sorted: readonly T[],
  width: number,
  numberOf: (item: T) => number,
): Promise<T[]> {
  const { length } = sorted
  const merged: T[] = []
  for (let from = 0; from < length; from += 2 * width) {
    const middle = Math.min(from + width, length)
    const end = Math.min(middle + width, length)
    let [one, other] = [from, middle]
    while (one < middle || other < end) {
      const isOne =
        other === end || (one < middle && numberOf(sorted[one]!) <= numberOf(sorted[other]!))
      merged.push(isOne ? sorted[one++]! : sorted[other++]!)
      if (merged.length % MERGED_AT_ONCE === 0) await nextTurn()
    }
  }
  return merged
}
