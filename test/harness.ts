/**
 * The harness: a whole server on a free port with an in-memory database and a clock that moves only
 * when told to, and clients for it. Everything is `await using`; waiting is always for a message.
 */
import { createHmac } from 'node:crypto'
import Server from 'pusher'
import Pusher, { type Channel, type Options } from 'pusher-js'
import { readConfig, type Config } from '../src/config'
import type { Limits } from '../src/core/limits'
import type { Cancel, Clock, Fact, Log } from '../src/core/types'
import { definePlugin, type AnyPlugin, type Hooks } from '../src/plugin'
import { createServer, type CarillonServer } from '../src/server'

/** How long a test waits for something that must come. */
const PATIENCE_MS = 3000

export type StartOptions = {
  readonly config?: Partial<Omit<Config, 'limits'>>
  readonly limits?: Partial<Limits>
  readonly plugins?: readonly AnyPlugin[]
  /** Where the clock begins, in epoch milliseconds; the real time if absent. */
  readonly now?: number
}

export async function start(options: StartOptions = {}): Promise<TestServer> {
  const defaults = readConfig({
    PORT: '0',
    DATABASE_PATH: ':memory:',
    CARILLON_LOG_LEVEL: 'silent',
  })
  const config = {
    ...defaults,
    ...options.config,
    limits: { ...defaults.limits, ...options.limits },
  }
  const { plugins = [], now = Date.now() } = options
  const clock = new ManualClock(now)
  const log = new MemoryLog()
  const server = await createServer({ config, clock, log, plugins })
  return new TestServer(server, { config, clock, log })
}

/** A plugin that is nothing but hooks. */
export const pluginOf = (name: string, hooks: Hooks): AnyPlugin =>
  definePlugin({ name, carillon: 1, setup: () => hooks })

export class TestServer {
  readonly config: Config
  readonly clock: ManualClock
  readonly log: MemoryLog
  readonly facts: Fact[] = []

  constructor(
    readonly server: CarillonServer,
    { config, clock, log }: { config: Config; clock: ManualClock; log: MemoryLog },
  ) {
    this.config = config
    this.clock = clock
    this.log = log
    this.core.facts.listen((fact) => this.facts.push(fact))
  }

  get core() {
    return this.server.core
  }

  get port(): number {
    return this.server.port
  }

  get app() {
    return this.server.credentials.app
  }

  /** The facts so far, as `type channel`. */
  factNames(): string[] {
    return this.facts.map((fact) =>
      'channel' in fact ? `${fact.type} ${fact.channel}` : fact.type,
    )
  }

  /** Moves the injected clock; runs what is due, in order. */
  advance(ms: number): void {
    this.clock.advance(ms)
  }

