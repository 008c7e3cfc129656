/**
 * Disconnect: undoes everything that a connection did, in O(its channels).
 */
import type { Connection } from './connection'
import type { Core } from './core'
import { tell } from './hooks'
import { leaveChannel } from './membership'

/** After the transport has closed. Safe to call for a connection that was never taken in. */
export function disconnect(core: Core, conn: Connection): void {
  conn.close()
  if (conn.subscriptions) {
    for (const subscription of conn.subscriptions.values()) leaveChannel(core, subscription)
  }
  if (conn.app) core.users.exit(conn, conn.app)
  const wasHere = core.hub.exit(conn)
  if (wasHere && conn.app)
    core.facts.emit({ type: 'disconnected', app: conn.app, socketId: conn.id })
  if (conn.views || wasHere) {
    if (core.hooks.disconnected.length > 0) tell(core, core.hooks.disconnected, conn)
    conn.views = undefined
  }
}
