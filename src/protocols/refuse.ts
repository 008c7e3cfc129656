/**
 * Refuse: refusals sent to a session's client, each with the ref of the command or frame that it answers.
 */
import type { RawFrame } from '../core/connection'
import type { Core } from '../core/core'
import { countersOf } from '../core/counters'
import { isRefusal, type ErrorCode, type Refusal } from '../core/errors'
import { countFault } from '../core/faults'
import { notifyRefused, refuseAndNotify } from '../core/hooks'
import type { Command } from '../core/messages'
import type { Client } from './codec'

/** Counts a refused message (a `command`, once it is decoded) or, before the hello, a refused connection. */
export function refuse(core: Core, conn: Client, refused: Refusal, command?: Command): void {
  const counters = countersOf(core, conn.app)
  if (conn.established) counters.messagesRefused++
  else counters.connectionsRefused++
  refuseAndNotify(core, conn, refused, command)
}

/** Notes a refusal that a session's client gets as an HTTP status or a close code, not as a frame. */
export function noteRefusedRequest(core: Core, conn: Client, code: ErrorCode): void {
  notifyRefused(core, conn, { code, message: '' })
}

/** Refuses a frame that is not decoded: only its ref is looked for. */
export function refuseFrame(core: Core, conn: Client, refused: Refusal, frame: RawFrame): void {
  const ref = conn.codec.refOf?.(core, frame)
  refuse(core, conn, ref ? { ...refused, ref } : refused)
}

/** Refuses a command, by its ref and, for a subscribe, its channel. */
export function refuseCommand(
  core: Core,
  conn: Client,
  refused: Refusal,
  command: Command | Refusal | undefined,
): void {
  if (command === undefined || isRefusal(command)) return refuse(core, conn, refused)
  if (!('ref' in command)) return refuse(core, conn, refused, command)
  const { ref } = command
  if (command.type !== 'subscribe')
    return refuse(core, conn, ref ? { ...refused, ref } : refused, command)
  refuse(core, conn, { ...refused, ref, subscribing: command.channel }, command)
  if (command.replaces && !conn.closed)
    conn.reply({ type: 'ended', ref: command.replaces, replaced: true })
}

/** Counts and logs an error of ours; returns the refusal that its client gets instead. */
export function reportFault(core: Core, cause: unknown, refused: Refusal): Refusal {
  countFault(core, cause)
  return refused
}
