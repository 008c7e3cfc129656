/**
 * Incarnations: who this node is in each partition. A node whose lease is over was given up there, and begins anew
 * with another id, so that nobody ends what it has since then.
 */
import { PARTITIONS } from './names'

/** How long the nodes have to say again what they have, after Redis has lost a partition. */
const RETURN_MS = 6000

export class Incarnations {
  /** Unique for life; the ids of all partitions begin with it. */
  readonly base = crypto.randomUUID().slice(0, 13).replace('-', '')
  readonly #lives = new Uint32Array(PARTITIONS)

  /** The node's id in a partition. */
  idOf(partition: number): string {
    return `${this.base}.${this.#lives[partition]}`
  }

  renew(partition: number): void {
    this.#lives[partition]!++
  }

  /** True for an id that the node has, or has had. */
  isOwn(id: string): boolean {
    return id.startsWith(`${this.base}.`)
  }
}

/** Lives: which life of each partition's keys it is. Redis begins another one where it has lost all of them. */
export class Lives {
  readonly #ids: (string | undefined)[] = Array.from({ length: PARTITIONS }, () => undefined)
  readonly #beganAt = new Float64Array(PARTITIONS).fill(-Infinity)

  /** Notes the life that a beat was answered with; `now` is the clock's `mono`. */
  note(partition: number, id: string, now: number): void {
    const before = this.#ids[partition]
    if (before === id) return
    this.#ids[partition] = id
    if (before !== undefined) this.#beganAt[partition] = now
  }

  /** Undefined before the first beat. */
  of(partition: number): string | undefined {
    return this.#ids[partition]
  }

  /** True where what this node enters was there before Redis lost it: that is no news. */
  isNew(partition: number, now: number): boolean {
    return now - this.#beganAt[partition]! < RETURN_MS
  }
}
