/**
 * Door: a private socket beside the database, by which a new version asks for the place of this process. It takes
 * requests that a process passes on, too.
 *
 * The two processes speak by a WebSocket through `<database>.takeover`, which only the user of the server may open:
 *
 * | step | new                                             | old                                                      |
 * | ---- | ----------------------------------------------- | -------------------------------------------------------- |
 * | 1    | reads settings and files, then `ask`             | serves                                                   |
 * | 2    |                                                  | lets webhooks under way end; refuses, or holds requests   |
 * | 3    |                                                  | writes all, reads the database only, unlocks it: `yours`  |
 * | 4    | locks, migrates, loads, starts plugins, listens  | holds requests                                           |
 * | 5    | `ready`                                          | `go`                                                      |
 * | 6    | `begun`: serves                                  | passes on what waits and whatever comes                   |
 * | 7    |                                                  | closes its sockets with 4200, in slices: `drained`, ends  |
 *
 * `begun` is the point of no return: who hangs until the other has given up finds no such word. Before it, whatever
 * ends the new process or takes too long has the old one take the database back, and answer what it holds. After it,
 * each end of a process is like any crash.
 * Step 2 begins when the clients of the process before are back; until then the new one is told to `wait`.
 * In step 7 events pass in both directions, so that sockets which are still with the old process hear all of them; what
 * is to be told to webhooks is written by the new one. It tells departures of before only when the old one has drained.
 */
import type { Server, ServerWebSocket } from 'bun'
import { lstatSync, renameSync, rmSync } from 'node:fs'
import { version } from '../../package.json'
import { messageOf } from '../core/errors'
import { orderAsTwin } from '../core/node'
import type { Forward, Spot } from '../entrance'
import type { Entry } from '../store/outbox'
import { finishWork, wait, type WorkParts } from './finish-work'
import {
  deliverRelayed,
  keptBy,
  orderOf,
  PROTOCOL,
  readMessage,
  twinOver,
  type FromNew,
  type FromOld,
  type Message,
} from './messages'
import { kill } from './spawn'

const GONE = 'the new process has ended'
/** How long the new process may take from `yours` to `ready`. */
const READY_MS = 30_000
/** How long it may take from `go` to `begun`. */
const BEGUN_MS = 5000
/** How long the new process may take to end before it is killed, when it is to give the database back. */
const YIELD_MS = 5000
/** How often it is looked whether it has. */
const LOOK_MS = 20
/** What one that reads too slowly may have before it: then its relay ends. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
/** Of the path of a unix socket, on every system. */
const MAX_PATH_BYTES = 103

/** The database, and what is to be written into it. */
export type Estate = WorkParts['estate'] & {
  /** Writes all that is to be stored, and gives the database up. @throws where it cannot be written */
  release(): void
  /** Goes on with all of it, from whichever step on. False where another process has the database still. */
  takeBack(): boolean
  divert(send: (entries: readonly Entry[]) => void): void
}

export type DoorParts = WorkParts & {
  /** Of the database, with links resolved. */
  readonly path: string
  readonly estate: Estate
  readonly drainMs: number
  readonly spots: readonly Spot[]
  readonly forwardTo: (socket: string) => Forward
  /** Answers a request that another process passes on. */
  readonly respond: (request: Request) => Response | Promise<Response>
  /** The process before; undefined where this one was the first. */
  readonly succession: Predecessor | undefined
  /** Called when another process serves. */
  readonly onMoved: (successor: Successor) => void
}

/** The process that has served in the place of this one. */
export type Predecessor = {
  /** It has left, and its clients had the time to come back. */
  readonly isSettled: boolean
  /** Resolves when that is so. */
  readonly settled: Promise<void>
  /** How long that may take. */
  readonly settleMs: number
}

/** The process that serves in place of this one. */
export type Successor = {
  readonly pid: number
  /** New connections go to it, although this one listens, too. */
  readonly isSteered: boolean
  /** Resolves when it has ended before this process. */
  readonly gone: Promise<void>
  /** Tells it that the sockets are closed. */
  readonly sayDrained: (resets: number) => void
}

type Ask = Extract<FromNew, { type: 'ask' }>
type Ready = Extract<FromNew, { type: 'ready' }>

type Link = {
  ask: Ask | undefined
  readonly ready: PromiseWithResolvers<Ready | undefined>
  /** Set while it may begin. */
  onBegun: (() => void) | undefined
  readonly gone: PromiseWithResolvers<void>
  isGone: boolean
}
type Socket = ServerWebSocket<Link>

/** Where a door is, for a database. */
export const doorOf = (path: string): string => `${path}.takeover`

export class Door {
  #server: Server<Link> | undefined
  #inode: number | undefined
  /** The one whose request is being followed. */
  #link: Link | undefined
  #isClosed = false
  readonly #leaving = Promise.withResolvers<void>()
  #isLeaving = false
  /** Since when requests wait. */
  #shutAt = 0
  /** Resolves when it is known which process serves; undefined before the first takeover. */
  #settled: Promise<void> | undefined

