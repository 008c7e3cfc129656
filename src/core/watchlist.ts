/**
 * Watchlists: who is notified when a user goes online or offline. Watching a user means being in a channel
 * that no client can name, so that notices travel as events do. Spec: contract 5.3.
 */
import type { App } from './app'
import { watchChannel } from './channel'
import type { Connection } from './connection'
import type { Engine } from './engine'
import type { Hub } from './hub'
import type { SocketId, UserId } from './types'

type Nouns = { readonly hub: Hub; readonly engine: Engine }

/** Subscribes the connection to the status of these users, and sends their current one. The node listens to them already. */
export function watch(
  { hub, engine }: Nouns,
  conn: Connection,
  app: App,
  ids: readonly UserId[],
): void {
  const [online, offline]: [UserId[], UserId[]] = [[], []]
  for (const id of new Set(ids)) {
    ;(engine.isOnline(app, id) ? online : offline).push(id)
    hub.join(conn, app, watchChannel(id))
  }
  if (ids.length > 0) conn.reply({ type: 'watched', online, offline })
}

/** Notifies a user's watchers; `except` is the user's own connection. */
export function announceUser(
  engine: Engine,
  app: App,
  { userId, online, except }: { userId: UserId; online: boolean; except?: SocketId },
): void {
  engine.announce(
    app,
    { type: 'user_status', channel: watchChannel(userId), userId, online },
    except,
  )
}
