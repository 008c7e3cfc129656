/**
 * Subscribe and unsubscribe, for every kind of channel. Gates first (they may wait), then one
 * synchronous block that changes state: seat, reply, topic, news. A refusal leaves no trace.
 * Contract 3.3 has the order of the checks.
 */
import { findKeyPair, type App } from './app'
import { whenRoom, isCrowded, isOverrun } from './backlog'
import { fullBucket, take } from './bucket'
import { userChannel, type ChannelKind } from './channel'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import { isRefusal, quote, REFUSE, refusal, type Refusal } from './errors'
import { runGates, passGates } from './hooks'
import { copyText } from './json'
import { scanObject } from './json-scan'
import { notAnObject, parseMember } from './member'
import { leaveChannel, joinChannel } from './membership'
import type { SubscribeCommand, UnsubscribeCommand } from './messages'
import type { SubscribeRequest } from './plugin'
import { subscriptionText } from './signature'
import type { ChannelName, MaybePromise, Member } from './types'
import { appView } from './views'

/** Subscribes the connection, or returns why not. Waits only where a plugin's gate does, or a crowded presence channel. */
export function subscribe(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
): MaybePromise<Refusal | undefined> {
  const kind = core.groups.kindOf(command.channel)
  if (command.replaces) leave(core, conn, command)
  const impossible = kind.auth === 'user' ? undefined : checkHeldChannels(core, conn, command)
  if (impossible) return impossible
  const gates = core.hooks.subscribe
  if (gates.length === 0) return authorize(core, conn, command, kind)
  return passGates(conn, runGates(core, gates, conn, requestOf(core, command)), () =>
    authorize(core, conn, command, kind),
  )
}

const requestOf = ({ groups }: Core, command: SubscribeCommand): SubscribeRequest => ({
  app: appView(command.app),
  channel: groups.nameOf(command.channel),
  auth: command.auth,
  channelData: command.channelData,
  get params() {
    return command.params() // most plugins never ask
  },
})

function authorize(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): MaybePromise<Refusal | undefined> {
  if (kind.auth === 'none') return subscribeAllowed(core, conn, command, kind)
  if (kind.auth === 'user') return subscribeToOwnUser(conn, command.channel)

  const gates = core.hooks.authorize
  if (gates.length === 0) return subscribeSigned(core, conn, command, kind)
  return passGates(conn, runGates(core, gates, conn, requestOf(core, command)), (allowed) => {
    // Who somebody is must be vouched for: by the plugin's words or by the signature.
    if (!allowed || (kind.presence && allowed.channelData === undefined))
      return subscribeSigned(core, conn, command, kind)
    const said = { ...command, channelData: allowed.channelData ?? command.channelData }
    return subscribeAllowed(core, conn, said, kind)
  })
}

/** A signed-in connection hears its user's channel already; the client wants to be told so. */
function subscribeToOwnUser(conn: Connection, channel: ChannelName): Refusal | undefined {
  if (!conn.user || channel !== userChannel(conn.user.id))
    return refusal('user_channel_denied', `Only the signed-in user may subscribe to ${channel}`)
  conn.reply({ type: 'subscribed', channel, members: undefined, ref: undefined })
  return undefined
}

/** Leaves a channel; that of its user stays, as the user does. One that the connection is not in is ignored (contract 11, 21). */
export function unsubscribe(core: Core, conn: Connection, command: UnsubscribeCommand): void {
  const { ref } = command
  const left = leave(core, conn, command)
  if (!ref) return
  conn.reply({ type: 'unsubscribed', ref })
  if (left) conn.reply({ type: 'ended', ref: left.ref, replaced: false })
}

function leave(
  core: Core,
  conn: Connection,
  { app, channel }: { readonly app: App; readonly channel: ChannelName },
): Subscription | undefined {
  const subscription = conn.subscription(core.hub.channel(app, channel))
  if (!subscription || subscription.channel.kind.auth === 'user') return undefined
  leaveChannel(core, subscription)
  return subscription
}

function checkHeldChannels(
  core: Core,
  conn: Connection,
  { app, channel, ref }: SubscribeCommand,
): Refusal | undefined {
  if (conn.subscription(core.hub.channel(app, channel)))
    return refusal('already_subscribed', `Existing subscription to channel ${channel}`)
  const { maxChannelsPerConnection, maxTopicsPerConnection } = core.limits
  const held = (conn.subscriptions?.size ?? 0) - conn.signinSubscriptions
  if (ref && held >= maxTopicsPerConnection)
    return refusal(
      'too_many_channels',
      `Connection is over its limit of ${maxTopicsPerConnection} topics (maxTopicsPerConnection)`,
    )
  if (held >= maxChannelsPerConnection)
    return refusal(
      'too_many_channels',
      `Connection is over its limit of ${maxChannelsPerConnection} channels (maxChannelsPerConnection)`,
    )
  return undefined
}

/** No plugin has vouched for the subscriber. */
function subscribeSigned(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): MaybePromise<Refusal | undefined> {
  if (kind.auth === 'plugin') return REFUSE.listenDenied
  return checkSignature(conn, command) ?? subscribeAllowed(core, conn, command, kind)
}

