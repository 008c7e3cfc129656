/**
 * Session: the life of a connection, whatever carries it: arrived, opened, received, closed. Commands run in
 * order; while a gate thinks, later ones wait. The one catch on the socket side is here: a fault of
 * ours is logged, counted and shown as `internal`, and the connection stays.
 */
import { clientEvent } from '../core/client-event'
import { admit, arrive, establish } from '../core/connect'
import { Connection, newSocketId, Uncharged } from '../core/connection'
import type { Core } from '../core/core'
import { disconnect } from '../core/disconnect'
import { isRefusal, REFUSE, refusal, type Refusal } from '../core/errors'
import { runGatesNow, refuseAndNotify } from '../core/hooks'
import type { Command } from '../core/messages'
import type { ConnectRequest } from '../core/plugin'
import type { MaybePromise } from '../core/types'
import type { Client, Codec, Handshake } from './codec'
import { isMove, LARGE_CHARS, move, unread } from './moves'
import { fault, refuse, refuseCommand, refuseFrame } from './refuse'

/** Text that may wait behind one gate. */
const MAX_WAITING_CHARS = 1_048_576

/** The request that somebody comes with, as the port reads it. */
export type Asked = Omit<ConnectRequest, 'appComesLater'> & {
  /** Why it is not local, which a published app asks of who connects. */
  readonly strangeness: () => Refusal | undefined
}

/** Somebody who has come: who they would be, how, and what the handshake or an `upgrade` gate has against it. */
export type Arrived = {
  readonly conn: Client
  readonly request: ConnectRequest
  readonly refused: Refusal | undefined
}

/** Somebody wants to connect. */
export function arrived(
  core: Core,
  codec: Codec,
  { app, refused }: Handshake,
  { strangeness, ...asked }: Asked,
): Arrived {
  const conn: Client = new Connection(newSocketId(), codec, app, asked.remoteAddress)
  const request = { ...asked, appComesLater: !app && !refused }
  const tooMany = arrive(core, conn)
  if (tooMany) return { conn, request, refused: tooMany }
  if (request.appComesLater && core.apps.anyPublished) conn.strangeness = strangeness()
  const strange = app?.isPublished ? strangeness() : undefined
  const gates = core.hooks.upgrade
  const unwanted = gates.length > 0 ? runGatesNow(core, gates, conn, request) : undefined
  return { conn, request, refused: unwanted ?? conn.unwanted ?? refused ?? strange }
}

/**
 * May it stay? A promise only where a plugin waits. On wires that refuse before the transport is open
 * a plugin may have ended the connection meanwhile.
 */
export function admitted(
  core: Core,
  { conn, request, refused }: Arrived,
): MaybePromise<Refusal | undefined> {
  const failed = (cause: unknown): Refusal => fault(core, cause, REFUSE.connectFailed)
  try {
    const answer = refused ?? admit(core, conn, request)
    if (!(answer instanceof Promise)) return answer ?? conn.unwanted
    return answer.then((verdict) => verdict ?? conn.unwanted).catch(failed)
  } catch (cause) {
    return failed(cause)
  }
}

/** The transport is open and `conn.sink` is set; `answer` is that of `admitted`. */
export function opened(core: Core, conn: Client, answer: MaybePromise<Refusal | undefined>): void {
  if (answer instanceof Promise)
    return hold(
      core,
      conn,
      // Gates that ask elsewhere are answered in crowds, too.
      answer.then((refused) => core.slices.inTime(() => settle(core, conn, refused))),
      undefined,
    )
  const refused = settle(core, conn, answer)
  if (refused) refuse(core, conn, refused)
}

function settle(core: Core, conn: Client, refused: Refusal | undefined): Refusal | undefined {
  return refused ?? (conn.closed ? undefined : establish(core, conn))
}

/** It may not stay, and is told so without a transport. */
export function turnedAway(core: Core, conn: Client, refused: Refusal): void {
  refuse(core, conn, refused)
  disconnect(core, conn)
}

