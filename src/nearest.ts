/**
 * What somebody probably meant to write.
 */

/** The candidate that is the fewest letters away. */
export function nearest(name: string, candidates: readonly string[]): string {
  const ranked = candidates.map((candidate) => ({ candidate, far: distance(name, candidate) }))
  return ranked.reduce((best, next) => (next.far < best.far ? next : best)).candidate
}

/** True where at most so many letters are between the two; cheap where their lengths tell. */
export const within = (a: string, b: string, most: number): boolean =>
  Math.abs(a.length - b.length) <= most && distance(a, b) <= most

/** Levenshtein's: how many letters to add, drop or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, change))
    }
    row = next
  }
  return row[b.length]!
}
