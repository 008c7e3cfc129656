/** CHANNELS: those of a run, of every kind; and the app that has them. */
import { APP } from '../redis/nodes'

const name = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)

/** Channels with history. */
export const KEPT = [...name('kept-', 3), ...name('private-kept-', 2)]

/** What raw clients subscribe to. */
export const CHANNELS = [
  ...name('plain-', 8),
  ...name('private-', 4),
  ...name('presence-', 6),
  ...name('cache-', 2),
  ...name('private-cache-', 2),
  ...KEPT,
]

export const USERS = name('user-', 14)

/** The configuration file of all nodes. Webhooks go out one by one, so that those that come again are known. */
export const configOf = (webhookUrl: string): string => {
  const rules = ['kept-', 'private-kept-'].map((prefix) => ({
    prefix,
    size: 10_000,
    ttl_seconds: 3600,
  }))
  const event_types = ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed']
  const app = {
    id: APP.id,
    name: 'Chaos',
    key: APP.key,
    secret: APP.secret,
    client_events: true,
    history: rules,
    webhooks: [{ url: webhookUrl, event_types }],
  }
  return `export default { apps: [${JSON.stringify(app)}] }\n`
}

export const needsAuth = (channel: string): boolean => /^(private|presence)-/.test(channel)
