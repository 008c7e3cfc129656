/** KINDS: what a live stream tells of, in the page's words. The names are the server's, see docs/admin-api.md. */

export type Kind = {
  /** In the list, and on the button that chooses it. */
  readonly title: string
  /** `bad`: somebody wanted something and did not get it. */
  readonly look: 'plain' | 'good' | 'warn' | 'bad'
}

const plain = (title: string): Kind => ({ title, look: 'plain' })

export const KINDS = {
  connected: { title: 'Connected', look: 'good' },
  disconnected: plain('Disconnected'),
  subscribed: plain('Subscribed'),
  unsubscribed: plain('Unsubscribed'),
  channel_occupied: plain('Occupied'),
  channel_vacated: plain('Vacated'),
  member_added: plain('Member joined'),
  member_removed: plain('Member left'),
  cache_miss: { title: 'Cache miss', look: 'warn' },
  published: { title: 'Event', look: 'good' },
  client_event: plain('Client event'),
  refused: { title: 'Refused', look: 'bad' },
  unknown_app: { title: 'Unknown app', look: 'bad' },
  slow_reader: { title: 'Slow reader', look: 'bad' },
  webhook: plain('Webhook'),
  app_changed: { title: 'App changed', look: 'warn' },
} as const satisfies Readonly<Record<string, Kind>>

export type KindName = keyof typeof KINDS

export const KIND_NAMES = Object.keys(KINDS) as KindName[]

type Group = { readonly title: string; readonly kinds: readonly KindName[] }

/** GROUPS: the buttons that choose kinds. */
export const GROUPS: readonly Group[] = [
  { title: 'Connections', kinds: ['connected', 'disconnected', 'slow_reader'] },
  { title: 'Subscriptions', kinds: ['subscribed', 'unsubscribed', 'cache_miss'] },
  {
    title: 'Channels',
    kinds: ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed'],
  },
  { title: 'Events', kinds: ['published'] },
  { title: 'Client events', kinds: ['client_event'] },
  { title: 'Refusals', kinds: ['refused', 'unknown_app'] },
  { title: 'Webhooks', kinds: ['webhook'] },
  { title: 'App', kinds: ['app_changed'] },
]
