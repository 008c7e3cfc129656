/**
 * Refuse: how a session's client is told why not, each time about the command or the frame that it was.
 */
import type { Core } from '../core/core'
import { isRefusal, type ErrorCode, type Refusal } from '../core/errors'
import { countFault } from '../core/faults'
import { refuseAndNotify } from '../core/hooks'
import type { Command } from '../core/messages'
import type { Client } from './codec'

/** Refused, and counted as what it is: a message, or before the hello the connection. */
export function refuse(core: Core, conn: Client, refused: Refusal): void {
  if (conn.established) core.counters.messagesRefused++
  else core.counters.connectionsRefused++
  refuseAndNotify(core, conn, refused)
}

/** A request of a session that is answered with a no of its transport's own, which its client is not told in a frame. */
export function noteRequest(core: Core, conn: Client, code: ErrorCode): void {
  const { remoteAddress, app, id: socketId } = conn
  core.refusals.note({ code, message: '' }, { remoteAddress, appId: app?.id, socketId })
}

/** Nobody has read the frame: only what it wants to be answered by is looked for. */
export function refuseFrame(
  core: Core,
  conn: Client,
  refused: Refusal,
  frame: string | Uint8Array,
): void {
  const ref = conn.codec.refOf?.(core, frame)
  refuse(core, conn, ref ? { ...refused, ref } : refused)
}

/** A refusal says which command it is about, so that the client can tell. */
export function refuseCommand(
  core: Core,
  conn: Client,
  refused: Refusal,
  command: Command | Refusal | undefined,
): void {
  if (command === undefined || isRefusal(command) || !('ref' in command))
    return refuse(core, conn, refused)
  const { ref } = command
  if (command.type !== 'subscribe') return refuse(core, conn, ref ? { ...refused, ref } : refused)
  refuse(core, conn, { ...refused, ref, subscribing: command.channel })
  if (command.replaces && !conn.closed)
    conn.reply({ type: 'ended', ref: command.replaces, replaced: true })
}

/** An error of ours: what the client is told. */
export function fault(core: Core, cause: unknown, shown: Refusal): Refusal {
  countFault(core, cause)
  return shown
}
