/**
 * Rates: how many events each app may still publish over HTTP. A bucket per app that has a limit,
 * refilled as time goes by; it dies with its app.
 */
import type { App } from './app'
import { fullBucket, take, type Bucket } from './bucket'

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
