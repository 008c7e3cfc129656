/**
 * Dismiss: closes every connection of an app or of a user, or ends subscriptions; in slices, so that many do not
 * delay the others.
 */
import type { App } from './app'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import type { Refusal } from './errors'
import { leaveChannel } from './membership'
import { workFor } from './slices'
import type { ChannelName, UserId } from './types'

/** Returns at once; the connections that are open now are closed in the next turns of the event loop. */
export function dismissApp(core: Core, app: App, refused: Refusal): void {
  dismiss(core, core.hub.connectionsOf(app), refused)
  endGroups(core, app)
}

/** Ends the subscriptions to the app's groups, as after a change of its slug; the connections stay. */
export function endGroups(core: Core, app: App): void {
  const end = (subscription: Subscription): void => {
    const { conn, ref, shard } = subscription
    if (conn.closed || !shard) return
    leaveChannel(core, subscription)
    conn.reply({ type: 'ended', ref, replaced: false })
  }
  core.slices.add(workFor('groups', core.groups.subscriptionsIn(app), end))
}

/** Ends one subscription, unless it has ended; the connection stays and is sent the reason. */
export function dismissSubscription(core: Core, subscription: Subscription, message: string): void {
  const { conn, ref, shard, channel } = subscription
  if (conn.closed || !shard) return
  leaveChannel(core, subscription)
  if (!conn.closed) conn.reply({ type: 'dismissed', channel: channel.name, ref, message })
}

/** Ends the subscriptions to a channel of connections that are signed in as the user, or are this member there. */
export function dismissFromChannel(
  core: Core,
  app: App,
  { channel: name, userId, message }: Expulsion,
): void {
  const channel = core.hub.channel(app, name)
  if (!channel) return
  const signedIn = Array.from(core.users.connectionsOf(app, userId), (conn) =>
    conn.subscription(channel),
  )
  const end = (each: Subscription | undefined): void => {
    if (each) dismissSubscription(core, each, message)
  }
  core.slices.add(workFor('dismiss', signedIn, end))
  if (!channel.kind.presence) return
  const all = channel.audiences.flatMap((audience) => audience.subscriptions())
  const isMember = ({ member }: Subscription): boolean => member?.userId === userId
  core.slices.add(workFor('dismiss', all, (each) => isMember(each) && end(each)))
}

/** Who is to leave which channel, and why. */
export type Expulsion = {
  readonly channel: ChannelName
  readonly userId: UserId
  readonly message: string
}

/** Closes connections that are signed in as the user, or about to be; those with the id on a presence channel stay (contract 5.5). */
export function dismissUser(core: Core, app: App, userId: UserId, refused: Refusal): void {
  const { users } = core
  dismiss(core, [...users.connectionsOf(app, userId), ...users.signingIn(app, userId)], refused)
}

/**
 * Closes one connection of an app. One that names no app leaves the channels of this one and stays: it may be in those
 * of others.
 */
export function dismissConnection(core: Core, app: App, conn: Connection, refused: Refusal): void {
  if (conn.app) return conn.refuse(refused)
  const own = conn.subscriptions?.all().filter(({ channel }) => channel.app === app) ?? []
  for (const subscription of own) dismissSubscription(core, subscription, refused.message)
}

function dismiss({ slices }: Core, leaving: readonly Connection[], refused: Refusal): void {
  slices.add(workFor('dismiss', leaving, (conn) => conn.closed || conn.refuse(refused)))
}
