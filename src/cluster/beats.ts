/**
 * Beats: the leases of this node. Every two seconds each is renewed, and some of what expired nodes held is ended.
 * From time to time what Redis says that this node holds is compared with what it really holds.
 */
import { messageOf } from '../core/errors'
import type { Cancel, SocketId } from '../core/types'
import type { Counting } from './counting'
import { BEAT_MS, LEASE_MS, newNonce, runOn, type Context } from './context'
import { RedisAway } from './link/link'
import { PARTITIONS, type FullName } from './names'
import type { Replica } from './replica'
import type { Refusing } from './link/refusing'
import type { Replicas } from './replicas'
import type { Seats } from './seats'
import { SCRIPTS } from './scripts'
import { pairs } from './snapshot'
import type { Writer } from './writer'

/** Seats that one beat of a partition ends at most. */
const REAPED_AT_ONCE = 100
/** Partitions that one beat compares. */
const COMPARED_PER_BEAT = 2
/** Corrections that are under way at once. */
const CORRECTED_AT_ONCE = 100

/** The parts that a beat looks after. */
type Parts = {
  readonly replicas: Replicas
  readonly seats: Seats
  readonly counting: Counting
  readonly writer: Writer
}

/** As `scripts/beat.lua` answers. */
type BeatAnswer = readonly [
  status: string,
  hasMore: number,
  life: string,
  writer: string,
  nodes: number,
  hasFacts: number,
]

export class Beats {
  #cancel: Cancel | undefined
  /** The partition that was compared last. */
  #compared = 0
  /** Partitions where it has begun anew since the last beat. */
  #renewed = 0
  #hasRedisLost = false
  /** Since the engine has begun. */
  refusing: Refusing | undefined
  /** Of each partition: whether it has a lease there, when it last asked for it and got it (`mono`), and the renewal that is under way. */
  readonly #isKnown = new Uint8Array(PARTITIONS)
  readonly #leasedAt = new Float64Array(PARTITIONS).fill(Infinity)
  readonly #renewals = new Map<number, Promise<void>>()

  constructor(
    readonly context: Context,
    readonly parts: () => Parts,
    /** How long departures wait before they are facts. */
    readonly settleMs: number,
  ) {}

  start(): void {
    this.#cancel = this.context.clock.every(BEAT_MS, () => void this.beat())
  }

  /** Renews all leases; done when all are answered. */
  async beat(): Promise<void> {
    if (!this.context.link.isUp) return
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const beats = partitions.map((partition) => this.#safely(() => this.#beat(partition)))
    const troubles = await Promise.all(beats)
    this.refusing?.note(troubles.filter((trouble) => trouble !== undefined))
    this.#report()
    void this.#safely(() => this.parts().writer.balance())
    await this.#compareUntold((partition) => troubles[partition] === undefined)
    for (let left = COMPARED_PER_BEAT; left > 0; left--) {
      this.#compared = (this.#compared + 1) % PARTITIONS
      await this.#safely(() => this.#compare(this.#compared))
    }
  }

  #report(): void {
    if (this.#renewed === 0) return
    this.context.log.warn({ partitions: this.#renewed }, this.#hasRedisLost ? LOST : GIVEN_UP)
    this.#renewed = 0
    this.#hasRedisLost = false
  }

  /** Redis being away is no news here: the link says so. Gives what was the matter. */
  async #safely(run: () => Promise<void>): Promise<string | undefined> {
    try {
      await run()
      return undefined
    } catch (cause) {
      if (!(cause instanceof RedisAway))
        this.context.log.error({ error: messageOf(cause) }, 'redis: a beat has failed')
      return messageOf(cause)
    }
  }

  async #beat(partition: number): Promise<void> {
    const [status, hasMore] = await this.#run(partition, this.#isKnown[partition] === 0)
    if (status === 'EXPIRED') return this.renew(partition)
    this.#isKnown[partition] = 1
    if (hasMore === 1) await this.#beat(partition)
  }

  async #run(partition: number, isNew: boolean, leaseMs = LEASE_MS): Promise<BeatAnswer> {
    const { link, incarnations } = this.context
    const id = incarnations.idOf(partition)
    const { writer } = this.parts()
    const known = this.context.lives.of(partition) ?? ''
    const flags = [isNew ? 1 : 0, this.settleMs, writer.isResting ? 1 : 0, known]
    const args = [id, '', newNonce(), leaseMs, REAPED_AT_ONCE, ...flags]
    const askedAt = this.context.clock.mono()
    const answer = (await link.run(SCRIPTS.beat, String(partition), args)) as BeatAnswer
    const [status, , life, name, nodes, hasFacts] = answer
    this.context.lives.note(partition, life, this.context.clock.mono())
    if (status === 'OK') this.#leasedAt[partition] = askedAt
    if (status !== 'OK') writer.lose(partition)
    else if (leaseMs > 0) writer.note(partition, { writer: name, nodes, hasFacts: hasFacts === 1 })
    return answer
  }

