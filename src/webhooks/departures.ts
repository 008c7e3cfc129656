/**
 * Departures: channels that were vacated and members that left, held back for a while. Who returns in
 * time has never been away (contract 7.5). Owns who lingers.
 */
import type { Core } from '../core/core'
import { runSafely } from '../core/faults'
import type { Cancel } from '../core/types'
import type { WebhookFact } from './events'

/** So many depart in one turn of the event loop; a restart, or a lost network, makes all leave at once. */
const SLICE = 100
/** Who departs while others wait to be written waits as well. */
const CROWDED_MS = 50

type Departure = { readonly fact: WebhookFact; readonly due: { readonly at: number } }

export class Departures {
  /** In the order in which they are due, since all wait equally long. */
  readonly #lingering = new Map<string, Departure>()
  /** When those are due that left before the start. */
  readonly #before = { at: Infinity }
  #timer: Cancel | undefined

  constructor(
    readonly core: Pick<Core, 'clock' | 'state' | 'counters' | 'log'>,
    readonly settleMs: number,
    /** Told of those who did not come back, in the order in which they left. */
    readonly departed: (fact: WebhookFact) => void,
    /** Whether more of them can be told. */
    readonly hasRoom: () => boolean,
  ) {}

  /** Who left before the start: has as long to come back, from `start` on. */
  left(fact: WebhookFact): void {
    this.#lingering.set(keyOf(fact), { fact, due: this.#before })
  }

  start(): void {
    if (this.#lingering.size === 0) return
    this.#before.at = this.core.clock.mono() + this.settleMs
    if (this.settleMs === 0) this.#settle()
    else this.#arm(this.settleMs)
  }

  add(fact: WebhookFact): void {
    if (this.settleMs === 0) return this.departed(fact)
    this.#lingering.set(keyOf(fact), { fact, due: { at: this.core.clock.mono() + this.settleMs } })
    this.#arm(this.settleMs)
  }

  /** True for an arrival of somebody who had left a moment ago. */
  cancel(fact: WebhookFact): boolean {
    return this.#lingering.size > 0 && this.#lingering.delete(keyOf(fact))
  }

  stop(): void {
    this.#timer?.()
    this.#lingering.clear()
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.core.clock.after(delayMs, () => this.#settle())
  }

  /** A server that leaves holds everybody back: they come back elsewhere, or after its next start. */
  #settle(): void {
    this.#timer = undefined
    if (this.core.state.draining) return
    const now = this.core.clock.mono()
    let slice = SLICE
    for (const [key, { fact, due }] of this.#lingering) {
      const left = due.at - now
      if (!this.hasRoom()) return this.#arm(CROWDED_MS)
      if (left > 0 || slice-- === 0) return this.#arm(Math.max(0, left))
      this.#lingering.delete(key)
      runSafely(this.core, 'webhooks', () => this.departed(fact))
    }
  }
}

/** The same for an arrival and its departure; channel names have no space. */
function keyOf(fact: WebhookFact): string {
  return `${fact.app.id} ${fact.channel} ${userOf(fact)}`
}

/** Empty for the channel itself. */
export function userOf(fact: WebhookFact): string {
  return fact.type === 'member_added' || fact.type === 'member_removed' ? fact.userId : ''
}
