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
   * enough, 0 when they were taken. A request may take a full bucket whatever its size.
   */
  take(app: App, count: number, perSecond: number, now: number): number {
    const bucket = this.#buckets.get(app) ?? { tokens: perSecond, at: now }
    this.#buckets.set(app, bucket)
    const passedMs = Math.max(0, now - bucket.at) // a clock that is set back takes nothing
    bucket.tokens = Math.min(perSecond, bucket.tokens + (passedMs * perSecond) / 1000)
    bucket.at = now
    const missing = Math.min(count, perSecond) - bucket.tokens
    if (missing > 0) return missing / perSecond
    bucket.tokens -= count
    return 0
  }
}
