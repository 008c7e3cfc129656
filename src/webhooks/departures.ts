/**
 * Departures: facts of vacated channels and removed members, held back for a while. An arrival in that
 * time cancels its departure (contract 7.5). Owns the departures that are held.
 */
import type { Core } from '../core/core'
import { runSafely } from '../core/faults'
import type { Cancel } from '../core/types'
import type { WebhookFact } from './events'

/** Departures of one turn of the event loop; after a restart, or a lost network, all are due at once. */
const MAX_PER_TURN = 100
/** How long departures wait where too much waits to be written. */
const RETRY_MS = 50

type Departure = { readonly fact: WebhookFact; readonly due: { readonly at: number } }

export class Departures {
  /** In the order in which they are due, since all wait equally long. */
  readonly #held = new Map<string, Departure>()
  /** When departures from before the start are due. */
  readonly #earlierDue = { at: Infinity }
  #timer: Cancel | undefined

  constructor(
    readonly core: Pick<Core, 'clock' | 'state' | 'counters' | 'log'>,
    readonly settleMs: number,
    /** Called for departures that were not cancelled, in their order. */
    readonly onDeparted: (fact: WebhookFact) => void,
    /** True while `onDeparted` may be called. */
    readonly hasRoom: () => boolean,
  ) {}

  /** Adds a departure from before the start; its time begins with `start`. */
  addEarlier(fact: WebhookFact): void {
    this.#held.set(keyOf(fact), { fact, due: this.#earlierDue })
  }

  start(): void {
    if (this.#held.size === 0) return
    this.#earlierDue.at = this.core.clock.mono() + this.settleMs
    if (this.settleMs === 0) this.#emitDue()
    else this.#emitAfter(this.settleMs)
  }

  add(fact: WebhookFact): void {
    if (this.settleMs === 0) return this.onDeparted(fact)
    this.#held.set(keyOf(fact), { fact, due: { at: this.core.clock.mono() + this.settleMs } })
    this.#emitAfter(this.settleMs)
  }

  /** True for an arrival that cancels a departure. */
  cancel(fact: WebhookFact): boolean {
    return this.#held.size > 0 && this.#held.delete(keyOf(fact))
  }

  stop(): void {
    this.#timer?.()
    this.#held.clear()
  }

  #emitAfter(delayMs: number): void {
    this.#timer ??= this.core.clock.after(delayMs, () => this.#emitDue())
  }

  /** A draining server emits none: clients reconnect to another one, or to its next process. */
  #emitDue(): void {
    this.#timer = undefined
    if (this.core.state.draining) return
    const now = this.core.clock.mono()
    let budget = MAX_PER_TURN
    for (const [key, { fact, due }] of this.#held) {
      const waitMs = due.at - now
      if (!this.hasRoom()) return this.#emitAfter(RETRY_MS)
      if (waitMs > 0 || budget-- === 0) return this.#emitAfter(Math.max(0, waitMs))
      this.#held.delete(key)
      runSafely(this.core, 'webhooks', () => this.onDeparted(fact))
    }
  }
}

/** The member or the channel of a fact: its arrivals and departures have the same key. Channel names have no space. */
export function keyOf(fact: WebhookFact): string {
  return `${fact.app.id} ${fact.channel} ${userOf(fact)}`
}

/** Empty for the channel itself. */
export function userOf(fact: WebhookFact): string {
  return fact.type === 'member_added' || fact.type === 'member_removed' ? fact.userId : ''
}
