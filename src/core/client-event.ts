/** Client events: events from one subscriber to the others, without a backend. Contract 4.2 has the rules. */
import type { App } from './app'
import { isCrowded } from './backlog'
import { fullBucket, take, waitFor, type Rate } from './bucket'
import type { Connection, RawFrame, Subscription } from './connection'
import type { Core } from './core'
import { count, countersOf } from './counters'
import { dataTooLarge, eventNameTooLong, isRefusal, REFUSE, refusal, type Refusal } from './errors'
import { emitPublished } from './facts'
import { runFilters } from './hooks'
import type { Hub } from './hub'
import { payloadJson, textOfJson } from './json'
import type { MaybePromise } from './maybe-promise'
import type { ClientEventCommand, Command } from './messages'
import { publishEvent } from './groups'
import { EventReader } from './views'
import type { Position } from './types'

/** Events of one connection that the engine has not answered yet. */
const MAX_UNANSWERED = 1000

/**
 * Publishes to the other subscribers, or returns a refusal. Waits only where the engine does, or a plugin that has
 * declared it (`mayHoldUp`).
 */
export function publishClientEvent(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
): MaybePromise<Refusal | undefined> {
  const { app } = command
  if (conn.unansweredEvents >= MAX_UNANSWERED || !takeToken(core, conn, app)) {
    app.counters.clientEventsLimited++
    return REFUSE.clientEventRate
  }
  const subscription = checkSender(core, conn, command)
  if ('code' in subscription) return subscription
  const tooLarge = checkSize(command)
  if (tooLarge) return tooLarge
  return core.hooks.clientEvent.length > 0
    ? filterAndSend(core, conn, command, subscription)
    : send(core, conn, command, subscription)
}

/** True where later commands of the connection wait for a client event: for plugins, and not for the engine. */
export const mayHoldUp = ({ hooks }: Core): boolean =>
  hooks.clientEvent.some((each) => each.mayWait)

/** The subscription by which the connection may send the event now, or a refusal. */
function checkSender(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
): Subscription | Refusal {
  const { app, channel } = command
  const { group } = core.groups.kindOf(channel)
  if (!(group ? group.allowsClientEvents(app) : app.record.clientEvents))
    return REFUSE.clientEventsDisabled
  const subscription = senderOf(core.hub, conn, command)
  if ('code' in subscription) return subscription
  if (!isCrowded(core.hub, app, channel)) return subscription
  app.counters.clientEventsLimited++
  return REFUSE.clientEventRate
}

function filterAndSend(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
  subscription: Subscription,
): MaybePromise<Refusal | undefined> {
  const { app, channel, event, data } = command
  const name = core.groups.nameOf(channel)
  const shown = data === undefined ? undefined : payloadJson(data)
  const view = new EventReader(name, event, shown, conn, subscription.member?.userId)
  const filtered = runFilters(core, core.hooks.clientEvent, app, conn, view)
  if (filtered instanceof Promise) return sendFiltered(core, conn, command, view, filtered)
  if (isRefusal(filtered)) return filtered
  if (conn.closed) return undefined // a plugin ended it
  return send(core, conn, replaceData(command, view, filtered), subscription)
}

/** Waits for plugins. What was checked before is checked again. */
async function sendFiltered(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
  view: EventReader,
  pending: Promise<EventReader | Refusal>,
): Promise<Refusal | undefined> {
  const filtered = await pending
  if (conn.closed) return undefined
  if (isRefusal(filtered)) return filtered
  const subscription = checkSender(core, conn, command)
  if ('code' in subscription) return subscription
  return send(core, conn, replaceData(command, view, filtered), subscription)
}

/** The event as plugins have left it. */
const replaceData = (
  command: ClientEventCommand,
  view: EventReader,
  filtered: EventReader,
): ClientEventCommand => (filtered === view ? command : { ...command, data: filtered.data })

function send(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
  subscription: Subscription,
): MaybePromise<Refusal | undefined> {
  const { app, channel, event, data } = command
  const { member: sender } = subscription
  const except = subscription.channel.kind.group ? undefined : conn.id
  const answer =
    data === undefined || typeof data === 'string'
      ? publishEvent(core, {
          type: 'event',
          origin: 'client',
          app,
          channel,
          event,
          data,
          sender,
          except,
        })
      : core.engine.publish({ type: 'bytes', app, channel, event, data, sender, except })
  if (!(answer instanceof Promise)) return completeEvent(core, conn, command, subscription, answer)
  return completeLater(core, conn, command, subscription, answer)
}

