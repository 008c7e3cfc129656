/**
 * Departures: facts of vacated channels and removed members, held back for a while. An arrival in that
 * time cancels its departure (contract 7.5). Owns the departures that are held.
 */
import type { Counters } from './counters'
import type { Facts } from './facts'
import { runSafely } from './faults'
import type { ArrivalFact, DepartureFact } from './messages'
import type { Cancel, Clock, Log } from './types'

/** Departures of one turn of the event loop; after a restart, or a lost network, all are due at once. */
const MAX_PER_TURN = 100
/** How long departures wait where too much waits to be written. */
const RETRY_MS = 50

type Departure = { readonly fact: DepartureFact; readonly due: { readonly at: number } }

type Parts = {
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly facts: Facts
  readonly state: { readonly draining: boolean }
}

export class Departures {
  /** In the order in which they are due, since all wait equally long. */
  readonly #held = new Map<string, Departure>()
  /** When departures from before the start are due. */
  readonly #earlierDue = { at: Infinity }
  #timer: Cancel | undefined

  constructor(
    readonly parts: Parts,
    readonly settleMs: number,
  ) {}

  /** Adds a departure from before the start; its time begins with `start`. */
  addEarlier(fact: DepartureFact): void {
    this.#held.set(keyOf(fact), { fact, due: this.#earlierDue })
  }

  start(): void {
    if (this.#held.size === 0) return
    this.#earlierDue.at = this.parts.clock.mono() + this.settleMs
    if (this.settleMs === 0) this.#emitDue()
    else this.#emitAfter(this.settleMs)
  }

  add(fact: DepartureFact): void {
    if (this.settleMs === 0) return this.parts.facts.emit(fact)
    this.#held.set(keyOf(fact), { fact, due: { at: this.parts.clock.mono() + this.settleMs } })
    this.#emitAfter(this.settleMs)
  }

  /** True for an arrival that cancels a departure. */
  cancel(fact: ArrivalFact): boolean {
    return this.#held.size > 0 && this.#held.delete(keyOf(fact))
  }

  stop(): void {
    this.#timer?.()
    this.#held.clear()
  }

  #emitAfter(delayMs: number): void {
    this.#timer ??= this.parts.clock.after(delayMs, () => this.#emitDue())
  }

  /** A draining server emits none: clients reconnect to another one, or to its next process. */
  #emitDue(): void {
    this.#timer = undefined
    if (this.parts.state.draining) return
    const now = this.parts.clock.mono()
    let budget = MAX_PER_TURN
    for (const [key, { fact, due }] of this.#held) {
      const waitMs = due.at - now
      if (!this.parts.facts.hasRoom) return this.#emitAfter(RETRY_MS)
      if (waitMs > 0 || budget-- === 0) return this.#emitAfter(Math.max(0, waitMs))
      this.#held.delete(key)
      runSafely(this.parts, 'departures', () => this.parts.facts.emit(fact))
    }
  }
}

/** An arrival and its departure have the same key; channel names have no space. */
const keyOf = (fact: ArrivalFact | DepartureFact): string =>
  `${fact.app.id} ${fact.channel} ${'userId' in fact ? fact.userId : ''}`
