/**
 * Deafness: since when something that was said on the buses may be missing on this node, and what the log says of it.
 * Owns that time, and the channels of which it has still to be said.
 */
import type { Context } from './context'

/** Channels are fetched one after the other: one line is for all of so long. */
const SAID_AFTER_MS = 200

const SAID =
  'redis: this node heard nothing for a while; events of channels without history may be lost'

export class Deafness {
  /** Times of the clock's `mono`. */
  #since: number | undefined
  #saidSince = Infinity
  #channels = 0
  #isDue = false

  constructor(readonly context: Pick<Context, 'clock' | 'log' | 'numbers'>) {}

  /** True while something is not fetched yet. */
  get isThere(): boolean {
    return this.#since !== undefined
  }

  /** Notes that something may have been missed since then. */
  note(since: number): void {
    this.#since = Math.min(this.#since ?? since, since)
  }

  /** Notes a channel of which something may be missing for good. */
  noteLacking(): void {
    const { clock, numbers } = this.context
    numbers.deafChannels++
    this.#channels++
    this.#saidSince = Math.min(this.#saidSince, this.#since ?? clock.mono())
    if (!this.#isDue) clock.after(SAID_AFTER_MS, () => this.#say())
    this.#isDue = true
  }

  #say(): void {
    const { clock, log } = this.context
    const deafMs = Math.round(clock.mono() - this.#saidSince)
    log.warn({ channels: this.#channels, deafMs }, SAID)
    this.#isDue = false
    this.#channels = 0
    this.#saidSince = Infinity
  }

  /** Everything is fetched. */
  end(): void {
    this.#since = undefined
  }
}
