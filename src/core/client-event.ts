/**
 * Client events: what one subscriber tells the others, without a backend. Contract 4.2 has the rules.
 */
import type { Connection } from './connection'
import { channelKind, topicOf } from './channel'
import type { Core } from './core'
import { isRefusal, REFUSE, refusal, type Refusal } from './errors'
import { filter } from './hooks'
import type { Hub, Subscription } from './hub'
import { shownData } from './json'
import { toScope } from './scopes'
import type { ClientEventCommand, Publication } from './types'

/** Publishes to the other subscribers, or returns why not. Never waits. */
export function clientEvent(
  core: Core,
  conn: Connection,
  command: ClientEventCommand,
): Refusal | undefined {
  const { app, channel, event, ref } = command
  if (!takeToken(core.clock.mono(), conn, app.limits.maxClientEventsPerSecond)) {
    core.counters.clientEventsLimited++
    return REFUSE.clientEventRate
  }
  const { scope } = channelKind(channel)
  const { clientEvents, publicClientEvents } = app.record
  if (!(scope === 'public' ? publicClientEvents : clientEvents)) return REFUSE.clientEventsDisabled
  const subscription = senderOf(core.hub, conn, command)
  if ('code' in subscription) return subscription
  const tooLarge = overSize(command)
  if (tooLarge) return tooLarge
  const { userId } = subscription
  const filters = core.hooks.clientEvent
  let { data } = command
  if (filters.length > 0) {
    const said = { channel: topicOf(channel), event, data: shownData(data), userId }
    const filtered = filter(core, filters, conn, said, app.limits.maxEventDataBytes)
    if (isRefusal(filtered)) return filtered
    if (conn.closed) return undefined // a plugin ended it
    if (filtered !== said) data = filtered.data
  }

  core.counters.clientEvents++
  const except = scope ? undefined : conn.id // ExPusherLite tells the sender, too
  if (typeof data === 'string')
    publish(core, { type: 'event', app, channel, event, data, userId, except })
  else core.broker.publish({ type: 'bytes', app, channel, event, data, userId, except })
  if (scope) return undefined // as ExPusherLite, which answers nothing
  if (ref) conn.reply({ type: 'accepted', ref })
  if (core.facts.wanted)
    core.facts.emit({
      type: 'client_event',
      app,
      channel,
      event,
      data: shownData(data),
      socketId: conn.id,
      userId,
    })
  return undefined
}

function publish({ hub, broker }: Core, publication: Publication): void {
  broker.publish(publication)
  const bridged = toScope(hub, publication)
  if (bridged) broker.publish(bridged)
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

/** A token bucket: `rate` at once, refilled at `rate` per second. Refused events take one too. */
function takeToken(now: number, conn: Connection, rate: number): boolean {
  const refilled = conn.eventTokens + ((now - conn.eventTokensAt) * rate) / 1000
  conn.eventTokens = Math.min(rate, refilled)
  conn.eventTokensAt = now
  if (conn.eventTokens < 1) return false
  conn.eventTokens--
  return true
}

function overSize({ app, event, dataBytes }: ClientEventCommand): Refusal | undefined {
  const { maxEventNameChars, maxEventDataBytes } = app.limits
  if (event.length > maxEventNameChars)
    return refusal(
      'event_invalid',
      `Event name of ${event.length} characters exceeds the limit of ${maxEventNameChars} (maxEventNameChars)`,
    )
  if (dataBytes > maxEventDataBytes)
    return refusal(
      'data_too_large',
      `The data content of this event exceeds the allowed maximum (${dataBytes} of ${maxEventDataBytes} bytes)`,
    )
  return undefined
}
