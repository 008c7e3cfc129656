/**
 * Flight: how much is outstanding. A message of which half of the subscribers have their copy is half
 * in flight: "4 in flight" is never more than four times the subscribers in deliveries outstanding.
 * Counting whole messages until their last delivery would starve a server that serves its
 * subscribers in turns: it finishes none before the others are nearly done.
 */
import type { Publisher } from './publisher'

export class Flight {
  publishers: readonly Publisher[] = []
  /** Deliveries that have not arrived. */
  outstanding = 0
  #turn = 0
  readonly #room: number

  constructor(
    readonly subscribers: number,
    inFlight: number,
  ) {
    this.#room = (inFlight - 1) * subscribers
  }

  /** Room for one more message? */
  get open(): boolean {
    return this.outstanding <= this.#room
  }

  takeOff(): void {
    this.outstanding += this.subscribers
  }

  /** Called once for every delivery. */
  landed(): void {
    this.outstanding--
    if (this.open) this.publish()
  }

  /** Lets the next publisher that is free publish. */
  publish(): void {
    const { publishers } = this
    for (let tried = 0; tried < publishers.length; tried++) {
      this.#turn = (this.#turn + 1) % publishers.length
      if (publishers[this.#turn]!.publish()) return
    }
  }
}
