/**
 * Rates: how many events each app may still publish over HTTP. A bucket per app that has a limit,
 * refilled as time goes by; it dies with its app.
 */
import type { App } from './apps'

type Bucket = { tokens: number; at: number }

export class Rates {
  readonly #buckets = new WeakMap<App, Bucket>()

  /**
   * Takes `count` tokens of `perSecond`, or none. Returns the seconds after which there would be
   * enough, 0 when they were taken. A request may take a full bucket whatever its size. `now` is of
   * the clock's `mono`.
   */
  take(app: App, count: number, perSecond: number, now: number): number {
    const bucket = this.#buckets.get(app) ?? { tokens: perSecond, at: now }
    this.#buckets.set(app, bucket)
    bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) * perSecond) / 1000)
    bucket.at = now
    const missing = Math.min(count, perSecond) - bucket.tokens
    if (missing > 0) return missing / perSecond
    bucket.tokens -= count
    return 0
  }
}