  /** Begins anew in a partition where this node was given up. Once for all who ask meanwhile. */
  renew(partition: number): Promise<void> {
    const known = this.#renewals.get(partition)
    if (known) return known
    const renewal = this.#renew(partition).finally(() => this.#renewals.delete(partition))
    this.#renewals.set(partition, renewal)
    return renewal
  }

  /** Another one may have renewed it since that was found. */
  async #renew(partition: number): Promise<void> {
    const [status] = await this.#run(partition, false)
    if (status === 'OK') return
    this.context.incarnations.renew(partition)
    // Since it was given up what was said in a channel that nobody else heard went nowhere.
    void this.parts().replicas.catchUp(this.#leasedAt[partition]!, [partition])
    await this.#run(partition, true)
    this.#isKnown[partition] = 1
    this.#renewed++
    const { lives, clock } = this.context
    if (lives.isNew(partition, clock.mono())) this.#hasRedisLost = true
  }

  /** Compares what this node has with what Redis says, and has both agree. */
  async compareAll(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++)
      await this.#safely(() => this.#compare(partition))
  }

  /** The same where Redis was not told of something, and takes it now: a beat has gone through there. */
  async #compareUntold(isBeaten: (partition: number) => boolean): Promise<void> {
    const { untold } = this.context
    for (const partition of [...untold].filter(isBeaten)) {
      untold.delete(partition)
      if (await this.#safely(() => this.#compare(partition))) untold.add(partition)
    }
  }

  async #compare(partition: number): Promise<void> {
    const { link, incarnations } = this.context
    const id = incarnations.idOf(partition)
    const known = new Set<string>()
    let cursor = '0'
    do {
      const answer = await link.run(SCRIPTS.held, String(partition), [id, '', '', cursor])
      const [next, flat] = answer as [string, string[]]
      const fields = pairs(flat).map(([field]) => field)
      await this.#endAll(fields)
      for (const field of fields) known.add(field)
      cursor = next
    } while (cursor !== '0')
    for (const replica of this.parts().replicas.of(partition))
      if (replica.state === 'live') await this.#enterMissing(replica, known)
  }

  /** Ends what this node does not hold any more. */
  async #endAll(fields: readonly string[]): Promise<void> {
    const { replicas, seats } = this.parts()
    for (const batch of batches(fields, CORRECTED_AT_ONCE)) {
      const ends = batch.map((field) => {
        const { socketId, name } = readField(field)
        const replica = replicas.get(name)
        if (socketId === undefined)
          return replica ? undefined : runOn(this.context, SCRIPTS.unlisten, name)
        const isHeld =
          replica?.held.has(socketId) ||
          replica?.waiting.has(socketId) ||
          seats.keeps(name, socketId)
        return isHeld ? undefined : seats.leave(name, socketId)
      })
      await Promise.all(ends)
    }
  }

  /** Says what this node holds and Redis does not know. */
  async #enterMissing(replica: Replica, known: ReadonlySet<string>): Promise<void> {
    const { seats, counting } = this.parts()
    const missing = Array.from(replica.held.keys()).filter(
      (socketId) => !known.has(`s${socketId} ${replica.name}`),
    )
    for (const batch of batches(missing, CORRECTED_AT_ONCE))
      await Promise.all(batch.map((socketId) => seats.retake(replica, socketId)))
    if (replica.told !== replica.own && replica.own > 0) await counting.tell(replica)
  }

  stop(): void {
    this.#cancel?.()
  }

  /** Gives up all leases: what this node holds is ended at once, by itself. Done when it is, or Redis does not answer. */
  async leave(): Promise<void> {
    if (!this.context.link.isUp) return
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    await Promise.all(partitions.map((partition) => this.#safely(() => this.#leave(partition))))
  }

  async #leave(partition: number): Promise<void> {
    const [, hasMore] = await this.#run(partition, false, 0)
    if (hasMore === 1) await this.#leave(partition)
  }
}

/** What a node holds: a seat, or a channel that it listens to. */
function readField(field: string): {
  readonly socketId: SocketId | undefined
  readonly name: FullName
} {
  const space = field.indexOf(' ')
  const socketId = field[0] === 's' ? (field.slice(1, space) as SocketId) : undefined
  return { socketId, name: field.slice(space + 1) }
}

const GIVEN_UP = 'redis: this node was given up by the others, and is back with what it has'
const LOST = 'redis: it has lost its data, and is told again what this node has'

const batches = <Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
