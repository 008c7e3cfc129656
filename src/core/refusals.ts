/**
 * Refusals are noted where they are given, once each: in the log for the operator, and as a fact for whoever
 * listens. Closing a connection at its app's or the operator's wish is none.
 */
import type { App } from './app'
import type { Connection } from './connection'
import type { Refusal } from './errors'
import type { Facts } from './facts'
import type { Command } from './messages'
import type { RefusalLog } from './refusal-log'

type RefusalContext = { readonly refusalLog: RefusalLog; readonly facts: Facts }
type Refused = Pick<Refusal, 'code' | 'message' | 'subscribing'>

/** A refused request, as far as it is known. */
export type RefusedRequest = {
  readonly remoteAddress: string
  readonly app: App | undefined
  readonly requestId: string | undefined
  readonly path: string
}

/** Notes a refusal of a connection, or of its `command`. */
export function noteSocketRefusal(
  { refusalLog, facts }: RefusalContext,
  conn: Connection,
  refused: Refused,
  command?: Command,
): void {
  const { remoteAddress, id: socketId } = conn
  refusalLog.note(refused, { remoteAddress, appId: conn.app?.id, socketId })
  const app = command && 'app' in command ? command.app : conn.app
  if (!facts.wants('refused', app)) return
  const { code, message, subscribing } = refused
  const channel = command && 'channel' in command ? command.channel : subscribing
  const event = command?.type === 'client_event' ? command.event : undefined
  facts.emit({ type: 'refused', where: 'socket', app, socketId, code, message, channel, event })
}

/** Notes a refusal of an HTTP request. */
export function noteHttpRefusal(
  { refusalLog, facts }: RefusalContext,
  { code, message }: Refused,
  { remoteAddress, app, requestId, path }: RefusedRequest,
): void {
  refusalLog.note({ code, message }, { remoteAddress, appId: app?.id, requestId })
  if (facts.wants('refused', app))
    facts.emit({ type: 'refused', where: 'http', app, requestId, path, code, message })
}