/** One frame; bytes only where the codec knows them. Where the turn is late, nobody is asked about it yet. */
export function received(core: Core, conn: Client, frame: string | Uint8Array): void {
  core.slices.frameCame()
  if (core.slices.late && frame.length < LARGE_CHARS) return receivedLate(core, conn, frame)
  if (!charged(core, conn, frame)) return
  if (conn.busy) wait(core, conn, frame)
  else if (conn.established) runFrame(core, conn, frame)
}

function receivedLate(core: Core, conn: Client, frame: string | Uint8Array): void {
  if (conn.closed || (!conn.busy && !conn.established)) return
  seen(core, conn)
  if (!conn.busy) postpone(core, conn, () => undefined)
  wait(core, conn, new Uncharged(frame))
}

/**
 * Counts what came as a frame, whatever comes of it, and asks the gates. False where they refuse it, or
 * the connection has ended. Anything inbound is proof of life.
 */
export function charged(core: Core, conn: Client, frame: string | Uint8Array): boolean {
  core.counters.messagesReceived++
  conn.seenTick = core.state.tick
  if (conn.closed) return false
  const { frame: gates } = core.hooks
  const refused = gates.length > 0 && runGatesNow(core, gates, conn, shownFrame(frame))
  if (conn.closed) return false // a plugin ended it
  if (refused) refuseFrame(core, conn, refused, frame)
  return !refused
}

/** Bytes in base64. */
const shownFrame = (frame: string | Uint8Array): string =>
  typeof frame === 'string' ? frame : Buffer.from(frame).toString('base64')

/** The peer shows itself, without a word. */
export function seen(core: Core, conn: Client): void {
  conn.seenTick = core.state.tick
}

/** The transport is gone. What its client told others last, and a late turn has put off, is told first. */
export function closed(core: Core, conn: Client): void {
  conn.gone = true
  if (conn.busy === 'turn') void idle(conn)?.then(() => disconnect(core, conn))
  else disconnect(core, conn)
}

function runFrame(core: Core, conn: Client, frame: string | Uint8Array): void {
  if (conn.gone && typeof frame === 'string' && conn.codec.moves.test(frame)) return
  const dropped = unread(core, conn, frame)
  if (dropped) return void (isRefusal(dropped) && refuseFrame(core, conn, dropped, frame))
  if (core.slices.free) return runFrameNow(core, conn, frame)
  if (typeof frame === 'string' && conn.codec.moves.test(frame))
    return postpone(core, conn, () => runFrameNow(core, conn, frame))
  const command = readFrame(core, conn, frame)
  if (isMove(command)) postpone(core, conn, () => runCommand(core, conn, command))
  else runCommand(core, conn, command)
}

const runFrameNow = (core: Core, conn: Client, frame: string | Uint8Array): void =>
  runCommand(core, conn, readFrame(core, conn, frame))

function readFrame(core: Core, conn: Client, frame: string | Uint8Array): Command | Refusal {
  try {
    return decoded(core, conn, frame)
  } catch (cause) {
    return fault(core, cause, REFUSE.internal)
  }
}

function runCommand(core: Core, conn: Client, command: Command | Refusal): void {
  try {
    const answer = isRefusal(command) ? command : run(core, conn, command)
    if (answer instanceof Promise) hold(core, conn, answer, command)
    else if (answer) refuseCommand(core, conn, answer, command)
  } catch (cause) {
    refuseCommand(core, conn, fault(core, cause, REFUSE.internal), command)
  }
}

/** In one of the next turns; what the client says meanwhile waits, as for a gate. */
function postpone(core: Core, conn: Client, deed: () => void): void {
  conn.busy = 'turn'
  core.slices.soon(() => {
    conn.busy = undefined
    if (!conn.closed && !conn.gone) deed()
    resume(core, conn)
    if (!conn.busy) tellIdle(conn)
  })
}

