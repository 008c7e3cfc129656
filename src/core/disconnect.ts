/**
 * Disconnect: undoes everything that a connection did, in O(its channels).
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { tell } from './hooks'
import { leaveChannel } from './membership'
import { announceUser } from './watchlist'

/** After the transport has closed. Safe to call for a connection that was never taken in. */
export function disconnect(core: Core, conn: Connection): void {
  conn.close()
  if (conn.subscriptions) {
    for (const subscription of conn.subscriptions.all()) leaveChannel(core, subscription)
  }
  const { app, user } = conn
  if (app && user && core.users.exit(conn, app))
    announceUser(core.hub, app, { userId: user.id, online: false })
  const wasHere = core.hub.exit(conn)
  if (wasHere && app) core.facts.emit({ type: 'disconnected', app, socketId: conn.id })
  if (conn.views || wasHere) {
    if (core.hooks.disconnected.length > 0) tell(core, core.hooks.disconnected, conn)
    conn.views = undefined
  }
}
