/**
 * Membership: the one synchronous step into a channel, and the one out of it, on each node. Reply, topic and
 * notices belong together, so that everybody sees one order. No await in this file.
 */
import type { App } from './app'
import { frameOf, type CachedEvent } from './cache'
import { userOf } from './channel'
import type { Connection, Subscription, VerifiedSignin } from './connection'
import type { Core } from './core'
import type { Counted, Delta, Entered, Exited, Node } from './engine'
import { refusal, type Refusal } from './errors'
import { notify, notifyRefused } from './hooks'
import type { Encoder, Grant, HistoryRequest, Replay, SubscribeCommand } from './messages'
import type { PresenceView } from './plugin'
import { beginReplay, continueReplay } from './replay'
import type { UserId } from './types'
import { appView } from './views'
import { announceUser, watch } from './watchlist'

/** Shows an arrival or a departure to the connections of a node; on the connection's own, joins the channel. */
export function apply(core: Core, node: Node, delta: Delta): void {
  if (delta.type === 'exited') return showExit(core, node, delta)
  if (delta.type === 'counted') return showCount(core, node, delta)
  const { conn, entry } = delta
  if (!conn || !entry) return showEntry(core, node, delta)
  if (conn.closed) return leaveAgain(core, node, conn, delta)
  if (entry.type === 'signin') return signIn(core, conn, entry, delta.joined)
  join(core, conn, entry, delta)
  showEntry(core, node, delta)
  // Plugins come last: they may end the connection.
  if (core.hooks.subscribed.length > 0) notifySubscribed(core, conn, delta)
}

/** A plugin may have ended the subscription when it was told of the member. */
function notifySubscribed(core: Core, conn: Connection, { app, channel, member }: Entered): void {
  if (conn.closed || !conn.subscription(core.hub.channel(app, channel))) return
  const view = { channel: core.groups.nameOf(channel), userId: member?.userId }
  notify(core, core.hooks.subscribed, conn, Object.freeze(view))
}

/** The connection has closed while it waited for its seat: it was there for a moment. */
function leaveAgain(core: Core, node: Node, conn: Connection, delta: Entered): void {
  const { app, channel: name, kind, entry, arrival, joined } = delta
  if (entry?.type !== 'signin') showEntry(core, node, delta)
  else if (joined) announceUser(core.engine, app, { userId: entry.user.id, online: true })
  const departure = arrival && { userId: arrival.member.userId, meta: arrival.meta }
  core.engine.exit(conn, { app, name, kind }, departure)
}

function countReplay({ counters }: App, { recovered, events }: Replay): void {
  counters.eventsReplayed += events.length
  if (recovered) counters.historyHits++
  else if (recovered === false) counters.historyMisses++
}

function countCache({ counters }: App, isThere: boolean): void {
  if (isThere) counters.cacheHits++
  else counters.cacheMisses++
}

/** The reply precedes the channel's first event. */
function join(
  core: Core,
  conn: Connection,
  { ref, replaces, grant, history }: SubscribeCommand,
  { app, channel, kind, arrival, member, members, last, replay }: Entered,
): void {
  const { hub, unauthorized } = core
  const encoder = (history?.positions && conn.codec.positioned) || conn.codec
  const asked = history && replay
  if (replay) countReplay(app, replay)
  if (kind.cache) countCache(app, last !== undefined)
  conn.reply({ type: 'subscribed', channel, members, ref, data: grant?.data, replay: asked })
  if (replaces) conn.reply({ type: 'ended', ref: replaces, replaced: true })
  if (ref && members) conn.reply({ type: 'present', channel, ref, members })
  if (last && !has(replay, last) && !isOwn(history, last)) sendLast(conn, encoder, last)
  else if (kind.cache && !last && !replay?.events.length)
    conn.reply({ type: 'cache_miss', channel })
  const isSent = history && encoder.repliesWithEvents
  const rest = replay && !isSent ? beginReplay(core, conn, encoder, replay) : undefined
  if (kind.auth !== 'none') unauthorized.authorize(conn)
  const subscriber = { member, meta: arrival?.meta, ref, encoder, isHeld: rest !== undefined }
  const subscription = hub.join(conn, app, channel, subscriber)
  if (rest) continueReplay(core, subscription, rest)
  if (grant?.expiry) beginExpiry(core, conn.subscription(hub.channel(app, channel)), grant.expiry)
  if (core.facts.wants('subscribed', app, channel))
    core.facts.emit({
      type: 'subscribed',
      app,
      channel,
      socketId: conn.id,
      userId: member?.userId,
    })
}

function beginExpiry(
  { expiries, clock }: Core,
  subscription: Subscription | undefined,
  { at, command }: NonNullable<Grant['expiry']>,
): void {
  if (subscription) expiries.begin(subscription, command, at, clock.mono())
}