function decoded(core: Core, conn: Client, frame: string | Uint8Array): Command | Refusal {
  const { codec } = conn
  if (typeof frame === 'string') return codec.decode(core, conn, frame)
  return codec.decodeBytes?.(core, conn, frame) ?? REFUSE.frameInvalid
}

function run(core: Core, conn: Connection, command: Command): MaybePromise<Refusal | undefined> {
  switch (command.type) {
    case 'subscribe':
    case 'unsubscribe':
    case 'signin':
      return move(core, conn, command)
    case 'client_event':
      return clientEvent(core, conn, command)
    case 'ping':
      conn.reply({ type: 'pong', ref: command.ref })
      return undefined
    case 'pong':
      return undefined
    case 'done':
      if (command.reply) conn.reply(command.reply)
      return undefined
  }
}

/**
 * Commands that may wait, for each channel that a connection may hold: one that leaves all of its
 * channels and comes back, in one burst, is innocent.
 */
const COMMANDS_PER_CHANNEL = 4

/** What arrives while a gate decides, or the turn has no time, waits in order, bounded. */
function wait(core: Core, conn: Client, frame: string | Uint8Array | Uncharged): void {
  conn.waiting ??= []
  conn.waiting.push(frame)
  conn.waitingChars += frame.length
  const most = COMMANDS_PER_CHANNEL * core.limits.maxChannelsPerConnection
  const { length } = conn.waiting
  if (length <= most && conn.waitingChars <= MAX_WAITING_CHARS) return
  core.counters.queueOverflowsClosed++
  const limits = `${most} commands and ${MAX_WAITING_CHARS} characters`
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
  conn.busy = 'gate'
  const onFault = command ? REFUSE.internal : REFUSE.connectFailed
  void pending
    .catch((cause: unknown) => fault(core, cause, onFault))
    .then((refused) => {
      conn.busy = undefined
      if (!conn.closed) {
        if (refused) refuseCommand(core, conn, refused, command)
        resume(core, conn)
      }
      if (!conn.busy) tellIdle(conn)
    })
}

function resume(core: Core, conn: Client): void {
  const { slices } = core
  while (conn.waiting && !conn.busy && !conn.closed && conn.established) {
    if (!slices.hasTime) return postpone(core, conn, () => undefined)
    const next = conn.waiting.shift()
    if (next === undefined) return void (conn.waiting = undefined)
    conn.waitingChars -= next.length
    const began = slices.meter()
    if (!(next instanceof Uncharged)) runFrame(core, conn, next)
    else if (charged(core, conn, next.frame)) runFrame(core, conn, next.frame)
    slices.spend(began)
  }
}

/** Once nothing of it waits for a gate any more. */
function tellIdle(conn: Connection): void {
  const { onIdle } = conn
  conn.onIdle = undefined
  onIdle?.()
}

/** Resolves when all that has arrived was looked at; undefined where it was. */
export function idle(conn: Connection): Promise<void> | undefined {
  if (!conn.busy) return undefined
  const { promise, resolve } = Promise.withResolvers<void>()
  const { onIdle: earlier } = conn
  conn.onIdle = () => {
    earlier?.()
    resolve()
  }
  return promise
}

/** Native pings and pongs of one connection between two sweeps. */
export const MAX_PINGS = 1000

/**
 * A native ping or pong has come. Runtimes send them while the application behind may be dead, so where the
 * protocol has heartbeats of its own they are no sign of life. Ours answers them as it reads them, half a
 * megabyte in one turn of the event loop, and they cannot be put off: a flood of them is ended.
 */
export function pinged(core: Core, conn: Client): void {
  if (conn.closed) return
  if (!conn.codec.heartbeats) seen(core, conn)
  if (++conn.pings <= MAX_PINGS) return
  core.counters.messagesRefused++
  core.counters.queueOverflowsClosed++
  const message = `More than ${MAX_PINGS} native pings and pongs in a few seconds`
  refuseAndNotify(core, conn, refusal('too_many_commands', message))
}
