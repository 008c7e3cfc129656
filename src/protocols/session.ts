/**
 * Session: the life of a connection, whatever carries it: arrived, opened, received, closed. Commands run in
 * order; while a gate thinks, later ones wait. The one catch on the socket side is here: a fault of
 * ours is logged, counted and shown as `internal`, and the connection stays.
 */
import { Connection, newSocketId } from '../core/connection'
import { connect } from '../core/connect'
import type { Core } from '../core/core'
import { clientEvent } from '../core/client-event'
import { disconnect } from '../core/disconnect'
import { isRefusal, REFUSE, refusal, type Refusal } from '../core/errors'
import { askNow, refuseAndTell } from '../core/hooks'
import type { ConnectRequest } from '../core/plugin'
import { signin } from '../core/signin'
import { subscribe, unsubscribe } from '../core/subscribe'
import type { Command, MaybePromise } from '../core/types'
import type { Codec, Handshake } from './codec'

export type Client = Connection<Codec>

/** Text that may wait behind one gate. */
const MAX_WAITING_CHARS = 1_048_576

/** A reader that is further behind is closed: a gap would be a lie. */
export const MAX_BEHIND_BYTES = 1024 * 1024

/** Somebody wants to connect: who they would be, and what the handshake or an `upgrade` gate has against it. */
export function arrived(
  core: Core,
  codec: Codec,
  { app, refused }: Handshake,
  request: ConnectRequest,
): { readonly conn: Client; readonly refused: Refusal | undefined } {
  const conn: Client = new Connection(newSocketId(), codec, app, request.remoteAddress)
  const gates = core.hooks.upgrade
  const unwanted = gates.length > 0 ? askNow(core, gates, conn, request) : undefined
  return { conn, refused: unwanted ?? conn.unwanted ?? refused }
}

/** The transport is open and `conn.sink` is set. `refused` is what the handshake found, if anything. */
export function opened(
  core: Core,
  conn: Client,
  request: ConnectRequest,
  refused: Refusal | undefined,
): void {
  let answer: MaybePromise<Refusal | undefined>
  try {
    answer = refused ?? connect(core, conn, request)
  } catch (cause) {
    answer = fault(core, cause, REFUSE.connectFailed)
  }
  if (answer instanceof Promise) hold(core, conn, answer, undefined)
  else if (answer) refuse(core, conn, answer)
}

/** One text frame. Anything inbound is proof of life. */
export function received(core: Core, conn: Client, text: string): void {
  core.counters.messagesReceived++
  conn.seenTick = core.state.tick
  if (conn.closed) return
  const refused = core.hooks.frame.length > 0 && askNow(core, core.hooks.frame, conn, text)
  if (conn.closed) return // a plugin ended it
  if (refused) refuse(core, conn, refused)
  else if (conn.busy) wait(core, conn, text)
  else if (conn.established) runText(core, conn, text)
}

/** The peer shows itself, without a word. */
export function seen(core: Core, conn: Client): void {
  conn.seenTick = core.state.tick
}

/** The transport is cut off because its peer did not take what it was sent. */
export function tooSlow({ counters, log }: Core, conn: Client): void {
  counters.slowReadersClosed++
  log.warn(
    { socketId: conn.id, appId: conn.app?.id, limitBytes: MAX_BEHIND_BYTES },
    'slow reader closed',
  )
}

/** The transport is gone. */
export function closed(core: Core, conn: Client): void {
  disconnect(core, conn)
}

function runText(core: Core, conn: Client, text: string): void {
  let command: Command | Refusal | undefined
  try {
    command = conn.codec.decode(core, conn, text)
    const answer = isRefusal(command) ? command : run(core, conn, command)
    if (answer instanceof Promise) hold(core, conn, answer, command)
    else if (answer) refuse(core, conn, about(answer, command))
  } catch (cause) {
    refuse(core, conn, about(fault(core, cause, REFUSE.internal), command))
  }
}

function run(core: Core, conn: Connection, command: Command): MaybePromise<Refusal | undefined> {
  switch (command.type) {
    case 'subscribe':
      return subscribe(core, conn, command)
    case 'unsubscribe':
      unsubscribe(core, conn, command.app, command.channel)
      return undefined
    case 'signin':
      return signin(core, conn, command)
    case 'client_event':
      return clientEvent(core, conn, command)
    case 'ping':
      conn.reply({ type: 'pong' })
      return undefined
    case 'pong':
      return undefined
  }
}

/** While a gate decides, what arrives waits in order, bounded: a client that subscribes in one burst is innocent. */
function wait(core: Core, conn: Client, text: string): void {
  conn.waiting ??= []
  conn.waiting.push(text)
  conn.waitingChars += text.length
  const { maxChannelsPerConnection } = core.limits
  const { length } = conn.waiting
  if (length <= maxChannelsPerConnection && conn.waitingChars <= MAX_WAITING_CHARS) return
  core.counters.queueOverflowsClosed++
  const limits = `${maxChannelsPerConnection} commands and ${MAX_WAITING_CHARS} characters`
  const message = `${length} commands (${conn.waitingChars} characters) wait; the limits are ${limits}`
  refuse(core, conn, refusal('too_many_commands', message))
}

/** The connection waits for an answer, then goes on with what has arrived meanwhile. */
function hold(
  core: Core,
  conn: Client,
  pending: Promise<Refusal | undefined>,
  command: Command | Refusal | undefined,
): void {
  conn.busy = true
  const onFault = command ? REFUSE.internal : REFUSE.connectFailed
  void pending
    .catch((cause: unknown) => fault(core, cause, onFault))
    .then((refused) => {
      conn.busy = false
      if (conn.closed) return
      if (refused) refuse(core, conn, about(refused, command))
      resume(core, conn)
    })
}

function resume(core: Core, conn: Client): void {
  while (conn.waiting && !conn.busy && !conn.closed && conn.established) {
    const text = conn.waiting.shift()
    if (text === undefined) {
      conn.waiting = undefined
      return
    }
    conn.waitingChars -= text.length
    runText(core, conn, text)
  }
}

function refuse(core: Core, conn: Client, refused: Refusal): void {
  if (conn.established) core.counters.messagesRefused++
  else core.counters.connectionsRefused++
  refuseAndTell(core, conn, refused)
}

/** A refusal of a subscribe names the channel, so that the client can tell which one it was. */
function about(refused: Refusal, command: Command | Refusal | undefined): Refusal {
  if (command === undefined || isRefusal(command) || command.type !== 'subscribe') return refused
  return { ...refused, subscribing: command.channel }
}

function fault(core: Core, cause: unknown, shown: Refusal): Refusal {
  core.counters.faults++
  core.log.error({ err: cause }, 'fault')
  return shown
}
