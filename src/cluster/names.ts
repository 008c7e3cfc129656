/**
 * Names in Redis: which channel is where. A channel belongs to one of 64 partitions, whose keys are on one server of
 * a Redis Cluster, so that a script sees all of the channel.
 */
import type { App } from '../core/app'
import { userChannel, watchedUserOf } from '../core/channel'
import type { AppId, ChannelName } from '../core/types'

/** How many there are; the same in every version, since nodes of two versions share the keys. */
export const PARTITIONS = 64

/** A channel as `app/channel`. Ids of apps have no slash. */
export type FullName = string

/** Who watches a user hears the user's own channel. */
export function fullNameOf(app: App, channel: ChannelName): FullName {
  const watched = watchedUserOf(channel)
  return `${app.id}/${watched === undefined ? channel : userChannel(watched)}`
}

export function splitName(name: FullName): {
  readonly appId: AppId
  readonly channel: ChannelName
} {
  const slash = name.indexOf('/')
  return { appId: name.slice(0, slash) as AppId, channel: name.slice(slash + 1) as ChannelName }
}

export const partitionOf = (name: FullName): number => Bun.hash.crc32(name) % PARTITIONS

/** The bus of a channel, as `Link` names it. */
export const busOf = (name: FullName): string => `{${partitionOf(name)}}:bus:${name}`

const BUS = /^\{\d+\}:bus:(.+)$/s

/** The channel of a bus; undefined for any other. */
export const channelOfBus = (bus: string): FullName | undefined => BUS.exec(bus)?.[1]
