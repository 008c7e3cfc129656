/**
 * Subscribe and unsubscribe, for every kind of channel. Gates first (they may wait), then one synchronous block
 * that changes state: seat, reply, topic, notices. A refusal leaves no trace. Contract 3.3 has the order of the
 * checks.
 */
import type { App } from './app'
import { askGates, checkSignature, withGrant } from './authorization'
import { whenRoom, isCrowded, isOverrun } from './backlog'
import { fullBucket, take, type Bucket } from './bucket'
import { userChannel, type ChannelKind } from './channel'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import { isRefusal, REFUSE, refusal, type Refusal } from './errors'
import { passGates } from './hooks'
import { copyText } from './json'
import { parseMember } from './member'
import type { MaybePromise } from './maybe-promise'
import { leaveChannel } from './membership'
import type { SubscribeCommand, UnsubscribeCommand } from './messages'
import type { ChannelName, Member, Meta } from './types'

/** Subscribes the connection, or returns a refusal. Waits only for a plugin's gate, or where a presence channel is crowded. */
export function subscribe(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
): MaybePromise<Refusal | undefined> {
  const kind = core.groups.kindOf(command.channel)
  if (command.replaces) leave(core, conn, command)
  const refused = kind.auth === 'user' ? undefined : checkHeldChannels(core, conn, command)
  if (refused) return refused
  const gates = core.hooks.subscribe
  if (gates.length === 0) return authorize(core, conn, command, kind)
  return passGates(conn, askGates(core, gates, conn, command), (allowed) => {
    const granted = allowed ? withGrant(core, command, allowed) : command
    return isRefusal(granted) ? granted : authorize(core, conn, granted, kind)
  })
}

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
  return passGates(conn, askGates(core, gates, conn, command), (allowed) => {
    // A member's identity must come from the plugin, or be signed.
    const granted = allowed ? withGrant(core, command, allowed) : command
    if (isRefusal(granted)) return granted
    if (!allowed || (kind.presence && allowed.channelData === undefined))
      return subscribeSigned(core, conn, granted, kind)
    const vouched = { ...granted, channelData: allowed.channelData ?? command.channelData }
    return subscribeAllowed(core, conn, vouched, kind)
  })
}

/** A signed-in connection is in its user's channel already; only the reply is missing. */
function subscribeToOwnUser(conn: Connection, channel: ChannelName): Refusal | undefined {
  if (!conn.user || channel !== userChannel(conn.user.id))
    return refusal('user_channel_denied', `Only the signed-in user may subscribe to ${channel}`)
  conn.reply({
    type: 'subscribed',
    channel,
    members: undefined,
    ref: undefined,
    data: undefined,
    replay: undefined,
  })
  return undefined
}

/** Leaves a channel, except that of the connection's user. One that it is not in is ignored (contract 11, 21). */
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

/** Subscribes with the client's signature: no plugin has allowed it. */
function subscribeSigned(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): MaybePromise<Refusal | undefined> {
  if (kind.auth === 'plugin') return REFUSE.listenDenied
  return checkSignature(conn, command) ?? subscribeAllowed(core, conn, command, kind)
}

/** Waits where a presence channel is crowded, since its notices are never refused. */
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
): MaybePromise<Refusal | undefined> {
  const member = kind.presence ? parseMember(command, conn.user) : undefined
  if (isRefusal(member)) return member
  const refused = checkChannel(core, conn, command, kind)
  if (refused) return refused
  const paid = kind.counted ? payForVacant(core, conn, command) : undefined
  if (isRefusal(paid)) return paid
  const heard = core.engine.listen(command.app, command.channel)
  if (!(heard instanceof Promise)) return heard ?? enter(core, conn, command, kind, member)
  return enterLater(core, conn, command, kind, member, { heard, paid })
}

/**
 * Enters once the node hears the channel, unless something has changed meanwhile. Whether somebody else is in it is
 * known only now: what was paid is given back, and asked again.
 */
async function enterLater(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
  member: Member | undefined,
  { heard, paid }: { heard: Promise<Refusal | undefined>; paid: Bucket | undefined },
): Promise<Refusal | undefined> {
  const deaf = await heard
  if (paid) paid.tokens++
  if (deaf || conn.closed) return deaf
  const refused = checkChannel(core, conn, command, kind)
  if (refused) return refused
  const due = kind.counted ? payForVacant(core, conn, command) : undefined
  return isRefusal(due) ? due : enter(core, conn, command, kind, member)
}

/** Checks what may have changed after each wait: connections that name no app survive its end. */
function checkChannel(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): Refusal | undefined {
  if (!isOpen(core, command, kind)) return REFUSE.topicUnmatched
  return checkAppChannels(core, command) ?? checkAddressQuota(core, conn)
}

/** False for a group that its app has not any more. */
const isOpen = ({ apps }: Core, { app, channel }: SubscribeCommand, { group }: ChannelKind) =>
  !group || group.isOpen(apps, app, channel)

function enter(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
  member: Member | undefined,
): MaybePromise<Refusal | undefined> {
  const { app, channel } = command
  const arrival = member && { member, meta: newMeta(core, member) }
  // A text that does not keep the frame in memory.
  const name = core.hub.channel(app, channel)?.name ?? copyText(channel)
  const entry = { ...command, channel: name, kind }
  const entered = core.engine.enter(conn, entry, arrival, app.limits.maxPresenceMembers)
  if (!(entered instanceof Promise) || !kind.group) return entered
  return entered.then((full) => full ?? endUnlessOpen(core, conn, command, kind))
}

/** The group may have ended while its seat was on its way. */
function endUnlessOpen(
  core: Core,
  conn: Connection,
  command: SubscribeCommand,
  kind: ChannelKind,
): undefined {
  const left = isOpen(core, command, kind) ? undefined : leave(core, conn, command)
  if (left) conn.reply({ type: 'ended', ref: left.ref, replaced: false })
}

const newMeta = ({ clock }: Core, { userInfo }: Member): Meta => ({
  id: crypto.randomUUID(),
  since: Math.floor(clock.now() / 1000),
  userInfo,
})

/** Not covered by the app's channels: thousands of connections in the same thousands of channels take a gigabyte. */
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

/**
 * Limits how often vacant channels are occupied: each is two rows of the webhooks' outbox, kept for as long as an
 * endpoint does not accept them. A channel that this node does not hear counts as vacant until it does. Checked before
 * it is heard, since that may be dear, and after all that else refuses. Returns what was paid from, if anything was due.
 */
function payForVacant(
  { clock, limits, engine }: Core,
  conn: Connection,
  { app, channel }: SubscribeCommand,
): Refusal | Bucket | undefined {
  if (engine.isOccupied(app, channel)) return undefined
  const { maxNewChannelsPerSecond: perSecond, maxNewChannelsAtOnce } = limits
  // A client that reconnects returns to all of its channels at once.
  const burst = Math.max(maxNewChannelsAtOnce, limits.maxChannelsPerConnection)
  const rate = { perSecond, burst }
  const now = clock.mono()
  const bucket = (conn.channelBucket ??= fullBucket(rate, now))
  const waitSeconds = take(bucket, rate, 1, now)
  if (waitSeconds === 0) return bucket
  const message = `Channels that nobody is in are entered too often: ${burst} at once and ${perSecond} a second are the limits (maxNewChannelsAtOnce, maxNewChannelsPerSecond)`
  return { ...refusal('too_often', message), retryAfterSeconds: Math.ceil(waitSeconds) }
}
