/**
 * EVENTS: which facts are webhook events, and what each looks like in a body. Contract 7.2; the keys
 * are in the order in which Pusher documents them.
 */
import { channelKind, isUserChannel } from '../core/channel'
import type { Fact } from '../core/messages'
import type { WebhookView } from '../core/plugin'
import type { WebhookEventName } from '../core/webhooks'

export type WebhookFact = Extract<Fact, { readonly type: WebhookEventName }>
type FactOf<Name extends WebhookEventName> = Extract<WebhookFact, { readonly type: Name }>

type EventRow<Name extends WebhookEventName> = {
  /**
   * Something began or ended, or merely happened, or says how things are until they are otherwise. What
   * ended has time to come back.
   */
  readonly kind: 'arrival' | 'departure' | 'moment' | 'passing'
  /** What the body has besides name and channel. */
  readonly rest: (fact: FactOf<Name>) => object
}

const nothing = (): object => ({})
const user = ({ userId }: { readonly userId: string }): object => ({ user_id: userId })

export const EVENTS: { readonly [Name in WebhookEventName]: EventRow<Name> } = {
  channel_occupied: { kind: 'arrival', rest: nothing },
  channel_vacated: { kind: 'departure', rest: nothing },
  member_added: { kind: 'arrival', rest: user },
  member_removed: { kind: 'departure', rest: user },
  client_event: {
    kind: 'moment',
    rest: ({ event, data, socketId, userId }) => ({
      event,
      ...(data !== undefined && { data: asText(data) }),
      socket_id: socketId,
      ...(userId !== undefined && { user_id: userId }),
    }),
  },
  cache_miss: { kind: 'passing', rest: nothing },
  subscription_count: { kind: 'passing', rest: ({ count }) => ({ subscription_count: count }) },
}

/** The fact, if it is one that webhooks tell. */
export function webhookFact(fact: Fact): WebhookFact | undefined {
  if (!Object.hasOwn(EVENTS, fact.type)) return undefined
  const told = fact as WebhookFact
  if (isUserChannel(told.channel)) return undefined
  // The members of a presence channel are told one by one.
  return told.type === 'subscription_count' && channelKind(told.channel).presence ? undefined : told
}

/** An event as it stands in a body, as JSON. */
export function eventText(fact: WebhookFact): string {
  const { rest } = EVENTS[fact.type] as EventRow<WebhookEventName>
  return JSON.stringify({ name: fact.type, channel: fact.channel, ...rest(fact) })
}

/** An event as plugins see it. */
export function viewOfFact(fact: WebhookFact): WebhookView {
  return {
    name: fact.type,
    channel: fact.channel,
    userId: 'userId' in fact ? fact.userId : undefined,
    event: 'event' in fact ? fact.event : undefined,
    data: 'data' in fact ? fact.data : undefined,
  }
}

/** SDKs decode `data` into a text: text stays, any other value is its JSON. */
function asText(data: string): string {
  return data.startsWith('"') ? (JSON.parse(data) as string) : data
}
