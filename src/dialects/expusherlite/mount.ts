/**
 * The mount `/socket`. Without parameters it is ExPusherLite's, where `public:<slug>[:rest]` names an app and
 * a group of its channels. With `app_key` a topic is a channel of that app, too.
 * Spec: phoenix contract 2.5, 4.3.
 */
import { findAppByKey } from '../../core/apps'
import { REFUSE, type Refusal } from '../../core/errors'
import { jsonText } from '../../core/json'
import type { Peer, EventPublication } from '../../core/messages'
import type { ChannelName } from '../../core/types'
import { isReserved, isReservedByPhoenix } from '../../protocols/event-names'
import type { Mount } from '../../protocols/phoenix'
import type { PhoenixNews } from '../../protocols/phoenix-frames'
import { objectPayload } from '../../protocols/phoenix-payloads'
import { channelIn } from '../../protocols/phoenix-topics'
import { isPublicScope, isScope, scopeIn, topicOf } from './scopes'

export const mount: Mount = {
  name: 'phoenix',
  path: '/socket/websocket',
  longPoll: '/socket/longpoll',
  app: (core, key) => (key === null ? undefined : findAppByKey(core, key)),
  address: (core, app, topic) => scopeIn(core, app, topic) ?? channelIn(app, topic),
  topicOf,
  joinResponse,
  refusalResponse,
  news,
  presence: true,
  checkPush,
}

/** ExPusherLite has a message for scopes that need a claim. */
function joinResponse(channel: ChannelName): string {
  return isScope(channel) && !isPublicScope(channel) ? '{"message":"Joined"}' : '{}'
}

/** ExPusherLite's errors for a missing or a bad token, on connections without an app. */
function refusalResponse({ code, message }: Refusal, { app }: Peer): string | undefined {
  if (app) return undefined
  if (code === 'listen_denied') return '"authentication_required"'
  if (code !== 'subscription_refused') return undefined
  return `{"error":${jsonText(message)},"reason":${jsonText(message)}}`
}

function news(publication: EventPublication): PhoenixNews | undefined {
  const { channel, event } = publication
  if (isReservedByPhoenix(event)) return undefined
  return { topic: topicOf(channel), event, payload: objectPayload(publication) }
}

const CLIENT_EVENT = 'client-'

/** In a scope an event may have any name; elsewhere it needs the prefix of client events. */
function checkPush(channel: ChannelName, event: string): Refusal | undefined {
  if (!isScope(channel))
    return event.startsWith(CLIENT_EVENT) ? undefined : REFUSE.clientEventPrefix
  return event === '' || isReserved(event) ? REFUSE.clientEventReserved : undefined
}
