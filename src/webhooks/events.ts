/**
 * EVENTS: the facts that are webhook events, and each one's JSON in a body. Contract 7.2; the keys are in
 * the order in which Pusher documents them.
 */
import { channelKind, isUserChannel } from '../core/channel'
import type { Fact } from '../core/messages'
import type { WebhookView } from '../core/plugin'
import type { WebhookEventName } from '../core/webhooks'

export type WebhookFact = Extract<Fact, { readonly type: WebhookEventName }>
type FactOf<Name extends WebhookEventName> = Extract<WebhookFact, { readonly type: Name }>

type EventRow<Name extends WebhookEventName> = {
  /**
   * An arrival or a departure, which is held for a while and cancelled by the next arrival; an occurrence;
   * or a state, which counts until the next one.
   */
  readonly kind: 'arrival' | 'departure' | 'occurrence' | 'state'
  /** Fields of the event besides name and channel. */
  readonly fields: (fact: FactOf<Name>) => object
}

const noFields = (): object => ({})
const userField = ({ userId }: { readonly userId: string }): object => ({ user_id: userId })

export const EVENTS: { readonly [Name in WebhookEventName]: EventRow<Name> } = {
  channel_occupied: { kind: 'arrival', fields: noFields },
  channel_vacated: { kind: 'departure', fields: noFields },
  member_added: { kind: 'arrival', fields: userField },
  member_removed: { kind: 'departure', fields: userField },
  client_event: {
    kind: 'occurrence',
    fields: ({ event, data, socketId, userId }) => ({
      event,
      ...(data !== undefined && { data: dataString(data) }),
      socket_id: socketId,
      ...(userId !== undefined && { user_id: userId }),
    }),
  },
  cache_miss: { kind: 'state', fields: noFields },
  subscription_count: { kind: 'state', fields: ({ count }) => ({ subscription_count: count }) },
}

/** True for the facts that are webhook events. */
export const isWebhookFact = ({ type, channel }: WebhookFact): boolean =>
  // A presence channel has an event for each member.
  !isUserChannel(channel) && !(type === 'subscription_count' && channelKind(channel).presence)

/** The member who has arrived or departed; empty for the channel itself. */
export const userOf = (fact: WebhookFact): string =>
  fact.type === 'member_added' || fact.type === 'member_removed' ? fact.userId : ''

/** An event as it stands in a body, as JSON. */
export function eventJson(fact: WebhookFact): string {
  const { fields: rest } = EVENTS[fact.type] as EventRow<WebhookEventName>
  return JSON.stringify({ name: fact.type, channel: fact.channel, ...rest(fact) })
}

/** An event as plugins see it. */
export function viewOfFact(fact: WebhookFact): WebhookView {
  return Object.freeze({
    name: fact.type,
    channel: fact.channel,
    userId: 'userId' in fact ? fact.userId : undefined,
    event: 'event' in fact ? fact.event : undefined,
    data: 'data' in fact ? fact.data : undefined,
  })
}

/** SDKs expect `data` to be a string: other values go out as their JSON. */
function dataString(data: string): string {
  return data.startsWith('"') ? (JSON.parse(data) as string) : data
}