/** News of members are never refused; where the others are behind, who would cause more of them waits. */
function subscribeAllowed(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): MaybePromise<Refusal | undefined> {
  const { app, channel } = command
  if (!kind.presence || !isCrowded(core.hub, app, channel))
    return completeSubscribe(core, conn, command, kind)
  if (isOverrun(core.hub, app, channel)) return REFUSE.crowded
  return whenRoom(core.hub, app, [channel], () =>
    conn.closed ? undefined : completeSubscribe(core, conn, command, kind),
  )
}

function completeSubscribe(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): Refusal | undefined {
  // Those whose connection names no app are not closed with it, and plugins may have taken their time.
  const { app, channel } = command
  if (kind.group && !kind.group.isOpen(core.apps, app, channel)) return REFUSE.topicUnmatched
  const member = kind.presence ? parseMember(command, conn.user) : undefined
  if (isRefusal(member)) return member
  const full =
    checkAppChannels(core, command) ??
    checkAddressQuota(core, conn) ??
    (member && checkMemberCount(core, command, member))
  const refused = full ?? (kind.counted ? checkNewChannelRate(core, conn, command) : undefined)
  if (refused) return refused
  // The name is remembered without the frame that it came in.
  joinChannel(core, conn, { ...command, channel: copyText(channel) }, member)
  return undefined
}

/** Thousands of connections in the same thousands of channels are few channels, and a gigabyte. */
function checkAddressQuota({ hub }: Core, { quotaKey: key }: Connection): Refusal | undefined {
  const { byAddress } = hub
  if (key === undefined || !byAddress.isFull(key)) return undefined
  return refusal(
    'too_many_channels',
    `Address ${key} is over its limit of ${byAddress.most} subscriptions (CARILLON_MAX_SUBSCRIPTIONS_PER_ADDRESS)`,
  )
}

function checkAppChannels({ hub }: Core, { app, channel }: SubscribeCommand): Refusal | undefined {
  const { maxChannelsPerApp } = app.limits
  if (hub.channelCountOf(app) < maxChannelsPerApp || hub.channel(app, channel)) return undefined
  return refusal(
    'too_many_channels',
    `App is over its limit of ${maxChannelsPerApp} channels (maxChannelsPerApp)`,
  )
}

/** Contract 3.2 and 3.8: presence, form, key and signature of `auth`, in that order, and that it covers what it says. */
function checkSignature(
  conn: Connection,
  { app, channel, auth, channelData }: SubscribeCommand,
): Refusal | undefined {
  if (!auth) return refusal('auth_missing', `Auth info required to subscribe to ${channel}`)
  const colon = auth.indexOf(':')
  if (colon === -1)
    return refusal(
      'auth_malformed',
      `Auth value for subscription to ${channel} is invalid: should be of format 'key:signature'`,
    )
  const key = auth.slice(0, colon)
  const pair = findKeyPair(app, key)
  if (!pair)
    return refusal('auth_key_unknown', `Invalid key in subscription auth data: '${quote(key)}'`)
  const text = subscriptionText(conn.id, channel, channelData)
  const signature = auth.slice(colon + 1)
  if (!pair.verify(text, signature))
    return refusal(
      'auth_signature_invalid',
      `Invalid signature: Expected HMAC SHA256 hex digest of ${quote(text)}, but got ${quote(signature)}`,
    )
  // Any other text may as well be the end of a longer name, which is what was signed.
  return channelData && !scanObject(channelData, []) ? notAnObject(channel) : undefined
}

/** Users count, not connections: who is in the room may always open another tab. */
function checkMemberCount(
  { presence }: Core,
  { app, channel }: SubscribeCommand,
  member: Member,
): Refusal | undefined {
  const { maxPresenceMembers } = app.limits
  if (presence.userCount(app, channel) < maxPresenceMembers) return undefined
  if (presence.has(app, channel, member.userId)) return undefined
  return refusal(
    'members_full',
    `${channel} is over its limit of ${maxPresenceMembers} members (maxPresenceMembers)`,
  )
}

/**
 * A channel that nobody is in is news to the app's webhooks, and so is its end: two rows of the outbox for as long
 * as an endpoint does not take them. Asked last: a subscribe that is refused for something else makes no channel.
 */
function checkNewChannelRate(
  { clock, limits, presence }: Core,
  conn: Connection,
  { app, channel }: SubscribeCommand,
): Refusal | undefined {
  if (presence.subscriptionCount(app, channel) > 0) return undefined
  const { maxNewChannelsPerSecond: perSecond, maxNewChannelsAtOnce } = limits
  // Whoever may hold more channels comes back to all of them at once.
  const burst = Math.max(maxNewChannelsAtOnce, limits.maxChannelsPerConnection)
  const rate = { perSecond, burst }
  const now = clock.mono()
  const bucket = (conn.channelBucket ??= fullBucket(rate, now))
  const waitSeconds = take(bucket, rate, 1, now)
  if (waitSeconds === 0) return undefined
  const message = `Channels that nobody is in are entered too often: ${burst} at once and ${perSecond} a second are the limits (maxNewChannelsAtOnce, maxNewChannelsPerSecond)`
  return { ...refusal('too_often', message), retryAfterSeconds: Math.ceil(waitSeconds) }
}
