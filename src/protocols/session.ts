/**
 * Session: the life of a connection over any transport: accept, authorize, open, receive, close. Commands
 * run in order; while a gate decides, later ones wait. The one catch on the socket side is here: a fault
 * of ours is logged, counted and sent as `internal`, and the connection stays.
 */
import { checkBudget, isBudgetSpent, mayHoldUp, publishClientEvent } from '../core/client-event'
import { admit, countAddress, establish } from '../core/connect'
import { Connection, newSocketId, type LaterRefusals, type RawFrame } from '../core/connection'
import type { Core } from '../core/core'
import { bytesOf, countersOf } from '../core/counters'
import { disconnect, type Ending } from '../core/disconnect'
import { isRefusal, REFUSE, refusal, type Refusal } from '../core/errors'
import { runGatesNow, refuseAndNotify } from '../core/hooks'
import type { Command } from '../core/messages'
import type { ConnectRequest } from '../core/plugin'
import { UNREAD_CHARS, UNREAD_FRAMES } from '../core/read-queue'
import { signin } from '../core/signin'
import { subscribe, unsubscribe } from '../core/subscribe'
import type { MaybePromise } from '../core/maybe-promise'
import { ConnectReader } from '../core/views'
import type { Client, Codec, Handshake } from './codec'
import { reportFault, refuse, refuseCommand, refuseFrame } from './refuse'

/** Characters of frames that may wait behind one gate. */
const MAX_WAITING_CHARS = 1_048_576

/** A request to connect, as the port reads it. */
export type IncomingRequest = Omit<ConnectRequest, 'appComesLater' | 'signal'> & {
  /** Refuses what is not local; checked for published apps only. */
  readonly nonLocalRefusal: () => Refusal | undefined
  readonly isEncrypted: () => boolean
  /** The server accepts TLS alone. */
  readonly needsTls: boolean
}

/** A connection that is not open yet, its request, and the refusal of the handshake or of an `upgrade` gate. */
export type ConnectAttempt = {
  readonly conn: Client
  readonly request: ConnectRequest
  readonly refused: Refusal | undefined
}

/** Counts a request to connect, and checks all that does not wait. */
export function accept(
  core: Core,
  codec: Codec,
  { app, refused }: Handshake,
  incoming: IncomingRequest,
): ConnectAttempt {
  const { nonLocalRefusal } = incoming
  const conn: Client = new Connection(
    newSocketId(),
    codec,
    app,
    incoming.remoteAddress,
    app ?? core,
  )
  conn.software = core.software.of(incoming)
  const request = new ConnectReader(conn, incoming, !app && !refused)
  const tooMany = countAddress(core, conn)
  if (tooMany) return { conn, request, refused: tooMany }
  const needsTls = incoming.needsTls || app?.record.tlsOnly
  const unencrypted = needsTls && !incoming.isEncrypted() ? REFUSE.tlsRequired : undefined
  if (request.appComesLater) conn.refusals = refusalsForLater(core, incoming)
  const nonLocal = app?.isPublished ? nonLocalRefusal() : undefined
  const gates = core.hooks.upgrade
  const unwanted = gates.length > 0 ? runGatesNow(core, gates, conn, request) : undefined
  const own = refused && !app ? refused : (unencrypted ?? refused ?? nonLocal)
  return { conn, request, refused: unwanted ?? conn.pendingRefusal ?? own }
}

/** Undefined where every app may be named later. */
function refusalsForLater(core: Core, incoming: IncomingRequest): LaterRefusals | undefined {
  const published = core.apps.anyPublished ? incoming.nonLocalRefusal() : undefined
  const tlsOnly = incoming.isEncrypted() ? undefined : REFUSE.tlsRequired
  return published || tlsOnly ? { published, tlsOnly } : undefined
}

/**
 * Checks whether the connection may stay. A promise only where a plugin waits; until then a plugin may
 * have ended the connection.
 */
export function authorize(
  core: Core,
  { conn, request, refused }: ConnectAttempt,
): MaybePromise<Refusal | undefined> {
  const failed = (cause: unknown): Refusal => reportFault(core, cause, REFUSE.connectFailed)
  try {
    const answer = refused ?? admit(core, conn, request)
    if (!(answer instanceof Promise)) return answer ?? conn.pendingRefusal
    core.slices.noteUnfinished() // a token is checked
    return answer.then((verdict) => verdict ?? conn.pendingRefusal).catch(failed)
  } catch (cause) {
    return failed(cause)
  }
}

