/**
 * Quotes: frames as JSON strings. One event goes to many queues within a few turns of the event loop,
 * and is quoted for the first of them only; the text is shared by all.
 */
import type { Frame } from '../core/types'

const MAX_KEPT_CHARS = 1_048_576

export class Quotes {
  readonly #quoted = new Map<Frame, string>()
  #chars = 0

  /** How many were made. */
  made = 0

  of(frame: Frame): string {
    return this.#quoted.get(frame) ?? this.#make(frame)
  }

  /** Bounds how long frames are kept; how many is bounded as they come. */
  forget(): void {
    this.#quoted.clear()
    this.#chars = 0
  }

  #make(frame: Frame): string {
    if (this.#chars > MAX_KEPT_CHARS) this.forget()
    const quoted = JSON.stringify(frame)
    this.#quoted.set(frame, quoted)
    this.#chars += quoted.length
    this.made++
    return quoted
  }
}
