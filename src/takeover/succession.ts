/**
 * Succession: taking the place of the process that serves (`Door` has the protocol). This is the side of the new one.
 */
import { lstatSync, realpathSync } from 'node:fs'
import { version } from '../../package.json'
import type { Config } from '../config/config'
import type { Core } from '../core/core'
import { orderAsTwin } from '../core/node'
import type { StandbyOptions } from '../standby'
import type { Clock } from '../core/types'
import { StoreError } from '../store/errors'
import { isFile, lockDatabase, TIE_MS } from '../store/files'
import type { Entry } from '../store/outbox'
import type { Spot } from '../entrance'
import { doorOf } from './door'
import {
  adoptKept,
  deliverRelayed,
  orderOf,
  PROTOCOL,
  readMessage,
  twinOver,
  type FromNew,
  type FromOld,
  type Message,
} from './messages'

/** How long the old process may take to let requests and webhooks end, and a little more. */
const ANSWER_MS = 20_000
/** How long it may take to hear that this one listens. */
const GO_MS = 3000
/** How long clients of the old process may take to come back once it has closed their sockets. */
const RETURN_MS = 3000
/** How long the old process may take to open its door. */
const OPEN_MS = 10_000
/** How much longer than it says the old process may take to close its sockets. */
const DRAIN_GRACE_MS = 10_000

/** What takes part once both processes have sockets. */
export type Heir = {
  readonly core: Core
  readonly receive: (entries: readonly Entry[]) => void
}

type Yours = Extract<FromOld, { type: 'yours' }>

/** @throws StoreError where there can be no takeover with these settings */
export function checkTakeover({ databasePath, port, host }: Config): void {
  if (!isFile(databasePath))
    throw new StoreError('takeover: the database is in memory, which no other process can have')
  if (port === 0 && !host.startsWith('unix:'))
    throw new StoreError('takeover: PORT=0 is another port each time; set the one of the server')
}

/**
 * Asks the process that has the database. Undefined where there is none, or an old version that has no door.
 * @throws StoreError where it refuses
 */
export async function askForPlace({
  config: { databasePath },
  clock,
  givenUp,
}: StandbyOptions): Promise<Succession | undefined> {
  const path = lstatSync(databasePath, { throwIfNoEntry: false }) && realpathSync(databasePath)
  const door = path === undefined ? undefined : lstatSync(doorOf(path), { throwIfNoEntry: false })
  if (path === undefined || !door?.isSocket()) return undefined
  const own = process.getuid?.() ?? 0
  if (door.uid !== own)
    throw new StoreError(
      `takeover: the server of ${databasePath} runs as another user (${door.uid}, this one is ${own})`,
    )
  const { link, opened } = Link.open(doorOf(path))
  givenUp?.addEventListener('abort', () => link.close(), { once: true })
  const stopWaiting = clock.after(OPEN_MS, () => link.close())
  const isOpen = await opened.finally(stopWaiting)
  if (!isOpen && link.isClosed)
    throw new StoreError(`takeover: the server of ${databasePath} does not answer`)
  if (!isOpen) return undefined
  const succession = new Succession(link, databasePath, clock)
  return (await succession.ask()) ? succession : undefined
}

export class Succession {
  #drainMs = 0
  /** Where the old process listens. */
  spots: readonly Spot[] = []
  #release: (() => void) | undefined
  #hasBegun = false
  /** What came while there was no core. */
  readonly #early: Message[] = []
  readonly #settled = Promise.withResolvers<void>()
  /** Resolves when the clients of the old process had the time to come back. */
  readonly settled = this.#settled.promise
  isSettled = false
  /** How long that may take. */
  get settleMs(): number {
    return this.#drainMs + DRAIN_GRACE_MS + RETURN_MS
  }

  constructor(
    readonly link: Link,
    readonly databasePath: string,
    readonly clock: Clock,
  ) {}

  /** Resolves with true when the database is this process's; false where the old one has died. @throws StoreError */
  async ask(): Promise<boolean> {
    const { link } = this
    link.send({ type: 'ask', protocol: PROTOCOL, version, pid: process.pid })
    const isAnswer = ({ type }: Message): boolean => ['yours', 'refused', 'wait'].includes(type)
    let answer = await this.#limit(ANSWER_MS, link.next(isAnswer))
    if (answer?.type === 'wait')
      answer = await this.#limit(answer.ms + ANSWER_MS, link.next(isAnswer))
    if (!answer && !link.isClosed) return false
    if (answer?.type !== 'yours') {
      link.close()
      const reason = answer?.type === 'refused' ? answer.reason : NO_ANSWER
      throw refused(reason)
    }
    const { drainMs, spots } = answer as Yours
    this.#drainMs = drainMs
    this.spots = spots
    this.#release = lockDatabase(this.databasePath, TIE_MS)
    if (this.#release) {
      link.listen((message) => message && this.#early.push(message))
      return true
    }
    link.close()
    throw new StoreError(`takeover: database ${this.databasePath}: a third process uses it`)
  }

  /** Gives up where it takes longer: a process that hangs has its place for as long as it does. */
  async #limit<T>(ms: number, answer: Promise<T>): Promise<T> {
    const cancel = this.clock.after(ms, () => this.link.close())
    try {
      return await answer
    } finally {
      cancel()
    }
  }