  /** Leaves as on a signal, the clock moved until the server has stopped. */
  async leave(): Promise<void> {
    let stopped = false
    const leaving = this.server.leave().then(() => (stopped = true))
    while (!stopped) {
      this.advance(1000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await leaving
  }

  /** The stock server library. */
  sdk(options: Partial<Server.Options> = {}): Server {
    return new Server({
      appId: this.app.id,
      key: this.app.key,
      secret: this.app.secret,
      host: '127.0.0.1',
      port: String(this.port),
      useTLS: false,
      ...options,
    } as Server.Options)
  }

  /** `auth` of a subscription, signed by hand. */
  sign(client: { socketId: string }, channel: string, channelData?: string): string {
    const text = [client.socketId, channel, channelData].filter(Boolean).join(':')
    return `${this.app.key}:${createHmac('sha256', this.app.secret).update(text).digest('hex')}`
  }

  /** Subscribes a raw client to a channel that needs a signature; returns the success frame. */
  signedIn(
    client: RawClient,
    channel: string,
    user?: { user_id: unknown; user_info?: unknown },
  ): Promise<string> {
    const channelData = user && JSON.stringify(user)
    return client.subscribed(channel, this.sign(client, channel, channelData), channelData)
  }

  http(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}${path}`, init)
  }

  /** A raw connection; its hello has been read unless `path` names something else. */
  async raw(options: RawOptions = {}): Promise<RawClient> {
    const path = options.path ?? `/app/${this.app.key}?protocol=7&client=test&version=1`
    const client = new RawClient(`ws://127.0.0.1:${this.port}${path}`, options)
    if (options.hello !== false) await client.hello()
    return client
  }

  /** The stock browser library. Private and presence channels are signed by the stock server library. */
  pusher(options: PusherClientOptions = {}): PusherClient {
    return new PusherClient(this, options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop()
  }
}

/** Time stands still until it is told to move. It begins at the real time, so that SDKs' timestamps fit. */
export class ManualClock implements Clock {
  #now: number
  #timers: { due: number; run: () => void; every: number | undefined }[] = []

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ due: this.#now + delayMs, run, every: undefined })
  }

  every(intervalMs: number, run: () => void): Cancel {
    return this.#add({ due: this.#now + intervalMs, run, every: intervalMs })
  }

  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const next = this.#timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0]
      if (!next) break
      this.#now = next.due
      if (next.every === undefined) this.#timers.splice(this.#timers.indexOf(next), 1)
      else next.due += next.every
      next.run()
    }
    this.#now = end
  }

  #add(timer: { due: number; run: () => void; every: number | undefined }): Cancel {
    this.#timers.push(timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index !== -1) this.#timers.splice(index, 1)
    }
  }
}

export class MemoryLog implements Log {
  readonly lines: { level: string; message: string; fields: object }[] = []
  debug = (fields: object, message: string) => this.#add('debug', fields, message)
  info = (fields: object, message: string) => this.#add('info', fields, message)
  warn = (fields: object, message: string) => this.#add('warn', fields, message)
  error = (fields: object, message: string) => this.#add('error', fields, message)

  #add(level: string, fields: object, message: string): void {
    this.lines.push({ level, message, fields })
  }
}

/** What arrived and who waits for it; a wait fails with what it waited for. */
export class Inbox<T> {
  readonly #items: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  push(item: T): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter(item)
    else this.#items.push(item)
  }

  next(what = 'a message'): Promise<T> {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift()!)
    return within(what, new Promise<T>((resolve) => this.#waiting.push(resolve)))
  }

  async take(count: number, what?: string): Promise<T[]> {
    const taken: T[] = []
    while (taken.length < count) taken.push(await this.next(what))
    return taken
  }

  /** What has arrived and nobody has read. */
  get unread(): readonly T[] {
    return this.#items
  }
}

/** Fails with a name instead of hanging. */
export async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`waited ${PATIENCE_MS} ms for ${what}`)),
    PATIENCE_MS,
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export type RawOptions = {
  readonly path?: string
  readonly hello?: boolean
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
}

export type Closing = { readonly code: number; readonly reason: string }

/** A client as small as a device's: sends text, reads frames, answers native pings only. */
export class RawClient {
  readonly frames = new Inbox<string>()
  readonly closed: Promise<Closing>
  readonly opened: Promise<void>
  readonly socket: WebSocket
  socketId = ''

