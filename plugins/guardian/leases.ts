/**
 * Leases: connections that rest on a token, by the second in which it expires. One timer serves all:
 * each second it ends the connections of that second. A lease ends with what rests on it.
 */
import type { Clock, ConnectionView } from 'carillon/plugin'
import type { Token } from './claims'

export type Lease = {
  readonly conn: ConnectionView
  readonly token: Token
  /** The second in which it is looked at. */
  readonly tick: number
}

const TICK_MS = 1000
const tickOf = (ms: number): number => Math.ceil(ms / TICK_MS)

export class Leases {
  readonly #byTick = new Map<number, Set<Lease>>()
  #ticked: number

  /** Runs until the plugin's clock ends. `expired` is told the leases of each second at its end, once. */
  constructor(
    readonly clock: Clock,
    readonly expired: (leases: Iterable<Lease>) => void,
  ) {
    this.#ticked = this.#now()
    clock.every(TICK_MS, () => this.#tick())
  }

  /** A token that has expired meanwhile ends with the next tick. */
  begin(conn: ConnectionView, token: Token): Lease {
    // Expiry is a time of day: where that was set back, the seconds since then come once more.
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

  /** Those that there are now; `has` says later whether one still is. */
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
      if (leases) this.expired(leases)
    }
  }
}