function sendLast(conn: Connection, encoder: Encoder, last: CachedEvent): void {
  const frame = frameOf(last, encoder)
  if (frame !== undefined) conn.send(frame)
}

/** True where the subscriber has had the last event, or gets it with the replay. */
const has = (replay: Replay | undefined, { position: { epoch, offset } }: CachedEvent): boolean =>
  replay !== undefined &&
  replay.position.epoch === epoch &&
  (replay.recovered === true || replay.events.at(-1)?.offset === offset)

/** True where the subscriber had excluded itself from the last event, before it came back. */
const isOwn = (asked: HistoryRequest | undefined, { publication }: CachedEvent): boolean =>
  asked?.formerId !== undefined && asked.formerId === publication.except

/** Signs the connection in; contract 5.4 has the order of replies and notices. */
function signIn(
  core: Core,
  conn: Connection,
  { app, channel, user, userData, watched, wanted }: VerifiedSignin,
  isFirst: boolean,
): void {
  if (userData !== undefined) conn.reply({ type: 'signed_in', userData })
  const before = conn.subscriptions?.size ?? 0
  core.users.add(conn, app, user)
  core.unauthorized.authorize(conn)
  core.hub.join(conn, app, channel)
  const { maxWatchedUsers } = app.limits
  const refused =
    wanted > maxWatchedUsers && maxWatchedUsers > 0
      ? watchlistTooLong(wanted, maxWatchedUsers, watched)
      : undefined
  if (refused) conn.refuse(refused)
  watch(core, conn, app, watched)
  conn.signinSubscriptions = (conn.subscriptions?.size ?? 0) - before
  if (isFirst) announceUser(core.engine, app, { userId: user.id, online: true, except: conn.id })
  // Plugins come last: they may end the connection.
  if (refused) notifyRefused(core, conn, refused)
}

const watchlistTooLong = (wanted: number, limit: number, watched: readonly UserId[]): Refusal =>
  refusal(
    'watchlist_too_long',
    `Watchlist of ${wanted} users exceeds the limit of ${limit} (maxWatchedUsers); watched are ${watched.join(', ')}`,
  )

/** Notifies the others in the channel; of the member, where it is their first connection. */
function showEntry(core: Core, node: Node, delta: Entered): void {
  const { app, channel, kind, arrival, socketId, joined, isOwn } = delta
  if (kind.counted && !kind.presence) core.subscriptionCounts.notifyChange(core, node, delta)
  if (!arrival) return
  const { member, meta } = arrival
  const { userId } = member
  node.announce(app, { type: 'seat_taken', channel, userId, meta }, socketId)
  if (!joined) return
  node.announce(app, { type: 'member_added', channel, member }, socketId)
  if (isOwn) notifyPresence(core, app, { type: 'member_added', channel, userId })
}

/** Contract 3.9: `member_removed` to those who stay. */
function showExit(core: Core, node: Node, delta: Exited): void {
  const { app, channel, kind, departure, member, left, isOwn, except } = delta
  if (departure) node.announce(app, { type: 'seat_left', channel, ...departure }, except)
  if (member) {
    const { userId } = member
    node.announce(app, { type: 'member_removed', channel, member }, except)
    if (isOwn) notifyPresence(core, app, { type: 'member_removed', channel, userId })
  }
  const userId = userOf(channel)
  if (isOwn && left && userId !== undefined)
    announceUser(core.engine, app, { userId, online: false })
  if (kind.counted && !kind.presence) core.subscriptionCounts.notifyChange(core, node, delta)
}

function showCount(core: Core, node: Node, { kind, ...change }: Counted): void {
  if (kind.counted && !kind.presence)
    core.subscriptionCounts.notifyChange(core, node, { ...change, isOwn: false })
}

function notifyPresence(core: Core, app: App, news: PresenceView): void {
  const { presence } = core.hooks
  if (presence.length > 0) notify(core, presence, appView(app), Object.freeze(news))
}

/** Leaves a channel, which the connection hears nothing of from then on. */
export function leaveChannel(core: Core, subscription: Subscription): void {
  if (!subscription.shard) return // a plugin's tap for another subscription has ended it
  const { conn, member, meta } = subscription
  const { app, name, kind } = subscription.channel
  const userId = member?.userId
  core.hub.leave(subscription)
  if (core.hooks.authorize.length > 0) core.expiries.end(subscription)
  if (core.facts.wants('unsubscribed', app, name))
    core.facts.emit({ type: 'unsubscribed', app, channel: name, socketId: conn.id, userId })
  // A user leaves with the end of the connection.
  if (userOf(name) === undefined)
    core.engine.exit(
      conn,
      subscription.channel,
      userId !== undefined && meta ? { userId, meta } : undefined,
    )
  if (kind.auth !== 'user' && core.hooks.unsubscribed.length > 0)
    notify(
      core,
      core.hooks.unsubscribed,
      conn,
      Object.freeze({ channel: core.groups.nameOf(name), userId }),
    )
}
