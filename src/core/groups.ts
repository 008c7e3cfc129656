/**
 * Groups: channels that a dialect brings. Nobody occupies them, they are in no list, and their names begin
 * with `#`, so that no client can say one. What is told on an app's channels may reach a group, too.
 * Owns which groups somebody on this node is in.
 */
import type { App } from './app'
import { compileKinds, type ChannelKind } from './channel'
import type { Channel, Subscription } from './connection'
import type { EventPublication } from './messages'
import type { ChannelName } from './types'

/** A group that hears what is told on a channel, and what stands there before the names of events. */
export type Relay = { readonly group: ChannelName; readonly prefix: string }

/** What one dialect brings. */
export type GroupTable = {
  /** Kinds of channels, each with its rules. */
  readonly kinds: readonly ChannelKind[]
  /** The group that hears what is told on a channel of the app; undefined where none does. */
  readonly relayOf: (app: App, channel: ChannelName) => Relay | undefined
}

export class Groups {
  readonly #tables: readonly GroupTable[]
  /** Those that somebody is in. */
  readonly #occupied = new Map<App, Set<Channel>>()
  /** What any channel's name means. */
  readonly kindOf: (name: string) => ChannelKind

  constructor(tables: readonly GroupTable[]) {
    this.#tables = tables
    this.kindOf = compileKinds(tables.flatMap(({ kinds }) => kinds))
  }

  /** What clients and plugins call a channel. */
  nameOf(channel: ChannelName): string {
    const { group } = this.kindOf(channel)
    return group ? group.nameOf(channel) : channel
  }

  /** Somebody is in it now. */
  add(group: Channel): void {
    const known = this.#occupied.get(group.app)
    if (known) known.add(group)
    else this.#occupied.set(group.app, new Set([group]))
  }

  /** Nobody is in it any more. */
  delete(group: Channel): void {
    const known = this.#occupied.get(group.app)
    if (known?.delete(group) && known.size === 0) this.#occupied.delete(group.app)
  }

  /** Somebody on this node is in a group of the app. */
  has(app: App): boolean {
    return this.#occupied.has(app)
  }

  /** Those who are in groups of the app, now. */
  subscriptionsIn(app: App): readonly Subscription[] {
    const audiences = [...(this.#occupied.get(app) ?? [])].flatMap((group) => group.audiences)
    return audiences.flatMap((audience) => audience.subscriptions())
  }

  /** The group that hears what is told on a channel, where somebody is in one of the app. */
  relayOf(app: App, channel: ChannelName): Relay | undefined {
    if (this.#occupied.size === 0 || !this.has(app)) return undefined
    for (const table of this.#tables) {
      const heard = table.relayOf(app, channel)
      if (heard) return heard
    }
    return undefined
  }

  /** What the group of a channel hears of an event; undefined where nobody is to hear it. */
  toGroup(publication: EventPublication): EventPublication | undefined {
    const { app, channel, event } = publication
    const hearing = this.relayOf(app, channel)
    return hearing && { ...publication, channel: hearing.group, event: hearing.prefix + event }
  }
}
