/**
 * Bucket: what may be taken at once, refilled as time goes by. It is refilled when somebody looks at
 * it, so nothing ticks.
 */
import type { App } from './app'

export type Rate = {
  readonly perSecond: number
  /** What a full bucket holds. */
  readonly burst: number
}

/** What is left, as of `at` (ms; the clock's `mono`, but where nodes share buckets). */
export type Bucket = { tokens: number; at: number }

export const fullBucket = ({ burst }: Rate, now: number): Bucket => ({ tokens: burst, at: now })

/** Fractions of a second do not add up exactly; a token that lacks less than this is there. */
const ROUNDING = 1e-6

/**
 * Takes `cost` tokens, or none. Returns the seconds after which there would be enough, 0 where they were
 * taken. A full bucket has enough for anything, and owes what it lacks.
 */
export function take(bucket: Bucket, rate: Rate, cost: number, now: number): number {
  const waitSeconds = waitFor(bucket, rate, cost, now)
  if (waitSeconds === 0) bucket.tokens -= cost
  return waitSeconds
}

/** What `take` would return; takes nothing. */
export function waitFor(bucket: Bucket, rate: Rate, cost: number, now: number): number {
  bucket.tokens = tokensIn(bucket, rate, now)
  bucket.at = now
  const missing = Math.min(cost, rate.burst) - bucket.tokens
  return missing > ROUNDING ? missing / rate.perSecond : 0
}

/** How many whole tokens were left when it was last looked at. */
export const remainingIn = ({ tokens }: Bucket): number =>
  Math.max(0, Math.floor(tokens + ROUNDING))

export function isFull(bucket: Bucket, rate: Rate, now: number): boolean {
  return tokensIn(bucket, rate, now) > rate.burst - ROUNDING
}

/** A clock that is set back gives nothing, and takes nothing. */
function tokensIn({ tokens, at }: Bucket, { perSecond, burst }: Rate, now: number): number {
  return Math.min(burst, tokens + (Math.max(0, now - at) * perSecond) / 1000)
}

/** How many events each app may still publish over HTTP; a bucket per app that has a limit dies with it. */
export class Rates {
  readonly #buckets = new WeakMap<App, Bucket>()

  /**
   * Takes `count` tokens of `perSecond`, or none. Returns the seconds after which there would be
   * enough, 0 when they were taken. A request may take a full bucket whatever its size. `now` is of
   * the clock's `mono`.
   */
  take(app: App, count: number, perSecond: number, now: number): number {
    const rate = { perSecond, burst: perSecond }
    const bucket = this.#buckets.get(app) ?? fullBucket(rate, now)
    this.#buckets.set(app, bucket)
    return take(bucket, rate, count, now)
  }
}
