/**
 * Stores of the buckets that outlive a connection: by address, by app. The memory of one process, or a store
 * of your own, so that nodes share their limits.
 */
import {
  fullBucket,
  isFull,
  remainingIn,
  take,
  waitFor,
  WideMap,
  type Bucket,
  type Rate,
} from 'carillon/plugin'

export type TakeResult = {
  /** 0 when the tokens were taken; otherwise the seconds after which there would be enough. */
  readonly waitSeconds: number
  /** Whole tokens that are left. */
  readonly remaining: number
}

/** Takes tokens now. */
export type Take = (key: string, rate: Rate, cost: number) => TakeResult

/** A shared store answers from what it knows and syncs with the other nodes later: nothing waits here. */
export interface LimitStore {
  /**
   * Takes `cost` tokens of the key's bucket, or none. A cost of 0 takes nothing and checks for one.
   * `now` is in epoch milliseconds, since nodes that share a store share no other clock; the memory of one
   * process gets its monotonic one. An error that it throws refuses the connection or request.
   */
  take(key: string, rate: Rate, cost: number, now: number): TakeResult
}

type KeptBucket = Bucket & {
  readonly key: string
  readonly rate: Rate
  older: KeptBucket | undefined
  newer: KeptBucket | undefined
}

/** Buckets that are looked at for each new key. */
const STEPS_PER_INSERT = 16

/**
 * At most `maxKeys` buckets. Where there is no room for a new one, full ones are dropped first, since an
 * absent one means the same: a hand goes round, a few steps for each new key, and drops those that it finds
 * full. Where it finds none, the least recently used bucket is dropped. All of it is O(1).
 *
 * The price: where more keys than there is room for are in use at once, the least recently used are
 * forgotten, and their next use finds a full bucket. To have a bucket of their own forgotten, attackers need
 * as many other addresses as there are places before it has filled by itself, and each of these has a full
 * bucket anyway: the detour costs more than it gains. The alternative, to refuse new keys while there is no
 * room, would let them lock everybody out.
 *
 * The order of use is a list through the buckets and not the Map's own: to delete and set a key at each
 * use made a Map of 100 000 rebuild itself (68 µs a use, Bun 1.4).
 */
export class MemoryStore implements LimitStore {
  readonly #buckets = new WideMap<string, KeptBucket>()
  #oldest: KeptBucket | undefined = undefined
  #newest: KeptBucket | undefined = undefined
  /** The next to be looked at; the oldest if absent. */
  #hand: KeptBucket | undefined = undefined

  constructor(readonly maxKeys: number) {}

  get size(): number {
    return this.#buckets.size
  }

  take(key: string, rate: Rate, cost: number, now: number): TakeResult {
    let bucket = this.#buckets.get(key)
    if (bucket) this.#unlink(bucket)
    else if (cost === 0) return { waitSeconds: 0, remaining: Math.floor(rate.burst) }
    else bucket = this.#insert(key, rate, now)
    this.#append(bucket)
    const waitSeconds = cost === 0 ? waitFor(bucket, rate, 1, now) : take(bucket, rate, cost, now)
    return { waitSeconds, remaining: remainingIn(bucket) }
  }

  #insert(key: string, rate: Rate, now: number): KeptBucket {
    if (this.#buckets.size >= this.maxKeys) this.#makeRoom(now)
    const { tokens, at } = fullBucket(rate, now)
    const bucket = { key, rate, tokens, at, older: undefined, newer: undefined }
    this.#buckets.set(key, bucket)
    return bucket
  }

  #makeRoom(now: number): void {
    for (let step = 0; step < STEPS_PER_INSERT; step++) {
      const bucket = this.#hand ?? this.#oldest
      if (!bucket) return
      this.#hand = bucket.newer
      if (isFull(bucket, bucket.rate, now)) this.#drop(bucket)
    }
    if (this.#oldest && this.#buckets.size >= this.maxKeys) this.#drop(this.#oldest)
  }

  #drop(bucket: KeptBucket): void {
    this.#unlink(bucket)
    this.#buckets.delete(bucket.key)
  }

  #append(bucket: KeptBucket): void {
    bucket.older = this.#newest
    bucket.newer = undefined
    if (this.#newest) this.#newest.newer = bucket
    else this.#oldest = bucket
    this.#newest = bucket
  }

  #unlink(bucket: KeptBucket): void {
    const { older, newer } = bucket
    if (this.#hand === bucket) this.#hand = newer
    if (older) older.newer = newer
    else this.#oldest = newer
    if (newer) newer.older = older
    else this.#newest = older
  }
}
