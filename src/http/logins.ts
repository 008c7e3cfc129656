/**
 * Logins: limits how often one address may send a wrong password or secret. Only failures cost; past the
 * limit the right one has to wait as well, or the limit would tell them apart. Owns the buckets: bounded,
 * and gone once they are full again.
 */
import { clientOf } from '../core/addresses'
import { fullBucket, isFull, take, waitFor, type Bucket, type Rate } from '../core/bucket'
import { refusal, type Refusal } from '../core/errors'
import type { Clock } from '../core/types'

/**
 * Addresses that are counted at once; past it the one that failed longest ago is forgotten. An attacker
 * with so many addresses has as many full buckets anyway.
 */
export const MAX_ADDRESSES = 10_000

const SHOWN_LOCKED = 3

/** `to` names what the login is for: `admin`, or `app:` and an id. */
export type Attempt = { readonly to: string; readonly address: string }

export class Logins {
  /** By target and address, the last failure at the end. */
  readonly #buckets = new Map<string, Bucket>()
  readonly #rate: Rate

  constructor(
    readonly clock: Clock,
    readonly perMinute: number,
  ) {
    this.#rate = { perSecond: perMinute / 60, burst: perMinute }
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Undefined where the attempt may be made now. */
  check(attempt: Attempt): Refusal | undefined {
    const bucket = this.#buckets.get(keyOf(attempt))
    const retryAfterSeconds = bucket ? waitFor(bucket, this.#rate, 1, this.clock.mono()) : 0
    if (retryAfterSeconds === 0) return undefined
    const message = `Too many failed logins of one address: the limit is ${this.perMinute} per minute (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE)`
    return { ...refusal('login_rate', message), retryAfterSeconds }
  }

  /** Called before any wait, so that many requests at once have no more attempts. */
  recordFailure(attempt: Attempt): void {
    const key = keyOf(attempt)
    const now = this.clock.mono()
    const bucket = this.#buckets.get(key) ?? fullBucket(this.#rate, now)
    take(bucket, this.#rate, 1, now)
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size <= MAX_ADDRESSES) return
    for (const oldest of this.#buckets.keys()) return void this.#buckets.delete(oldest)
  }

  /** Takes a failure back: a plugin vouches for the request. */
  forgive(attempt: Attempt): void {
    const bucket = this.#buckets.get(keyOf(attempt))
    if (bucket) bucket.tokens += 1
  }

  /** Who has to wait, and some of them by target and address: `192.0.2.7 (admin)`. A millisecond for all that may be. */
  locked(): { readonly count: number; readonly addresses: readonly string[] } {
    const now = this.clock.mono()
    const locked = [...this.#buckets].filter(
      ([, bucket]) => waitFor(bucket, this.#rate, 1, now) > 0,
    )
    const addresses = locked.slice(-SHOWN_LOCKED).map(([key]) => {
      const [to = '', address = ''] = key.split(' ')
      return `${address} (${to})`
    })
    return { count: locked.length, addresses }
  }

  /** Forgets buckets that are full again. */
  sweep(): void {
    for (const [key, bucket] of this.#buckets)
      if (isFull(bucket, this.#rate, this.clock.mono())) this.#buckets.delete(key)
  }
}

const keyOf = ({ to, address }: Attempt): string => `${to} ${clientOf(address)}`
