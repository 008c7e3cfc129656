/**
 * Failed logins: how often one address may be wrong about a password or a secret. Only an attempt that
 * was wrong costs; while there are too many the right one has to wait as well, or the limit would tell
 * them apart. Owns the buckets: bounded, and gone once they are full again.
 */
import { clientOf } from '../core/addresses'
import { refusal, type Refusal } from '../core/errors'
import type { Clock } from '../core/types'

/** Attempts that are left, as of `at` (ms of `clock.mono`). */
type Bucket = { left: number; at: number }

const MINUTE_MS = 60_000
/**
 * Addresses that are counted at once; past it the one that failed longest ago is forgotten. Who has so
 * many addresses has as many full buckets anyway.
 */
export const MAX_ADDRESSES = 10_000

/** What somebody tries to log in to, from where. */
export type Attempt = { readonly to: string; readonly address: string }

export class Logins {
  readonly #buckets = new Map<string, Bucket>()

  constructor(
    readonly clock: Clock,
    readonly perMinute: number,
  ) {}

  get size(): number {
    return this.#buckets.size
  }

  /** Undefined where it may be tried now. */
  refusalOf(attempt: Attempt): Refusal | undefined {
    const bucket = this.#buckets.get(keyOf(attempt))
    const left = bucket ? this.#leftIn(bucket) : this.perMinute
    if (left >= 1) return undefined
    const message = `Too many failed logins of one address: the limit is ${this.perMinute} per minute (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE)`
    const retryAfterSeconds = ((1 - left) * 60) / this.perMinute
    return { ...refusal('login_rate', message), retryAfterSeconds }
  }

  /** It was wrong. Called before anything else is looked at, so that many at once have no more tries. */
  failed(attempt: Attempt): void {
    const key = keyOf(attempt)
    const bucket = this.#buckets.get(key)
    const left = bucket ? this.#leftIn(bucket) : this.perMinute
    this.#buckets.delete(key)
    this.#buckets.set(key, { left: left - 1, at: this.clock.mono() })
    if (this.#buckets.size <= MAX_ADDRESSES) return
    for (const oldest of this.#buckets.keys()) return void this.#buckets.delete(oldest)
  }

  /** It was none: a plugin vouches for who came with it. */
  forgive(attempt: Attempt): void {
    const bucket = this.#buckets.get(keyOf(attempt))
    if (bucket) bucket.left = Math.min(this.perMinute, bucket.left + 1)
  }

  /** Forgets who has all attempts again. */
  sweep(): void {
    for (const [key, bucket] of this.#buckets)
      if (this.#leftIn(bucket) >= this.perMinute) this.#buckets.delete(key)
  }

  #leftIn({ left, at }: Bucket): number {
    const refilled = ((this.clock.mono() - at) * this.perMinute) / MINUTE_MS
    // Fractions do not add up exactly.
    return Math.min(this.perMinute, left + refilled + 1e-6)
  }
}

const keyOf = ({ to, address }: Attempt): string => `${to} ${clientOf(address)}`