  /** Unlocks the database. */
  release(): void {
    this.#release?.()
    this.#release = undefined
    if (!this.#hasBegun) this.link.close()
  }

  /** Says that this process can serve; resolves when it is to. @throws StoreError where the old one goes on */
  async begin(isSteered: boolean, { core, receive }: Heir): Promise<void> {
    const { link } = this
    if (!core.engine.isShared) core.state.twin = twinOver((message) => link.send(message))
    const begun = Promise.withResolvers<void>()
    link.listen((message) => {
      if (message?.type === 'refused') begun.reject(refused(message.reason))
      else if (!message && link.isClosed) begun.reject(refused(NO_ANSWER))
      else if (!message)
        begun.resolve() // the old process was killed: nobody else has the database
      else if (message.type === 'go') {
        link.send({ type: 'begun' })
        begun.resolve()
      } else this.#receive(message, core, receive)
    })
    for (const message of this.#early.splice(0)) this.#receive(message, core, receive)
    link.send({ type: 'ready', isSteered })
    await this.#limit(GO_MS, begun.promise)
    this.#hasBegun = true
    core.counters.takeovers++
    core.log.info({ drainMs: this.#drainMs }, 'has taken the place of the server that ran')
  }

  /** Resolves when `settled` does. */
  async settle(core: Core): Promise<void> {
    const { clock, state } = core
    const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve))
    await Promise.race([this.link.ended, wait(this.#drainMs + DRAIN_GRACE_MS)])
    state.twin = undefined
    this.link.close()
    await wait(RETURN_MS)
    this.isSettled = true
    this.#settled.resolve()
  }

  #receive(message: Message, core: Core, receive: Heir['receive']): void {
    switch (message.type) {
      case 'event':
        return deliverRelayed(core, message)
      case 'terminate':
      case 'unsubscribe': {
        const order = orderOf(core, message)
        return order && orderAsTwin(core, order)
      }
      case 'kept':
        return adoptKept(core, message.kept)
      case 'entries':
        return receive(message.entries)
      case 'drained':
        core.counters.takeoverResets += message.resets
        core.log.info({ resets: message.resets }, 'the process before has closed its sockets')
        return
      default:
    }
  }
}

const refused = (reason: string): StoreError =>
  new StoreError(`takeover: the server that runs goes on: ${reason}`)

const NO_ANSWER = 'it does not answer, or has ended'

/** The WebSocket to the old process. */
class Link {
  #listener: ((message: Message | undefined) => void) | undefined
  readonly #ended = Promise.withResolvers<void>()
  #isOver = false
  /** One of the two has closed it, and the old one lives. */
  isClosed = false

  constructor(readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      const message = readMessage(String(data))
      if (message) this.#listener?.(message)
    })
    socket.addEventListener('close', ({ code }) => {
      this.#isOver = true
      this.isClosed ||= code === 1000
      this.#ended.resolve()
      this.#listener?.(undefined)
    })
  }

  /** `opened` resolves with false where nobody listens. */
  static open(path: string): { readonly link: Link; readonly opened: Promise<boolean> } {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const socket = new WebSocket(`ws+unix://${path}:/`)
    socket.addEventListener('open', () => resolve(true))
    socket.addEventListener('error', () => resolve(false))
    socket.addEventListener('close', () => resolve(false))
    return { link: new Link(socket), opened: promise }
  }

  get ended(): Promise<void> {
    return this.#ended.promise
  }

  listen(listener: (message: Message | undefined) => void): void {
    this.#listener = listener
    if (this.#isOver) listener(undefined)
  }

  /** The next message of a kind; undefined where the other process closes. */
  next(isWanted: (message: Message) => boolean): Promise<Message | undefined> {
    const { promise, resolve } = Promise.withResolvers<Message | undefined>()
    this.listen((message) => {
      if (!message || isWanted(message)) resolve(message)
    })
    return promise
  }

  send(message: FromNew | Message): void {
    if (!this.#isOver) this.socket.send(JSON.stringify(message))
  }

  close(): void {
    this.isClosed = true
    this.#isOver = true
    this.socket.close()
    this.#listener?.(undefined)
  }
}
