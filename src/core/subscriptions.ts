/**
 * Subscriptions: the channels that one connection is in. A few are a list, which takes a quarter of
 * the memory of a map (64 bytes for 256, where an idle connection has less than 1 KB); more are a map.
 */
import type { Channel, Subscription } from './hub'

/** As many are found in a list as fast as in a map. */
const FEW = 8

export class Subscriptions {
  #held: Subscription[] | Map<Channel, Subscription> = []

  get size(): number {
    return Array.isArray(this.#held) ? this.#held.length : this.#held.size
  }

  get(channel: Channel): Subscription | undefined {
    if (!Array.isArray(this.#held)) return this.#held.get(channel)
    return this.#held.find((held) => held.channel === channel)
  }

  /** The caller has made sure that there is none to the same channel. */
  add(subscription: Subscription): void {
    if (!Array.isArray(this.#held)) this.#held.set(subscription.channel, subscription)
    else if (this.#held.push(subscription) > FEW)
      this.#held = new Map(this.#held.map((held) => [held.channel, held]))
  }

  delete(subscription: Subscription): void {
    if (!Array.isArray(this.#held)) this.#held.delete(subscription.channel)
    else {
      const index = this.#held.indexOf(subscription)
      if (index !== -1) this.#held.splice(index, 1)
    }
  }

  /** Those that there are now, oldest first; what happens meanwhile does not change it. */
  all(): readonly Subscription[] {
    return Array.from(this.#held.values())
  }
}
