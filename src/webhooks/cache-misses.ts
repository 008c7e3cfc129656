/**
 * Cache misses: several subscribers that find the same cache empty are one event (contract 7.3).
 */
import type { App } from '../core/app'
import type { ChannelName, Clock } from '../core/types'

/** A channel's next miss is news again after this, or when it was vacated. */
const SAME_MS = 10_000

export class CacheMisses {
  /** When each channel's was told, the oldest first. */
  readonly #toldAt = new Map<string, number>()

  constructor(readonly clock: Clock) {}

  isNews(app: App, channel: ChannelName): boolean {
    const now = this.clock.mono()
    for (const [key, at] of this.#toldAt) {
      if (now - at < SAME_MS) break
      this.#toldAt.delete(key)
    }
    const key = keyOf(app, channel)
    if (this.#toldAt.has(key)) return false
    this.#toldAt.set(key, now)
    return true
  }

  forget(app: App, channel: ChannelName): void {
    this.#toldAt.delete(keyOf(app, channel))
  }
}

const keyOf = (app: App, channel: ChannelName): string => `${app.id} ${channel}`