/** The transport is open and `conn.sink` is set; `answer` is that of `authorize`. */
export function openSession(
  core: Core,
  conn: Client,
  answer: MaybePromise<Refusal | undefined>,
): void {
  const finish = (refused: Refusal | undefined): MaybePromise<Refusal | undefined> =>
    refused ?? (conn.closed ? undefined : establish(core, conn))
  if (answer instanceof Promise) {
    // Gates that query other servers get their answers in crowds, too.
    const finishing = answer.then((refused) => core.slices.runOrDefer(() => finish(refused)))
    return hold(core, conn, finishing, undefined)
  }
  const refused = finish(answer)
  if (refused instanceof Promise) hold(core, conn, refused, undefined)
  else if (refused && !conn.closed) refuse(core, conn, refused) // a plugin may have closed it
}

/** Refuses a connection that has no transport. */
export function turnAway(core: Core, conn: Client, refused: Refusal): void {
  refuse(core, conn, refused)
  disconnect(core, conn)
}

/** From here on a frame is large: each takes long, and waits unless the turn has time. Small ones wait in a late turn. */
const LARGE_CHARS = 4096

/** One frame; bytes only where the codec decodes them. In a late turn it waits, and its gates too. */
export function receiveFrame(core: Core, conn: Client, frame: RawFrame): void {
  // The gates are asked in the order of the frames.
  if (conn.late) return queueLate(core, conn, conn.late, frame)
  core.slices.countFrame()
  if (core.slices.isLate && frame.length < LARGE_CHARS) return receiveLate(core, conn, frame)
  if (!chargeFrame(core, conn, frame)) return
  const mustWait = frame.length >= LARGE_CHARS && !core.slices.isFree
  if (mustWait && conn.established && !conn.busy) postpone(core, conn, () => undefined)
  if (conn.busy) {
    conn.waiting ??= []
    conn.waiting.push(frame)
    conn.waitingChars += frame.length
    checkWaiting(core, conn)
  } else if (conn.established) runFrame(core, conn, frame)
}

/** The first frame of a connection that is late; those after it wait behind it. */
function receiveLate(core: Core, conn: Client, frame: RawFrame): void {
  if (conn.closed || (!conn.busy && !conn.established)) return
  markSeen(core, conn)
  if (!conn.busy) postpone(core, conn, () => undefined)
  conn.late = []
  queueLate(core, conn, conn.late, frame)
}

/** One read of the runtime brings thousands: all that is done for each of them is here. */
function queueLate(core: Core, conn: Client, late: RawFrame[], frame: RawFrame): void {
  conn.waitingChars += frame.length
  if (late.push(frame) > UNREAD_FRAMES) checkWaiting(core, conn)
}

/**
 * Counts a frame, valid or not, and asks the gates. False where they refuse it, or the connection has
 * ended. Any frame is a sign of life.
 */
export function chargeFrame(core: Core, conn: Client, frame: RawFrame): boolean {
  const counters = countersOf(core, conn.app)
  counters.messagesReceived++
  counters.bytesReceived += conn.countMessage(bytesOf(frame))
  conn.seenTick = core.state.tick
  if (conn.closed) return false
  const { frame: gates } = core.hooks
  const refused = gates.length > 0 && runGatesNow(core, gates, conn, frameForPlugins(frame))
  if (conn.closed) return false // a plugin ended it
  if (refused) refuseFrame(core, conn, refused, frame)
  return !refused
}

/** Bytes in base64. */
const frameForPlugins = (frame: RawFrame): string =>
  typeof frame === 'string' ? frame : Buffer.from(frame).toString('base64')

/** Notes a sign of life. */
export function markSeen(core: Core, conn: Client): void {
  conn.seenTick = core.state.tick
}

/** The transport is gone. Events that its client sent last, and a late turn has put off, are published first. */
export function closeSession(core: Core, conn: Client, ending?: Ending): void {
  conn.gone = true
  if (conn.busy === 'turn') void whenIdle(conn)?.then(() => disconnect(core, conn, ending))
  else disconnect(core, conn, ending)
}