  constructor(readonly parts: DoorParts) {}

  /** Listens, in the place of the process before. */
  open(): void {
    const { log } = this.parts.core
    const path = doorOf(this.parts.path)
    // The runtime removes the name that it has bound to, which by then may be another process's.
    const socket = `${path}-${process.pid}`
    if (Buffer.byteLength(socket) > MAX_PATH_BYTES)
      return log.info({ socket }, 'the path of the database is too long for a takeover')
    const before = process.umask(0o177)
    try {
      rmSync(socket, { force: true })
      const at: object = { unix: socket }
      this.#server = Bun.serve<Link>({ ...(at as { port: number }), ...this.#options })
      renameSync(socket, path)
      this.#inode = lstatSync(path).ino
    } catch (cause) {
      log.warn({ err: cause }, 'there will be no takeover: its socket cannot be made')
    } finally {
      process.umask(before)
    }
  }

  /** Refuses who asks from now on, and leaves when whoever has asked serves, or does not. */
  leave(goodbye: () => Promise<void>): Promise<void> {
    this.#isLeaving = true
    this.#leaving.resolve()
    return this.#settled ? this.#settled.then(goodbye) : goodbye()
  }

  close(): void {
    this.#isClosed = true
    const path = doorOf(this.parts.path)
    if (
      this.#inode !== undefined &&
      lstatSync(path, { throwIfNoEntry: false })?.ino === this.#inode
    )
      rmSync(path, { force: true })
    void this.#server?.stop(true)
  }

  readonly #options = {
    development: false,
    idleTimeout: 0,
    fetch: (request: Request, server: Server<Link>): Response | Promise<Response> | undefined => {
      if (request.headers.get('upgrade') !== 'websocket') return this.parts.respond(request)
      const data: Link = {
        ask: undefined,
        onBegun: undefined,
        ready: Promise.withResolvers(),
        gone: Promise.withResolvers(),
        isGone: false,
      }
      return server.upgrade(request, { data }) ? undefined : new Response(null, { status: 400 })
    },
    websocket: {
      data: {} as Link,
      idleTimeout: 0,
      sendPings: false,
      maxPayloadLength: MAX_MESSAGE_BYTES,
      message: (socket: Socket, text: string | Buffer) => this.#receive(socket, String(text)),
      close: ({ data }: Socket) => {
        data.isGone = true
        data.ready.resolve(undefined)
        if (!this.#isClosed) data.gone.resolve()
      },
    },
  }

  #receive(socket: Socket, text: string): void {
    const { core } = this.parts
    const link = socket.data
    const message = readMessage(text)
    if (!message || (!link.ask && message.type !== 'ask')) return socket.close(1002)
    if (message.type === 'ask') {
      if (!link.ask) void this.#follow(socket, message)
    } else if (message.type === 'ready') link.ready.resolve(message)
    else if (message.type === 'begun') link.onBegun?.()
    else if (this.#link !== link || !this.parts.entrance.hasMoved) return
    else if (message.type === 'event') deliverRelayed(core, message)
    else if (message.type === 'terminate' || message.type === 'unsubscribe') {
      const order = orderOf(core, message)
      if (order) orderAsTwin(core, order)
    }
  }

