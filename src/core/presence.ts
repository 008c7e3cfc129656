/**
 * Presence: how many subscriptions each channel has and which users are in it, over all nodes.
 * Three tabs of one user are one member with three seats; only the first seat taken and the last
 * one left are news. Every count says on which node it is, so that a lost node can be forgotten.
 * Spec: contract 3.5.
 */
import type { App } from './apps'
import type { ChannelName, Member, Meta, NodeId, UserId } from './types'

/** How many there are on each node; seldom more than one entry. */
type Tally = { readonly node: NodeId; count: number }[]

type Seat = { readonly member: Member; readonly tally: Tally; readonly metas: Meta[] }

/** A member who comes with one of their connections. */
export type Arrival = { readonly member: Member; readonly meta: Meta }
/** A connection of a member that goes. */
export type Departure = { readonly userId: UserId; readonly meta: Meta }

type Occupancy = {
  subscriptions: number
  readonly tally: Tally
  /** Undefined where nobody said who they are. */
  seats: Map<UserId, Seat> | undefined
}

const NOBODY: ReadonlyMap<ChannelName, Occupancy> = new Map()

export class Presence {
  readonly #channels = new Map<App, Map<ChannelName, Occupancy>>()

  /** Takes a seat. `occupied`: the channel was empty; `joined`: the user was not in it. O(1). */
  enter(node: NodeId, app: App, channel: ChannelName, arrival: Arrival | undefined) {
    let channels = this.#channels.get(app)
    if (!channels) this.#channels.set(app, (channels = new Map()))
    let occupancy = channels.get(channel)
    if (!occupancy) {
      channels.set(channel, (occupancy = { subscriptions: 0, tally: [], seats: undefined }))
    }
    const occupied = occupancy.subscriptions++ === 0
    add(occupancy.tally, node, 1)
    return { occupied, joined: arrival !== undefined && takeSeat(occupancy, node, arrival) }
  }

  /** Leaves a seat. `vacated`: nobody is left; `left`: it was the user's last one. O(1). */
  exit(node: NodeId, app: App, channel: ChannelName, departure: Departure | undefined) {
    const channels = this.#channels.get(app)
    const occupancy = channels?.get(channel)
    if (!channels || !occupancy) return { vacated: false, left: false }
    add(occupancy.tally, node, -1)
    const left = departure !== undefined && leaveSeat(occupancy, node, departure)
    const vacated = --occupancy.subscriptions === 0
    if (vacated) channels.delete(channel)
    if (channels.size === 0) this.#channels.delete(app)
    return { vacated, left }
  }

  has(app: App, channel: ChannelName, userId: UserId): boolean {
    return this.#occupancy(app, channel)?.seats?.has(userId) ?? false
  }

  members(app: App, channel: ChannelName): Member[] {
    const seats = this.#occupancy(app, channel)?.seats
    return seats ? Array.from(seats.values(), (seat) => seat.member) : []
  }

  /** The users with each of their connections. */
  present(app: App, channel: ChannelName): (readonly [UserId, readonly Meta[]])[] {
    const seats = this.#occupancy(app, channel)?.seats
    return seats ? Array.from(seats, ([userId, { metas }]) => [userId, [...metas]] as const) : []
  }

  /** Distinct users. */
  userCount(app: App, channel: ChannelName): number {
    return this.#occupancy(app, channel)?.seats?.size ?? 0
  }

  /** Connections. */
  subscriptionCount(app: App, channel: ChannelName): number {
    return this.#occupancy(app, channel)?.subscriptions ?? 0
  }

  /** The channels that somebody is subscribed to. */
  occupied(app: App): Iterable<ChannelName> {
    return (this.#channels.get(app) ?? NOBODY).keys()
  }

  #occupancy(app: App, channel: ChannelName): Occupancy | undefined {
    return this.#channels.get(app)?.get(channel)
  }
}

function takeSeat(occupancy: Occupancy, node: NodeId, { member, meta }: Arrival): boolean {
  occupancy.seats ??= new Map()
  const seat = occupancy.seats.get(member.userId)
  if (seat) {
    add(seat.tally, node, 1)
    seat.metas.push(meta)
    return false
  }
  occupancy.seats.set(member.userId, { member, tally: [{ node, count: 1 }], metas: [meta] })
  return true
}

function leaveSeat({ seats }: Occupancy, node: NodeId, { userId, meta }: Departure): boolean {
  const seat = seats?.get(userId)
  if (!seats || !seat) return false
  add(seat.tally, node, -1)
  seat.metas.splice(seat.metas.indexOf(meta), 1)
  return seat.tally.length === 0 && seats.delete(userId)
}

/** Entries that reach zero go. */
function add(tally: Tally, node: NodeId, change: 1 | -1): void {
  const index = tally.findIndex((entry) => entry.node === node)
  const entry = tally[index]
  if (!entry) {
    if (change > 0) tally.push({ node, count: change })
  } else if ((entry.count += change) === 0) tally.splice(index, 1)
}