/** Waits for the engine; the connection's next commands do not. */
async function completeLater(
  core: Core,
  conn: Connection,
  sent: ClientEventCommand,
  subscription: Subscription,
  answer: Promise<Position | Refusal>,
): Promise<Refusal | undefined> {
  conn.unansweredEvents++
  try {
    return completeEvent(core, conn, sent, subscription, await answer)
  } finally {
    conn.unansweredEvents--
  }
}

/** Called when the engine has accepted the event, or refused it. */
function completeEvent(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
  { channel: { kind }, member }: Subscription,
  answer: Position | Refusal,
): Refusal | undefined {
  const { app, channel, event, data, ref } = command
  if (isRefusal(answer)) return answer
  app.counters.clientEvents++
  count(app.tallies.clientEventsByProtocol, conn.codec.name)
  emitPublished(core.facts, command, conn.id, undefined)
  if (kind.group) return undefined
  if (ref) conn.reply({ type: 'accepted', ref })
  if (core.facts.wants('client_event', app, channel))
    core.facts.emit({
      type: 'client_event',
      app,
      channel,
      event,
      data: data === undefined ? undefined : payloadJson(data),
      socketId: conn.id,
      userId: member?.userId,
    })
  return undefined
}

function senderOf(
  hub: Hub,
  conn: Connection,
  { app, channel }: ClientEventCommand,
): Subscription | Refusal {
  const subscription = conn.subscription(hub.channel(app, channel))
  if (!subscription)
    return refusal(
      'client_event_not_subscribed',
      `Cannot broadcast client event (connection not subscribed to channel ${channel})`,
    )
  if (!subscription.channel.kind.clientEvents)
    return refusal(
      'client_event_channel',
      `Cannot broadcast client event on ${channel} (only private and presence channels carry them)`,
    )
  return subscription
}

function takeToken({ clock }: Core, conn: Connection, { limits }: App): boolean {
  const perSecond = limits.maxClientEventsPerSecond
  const rate = { perSecond, burst: perSecond }
  const now = clock.mono()
  const bucket = (conn.eventBucket ??= fullBucket(rate, now))
  return take(bucket, rate, 1, now) === 0
}

/** Strings count unescaped, as subscribers read them; other JSON as it was written. */
function checkSize({ app, event, data }: ClientEventCommand): Refusal | undefined {
  const { maxEventNameChars, maxEventDataBytes } = app.limits
  if (event.length > maxEventNameChars) return eventNameTooLong(event.length, maxEventNameChars)
  // A character has at most three bytes; counting them takes 25 ns (Bun 1.4.5).
  if (data === undefined || 3 * data.length <= maxEventDataBytes) return undefined
  if (Buffer.byteLength(data) <= maxEventDataBytes) return undefined
  const bytes = Buffer.byteLength(typeof data === 'string' ? textOfJson(data) : data)
  return bytes <= maxEventDataBytes
    ? undefined
    : dataTooLarge(`${bytes} of ${maxEventDataBytes} bytes`)
}

// ---------------------------------------------------------------- the budget of bytes

/** How often a connection over its budget is notified. */
const NOTIFY_EVERY_MS = 1000

const DROP: Command = { type: 'noop', reply: undefined }

/** True where the budget lacks room for so many bytes. Charges nothing. */
export function isBudgetSpent(core: Core, conn: Connection, leastBytes: number): boolean {
  const bucket = conn.eventByteBucket
  if (bucket === undefined) return false
  return waitFor(bucket, rateOf(core, conn), leastBytes, core.clock.mono()) > 0
}

/**
 * Charges a frame before it is parsed, whatever becomes of the event, so that one over the budget costs nothing
 * but its arrival. Undefined where it may be parsed; else a refusal, once a second, or a command that drops it.
 */
export function checkBudget(
  core: Core,
  conn: Connection,
  frame: RawFrame,
): Command | Refusal | undefined {
  const now = core.clock.mono()
  const rate = rateOf(core, conn)
  const bucket = (conn.eventByteBucket ??= fullBucket(rate, now))
  if (take(bucket, rate, Buffer.byteLength(frame), now) === 0) return undefined
  countersOf(core, conn.app).clientEventsLimited++
  if (now - conn.overBudgetNotifiedAt < NOTIFY_EVERY_MS) return DROP
  conn.overBudgetNotifiedAt = now
  return refusal(
    'client_event_rate',
    `Client events of this connection exceed ${rate.perSecond} bytes a second (maxClientEventBytesPerSecond) and are dropped`,
  )
}

function rateOf(core: Core, conn: Connection): Rate {
  const { maxClientEventBytesPerSecond: perSecond } = (conn.app ?? core).limits
  return { perSecond, burst: perSecond }
}
