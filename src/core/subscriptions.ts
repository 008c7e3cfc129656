/**
 * Subscriptions of one connection. One, the usual case, needs no list; a few are a list, which takes a quarter
 * of the memory of a map (64 bytes against 256, where an idle connection has about 1 KB); more are a map.
 */

/** So many are found in a list as fast as in a map. */
const FEW = 8

export class Subscriptions<Subscription extends { readonly channel: object }> {
  #held: Subscription | Subscription[] | Map<object, Subscription> | undefined = undefined

  get size(): number {
    if (this.#held instanceof Map) return this.#held.size
    if (Array.isArray(this.#held)) return this.#held.length
    return this.#held ? 1 : 0
  }

  get(channel: Subscription['channel']): Subscription | undefined {
    if (this.#held instanceof Map) return this.#held.get(channel)
    if (Array.isArray(this.#held)) return this.#held.find((held) => held.channel === channel)
    return this.#held?.channel === channel ? this.#held : undefined
  }

  /** The caller has made sure that there is none to the same channel. */
  add(subscription: Subscription): void {
    if (this.#held instanceof Map) this.#held.set(subscription.channel, subscription)
    else if (!Array.isArray(this.#held))
      this.#held = this.#held ? [this.#held, subscription] : subscription
    else if (this.#held.push(subscription) > FEW)
      this.#held = new Map(this.#held.map((held) => [held.channel, held]))
  }

  delete(subscription: Subscription): void {
    if (this.#held instanceof Map) this.#held.delete(subscription.channel)
    else if (Array.isArray(this.#held)) {
      const index = this.#held.indexOf(subscription)
      if (index !== -1) this.#held.splice(index, 1)
    } else if (this.#held === subscription) this.#held = undefined
  }

  /** A copy of the current ones, oldest first. */
  all(): readonly Subscription[] {
    if (this.#held instanceof Map || Array.isArray(this.#held)) return [...this.#held.values()]
    return this.#held ? [this.#held] : []
  }
}
