/**
 * Replica: what a node knows of one channel that somebody on it is in, as Redis has numbered it: who has a seat, how
 * many subscriptions the other nodes have, up to which message. And what the node itself has there.
 */
import type { CachedEvent } from '../core/cache'
import type { ChannelKind } from '../core/channel'
import type { Connection } from '../core/connection'
import type { Entered, Entry } from '../core/engine'
import type { Refusal } from '../core/errors'
import { Roster, type Arrival } from '../core/roster'
import { NOT_KEPT } from '../core/stream'
import type { Member, Position, SocketId, UserId } from '../core/types'
import type { FullName } from './names'
import type { Reading } from './reading'
import type { Seat, Snapshot } from './snapshot'

/** What a subscriber gets of the past. */
export type Past = Pick<Entered, 'last' | 'replay'>

export const NO_PAST: Past = { last: undefined, replay: undefined }

/** A connection that waits for its seat. */
export type Waiting = {
  readonly conn: Connection
  readonly entry: Entry
  readonly arrival: Arrival | undefined
  /** When it is given up, by the clock's `mono`. */
  readonly until: number
  readonly done: (refused: Refusal | undefined) => void
  /** What it gets of the past, asked in the step in which it joins; undefined where there is none. */
  readonly past: (() => Past) | undefined
}

/** `fetching`: a snapshot is asked for. `deaf`: there is none, and Redis is away. */
export type ReplicaState = 'fetching' | 'live' | 'deaf'

export class Replica {
  /** Its last event is kept. */
  readonly isCache: boolean
  epoch = ''
  /** The number of the last message that is in it. */
  rev = 0
  /** How many messages until then were no events. */
  others = 0
  state: ReplicaState = 'fetching'
  /** Since when something that was said of it may not have been heard (`mono`); Infinity where all was. */
  missingSince = Infinity
  /** Something was missed since the snapshot was asked for that is under way. */
  isStale = false
  seats = new Map<SocketId, Seat>()
  /** Undefined without presence. */
  roster: Roster | undefined
  /** Seats that connections of this node have, or had and not yet left by Redis' account. */
  readonly held = new Map<SocketId, Arrival | undefined>()
  readonly waiting = new Map<SocketId, Waiting>()
  /** Subscriptions of this node that have no seat. */
  own = 0
  /** The last of these counts that Redis was told; undefined where that is not known. */
  told: number | undefined
  /** The last event of a cache channel; it may have expired. */
  last: CachedEvent | undefined
  /** That of the last event that it had of those that the channel keeps. */
  position: Position = NOT_KEPT
  /** The id of the last order that a node has to carry out however late. */
  lastOrder = ''
  /** What subscribers of this node are about to get of the past. */
  readonly readings = new Set<Reading>()
  /** Messages that wait for the snapshot. */
  queue: string[] = []
  queuedChars = 0
  /** Resolved when it is live, or deaf. */
  ready: PromiseWithResolvers<void> | undefined
  /** Until when a message that is missing does not have it fetched at once (`mono`); it is fetched then. */
  quietUntil = -Infinity
  willFetch = false
  /** Until when departures that only a snapshot shows are not told: their nodes may come back (`mono`). */
  lenientUntil = -Infinity
  /** When it was last of use to somebody (`mono`). */
  usedAt: number
  /** Connections that asked for the past while nothing was known of it: nobody knows what they have missed. */
  readonly blind = new Set<Connection>()
  /** Somebody may be in it who has heard nothing yet, since Redis was away. */
  isBlind = false
  /** Seats that members have on this node; undefined before there is one. */
  #ownSeats: Map<UserId, number> | undefined
  readonly #counts = new Map<string, number>()
  #others = 0

  constructor(
    readonly name: FullName,
    readonly partition: number,
    { presence, cache }: Pick<ChannelKind, 'presence' | 'cache'>,
    now: number,
  ) {
    this.isCache = cache
    if (presence) this.roster = new Roster()
    this.usedAt = now
  }

  /** Subscriptions of all nodes. */
  get count(): number {
    return this.seats.size + this.#others + this.own
  }

  /** Notes a seat of a connection of this node. True where its member had none here. */
  hold(socketId: SocketId, arrival: Arrival | undefined): boolean {
    this.held.set(socketId, arrival)
    return arrival !== undefined && this.#countOwn(arrival.member.userId, 1) === 1
  }

  /** Notes that it has none any more. True where its member has none here. */
  letGo(socketId: SocketId): boolean {
    const arrival = this.held.get(socketId)
    this.held.delete(socketId)
    return arrival !== undefined && this.#countOwn(arrival.member.userId, -1) === 0
  }

  #countOwn(userId: UserId, change: number): number {
    const seats = (this.#ownSeats ??= new Map())
    const count = (seats.get(userId) ?? 0) + change
    if (count > 0) seats.set(userId, count)
    else seats.delete(userId)
    return count
  }

  /** Takes a seat that is not taken. Returns the member as their first connection described them. */
  take(socketId: SocketId, seat: Seat): Member | undefined {
    this.seats.set(socketId, seat)
    const { member, meta } = seat
    return member && meta && this.roster?.take({ member, meta })
  }

  /** Notes that all messages of a snapshot are in it. */
  standAt({ epoch, rev, others }: Snapshot): void {
    this.epoch = epoch
    this.rev = rev
    this.others = others
  }

  /** Takes all seats of a channel that was not heard before: at once, however many there are. */
  begin({ seats, roster }: Snapshot): void {
    this.seats = seats
    if (roster) this.roster = roster
  }

  /** Ends a seat. Returns it, and the member where it was their last. */
  leave(
    socketId: SocketId,
  ): { readonly seat: Seat; readonly last: Member | undefined } | undefined {
    const seat = this.seats.get(socketId)
    if (!seat) return undefined
    this.seats.delete(socketId)
    const { member, meta } = seat
    const last = member && meta && this.roster?.leave({ userId: member.userId, meta })
    return { seat, last }
  }

  /** Notes how many subscriptions without seats another node has. True where that is another number. */
  setCount(node: string, count: number): boolean {
    const before = this.#counts.get(node) ?? 0
    if (count === 0) this.#counts.delete(node)
    else this.#counts.set(node, count)
    this.#others += count - before
    return count !== before
  }

  /** Notes those of all other nodes. True where the sum is another. */
  setCounts(counts: Snapshot['counts'], isOwn: (node: string) => boolean): boolean {
    const before = this.#others
    this.#counts.clear()
    this.#others = 0
    for (const [node, count] of counts) if (!isOwn(node)) this.setCount(node, count)
    return this.#others !== before
  }

  /** Tells those who read how far this node has come. */
  offer(): void {
    for (const reading of this.readings) reading.offer(this.epoch, this.rev)
  }

  /** True while a connection of this node is in it, or on its way. */
  get isUsed(): boolean {
    return (
      this.own > 0 ||
      this.held.size > 0 ||
      this.waiting.size > 0 ||
      this.readings.size > 0 ||
      this.state === 'fetching'
    )
  }
}
