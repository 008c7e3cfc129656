/**
 * Retries: how long an event is tried, how long the waits between are, and when an endpoint is probed.
 */

/** How long an event is tried, from when it was written (contract 7.6). */
export const WINDOW_MS = 300_000
/** An event that was never tried alone and is older than this gets a whole window from its next attempt on. */
export const STALE_MS = WINDOW_MS / 2
export const RETRIES = { windowMs: WINDOW_MS, staleMs: STALE_MS }

const MAX_FAILURES_IN_A_ROW = 5
/** An endpoint that fails every second time is not probed. */
const RECENT_OUTCOMES = 20
const MAX_RECENT_FAILURES = 14
const MAX_BACKOFF_MS = 60_000
/** For an endpoint that accepts some requests. */
const MAX_FLAKY_BACKOFF_MS = 5000
const JITTER = 0.2

/** 1, 2, 4 ... 60 s, a fifth more or less, so that endpoints that failed together are not probed together. */
export function backoffMs(attempts: number, maxMs = MAX_BACKOFF_MS): number {
  const base = Math.min(maxMs, 1000 * 2 ** (attempts - 1))
  return Math.round(base * (1 - JITTER + 2 * JITTER * Math.random()))
}

/**
 * Breaker: leaves an endpoint in peace that fails, and probes it. It opens after some failures in a row, or where
 * most of the last requests failed, since an endpoint that accepts one of five would never fail often
 * enough in a row. Owns the last outcomes of an endpoint.
 */
export class Breaker {
  #open = false
  #failuresInARow = 0
  #failedProbes = 0
  /** The last outcomes since the breaker closed, true for a failure. */
  readonly #recent: boolean[] = []
  /** By the clock's `mono`. */
  #quietUntil = 0

  get isOpen(): boolean {
    return this.#open
  }

  /** How long the endpoint is left in peace from `now` on. */
  quietMs(now: number): number {
    return this.#open ? Math.max(0, this.#quietUntil - now) : 0
  }

  /** The next probe is due at once; the breaker stays open. */
  probeNow(): void {
    this.#quietUntil = 0
  }

  /** True where the failure opens the breaker. */
  recordFailure(now: number): boolean {
    this.#failuresInARow++
    this.#remember(true)
    const isOpening = !this.#open && (this.#failsAlways() || this.#failsMostly())
    if (isOpening) this.#open = true
    else if (this.#open) this.#failedProbes++
    const maxMs = this.#failsAlways() ? MAX_BACKOFF_MS : MAX_FLAKY_BACKOFF_MS
    if (this.#open) this.#quietUntil = now + backoffMs(this.#failedProbes + 1, maxMs)
    return isOpening
  }

  /** Closes the breaker. True where the endpoint had accepted nothing: it failed, and not the events. */
  recordSuccess(): boolean {
    const wasDead = this.#open && this.#failsAlways()
    if (this.#open) this.#recent.length = 0
    else this.#remember(false)
    this.#open = false
    this.#failuresInARow = 0
    this.#failedProbes = 0
    return wasDead
  }

  #remember(failed: boolean): void {
    this.#recent.push(failed)
    if (this.#recent.length > RECENT_OUTCOMES) this.#recent.shift()
  }

  #failsAlways(): boolean {
    return this.#failuresInARow >= MAX_FAILURES_IN_A_ROW
  }

  #failsMostly(): boolean {
    const { length } = this.#recent
    return length === RECENT_OUTCOMES && this.#recent.filter(Boolean).length >= MAX_RECENT_FAILURES
  }
}
