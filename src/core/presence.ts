/**
 * Presence: how many subscriptions each channel has and which users are in it. Three tabs of one user are one
 * member with three seats; only the first seat taken and the last one left are announced.
 * Spec: contract 3.5.
 */
import type { App } from './app'
import { Roster, type Arrival, type Departure } from './roster'
import type { ChannelName, Member } from './types'
import { WideMap } from './wide-map'

/** Subscriptions and members of a channel. */
export type Counts = { readonly subscriptions: number; readonly users: number }

type Occupancy = {
  subscriptions: number
  /** Undefined on channels without presence. */
  roster: Roster | undefined
}

const NOBODY: Counts = { subscriptions: 0, users: 0 }
const GONE = { vacated: false, left: false, member: undefined, count: 0 }

export class Presence {
  readonly #channels = new Map<App, WideMap<ChannelName, Occupancy>>()

  /**
   * Takes a seat. `occupied`: the channel was empty; `joined`: the member was not in it; `member`: as their first
   * connection described them; `count`: the subscriptions with this one. O(1).
   */
  enter(app: App, channel: ChannelName, arrival: Arrival | undefined) {
    const occupancy = this.#channels
      .getOrInsertComputed(app, () => new WideMap())
      .getOrInsertComputed(channel, () => ({ subscriptions: 0, roster: undefined }))
    const count = ++occupancy.subscriptions
    const occupied = count === 1
    if (!arrival) return { occupied, joined: false, member: undefined, count, members: undefined }
    const members = (occupancy.roster ??= new Roster())
    const member = members.take(arrival)
    const joined = member === arrival.member
    if (joined) app.gauges.members++
    return { occupied, joined, member, count, members }
  }

  /** Leaves a seat. `vacated`: nobody is left; `left`: it was the last one of the `member`. O(1). */
  exit(app: App, channel: ChannelName, departure: Departure | undefined) {
    const channels = this.#channels.get(app)
    const occupancy = channels?.get(channel)
    if (!channels || !occupancy) return GONE
    const member = departure && occupancy.roster?.leave(departure)
    if (member) app.gauges.members--
    const count = --occupancy.subscriptions
    const vacated = count === 0
    if (vacated) channels.delete(channel)
    if (channels.size === 0) this.#channels.delete(app)
    return { vacated, left: member !== undefined, member, count }
  }

  /** True where the arrival would be a member more than the limit. */
  isFull(app: App, channel: ChannelName, { member }: Arrival, limit: number): boolean {
    const roster = this.#occupancy(app, channel)?.roster
    return (roster?.size ?? 0) >= limit && roster?.has(member.userId) !== true
  }

  isOccupied(app: App, channel: ChannelName): boolean {
    return this.#occupancy(app, channel) !== undefined
  }

  members(app: App, channel: ChannelName): Member[] {
    return this.#occupancy(app, channel)?.roster?.members() ?? []
  }

  counts(app: App, channel: ChannelName): Counts {
    const occupancy = this.#occupancy(app, channel)
    if (!occupancy) return NOBODY
    const { subscriptions, roster } = occupancy
    return { subscriptions, users: roster?.size ?? 0 }
  }

  /** The occupied ones; live. */
  channels(app: App): Iterable<ChannelName> {
    return this.#channels.get(app)?.keys() ?? []
  }

  #occupancy(app: App, channel: ChannelName): Occupancy | undefined {
    return this.#channels.get(app)?.get(channel)
  }
}
