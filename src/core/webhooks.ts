/** Webhooks of an app: the events, and the endpoints compiled from its record. */
import type { App, WebhookRecord } from './app'
import type { ChannelName } from './types'

/** Contract 7.2. */
export const WEBHOOK_EVENTS = [
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'client_event',
  'cache_miss',
  'subscription_count',
] as const
export type WebhookEventName = (typeof WEBHOOK_EVENTS)[number]

/** A compiled endpoint. */
export type Endpoint = {
  /** Unique in its app: its url, with ` (2)` and so on where several have the same one. */
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** How a channel's name begins and ends; empty for any. */
  readonly filter: { readonly start: string; readonly end: string }
  wants(event: WebhookEventName, channel: ChannelName): boolean
}

const endpointsByWebhooks = new WeakMap<readonly WebhookRecord[], readonly Endpoint[]>()

/** The app's current endpoints. */
export function endpointsOf({ record: { webhooks } }: App): readonly Endpoint[] {
  return endpointsByWebhooks.getOrInsertComputed(webhooks, () => webhooks.map(endpointOf))
}

/** Without `event_types` an endpoint wants all events; an empty list is none. */
function endpointOf(record: WebhookRecord, index: number, all: readonly WebhookRecord[]): Endpoint {
  const { url, event_types: types, filter, headers } = record
  const { channel_name_starts_with: start = '', channel_name_ends_with: end = '' } = filter ?? {}
  const before = all.slice(0, index).filter((other) => other.url === url).length
  return {
    name: before === 0 ? url : `${url} (${before + 1})`,
    url,
    headers: headers ?? {},
    filter: { start, end },
    wants: (event, channel) =>
      (types?.includes(event) ?? true) && channel.startsWith(start) && channel.endsWith(end),
  }
}

/** HTTP's token: names of headers, and of protocols in one. */
export const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/ // oxlint-disable-line no-control-regex

/** True for a header that HTTP can carry. */
export const isHeader = (name: string, value: unknown): value is string =>
  HEADER_NAME.test(name) && typeof value === 'string' && HEADER_VALUE.test(value)
