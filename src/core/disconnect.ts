/**
 * Disconnect: undoes everything that a connection did, in O(its channels): in this turn of the event loop as
 * far as it has time, then in the next ones.
 */
import { userChannel } from './channel'
import type { Connection } from './connection'
import type { Core } from './core'
import { notify } from './hooks'
import { leaveChannel } from './membership'

/** Called when the transport has closed. Safe for a connection that was never registered, and twice. */
export function disconnect(core: Core, conn: Connection): void {
  if (conn.closed) return
  conn.close()
  if (conn.quotaKey !== undefined) core.addresses.remove(conn.quotaKey)
  core.hub.remove(conn)
  core.unauthorized.delete(conn)
  if (core.hooks.connect.length > 0) core.users.takeBack(conn)
  if (conn.subscriptions) core.leaveQueue.add(core, conn, STEPS)
  else end(core, conn)
}

/** Called when the connection is in no channel any more. */
function end(core: Core, conn: Connection): void {
  const { app, user, established } = conn
  if (app && user) {
    core.users.remove(conn, app)
    const name = userChannel(user.id)
    core.engine.exit(conn, { app, name, kind: core.groups.kindOf(name) }, undefined)
  }
  if (established && app && core.facts.wants('disconnected', app))
    core.facts.emit({ type: 'disconnected', app, socketId: conn.id })
  if (conn.views || established) {
    if (core.hooks.disconnected.length > 0) notify(core, core.hooks.disconnected, conn)
    conn.views = undefined
  }
}

const STEPS = { leave: leaveChannel, end }
