/**
 * Membership: what happens when a connection enters a channel or leaves it. Seat, reply, topic and
 * news are one synchronous step each way, so that everybody sees one order. No await in this file.
 */
import type { App } from './apps'
import { frameOf } from './cache'
import { channelKind } from './channel'
import type { Connection } from './connection'
import type { Core } from './core'
import { tell } from './hooks'
import type { Subscription } from './hub'
import type { ChannelName, Member } from './types'
import { appView } from './views'

/** The caller has checked everything. The connection is told before it can hear the channel. */
export function enterChannel(
  core: Core,
  conn: Connection,
  { app, channel }: { readonly app: App; readonly channel: ChannelName },
  member: Member | undefined,
): void {
  const { node, presence, hub, facts, hooks } = core
  const kind = channelKind(channel)
  const { occupied, joined } = presence.enter(node, app, channel, member)
  conn.reply({
    type: 'subscribed',
    channel,
    members: member && presence.members(app, channel),
  })
  if (kind.cache) sendCached(core, conn, app, channel)
  if (kind.auth === 'signature') conn.authorized = true
  hub.join(conn, app, channel, member?.userId)
  if (occupied) facts.emit({ type: 'channel_occupied', app, channel })
  if (!kind.presence) core.subscriptionCounts.changed(core, app, channel)
  const newcomer = joined ? member : undefined
  if (newcomer) {
    hub.announce(app, { type: 'member_added', channel, member: newcomer }, conn)
    facts.emit({ type: 'member_added', app, channel, userId: newcomer.userId })
  }
  // Plugins come last: they may end the connection.
  const { userId } = member ?? {}
  if (newcomer && hooks.presence.length > 0)
    tell(core, hooks.presence, appView(app), { type: 'member_added', channel, userId })
  if (!conn.closed && hooks.subscribed.length > 0)
    tell(core, hooks.subscribed, conn, { channel, userId })
}

/** The last event, or that there is none. */
function sendCached(core: Core, conn: Connection, app: App, channel: ChannelName): void {
  const cached = core.cache.get(app, channel, core.clock.now())
  if (cached) return conn.send(frameOf(cached, conn.codec))
  conn.reply({ type: 'cache_miss', channel })
  core.facts.emit({ type: 'cache_miss', app, channel })
}

/** Contract 3.9: subscription, seat, `member_removed` to those who stay, facts. */
export function leaveChannel(core: Core, subscription: Subscription): void {
  // The channel of a user has no members, and nobody is told who comes and goes.
  if (subscription.channel.kind.auth === 'user') return core.hub.leave(subscription)
  const { node, presence, hub, facts, hooks } = core
  const { userId } = subscription
  const { app, name: channel, kind } = subscription.channel
  hub.leave(subscription)
  const { vacated, left } = presence.exit(node, app, channel, userId)
  if (left && userId !== undefined) {
    hub.announce(app, { type: 'member_removed', channel, userId })
    facts.emit({ type: 'member_removed', app, channel, userId })
    if (hooks.presence.length > 0)
      tell(core, hooks.presence, appView(app), { type: 'member_removed', channel, userId })
  }
  if (!kind.presence) core.subscriptionCounts.changed(core, app, channel)
  if (vacated) facts.emit({ type: 'channel_vacated', app, channel })
  if (hooks.unsubscribed.length > 0)
    tell(core, hooks.unsubscribed, subscription.conn, { channel, userId })
}
