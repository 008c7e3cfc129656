/**
 * Bucket: what may be taken at once, refilled as time goes by. It is refilled when somebody looks at
 * it, so nothing ticks.
 */
export type Rate = {
  readonly perSecond: number
  /** What a full bucket holds. */
  readonly burst: number
}

/** What is left, as of `at` (the clock's `mono`). */
export type Bucket = { tokens: number; at: number }

export const fullBucket = ({ burst }: Rate, now: number): Bucket => ({ tokens: burst, at: now })

/**
 * Takes `cost` tokens, or none. Returns the seconds after which there would be enough, 0 where they were
 * taken. A full bucket has enough for anything, and owes what it lacks.
 */
export function take(
  bucket: Bucket,
  { perSecond, burst }: Rate,
  cost: number,
  now: number,
): number {
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
  bucket.at = now
  const missing = Math.min(cost, burst) - bucket.tokens
  if (missing > 0) return missing / perSecond
  bucket.tokens -= cost
  return 0
}
