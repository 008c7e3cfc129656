/**
 * Pace: when a crowd's next message is published.
 *
 * Closed: so much is outstanding, never more. A message of which half of the subscribers have their
 * copy is half in flight: "4 in flight" is never more than four times the subscribers in deliveries
 * outstanding. Counting whole messages until their last delivery would starve a server that serves
 * its subscribers in turns: it finishes none before the others are nearly done.
 *
 * Open: at a fixed rate, whatever the server does. A message counts from the moment at which it was
 * due, also when no publisher was free: a server that stalls is not spared what it delays.
 */
import type { Publisher } from './publisher'
import { nowMicros } from './stamp'

export interface Pace {
  /** Time begins: nothing was due before. */
  begin(): void
  /** Publishes what may or must be published now. */
  tick(): void
  /** Called once for every delivery. */
  countDelivery(): void
  /** How late each message is that is due and can't leave, in microseconds. */
  unsentMicros(): readonly number[]
  /** Milliseconds until `tick` has something to do. */
  readonly idleMs: number
}

const LONG_MS = 5

export class Closed implements Pace {
  readonly idleMs = LONG_MS
  /** Deliveries that have not arrived. */
  #outstanding = 0
  #turn = 0
  readonly #room: number

  constructor(
    readonly publishers: readonly Publisher[],
    readonly subscribersPerMessage: number,
    inFlight: number,
  ) {
    this.#room = (inFlight - 1) * subscribersPerMessage
  }

  begin(): void {}

  unsentMicros(): readonly number[] {
    return [] // none is due before another has landed
  }

  tick(): void {
    while (this.#outstanding <= this.#room && this.#publish());
  }

  countDelivery(): void {
    this.#outstanding--
    if (this.#outstanding <= this.#room) this.#publish()
  }

  /** Lets the next publisher that is free publish. */
  #publish(): boolean {
    const { publishers } = this
    for (let tried = 0; tried < publishers.length; tried++) {
      this.#turn = (this.#turn + 1) % publishers.length
      const publisher = publishers[this.#turn]!
      if (!publisher.isFree) continue
      this.#outstanding += this.subscribersPerMessage
      publisher.publish(nowMicros())
      return true
    }
    return false
  }
}

export class Open implements Pace {
  readonly #everyMicros: number
  #dueMicros = Infinity
  #turn = 0

  constructor(
    readonly publishers: readonly Publisher[],
    ratePerSecond: number,
  ) {
    this.#everyMicros = 1e6 / ratePerSecond
  }

  begin(): void {
    this.#dueMicros = nowMicros()
  }

  tick(): void {
    for (let now = nowMicros(); this.#dueMicros <= now; this.#dueMicros += this.#everyMicros) {
      const publisher = this.#nextFree()
      if (!publisher) return
      publisher.publish(Math.floor(this.#dueMicros))
    }
  }

  countDelivery(): void {}

  unsentMicros(): readonly number[] {
    this.tick()
    const now = nowMicros()
    const count = Math.max(0, Math.floor((now - this.#dueMicros) / this.#everyMicros) + 1)
    return Array.from({ length: count }, (_, index) =>
      Math.floor(now - this.#dueMicros - index * this.#everyMicros),
    )
  }

  get idleMs(): number {
    return Math.max(0, Math.min(LONG_MS, (this.#dueMicros - nowMicros()) / 1000))
  }

  #nextFree(): Publisher | undefined {
    const { publishers } = this
    for (let tried = 0; tried < publishers.length; tried++) {
      this.#turn = (this.#turn + 1) % publishers.length
      if (publishers[this.#turn]!.isFree) return publishers[this.#turn]
    }
    return undefined
  }
}
