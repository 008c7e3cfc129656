/**
 * Disconnect: undoes everything that a connection did, in O(its channels): in this turn of the event loop as
 * far as it has time, then in the next ones.
 */
import { userChannel } from './channel'
import type { Connection } from './connection'
import type { Core } from './core'
import type { ErrorCode } from './errors'
import { notify } from './hooks'
import { leaveChannel } from './membership'
import type { ClosingView } from './plugin'

/** How the transport has ended. */
export type Ending = Omit<ClosingView, 'refusal'> & { readonly refusal?: ErrorCode }

/** Nobody has closed it: it broke off, or was never opened. */
const LOST: Ending = { code: 1006, reason: '', by: 'network' }

/** It reads more slowly than it is sent. */
export const CUT_SLOW: Ending = { code: 1006, reason: 'Slow reader', by: 'server' }

/** Called when the transport has closed. Safe for a connection that was never registered, and twice. */
export function disconnect(core: Core, conn: Connection, ending: Ending = LOST): void {
  if (conn.closed) return
  conn.close()
  if (core.hooks.disconnected.length > 0 || wantsEnd(core, conn))
    conn.closing = closingOf(conn, ending)
  if (conn.quotaKey !== undefined) core.addresses.remove(conn.quotaKey)
  core.hub.remove(conn)
  core.unauthorized.delete(conn)
  if (core.hooks.connect.length > 0) core.users.takeBack(conn)
  if (conn.subscriptions) core.leaveQueue.add(core, conn, STEPS)
  else end(core, conn)
}

const wantsEnd = ({ facts }: Core, { established, app }: Connection): boolean =>
  established && app !== undefined && facts.wants('disconnected', app)

/** A refusal of ours says more than what the transport makes of it. */
function closingOf(
  { codec, pendingRefusal }: Connection,
  { code, reason, by, refusal }: Ending,
): ClosingView {
  if (!pendingRefusal) return Object.freeze({ code, reason, by, refusal })
  const sent = codec.closeFrame(pendingRefusal) ?? { code, reason }
  return Object.freeze({
    code: sent.code,
    reason: sent.reason,
    by: 'server',
    refusal: pendingRefusal.code,
  })
}

/** Called when the connection is in no channel any more. */
function end(core: Core, conn: Connection): void {
  const { app, user, established } = conn
  if (app && user) {
    core.users.remove(conn, app)
    const name = userChannel(user.id)
    core.engine.exit(conn, { app, name, kind: core.groups.kindOf(name) }, undefined)
  }
  if (app && wantsEnd(core, conn))
    core.facts.emit({ type: 'disconnected', app, socketId: conn.id, closing: conn.closing })
  if (conn.views || established) {
    if (core.hooks.disconnected.length > 0)
      notify(core, core.hooks.disconnected, conn, conn.closing)
    conn.views = undefined
  }
}

const STEPS = { leave: leaveChannel, end }
