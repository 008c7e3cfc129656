/**
 * Presence: how many subscriptions each channel has and which users are in it, over all nodes. Three tabs of
 * one user are one member with three seats; only the first seat taken and the last one left are announced.
 * Counts are kept per node, so that a lost node can be forgotten.
 * Spec: contract 3.5.
 */
import type { App } from './app'
import {
  addToTally,
  Roster,
  type Arrival,
  type Departure,
  type Members,
  type Tally,
} from './roster'
import type { ChannelName, Member, NodeId, UserId } from './types'

type Occupancy = {
  subscriptions: number
  readonly tally: Tally
  /** Undefined on channels without presence. */
  roster: Roster | undefined
}

const NO_CHANNELS: ReadonlyMap<ChannelName, Occupancy> = new Map()

export class Presence {
  readonly #channels = new Map<App, Map<ChannelName, Occupancy>>()

  /**
   * Takes a seat. `occupied`: the channel was empty; `joined`: the user was not in it; `known`: the member
   * as their first connection described them. O(1).
   */
  enter(node: NodeId, app: App, channel: ChannelName, arrival: Arrival | undefined) {
    const occupancy = this.#channels
      .getOrInsertComputed(app, () => new Map())
      .getOrInsertComputed(channel, () => ({ subscriptions: 0, tally: [], roster: undefined }))
    const occupied = occupancy.subscriptions++ === 0
    addToTally(occupancy.tally, node, 1)
    if (!arrival) return { occupied, joined: false, known: undefined }
    occupancy.roster ??= new Roster()
    const known = occupancy.roster.take(node, arrival)
    return { occupied, joined: known === arrival.member, known }
  }

  /** Leaves a seat. `vacated`: nobody is left; `left`: it was the user's last one. O(1). */
  exit(node: NodeId, app: App, channel: ChannelName, departure: Departure | undefined) {
    const channels = this.#channels.get(app)
    const occupancy = channels?.get(channel)
    if (!channels || !occupancy) return { vacated: false, left: false }
    addToTally(occupancy.tally, node, -1)
    const left = departure !== undefined && occupancy.roster?.leave(node, departure) === true
    const vacated = --occupancy.subscriptions === 0
    if (vacated) channels.delete(channel)
    if (channels.size === 0) this.#channels.delete(app)
    return { vacated, left }
  }

  has(app: App, channel: ChannelName, userId: UserId): boolean {
    return this.#roster(app, channel)?.has(userId) ?? false
  }

  members(app: App, channel: ChannelName): Member[] {
    return this.#roster(app, channel)?.members() ?? []
  }

  /** The members for encoders: live, to be written at once. Undefined on channels without presence. */
  roster(app: App, channel: ChannelName): Members | undefined {
    return this.#roster(app, channel)
  }

  userCount(app: App, channel: ChannelName): number {
    return this.#roster(app, channel)?.size ?? 0
  }

  subscriptionCount(app: App, channel: ChannelName): number {
    return this.#occupancy(app, channel)?.subscriptions ?? 0
  }

  occupiedChannels(app: App): Iterable<ChannelName> {
    return (this.#channels.get(app) ?? NO_CHANNELS).keys()
  }

  #roster(app: App, channel: ChannelName): Roster | undefined {
    return this.#occupancy(app, channel)?.roster
  }

  #occupancy(app: App, channel: ChannelName): Occupancy | undefined {
    return this.#channels.get(app)?.get(channel)
  }
}
