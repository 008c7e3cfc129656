/**
 * Membership: what happens when a connection joins or leaves a channel. Seat, reply, topic and notices are one
 * synchronous step each way, so that everybody sees one order. No await in this file.
 */
import type { App } from './app'
import { frameOf } from './cache'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import { notify } from './hooks'
import type { SubscribeCommand } from './messages'
import type { Arrival } from './roster'
import type { ChannelName, Member, Meta } from './types'
import { appView } from './views'

/** Joins a channel; the caller has checked everything. The reply precedes the channel's first event. */
export function joinChannel(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  member: Member | undefined,
): void {
  const { node, presence, hub, facts, hooks } = core
  const { app, channel, ref } = command
  const kind = core.groups.kindOf(channel)
  if (!kind.counted) return joinUncounted(core, conn, command)
  const arrival = member && { member, meta: newMeta(core, member) }
  const { occupied, joined, known } = presence.enter(node, app, channel, arrival)
  const userId = known?.userId
  replySubscribed(core, conn, command, arrival)
  if (kind.cache) sendCached(core, conn, app, channel)
  if (kind.auth !== 'none') core.unauthorized.authorize(conn)
  hub.join(conn, app, channel, { member: known, meta: arrival?.meta, ref })
  if (occupied) facts.emit({ type: 'channel_occupied', app, channel })
  if (!kind.presence) core.subscriptionCounts.notifyChange(core, app, channel)
  if (arrival) announce(core, conn, command, { ...arrival, joined })
  // Plugins come last: they may end the connection.
  if (joined && hooks.presence.length > 0)
    notify(core, hooks.presence, appView(app), { type: 'member_added', channel, userId })
  if (!conn.closed && hooks.subscribed.length > 0)
    notify(core, hooks.subscribed, conn, { channel, userId })
}

function replySubscribed(
  { presence }: Core,
  conn: Connection,
  { app, channel, ref, replaces }: SubscribeCommand,
  arrival: Arrival | undefined,
): void {
  const members = arrival && presence.roster(app, channel)
  conn.reply({ type: 'subscribed', channel, members, ref })
  if (replaces) conn.reply({ type: 'ended', ref: replaces, replaced: true })
  if (ref && members) conn.reply({ type: 'present', channel, ref, members })
}

/** Announces the connection to the others, and the user where it is their first. */
function announce(
  { hub, facts }: Core,
  conn: Connection,
  { app, channel }: SubscribeCommand,
  { member, meta, joined }: Arrival & { readonly joined: boolean },
): void {
  const { userId } = member
  hub.announce(app, { type: 'seat_taken', channel, userId, meta }, conn)
  if (!joined) return
  hub.announce(app, { type: 'member_added', channel, member }, conn)
  facts.emit({ type: 'member_added', app, channel, userId })
}

const newMeta = ({ clock }: Core, { userInfo }: Member): Meta => ({
  id: crypto.randomUUID(),
  since: Math.floor(clock.now() / 1000),
  userInfo,
})

/** Joins a group, without notices to its subscribers. */
function joinUncounted(core: Core, conn: Connection, command: SubscribeCommand): void {
  const { groups, hub, hooks } = core
  const { app, channel, ref } = command
  replySubscribed(core, conn, command, undefined)
  if (groups.kindOf(channel).auth === 'plugin') core.unauthorized.authorize(conn)
  hub.join(conn, app, channel, { member: undefined, meta: undefined, ref })
  if (hooks.subscribed.length > 0)
    notify(core, hooks.subscribed, conn, { channel: groups.nameOf(channel), userId: undefined })
}

function sendCached(core: Core, conn: Connection, app: App, channel: ChannelName): void {
  const cached = core.cache.get(app, channel, core.clock.mono())
  if (cached) {
    const frame = frameOf(cached, conn.codec)
    if (frame !== undefined) conn.send(frame)
    return
  }
  conn.reply({ type: 'cache_miss', channel })
  core.facts.emit({ type: 'cache_miss', app, channel })
}

/** Contract 3.9: subscription, seat, `member_removed` to those who stay, facts. */
export function leaveChannel(core: Core, subscription: Subscription): void {
  if (!subscription.shard) return // a plugin's tap for another subscription has ended it
  if (!subscription.channel.kind.counted) return leaveUncounted(core, subscription)
  const { node, presence, hub, facts, hooks } = core
  const { member, meta } = subscription
  const userId = member?.userId
  const departure = userId !== undefined && meta ? { userId, meta } : undefined
  const { app, name: channel, kind } = subscription.channel
  hub.leave(subscription)
  const { vacated, left } = presence.exit(node, app, channel, departure)
  if (departure) hub.announce(app, { type: 'seat_left', channel, ...departure })
  if (left && member) {
    hub.announce(app, { type: 'member_removed', channel, member })
    facts.emit({ type: 'member_removed', app, channel, userId: member.userId })
    if (hooks.presence.length > 0)
      notify(core, hooks.presence, appView(app), { type: 'member_removed', channel, userId })
  }
  if (!kind.presence) core.subscriptionCounts.notifyChange(core, app, channel)
  if (vacated) facts.emit({ type: 'channel_vacated', app, channel })
  if (hooks.unsubscribed.length > 0)
    notify(core, hooks.unsubscribed, subscription.conn, { channel, userId })
}

/** Leaves a user's channel, without notices, or a group, where only plugins are notified. */
function leaveUncounted(core: Core, subscription: Subscription): void {
  const { name, kind } = subscription.channel
  core.hub.leave(subscription)
  if (kind.auth !== 'user' && core.hooks.unsubscribed.length > 0)
    notify(core, core.hooks.unsubscribed, subscription.conn, {
      channel: core.groups.nameOf(name),
      userId: undefined,
    })
}