  constructor(url: string, { headers = {}, protocols = [] }: RawOptions = {}) {
    this.socket = new WebSocket(url, { headers, protocols } as unknown as string[])
    this.socket.binaryType = 'arraybuffer'
    this.socket.onmessage = ({ data }) =>
      this.frames.push(
        typeof data === 'string'
          ? data
          : `binary frame of ${(data as ArrayBuffer).byteLength} bytes`,
      )
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = () => resolve()
      this.socket.onerror = () => reject(new Error(`no connection to ${url}`))
    })
    this.opened.catch(() => undefined) // told to whoever awaits it
    this.closed = new Promise((resolve) => {
      this.socket.onclose = ({ code, reason }) => resolve({ code, reason })
    })
  }

  async hello(): Promise<void> {
    const frame = await this.nextJson()
    if (frame.event !== 'pusher:connection_established')
      throw new Error(`expected a hello, got ${JSON.stringify(frame)}`)
    this.socketId = (JSON.parse(frame.data as string) as { socket_id: string }).socket_id
  }

  send(message: object | string | Uint8Array): void {
    if (typeof message === 'string' || message instanceof Uint8Array)
      this.socket.send(message as string)
    else this.socket.send(JSON.stringify(message))
  }

  next(what?: string): Promise<string> {
    return this.frames.next(what)
  }

  async nextJson(
    what?: string,
  ): Promise<{ event: string; channel?: string; data: unknown; user_id?: string }> {
    return JSON.parse(await this.next(what))
  }

  subscribe(channel: string, auth?: string, channelData?: string): void {
    this.send({ event: 'pusher:subscribe', data: { channel, auth, channel_data: channelData } })
  }

  /** Subscribes and reads the success. */
  async subscribed(channel: string, auth?: string, channelData?: string): Promise<string> {
    this.subscribe(channel, auth, channelData)
    const frame = await this.next(`the subscription to ${channel}`)
    if (!frame.startsWith('{"event":"pusher_internal:subscription_succeeded"'))
      throw new Error(`not subscribed to ${channel}: ${frame}`)
    return frame
  }

  /** Proves that nothing else was on its way: the next frame is the answer to this ping. */
  async expectNothing(): Promise<void> {
    this.send({ event: 'pusher:ping', data: {} })
    const frame = await this.next('a pong')
    if (frame !== PONG) throw new Error(`expected nothing, got ${frame}`)
  }

  closing(): Promise<Closing> {
    return within('the close', this.closed)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.close()
    await this.closed
  }
}

export const PONG = '{"event":"pusher:pong","data":{}}'

export type PusherClientOptions = {
  readonly options?: Partial<Options>
  /** Who the client is on presence channels. */
  readonly user?: { user_id: string; user_info?: object }
  /** Signs with another library than the app's own. */
  readonly signer?: Server
  readonly key?: string
}

/** pusher-js, with what it emits in an inbox. */
export class PusherClient {
  readonly pusher: Pusher
  readonly events = new Inbox<{ channel: string; event: string; data: unknown }>()
  readonly states = new Inbox<string>()
  readonly errors = new Inbox<{ type?: string; data?: { code: number | null; message: string } }>()

  constructor(
    server: TestServer,
    { options = {}, user, signer = server.sdk(), key = server.app.key }: PusherClientOptions,
  ) {
    this.pusher = new Pusher(key, {
      cluster: 'test',
      wsHost: '127.0.0.1',
      wsPort: server.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, signer.authorizeChannel(socketId, channelName, user) as never),
      },
      ...options,
    })
    this.pusher.connection.bind('state_change', ({ current }: { current: string }) =>
      this.states.push(current),
    )
    this.pusher.connection.bind('error', (error: never) => this.errors.push(error))
  }

  get socketId(): string {
    return this.pusher.connection.socket_id
  }

  /** Resolves once subscribed, with the channel; its events go to the inbox from then on. */
  async subscribe(name: string): Promise<Channel> {
    const channel = this.pusher.subscribe(name)
    await within(
      `pusher-js to subscribe to ${name}`,
      new Promise<void>((resolve, reject) => {
        channel.bind('pusher:subscription_succeeded', () => resolve())
        channel.bind('pusher:subscription_error', (error: object) =>
          reject(new Error(JSON.stringify(error))),
        )
      }),
    )
    channel.bind_global((event: string, data: unknown) =>
      this.events.push({ channel: name, event, data }),
    )
    return channel
  }

  async state(wanted: string): Promise<void> {
    if (this.pusher.connection.state === wanted) return
    while ((await this.states.next(`state ${wanted}`)) !== wanted);
  }

  nextEvent(): Promise<{ channel: string; event: string; data: unknown }> {
    return this.events.next('an event')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pusher.disconnect()
  }
}