  #send(socket: Socket, message: FromOld | Message): void {
    if (socket.data.isGone) return
    if (socket.getBufferedAmount() > MAX_UNREAD_BYTES) return socket.close(1011)
    socket.send(JSON.stringify(message))
  }

  /** Why nobody can have the place now; undefined where somebody can. */
  #refusalOf({ protocol }: Ask): string | undefined {
    if (protocol !== PROTOCOL) return `it speaks protocol ${PROTOCOL}, and the new one ${protocol}`
    if (this.#isLeaving) return 'it is leaving'
    if (this.#link || !this.parts.entrance.isOpen) return 'another takeover is under way'
    return this.parts.core.state.draining ? 'it is leaving' : undefined
  }

  async #follow(socket: Socket, ask: Ask): Promise<void> {
    const { core } = this.parts
    const link = socket.data
    link.ask = ask
    const refused = this.#refusalOf(ask)
    if (refused !== undefined) {
      core.log.warn({ pid: ask.pid, reason: refused }, 'a takeover was refused')
      this.#send(socket, { type: 'refused', reason: refused })
      return socket.close(1000)
    }
    this.#link = link
    core.log.info(
      { pid: ask.pid, from: version, to: ask.version },
      'a new process asks for the place of this one',
    )
    if (!(await this.#waitForSettled(socket))) return this.#giveUpWaiting(socket)
    const handing = Promise.withResolvers<void>()
    this.#settled = handing.promise
    const reason = await this.#tryHandOver(socket).catch(messageOf)
    if (reason !== undefined) {
      this.#send(socket, { type: 'refused', reason })
      socket.close(1000)
      await this.#takeBack(link)
      this.#noteFailure(reason)
    }
    handing.resolve()
  }

  /**
   * Three processes at once would be one too many for the clients of the first: it knows the second alone. False where
   * there is no use in waiting.
   */
  async #waitForSettled(socket: Socket): Promise<boolean> {
    const link = socket.data
    const { core, succession } = this.parts
    if (!succession || succession.isSettled) return true
    core.log.info({}, 'it waits until the clients of the process before have come back')
    this.#send(socket, { type: 'wait', ms: succession.settleMs })
    await Promise.race([succession.settled, link.gone.promise, this.#leaving.promise])
    return !link.isGone && !this.#isLeaving
  }

  #giveUpWaiting(socket: Socket): void {
    this.#send(socket, { type: 'refused', reason: 'it is leaving' })
    socket.close(1000)
    this.#link = undefined
  }

  async #tryHandOver(socket: Socket): Promise<string | undefined> {
    const link = socket.data
    const { clock } = this.parts.core
    const reason = await finishWork(this.parts, link, () => (this.#shutAt = clock.mono()))
    if (link.isGone) return GONE
    return reason ?? (await this.#handOver(socket))
  }

  #noteFailure(reason: string): void {
    const { counters, log, state } = this.parts.core
    counters.takeoversFailed++
    state.takeoverFailure = reason
    log.error({ reason }, 'the takeover has failed; this process goes on')
  }

  async #handOver(socket: Socket): Promise<string | undefined> {
    const link = socket.data
    const { core, estate, drainMs, spots, entrance } = this.parts
    core.state.draining = true // no departure becomes a fact
    estate.release()
    this.#send(socket, { type: 'yours', drainMs, spots })
    for (const message of keptBy(core)) this.#send(socket, message)
    const ready = await Promise.race([link.ready.promise, wait(core, READY_MS)])
    if (link.isGone) return GONE
    if (!ready) return `the new process was not ready within ${READY_MS / 1000} s`
    const begun = new Promise<true>((resolve) => {
      link.onBegun = () => {
        this.#move(socket, ready)
        resolve(true)
      }
    })
    this.#send(socket, { type: 'go' })
    const hasBegun = await Promise.race([begun, link.gone.promise, wait(core, BEGUN_MS)])
    link.onBegun = undefined
    return hasBegun || entrance.hasMoved ? undefined : GONE
  }

  /** Called in the turn in which the other process has begun: it may publish in the same. */
  #move(socket: Socket, { isSteered }: Ready): void {
    const link = socket.data
    const { core, estate, entrance, forwardTo, onMoved } = this.parts
    core.state.hasMoved = true
    if (!core.engine.isShared) core.state.twin = twinOver((message) => this.#send(socket, message))
    estate.divert((entries) => this.#send(socket, { type: 'entries', entries }))
    entrance.move(forwardTo(doorOf(this.parts.path)))
    void link.gone.promise.then(() => (core.state.twin = undefined))
    const { pid } = link.ask!
    const heldMs = Math.round(core.clock.mono() - this.#shutAt)
    core.log.info(
      { pid, connections: core.hub.connectionCount, heldMs },
      'another process serves now; leaving',
    )
    onMoved({
      pid,
      isSteered,
      gone: link.gone.promise,
      sayDrained: (resets) => this.#send(socket, { type: 'drained', resets }),
    })
  }

  /** False where another process has the database; why it cannot be had now, as where no file can be opened. */
  #tryTakeBack(): boolean | { readonly cause: unknown } {
    try {
      return this.parts.estate.takeBack()
    } catch (cause) {
      return { cause }
    }
  }

  /** Waits for the end of the new process, and ends it where it does not give the database back. */
  async #takeBack({ ask }: Link): Promise<void> {
    const { core, entrance } = this.parts
    const { clock, log, state } = core
    const { pid } = ask!
    let isKilled = false
    let patientUntil = clock.mono() + YIELD_MS
    for (let had = this.#tryTakeBack(); had !== true; had = this.#tryTakeBack()) {
      await wait(core, LOOK_MS)
      if (clock.mono() < patientUntil) continue
      patientUntil = clock.mono() + YIELD_MS
      if (had) log.error({ err: had.cause }, 'the database cannot be taken back')
      else if (!isKilled) {
        log.error({ pid }, 'the new process keeps the database, and is killed')
        kill(pid)
        isKilled = true // once: later the number may be another process's
        continue
      }
      // Where a third process has it, nothing can be written here; requests are told so.
      entrance.reopen()
    }
    state.draining = false
    entrance.reopen()
    this.#link = undefined
    if (this.#isClosed) return
    void this.#server?.stop(true)
    this.open() // the new process may have taken its name
  }
}
