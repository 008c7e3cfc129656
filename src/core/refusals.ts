/**
 * Refusals are noted where they are given, once each: in the tallies, in the log for the operator, and as a fact
 * for whoever listens. Closing a connection at its app's or the operator's wish is none.
 */
import type { App } from './app'
import type { Connection } from './connection'
import { countRefusal, type Tallies } from './counters'
import type { Refusal } from './errors'
import type { Facts } from './facts'
import type { Command } from './messages'
import type { RefusalLog } from './refusal-log'

type RefusalContext = {
  readonly refusalLog: RefusalLog
  readonly facts: Facts
  readonly tallies: Tallies
}
type Refused = Pick<Refusal, 'code' | 'message' | 'subscribing' | 'plugin' | 'wrongSignature'>

/** A refused request, as far as it is known. */
export type RefusedRequest = {
  readonly remoteAddress: string
  readonly app: App | undefined
  readonly requestId: string | undefined
  readonly path: string
}

/** Notes a refusal of a connection, or of its `command`. */
export function noteSocketRefusal(
  { refusalLog, facts, tallies }: RefusalContext,
  conn: Connection,
  refused: Refused,
  command?: Command,
): void {
  const { remoteAddress, id: socketId } = conn
  const { code, message, plugin, wrongSignature } = refused
  refusalLog.note(refused, { remoteAddress, appId: conn.app?.id, socketId })
  const app = command && 'app' in command ? command.app : conn.app
  countRefusal((app ?? { tallies }).tallies, code, plugin)
  if (!facts.wants('refused', app)) return
  const caller = {
    where: 'socket',
    app,
    socketId,
    remoteAddress,
    ...subjectOf(refused, command),
  } as const
  facts.emit({ type: 'refused', ...caller, code, message, plugin, wrongSignature })
}

/** The channel, as the client wrote it, and the event that a refusal is about, as far as it is about any. */
export const subjectOf = (
  { subscribing }: Pick<Refusal, 'subscribing'>,
  command: Command | undefined,
): { readonly channel: string | undefined; readonly event: string | undefined } => ({
  channel: command && 'channel' in command ? command.channel : subscribing,
  event: command?.type === 'client_event' ? command.event : undefined,
})

/** Notes a refusal of an HTTP request. */
export function noteHttpRefusal(
  { refusalLog, facts, tallies }: RefusalContext,
  { code, message, plugin, wrongSignature }: Refused,
  { remoteAddress, app, requestId, path }: RefusedRequest,
): void {
  countRefusal((app ?? { tallies }).tallies, code, plugin)
  refusalLog.note({ code, message }, { remoteAddress, appId: app?.id, requestId })
  if (!facts.wants('refused', app)) return
  const caller = { where: 'http', app, remoteAddress, requestId, path } as const
  facts.emit({ type: 'refused', ...caller, code, message, plugin, wrongSignature })
}
