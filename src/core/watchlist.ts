/**
 * Watchlists: who is notified when a user goes online or offline. Watching a user means being in a channel
 * that no client can name, so that notices travel as events do. Spec: contract 5.3.
 */
import type { App } from './app'
import { watchChannel } from './channel'
import type { Connection } from './connection'
import type { Hub } from './hub'
import type { UserId } from './types'
import type { Users } from './users'

type Nouns = { readonly hub: Hub; readonly users: Users }

/** Subscribes the connection to the status of these users, and sends their current one. */
export function watch(
  { hub, users }: Nouns,
  conn: Connection,
  app: App,
  ids: Iterable<UserId>,
): void {
  const [online, offline]: [UserId[], UserId[]] = [[], []]
  for (const id of new Set(ids)) {
    ;(users.isOnline(app, id) ? online : offline).push(id)
    hub.join(conn, app, watchChannel(id))
  }
  if (online.length + offline.length > 0) conn.reply({ type: 'watched', online, offline })
}

/** Notifies a user's watchers; `except` is the user's own connection. */
export function announceUser(
  hub: Hub,
  app: App,
  { userId, online, except }: { userId: UserId; online: boolean; except?: Connection },
): void {
  hub.announce(app, { type: 'user_status', channel: watchChannel(userId), userId, online }, except)
}
