/**
 * Retries: for how long an event is tried, how long is waited in between, and when an endpoint is left in
 * peace.
 */

/** How long an event is tried, from when it was written down (contract 7.6). */
export const WINDOW_MS = 300_000
/** An event that was not tried alone for so long gets a whole window from its next attempt on. */
export const STALE_MS = WINDOW_MS / 2
export const RETRIES = { windowMs: WINDOW_MS, staleMs: STALE_MS }

/** So many requests in a row. */
const IN_A_ROW = 5
/** Of so many requests so many: an endpoint that fails every second time is asked on. */
const LATELY = 20
const MOST_OF_THEM = 14
const MAX_BACKOFF_MS = 60_000
/** While it takes some, it is asked again after this at the latest. */
const MAX_FLAKY_BACKOFF_MS = 5000
const JITTER = 0.2

/** 1, 2, 4 ... 60 s, a fifth more or less, so that endpoints that fell together are not asked together. */
export function backoffMs(tries: number, most = MAX_BACKOFF_MS): number {
  const base = Math.min(most, 1000 * 2 ** (tries - 1))
  return Math.round(base * (1 - JITTER + 2 * JITTER * Math.random()))
}

/**
 * An endpoint that fails is left in peace for a while, then probed: after some failures in a row, or where
 * most of the last requests failed, since one that takes one of five would never fail often enough in a
 * row. Owns how the endpoint has answered lately.
 */
export class Breaker {
  #open = false
  #inARow = 0
  /** Probes that failed. */
  #probes = 0
  /** Outcomes since it was closed, true for a failure; the last ones. */
  readonly #lately: boolean[] = []
  /** Of the clock's `mono`. */
  #pausedUntil = 0

  get isOpen(): boolean {
    return this.#open
  }

  /** How long the endpoint is left in peace from `now` on. */
  pauseMs(now: number): number {
    return this.#open ? Math.max(0, this.#pausedUntil - now) : 0
  }

  /** The next probe need not wait. */
  probeNow(): void {
    this.#pausedUntil = 0
  }

  /** True where that opened it. */
  failed(now: number): boolean {
    this.#inARow++
    this.#note(true)
    const opens = !this.#open && (this.#inARow >= IN_A_ROW || this.#failsMostly())
    if (opens) this.#open = true
    else if (this.#open) this.#probes++
    const most = this.#inARow >= IN_A_ROW ? MAX_BACKOFF_MS : MAX_FLAKY_BACKOFF_MS
    if (this.#open) this.#pausedUntil = now + backoffMs(this.#probes + 1, most)
    return opens
  }

  /** Closes it. True where the endpoint took nothing before, so that it was not its events that it refused. */
  succeeded(): boolean {
    const wasDead = this.#open && this.#inARow >= IN_A_ROW
    if (this.#open) this.#lately.length = 0
    else this.#note(false)
    this.#open = false
    this.#inARow = 0
    this.#probes = 0
    return wasDead
  }

  #note(failed: boolean): void {
    this.#lately.push(failed)
    if (this.#lately.length > LATELY) this.#lately.shift()
  }

  #failsMostly(): boolean {
    const { length } = this.#lately
    return length === LATELY && this.#lately.filter(Boolean).length >= MOST_OF_THEM
  }
}
