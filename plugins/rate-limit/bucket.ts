/**
 * A token bucket: `burst` at once, refilled at `perSecond`. It is refilled when somebody looks at it,
 * so nothing ticks. O(1), and never waits.
 */
export type Rate = {
  readonly perSecond: number
  /** What a bucket holds when it is full; at least 1. */
  readonly burst: number
}

/** What is left, as of `at` (ms). */
export type Bucket = { tokens: number; at: number }

export const fullBucket = ({ burst }: Rate, now: number): Bucket => ({ tokens: burst, at: now })

/** Fractions of a second do not add up exactly; a token that lacks less than this is there. */
const ROUNDING = 1e-6

/**
 * Takes `cost` tokens, or none. Returns the seconds after which there would be enough, 0 when they were
 * taken. A cost of 0 takes nothing and asks for one token.
 */
export function take(bucket: Bucket, rate: Rate, cost: number, now: number): number {
  bucket.tokens = tokensIn(bucket, rate, now)
  bucket.at = now
  const missing = Math.max(1, cost) - bucket.tokens
  if (missing > ROUNDING) return missing / rate.perSecond
  bucket.tokens = Math.max(0, bucket.tokens - cost)
  return 0
}

/** How many whole tokens are left. */
export const remainingIn = ({ tokens }: Bucket): number => Math.floor(tokens + ROUNDING)

export function isFull(bucket: Bucket, rate: Rate, now: number): boolean {
  return tokensIn(bucket, rate, now) > rate.burst - ROUNDING
}

/** A clock that is set back gives nothing, and takes nothing. */
function tokensIn({ tokens, at }: Bucket, { perSecond, burst }: Rate, now: number): number {
  return Math.min(burst, tokens + (Math.max(0, now - at) * perSecond) / 1000)
}