/** MOVES: commands that change a connection's channels or its user; those that a turn has no time for wait. */
const MOVES: ReadonlySet<Command['type']> = new Set(['subscribe', 'unsubscribe', 'signin'])

const isMove = (command: Command | Refusal): boolean =>
  !isRefusal(command) && MOVES.has(command.type)

/** True for a move that is not decoded yet; a guess. */
const looksLikeMove = ({ codec }: Client, frame: RawFrame): boolean =>
  typeof frame === 'string' && codec.movePattern.test(frame)

function runFrame(core: Core, conn: Client, frame: RawFrame): void {
  if (conn.gone && looksLikeMove(conn, frame)) return
  const dropped = checkLargeFrame(core, conn, frame)
  if (dropped) return void (isRefusal(dropped) && refuseFrame(core, conn, dropped, frame))
  if (core.slices.isFree) return runFrameNow(core, conn, frame)
  if (looksLikeMove(conn, frame)) return postpone(core, conn, () => runFrameNow(core, conn, frame))
  const command = decode(core, conn, frame)
  if (isMove(command)) postpone(core, conn, () => runCommand(core, conn, command))
  else runCommand(core, conn, command)
}

/**
 * Refuses or drops, unread, a large frame that can only be a client event of a connection whose byte
 * budget is spent. Undefined for any other frame, which is to be read.
 */
function checkLargeFrame(core: Core, conn: Client, frame: RawFrame): Command | Refusal | undefined {
  if (frame.length < LARGE_CHARS || !isBudgetSpent(core, conn, frame.length)) return undefined
  return looksLikeMove(conn, frame) ? undefined : checkBudget(core, conn, frame)
}

/** On the account of this turn, where reading it takes long. */
function runFrameNow(core: Core, conn: Client, frame: RawFrame): void {
  const began = frame.length < LARGE_CHARS ? undefined : core.slices.meter()
  runCommand(core, conn, decode(core, conn, frame))
  if (began !== undefined) core.slices.spend(began)
}

function decode(core: Core, conn: Client, frame: RawFrame): Command | Refusal {
  const { codec } = conn
  try {
    if (typeof frame === 'string') return codec.decode(core, conn, frame)
    return codec.decodeBytes?.(core, conn, frame) ?? REFUSE.frameInvalid
  } catch (cause) {
    return reportFault(core, cause, REFUSE.internal)
  }
}

function runCommand(core: Core, conn: Client, command: Command | Refusal): void {
  try {
    const answer = isRefusal(command) ? command : run(core, conn, command)
    if (!(answer instanceof Promise)) {
      if (answer) refuseCommand(core, conn, answer, command)
    } else if (isRefusal(command) || command.type !== 'client_event' || mayHoldUp(core)) {
      hold(core, conn, answer, command)
    } else {
      follow(core, conn, answer, command)
    }
  } catch (cause) {
    refuseCommand(core, conn, reportFault(core, cause, REFUSE.internal), command)
  }
}

/** Runs it in one of the next turns; frames that the client sends meanwhile wait, as for a gate. */
function postpone(core: Core, conn: Client, task: () => void): void {
  conn.busy = 'turn'
  core.slices.schedule(() => goOn(core, conn, () => conn.gone || task()))
}

/** Runs a command, a move on the account of this turn. A promise where a plugin's gate waits. */
function run(core: Core, conn: Connection, command: Command): MaybePromise<Refusal | undefined> {
  if (!isMove(command)) return runUnmetered(core, conn, command)
  if (core.state.hasMoved && command.type !== 'unsubscribe') return REFUSE.shuttingDown
  const began = core.slices.meter()
  const answer = runUnmetered(core, conn, command)
  core.slices.spend(began)
  return answer
}

function runUnmetered(
  core: Core,
  conn: Connection,
  command: Command,
): MaybePromise<Refusal | undefined> {
  switch (command.type) {
    case 'subscribe':
      return subscribe(core, conn, command)
    case 'unsubscribe':
      unsubscribe(core, conn, command)
      return undefined
    case 'signin':
      return signin(core, conn, command)
    case 'client_event':
      return publishClientEvent(core, conn, command)
    case 'ping':
      conn.reply({ type: 'pong', ref: command.ref })
      return undefined
    case 'pong':
      return undefined
    case 'noop':
      if (command.reply) conn.reply(command.reply)
      return undefined
  }
}

