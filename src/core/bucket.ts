/** Bucket: a token bucket, refilled whenever it is read, so that it needs no timer. */
import type { App } from './app'
import type { Usage } from './usage'

export type Rate = {
  readonly perSecond: number
  /** Tokens of a full bucket. */
  readonly burst: number
}

/** The tokens left at `at` (ms; the clock's `mono`, except where nodes share buckets). */
export type Bucket = { tokens: number; at: number }

export const fullBucket = ({ burst }: Rate, now: number): Bucket => ({ tokens: burst, at: now })

/** Fractions of a second do not add up exactly: a token that lacks less than this counts as whole. */
const ROUNDING = 1e-6

/**
 * Takes `cost` tokens, or none. Returns the seconds until there are enough, 0 where they were taken. A full
 * bucket has enough for any cost and may go below zero.
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

/** Whole tokens that were left when the bucket was last read. */
export const remainingIn = ({ tokens }: Bucket): number =>
  Math.max(0, Math.floor(tokens + ROUNDING))

export function isFull(bucket: Bucket, rate: Rate, now: number): boolean {
  return tokensIn(bucket, rate, now) > rate.burst - ROUNDING
}

/** A clock that is set back adds nothing and takes nothing. */
function tokensIn({ tokens, at }: Bucket, { perSecond, burst }: Rate, now: number): number {
  return Math.min(burst, tokens + (Math.max(0, now - at) * perSecond) / 1000)
}

/** How many events each app may still publish over HTTP: one bucket per app that has a limit. */
export class Rates {
  readonly #buckets = new WeakMap<App, Bucket>()
  /** Where there are other nodes: what they have to be told. */
  usage: Usage | undefined

  /**
   * Takes `count` tokens, or none. Returns the seconds until there are enough, 0 where they were taken.
   * `now` is the clock's `mono`, here and below.
   */
  take(app: App, count: number, perSecond: number, now: number): number {
    const rate = { perSecond, burst: perSecond }
    const waitSeconds = take(this.#bucketOf(app, rate, now), rate, count, now)
    if (waitSeconds === 0) this.usage?.noteEvents(app, count)
    return waitSeconds
  }

  /** What `take` would return; takes nothing. */
  waitFor(app: App, count: number, perSecond: number, now: number): number {
    const rate = { perSecond, burst: perSecond }
    return waitFor(this.#bucketOf(app, rate, now), rate, count, now)
  }

  /** Takes what another node has let through, as far as a second's worth may be owed. */
  charge(app: App, count: number, perSecond: number, now: number): void {
    if (perSecond === 0) return
    const rate = { perSecond, burst: perSecond }
    const bucket = this.#bucketOf(app, rate, now)
    waitFor(bucket, rate, 0, now)
    bucket.tokens = Math.max(-perSecond, bucket.tokens - count)
  }

  #bucketOf(app: App, rate: Rate, now: number): Bucket {
    return this.#buckets.getOrInsertComputed(app, () => fullBucket(rate, now))
  }
}
