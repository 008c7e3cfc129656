/**
 * Expiries: the ends of authorisations, by the second. Owns what is kept of each: the subscription, and what its
 * client sent for it. One timer reads them, whatever their number; an expiry dies with its subscription.
 */
import type { Subscription } from './connection'
import type { SubscribeCommand } from './messages'

export type Expiry = {
  readonly subscription: Subscription
  /** What the client sent, in texts that hold no frame in memory. */
  readonly command: SubscribeCommand
  /** The second at whose end it is due. */
  readonly tick: number
}

/** Between two looks at what is due. */
export const EXPIRY_TICK_MS = 1000

export class Expiries {
  readonly #bySubscription = new Map<Subscription, Expiry>()
  readonly #byTick = new Map<number, Set<Expiry>>()
  /** Due and not taken yet, oldest first. */
  #due: Expiry[] = []
  #taken = 0
  /** The last second whose expiries are due. */
  #ticked = -Infinity

  get size(): number {
    return this.#bySubscription.size
  }

  /** `at` and `now` are times of the clock's `mono`. One that is over is due with the next tick. */
  begin(subscription: Subscription, command: SubscribeCommand, at: number, now: number): void {
    const tick = Math.max(Math.ceil(at / EXPIRY_TICK_MS), Math.floor(now / EXPIRY_TICK_MS) + 1)
    const expiry: Expiry = { subscription, command, tick }
    this.#bySubscription.set(subscription, expiry)
    this.#byTick.getOrInsertComputed(tick, () => new Set()).add(expiry)
  }

  /** Called when the subscription ends, or is authorised for good. */
  end(subscription: Subscription): void {
    const expiry = this.#bySubscription.get(subscription)
    if (!expiry) return
    this.#bySubscription.delete(subscription)
    const same = this.#byTick.get(expiry.tick)
    if (same?.delete(expiry) && same.size === 0) this.#byTick.delete(expiry.tick)
  }

  /** False where the subscription has ended, or another answer has replaced this one. */
  has(expiry: Expiry): boolean {
    return this.#bySubscription.get(expiry.subscription) === expiry
  }

  /** Notes what is due at `now` (`mono`). True where something is. */
  advance(now: number): boolean {
    const until = Math.floor(now / EXPIRY_TICK_MS)
    const passed = until - this.#ticked
    this.#ticked = until
    // After a long sleep there are fewer seconds with an expiry than seconds that have passed.
    const ticks =
      passed > this.#byTick.size
        ? Array.from(this.#byTick.keys()).filter((tick) => tick <= until)
        : Array.from({ length: passed }, (_, index) => until - passed + 1 + index)
    for (const tick of ticks.sort((a, b) => a - b)) this.#moveToDue(tick)
    return this.#taken < this.#due.length
  }

  #moveToDue(tick: number): void {
    const expiries = this.#byTick.get(tick)
    if (!expiries) return
    this.#byTick.delete(tick)
    for (const expiry of expiries) this.#due.push(expiry)
  }

  /** Takes the next one that is due, of a subscription that there still is. */
  takeDue(): Expiry | undefined {
    while (this.#taken < this.#due.length) {
      const expiry = this.#due[this.#taken++]!
      if (this.has(expiry)) return expiry
    }
    this.#due = []
    this.#taken = 0
    return undefined
  }
}
