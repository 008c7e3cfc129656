/**
 * Deafness: what the log says of channels of which something that was said on the buses is missing on this node. Owns
 * those of which it has still to be said.
 */
import type { Context } from './context'

/** Channels are fetched one after the other: one line is for all of so long. */
const SAID_AFTER_MS = 200

const SAID =
  'redis: this node heard nothing for a while; events of channels without history may be lost'

export class Deafness {
  /** By the clock's `mono`. */
  #since = Infinity
  #channels = 0
  #isDue = false

  constructor(readonly context: Pick<Context, 'clock' | 'log' | 'numbers'>) {}

  /** Notes a channel of which something that was said since then is missing for good. */
  note(since: number): void {
    const { clock, numbers } = this.context
    numbers.deafChannels++
    this.#channels++
    this.#since = Math.min(this.#since, since)
    if (!this.#isDue) clock.after(SAID_AFTER_MS, () => this.#say())
    this.#isDue = true
  }

  /** One line for all channels that were noted meanwhile, with the longest of their times. */
  #say(): void {
    const { clock, log } = this.context
    const deafMs = Math.round(clock.mono() - this.#since)
    log.warn({ channels: this.#channels, deafMs }, SAID)
    this.#isDue = false
    this.#channels = 0
    this.#since = Infinity
  }
}
