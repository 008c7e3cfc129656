/**
 * Expiries: the ends of authorisations, by the second. Owns what is kept of each: the subscription, and what its
 * client sent for it. One timer reads them, whatever their number; an expiry dies with its subscription.
 */
import type { Subscription } from './connection'
import type { SubscribeCommand } from './messages'
import { WideMap } from './wide-map'

export type Expiry = {
  readonly subscription: Subscription
  /** What the client sent, in texts that hold no frame in memory. */
  readonly command: SubscribeCommand
  /** The second at whose end it is due. */
  readonly tick: number
}

/** Between two looks at what is due. */
export const EXPIRY_TICK_MS = 1000

/** Of a subscription: nobody is in a channel twice. */
const keyOf = ({ conn, channel }: Subscription): string => `${conn.id} ${channel.name}`

export class Expiries {
  readonly #all = new WideMap<string, Expiry>()
  readonly #byTick = new Map<number, WideMap<string, Expiry>>()
  /** Seconds that are over and have some left, the oldest first. */
  readonly #due: Iterator<Expiry>[] = []
  /** The last second whose expiries are due. */
  #ticked = -Infinity

  get size(): number {
    return this.#all.size
  }

  /** `at` and `now` are times of the clock's `mono`. One that is over is due with the next tick. */
  begin(subscription: Subscription, command: SubscribeCommand, at: number, now: number): void {
    this.end(subscription)
    const tick = Math.max(Math.ceil(at / EXPIRY_TICK_MS), Math.floor(now / EXPIRY_TICK_MS) + 1)
    const expiry: Expiry = { subscription, command, tick }
    const key = keyOf(subscription)
    this.#all.set(key, expiry)
    this.#byTick.getOrInsertComputed(tick, () => new WideMap()).set(key, expiry)
  }

  /** Called when the subscription ends, or is authorised for good. */
  end(subscription: Subscription): void {
    if (this.size === 0) return
    const key = keyOf(subscription)
    const expiry = this.#all.get(key)
    if (!expiry) return
    this.#all.delete(key)
    const same = this.#byTick.get(expiry.tick)
    if (same?.delete(key) && same.size === 0) this.#byTick.delete(expiry.tick)
  }

  /** False where the subscription has ended, or another answer has replaced this one. */
  has(expiry: Expiry): boolean {
    return this.#all.get(keyOf(expiry.subscription)) === expiry
  }

  /** Notes what is due at `now` (`mono`). True where something is. */
  advance(now: number): boolean {
    const until = Math.floor(now / EXPIRY_TICK_MS)
    const passed = until - this.#ticked
    const before = this.#ticked
    this.#ticked = until
    // After a long sleep there are fewer seconds with an expiry than seconds that have passed.
    const ticks =
      passed > this.#byTick.size
        ? Array.from(this.#byTick.keys()).filter((tick) => tick > before && tick <= until)
        : Array.from({ length: passed }, (_, index) => until - passed + 1 + index)
    for (const tick of ticks.sort((a, b) => a - b)) {
      const expiries = this.#byTick.get(tick)?.values()
      if (expiries) this.#due.push(expiries)
    }
    return this.#due.length > 0
  }

  /** Takes the next one that is due, of a subscription that there still is. */
  takeDue(): Expiry | undefined {
    for (let first = this.#due[0]; first; first = this.#due[0]) {
      const { done, value } = first.next()
      if (!done) return value
      this.#due.shift()
    }
    return undefined
  }
}
