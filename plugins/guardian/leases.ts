/**
 * Leases: connections that depend on a token, by the second in which it expires. One timer serves all:
 * each second it ends the connections of that second. A lease ends with the connection or subscription.
 */
import type { Clock, ConnectionView } from 'carillon/plugin'
import type { Token } from './claims'

export type Lease = {
  readonly conn: ConnectionView
  readonly token: Token
  /** The second in which it expires. */
  readonly tick: number
}

const TICK_MS = 1000
const tickOf = (ms: number): number => Math.ceil(ms / TICK_MS)

export class Leases {
  readonly #byTick = new Map<number, Set<Lease>>()
  #ticked: number

  /** Runs until the plugin's clock ends. Calls `onExpired` with the leases of each second at its end, once. */
  constructor(
    readonly clock: Clock,
    readonly onExpired: (leases: Iterable<Lease>) => void,
  ) {
    this.#ticked = this.#now()
    clock.every(TICK_MS, () => this.#tick())
  }

  /** Where the token has expired already, the lease ends with the next tick. */
  begin(conn: ConnectionView, token: Token): Lease {
    // Expiry is a time of day: where the clock was set back, the seconds since then pass again.
    this.#ticked = Math.min(this.#ticked, this.#now())
    const tick = Math.max(this.#ticked + 1, tickOf(token.expiresAt))
    const lease = { conn, token, tick }
    const leases = this.#byTick.get(tick)
    if (leases) leases.add(lease)
    else this.#byTick.set(tick, new Set([lease]))
    return lease
  }

  end(lease: Lease): void {
    const leases = this.#byTick.get(lease.tick)
    if (leases?.delete(lease) && leases.size === 0) this.#byTick.delete(lease.tick)
  }

  /** The leases of now; `has` tells later whether one still exists. */
  all(): Lease[] {
    return [...this.#byTick.values()].flatMap((leases) => [...leases])
  }

  has(lease: Lease): boolean {
    return this.#byTick.get(lease.tick)?.has(lease) === true
  }

  #now(): number {
    return Math.floor(this.clock.now() / TICK_MS)
  }

  #tick(): void {
    const now = this.#now()
    while (this.#ticked < now) {
      const tick = ++this.#ticked
      const leases = this.#byTick.get(tick)
      this.#byTick.delete(tick)
      if (leases) this.onExpired(leases)
    }
  }
}
