/**
 * Tally: what the subscribers of a crowd received. A publisher's messages on a channel must reach
 * every subscriber one number after the other, and all subscribers of a channel must see the
 * publishers' messages in the same order: each keeps a running digest of what it saw, and the digests
 * must agree. Every message is checked, none is sampled. `receive` runs once per delivery and
 * allocates nothing. Subscriber n is on channel n modulo the channels.
 */
import { Histogram } from './histogram'
import { firstOf, microsOf, nowMicros, publisherOf, sequenceOf } from './stamp'

export class Tally {
  readonly latency = new Histogram()
  /** Deliveries of all time. */
  received = 0
  /** The time of the read that is being scanned: all of its frames arrived together. */
  readMicros = 0
  #outOfSequence = 0
  readonly #expected: Uint32Array
  readonly #digests: Int32Array

  constructor(
    readonly subscribers: number,
    readonly publishers: number,
    readonly channels = 1,
  ) {
    this.#expected = Uint32Array.from({ length: subscribers * publishers }, (_, slot) =>
      firstOf(Math.floor(slot / publishers) % channels),
    )
    this.#digests = new Int32Array(subscribers)
  }

  readBegins(): void {
    this.readMicros = nowMicros()
  }

  /** Counts the message whose stamp is at `at`. */
  receive(subscriber: number, bytes: Uint8Array, at: number): void {
    const publisher = publisherOf(bytes, at)
    const sequence = sequenceOf(bytes, at)
    const slot = subscriber * this.publishers + publisher
    if (sequence !== this.#expected[slot]) this.#outOfSequence++
    this.#expected[slot] = sequence + 1
    this.#digests[subscriber] = digest(this.#digests[subscriber]!, publisher, sequence)
    this.received++
    this.latency.record(this.readMicros - microsOf(bytes, at))
  }

  /** How many of the expected deliveries did not arrive. */
  lost(expected: number): number {
    return Math.max(0, expected - this.received)
  }

  /** Messages out of their publisher's sequence, and subscribers that saw another order than most. */
  get reordered(): number {
    return this.#outOfSequence + (this.#outOfSequence === 0 ? this.#dissenters() : 0)
  }

  #dissenters(): number {
    let agreeing = 0
    for (let channel = 0; channel < this.channels; channel++) {
      const votes = new Map<number, number>()
      for (let index = channel; index < this.subscribers; index += this.channels) {
        const value = this.#digests[index]!
        votes.set(value, (votes.get(value) ?? 0) + 1)
      }
      agreeing += Math.max(0, ...votes.values())
    }
    return this.subscribers - agreeing
  }
}

const digest = (seen: number, publisher: number, sequence: number): number =>
  (Math.imul(seen, 31) + sequence * 64 + publisher) | 0
