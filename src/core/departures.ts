/**
 * Departures: facts of vacated channels and removed members, held back for a while. An arrival in that
 * time cancels its departure (contract 7.5). Owns the departures that are held.
 */
import type { Counters } from './counters'
import type { Facts } from './facts'
import { runSafely } from './faults'
import type { ArrivalFact, DepartureFact } from './messages'
import type { Cancel, Clock, Log } from './types'
import { WideMap } from './wide-map'

/** Departures of one turn of the event loop; after a restart, or a lost network, all are due at once. */
const MAX_PER_TURN = 100
/** How long departures wait where too much waits to be written. */
const RETRY_MS = 50

type Departure = {
  readonly fact: DepartureFact
  readonly due: { at: number }
  isCancelled: boolean
}

type Parts = {
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
  readonly facts: Facts
  readonly state: { readonly draining: boolean }
}

export class Departures {
  #held = new WideMap<string, Departure>()
  /** In the order in which they are due, since all wait equally long; those that were cancelled, too. */
  #queue: Departure[] = []
  /** Of the queue, how many are done with. */
  #done = 0
  /** Departures from before the start, which wait for it. */
  #earlier: Departure[] = []
  #timer: Cancel | undefined

  constructor(
    readonly parts: Parts,
    readonly settleMs: number,
  ) {}

  /** Adds a departure from before the start; its time begins with `start`. */
  addEarlier(fact: DepartureFact): void {
    if (this.#held.has(keyOf(fact))) return
    const departure = { fact, due: { at: Infinity }, isCancelled: false }
    this.#held.set(keyOf(fact), departure)
    this.#earlier.push(departure)
  }

  start(): void {
    const at = this.parts.clock.mono() + this.settleMs
    for (const departure of this.#earlier) {
      departure.due.at = at
      if (!departure.isCancelled) this.#queue.push(departure)
    }
    this.#earlier = []
    if (this.#held.size === 0) return
    if (this.settleMs === 0) this.#emitDue()
    else this.#emitAfter(this.settleMs)
  }

  /** Goes on where the server does not leave after all. */
  goOn(): void {
    if (this.#queue.length > 0) this.#emitAfter(0)
  }

  add(fact: DepartureFact): void {
    if (this.settleMs === 0) return this.parts.facts.emit(fact)
    this.#hold(fact, { at: this.parts.clock.mono() + this.settleMs })
    this.#emitAfter(this.settleMs)
  }

  /** True for an arrival that cancels a departure. */
  cancel(fact: ArrivalFact): boolean {
    if (this.#held.size === 0) return false
    const key = keyOf(fact)
    const departure = this.#held.get(key)
    if (!departure) return false
    departure.isCancelled = true
    return this.#held.delete(key)
  }

  stop(): void {
    this.#timer?.()
    this.#held = new WideMap()
    this.#queue = []
    this.#earlier = []
    this.#done = 0
  }

  #hold(fact: DepartureFact, due: Departure['due']): void {
    const departure = { fact, due, isCancelled: false }
    this.#held.set(keyOf(fact), departure)
    this.#queue.push(departure)
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
    for (let next = this.#queue[this.#done]; next; next = this.#queue[this.#done]) {
      if (!next.isCancelled) {
        const waitMs = next.due.at - now
        if (!this.parts.facts.hasRoom) return this.#emitAfter(RETRY_MS)
        if (waitMs > 0 || budget-- === 0) return this.#emitAfter(Math.max(0, waitMs))
        this.#held.delete(keyOf(next.fact))
        runSafely(this.parts, 'departures', () => this.parts.facts.emit(next.fact))
      }
      this.#finishFirst()
    }
  }

  /** Half of the queue is moved at once, so that each is moved about once. */
  #finishFirst(): void {
    this.#done++
    if (this.#done * 2 < this.#queue.length) return
    this.#queue.splice(0, this.#done)
    this.#done = 0
  }
}

/** An arrival and its departure have the same key; channel names have no space. */
const keyOf = (fact: ArrivalFact | DepartureFact): string =>
  `${fact.app.id} ${fact.channel} ${'userId' in fact ? fact.userId : ''}`