/**
 * Commands that may wait, for each channel that a connection may hold: leaving all channels and joining
 * them again, in one burst, is allowed.
 */
export const COMMANDS_PER_CHANNEL = 4

/** Frames wait in order, bounded, while a gate decides or the turn has no time. */
function checkWaiting(core: Core, conn: Client): void {
  const most = COMMANDS_PER_CHANNEL * core.limits.maxChannelsPerConnection
  const length = (conn.waiting?.length ?? 0) + (conn.late?.length ?? 0)
  // One that waits for a gate is read: it hears when its client leaves.
  const isMuch = length > UNREAD_FRAMES || conn.waitingChars > UNREAD_CHARS
  if (isMuch && conn.busy === 'turn') core.reads.pause(conn)
  if (length <= most && conn.waitingChars <= MAX_WAITING_CHARS) return
  countersOf(core, conn.app).queueOverflowsClosed++
  const limits = `${most} commands and ${MAX_WAITING_CHARS} characters`
  const message = `${length} commands (${conn.waitingChars} characters) wait; the limits are ${limits}`
  refuse(core, conn, refusal('too_many_commands', message))
}

/** Waits for the engine's answer to a client event; the connection's next commands need not. */
function follow(
  core: Core,
  conn: Client,
  pending: Promise<Refusal | undefined>,
  command: Command,
): void {
  void pending
    .catch((cause: unknown) => reportFault(core, cause, REFUSE.internal))
    .then((refused) => {
      if (refused && !conn.closed) refuseCommand(core, conn, refused, command)
    })
}

/** Waits for an answer, then goes on with the frames that were received meanwhile. */
function hold(
  core: Core,
  conn: Client,
  pending: Promise<Refusal | undefined>,
  command: Command | Refusal | undefined,
): void {
  conn.busy = 'gate'
  core.reads.resume(conn)
  const onFault = command ? REFUSE.internal : REFUSE.connectFailed
  void pending
    .catch((cause: unknown) => reportFault(core, cause, onFault))
    .then((refused) =>
      goOn(core, conn, () => refused && refuseCommand(core, conn, refused, command)),
    )
}

/** What was waited for has come: runs what follows, then the frames that wait. */
function goOn(core: Core, conn: Client, task: () => unknown): void {
  conn.busy = undefined
  if (!conn.closed) task()
  resume(core, conn)
  if (conn.busy) return
  conn.idle?.resolve()
  conn.idle = undefined
}

function resume(core: Core, conn: Client): void {
  const { slices } = core
  while ((conn.waiting ?? conn.late) && !conn.busy && !conn.closed && conn.established) {
    if (!slices.hasTime) return postpone(core, conn, () => undefined)
    const began = slices.meter()
    runNext(core, conn)
    slices.spend(began)
  }
  if (!conn.waiting && !conn.late) core.reads.resume(conn)
}

/** Runs the oldest of the frames that wait; one that was late is charged now. */
function runNext(core: Core, conn: Client): void {
  const { waiting, late } = conn
  const frame = (waiting ?? late)!.shift()!
  conn.waitingChars -= frame.length
  if (waiting?.length === 0) conn.waiting = undefined
  else if (!waiting && late?.length === 0) conn.late = undefined
  if (waiting || chargeFrame(core, conn, frame)) runFrame(core, conn, frame)
}

/** Resolves when every frame received so far has run; undefined where all have. */
export function whenIdle(conn: Connection): Promise<void> | undefined {
  if (!conn.busy) return undefined
  conn.idle ??= Promise.withResolvers()
  return conn.idle.promise
}

/** Native pings and pongs of one connection between two sweeps. */
export const MAX_PINGS = 1000

/**
 * Counts a native ping or pong: no sign of life where the protocol has heartbeats of its own, since a runtime
 * answers for a dead application, too. Ours cannot put them off: a flood of them closes the connection.
 */
export function countPing(core: Core, conn: Client, bytes: number): void {
  conn.countControl(bytes)
  if (conn.closed) return
  if (!conn.codec.heartbeats) markSeen(core, conn)
  if (++conn.pings <= MAX_PINGS) return
  const counters = countersOf(core, conn.app)
  counters.messagesRefused++
  counters.queueOverflowsClosed++
  const message = `More than ${MAX_PINGS} native pings and pongs in a few seconds`
  refuseAndNotify(core, conn, refusal('too_many_commands', message))
}
