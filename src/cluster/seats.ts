/**
 * Seats: connections of this node in presence channels, and signed-in users in their own. Redis decides who gets one,
 * and its message is what lets the connection in, in the order of all others.
 */
import type { App } from '../core/app'
import type { Connection } from '../core/connection'
import type { Entry } from '../core/engine'
import { membersFull, REFUSE, type Refusal } from '../core/errors'
import type { Arrival } from '../core/roster'
import type { SocketId, UserId } from '../core/types'
import { isNewLife, PATIENCE_MS, runOn, tellLater, type Context } from './context'
import { RedisAway } from './link/away'
import { partitionOf, type FullName } from './names'
import type { Replica, Waiting } from './replica'
import type { Replicas } from './replicas'
import { SCRIPTS } from './scripts'

type Kept = { readonly name: FullName; readonly socketId: SocketId; readonly until: number }

export class Seats {
  /** Of connections that were sent away, the first due first. */
  readonly #kept = new Map<string, Kept>()
  /** Connections that wait, the oldest first. */
  readonly #waiting = new Map<Waiting, Replica>()

  constructor(
    readonly context: Context,
    readonly replicas: Replicas,
    /** Begins anew in a partition where Redis has given up the node. */
    readonly renew: (partition: number) => Promise<void>,
    readonly keptMs: number,
  ) {}

  /** Takes a seat: done when the connection is in the channel, or with why it is not. */
  async enter(
    conn: Connection,
    entry: Entry,
    name: FullName,
    arrival: Arrival | undefined,
    limit: number,
    past: Waiting['past'],
  ): Promise<Refusal | undefined> {
    if (!(await this.replicas.hearLive(name, entry.kind))) return REFUSE.engineAway
    const replica = this.replicas.get(name)!
    const { promise, resolve: done } = Promise.withResolvers<Refusal | undefined>()
    const until = this.context.clock.mono() + PATIENCE_MS
    const waiting = { conn, entry, arrival, until, done, past }
    replica.waiting.set(conn.id, waiting)
    this.#waiting.set(waiting, replica)
    const unseated = await this.#ask(replica, conn.id, arrival, limit)
    const refused = unseated ?? (await promise)
    this.#waiting.delete(waiting)
    if (!refused) return undefined
    if (replica.waiting.get(conn.id) === waiting) replica.waiting.delete(conn.id)
    if (!unseated) void this.leave(name, conn.id)
    this.replicas.release(replica)
    return refused
  }

  async #ask(
    replica: Replica,
    socketId: SocketId,
    arrival: Arrival | undefined,
    limit: number,
  ): Promise<Refusal | undefined> {
    try {
      for (;;) {
        const answer = await this.#run(replica.name, socketId, arrival, limit, false)
        if (answer === 'FULL')
          return membersFull(replica.name.slice(replica.name.indexOf('/') + 1), limit)
        if (answer === 'EXPIRED') await this.renew(replica.partition)
        // A seat that it has left, of which Redis was not told.
        else if (answer === 'SEATED')
          await runOn(this.context, SCRIPTS.exit, replica.name, socketId)
        else return undefined
      }
    } catch (cause) {
      if (cause instanceof RedisAway) return REFUSE.engineAway
      throw cause
    }
  }

  #run(
    name: FullName,
    socketId: SocketId,
    arrival: Arrival | undefined,
    limit: number,
    isKnown: boolean,
  ): Promise<unknown> {
    const { member, meta } = arrival ?? {}
    return runOn(
      this.context,
      SCRIPTS.enter,
      name,
      socketId,
      member ? textOf(member.userId) : '',
      JSON.stringify(member ?? null),
      JSON.stringify(meta ?? null),
      Number.isFinite(limit) ? limit : -1,
      isKnown ? 1 : 0,
    )
  }

  /**
   * Leaves a seat. Nobody waits for it: what is not carried out is found by the next comparison. That of a connection
   * which was sent away is kept for a while: whoever takes one on another node meanwhile has not been away.
   */
  exit(app: App, replica: Replica, { id: socketId, pendingRefusal }: Connection): void {
    const { name } = replica
    const until = this.context.clock.mono() + this.keptMs
    if (replica.letGo(socketId)) app.gauges.members--
    if (pendingRefusal === REFUSE.shuttingDown && this.keptMs > 0)
      this.#kept.set(keyOf(name, socketId), { name, socketId, until })
    else void this.leave(name, socketId)
    this.replicas.release(replica)
  }

  /** True for the seat of a connection that was sent away. */
  keeps(name: FullName, socketId: SocketId): boolean {
    return this.#kept.has(keyOf(name, socketId))
  }

  async leave(name: FullName, socketId: SocketId): Promise<void> {
    const { context } = this
    const left = runOn(context, SCRIPTS.exit, name, socketId)
    await left.catch(tellLater(context, partitionOf(name)))
  }

  /** Takes a seat again that Redis has not any more; without a fact where it has lost it. */
  async retake(replica: Replica, socketId: SocketId): Promise<void> {
    const { name, partition, held } = replica
    while (held.has(socketId)) {
      const isKnown = isNewLife(this.context, partition)
      const answer = await this.#run(name, socketId, held.get(socketId), Infinity, isKnown)
      if (answer !== 'EXPIRED') return
      await this.renew(partition)
    }
  }

  /** Leaves what was kept, and gives up connections that have waited for too long: `enter` leaves what they have got. */
  sweep(): void {
    const now = this.context.clock.mono()
    for (const [key, { name, socketId, until }] of this.#kept) {
      if (until > now) break
      this.#kept.delete(key)
      void this.leave(name, socketId)
    }
    for (const [waiting, replica] of this.#waiting) {
      const { conn, until, done } = waiting
      if (until > now) return
      this.#waiting.delete(waiting)
      if (replica.waiting.get(conn.id) === waiting) replica.waiting.delete(conn.id)
      done(REFUSE.engineAway)
    }
  }
}

const keyOf = (name: FullName, socketId: SocketId): string => `${socketId} ${name}`

/** Half a surrogate pair has no UTF-8, so such an id is written as JSON escapes it. */
const textOf = (userId: UserId): string => (userId.isWellFormed() ? userId : JSON.stringify(userId))
