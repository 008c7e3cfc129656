/**
 * Clients of the Phoenix socket: raw frames as arrays, whatever the version, and phoenix.js in four
 * generations.
 */
import { spyOn } from 'bun:test'
import { createRequire } from 'node:module'
import type { Connection } from '../src/core/connection'
import { Inbox, RawClient, waitFor, type TestServer } from './harness'

/** The query of a client of the published development app. */
export const KEY = 'app_key=test-app-fake-key'

/** Two apps with the keys `k7` and `k8`: a client has to name its app. */
export const TWO_APPS = [7, 8].map((id) => ({
  id: `${id}`,
  name: `App ${id}`,
  key: `k${id}`,
  secret: 's',
}))

export type Wire = readonly [
  join: unknown,
  ref: unknown,
  topic: string,
  event: string,
  payload: unknown,
]

type V1Frame = { topic: string; event: string; payload: unknown; ref: unknown }

const V1_KEYS = 'topic,event,payload,ref'

/** Speaks either version; frames of V1 are read as `[undefined, ref, topic, event, payload]`. */
export class PhoenixRaw {
  readonly #bytes = new Inbox<Uint8Array>()

  constructor(
    readonly client: RawClient,
    readonly version: 1 | 2,
  ) {
    client.socket.addEventListener('message', ({ data }) => {
      if (typeof data !== 'string') this.#bytes.push(new Uint8Array(data as ArrayBuffer))
    })
  }

  /** The next frame, which is binary. */
  async nextBytes(): Promise<Uint8Array> {
    const frame = await this.client.next('a binary frame')
    if (!frame.startsWith('binary')) throw new Error(`expected bytes, got ${frame}`)
    return this.#bytes.next()
  }

  send(...[join_ref, ref, topic, event, payload]: Wire): void {
    const object = { topic, event, payload, ref }
    this.client.send(
      this.version === 2
        ? JSON.stringify([join_ref, ref, topic, event, payload])
        : JSON.stringify(join_ref === null ? object : { ...object, join_ref }),
    )
  }

  async next(what?: string): Promise<Wire> {
    const frame: unknown = JSON.parse(await this.client.next(what))
    if (this.version === 2) return frame as Wire
    const object = frame as V1Frame
    if (Object.keys(object).join() !== V1_KEYS) throw new Error(`not V1: ${JSON.stringify(frame)}`)
    return [undefined, object.ref, object.topic, object.event, object.payload]
  }

  async take(count: number): Promise<Wire[]> {
    const frames: Wire[] = []
    while (frames.length < count) frames.push(await this.next())
    return frames
  }

  /** Sends a message and reads one frame. */
  request(...wire: Wire): Promise<Wire> {
    this.send(...wire)
    return this.next()
  }

  /** Joins. @throws Error with the answer where it is refused */
  async join(topic: string, payload: object = {}, ref = '1'): Promise<unknown> {
    const [, , , , answer] = await this.request(ref, ref, topic, 'phx_join', payload)
    const { status, response } = answer as { status: string; response: unknown }
    if (status !== 'ok') throw new Error(`join of ${topic}: ${JSON.stringify(answer)}`)
    return response
  }

  /** Proves that nothing else was on its way. */
  async expectNothing(): Promise<void> {
    const frame = await this.request(null, 'h', 'phoenix', 'heartbeat', {})
    if (frame[1] !== 'h') throw new Error(`expected nothing, got ${JSON.stringify(frame)}`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client[Symbol.asyncDispose]()
  }
}

export type PhoenixOptions = {
  readonly mount?: string
  readonly version?: 1 | 2
  /** Without the question mark. */
  readonly query?: string
  readonly headers?: Record<string, string>
  readonly protocols?: string[]
}

/** An open socket on `/socket`, or another mount. */
export async function connectPhoenix(
  server: TestServer,
  { mount = '/socket', version = 2, query = '', ...options }: PhoenixOptions = {},
): Promise<PhoenixRaw> {
  const path = `${mount}/websocket?${query}${query && '&'}vsn=${version}.0.0`
  const client = await server.raw({ ...options, path, hello: false })
  await waitFor('the socket to open', client.opened)
  return new PhoenixRaw(client, version)
}

/** Discards whatever the server sends on the connection from now on. */
export function muteSink({ sink }: Connection): void {
  spyOn(sink, 'send').mockImplementation(() => 1)
}

export const makeReply = (
  [join, ref, topic]: readonly [unknown, unknown, string],
  status: string,
  response: unknown = {},
): Wire => [join, ref, topic, 'phx_reply', { status, response }]

// ---------------------------------------------------------------- phoenix.js

type Push = { receive(status: string, callback: (response: unknown) => void): Push }
export type JsChannel = {
  join(): Push
  leave(): Push
  push(event: string, payload: object): Push
  onClose(callback: (payload: unknown) => void): void
  on(event: string, callback: (payload: unknown) => void): void
}
export type JsSocket = {
  /** Of the next connection. */
  heartbeatIntervalMs: number
  connect(): void
  disconnect(callback?: () => void): void
  channel(topic: string, params?: object | (() => object)): JsChannel
  onOpen(callback: () => void): void
  onClose(callback: (event: { code: number } | undefined) => void): void
  onError(callback: () => void): void
}
type Phoenix = {
  readonly Socket: new (url: string, options: object) => JsSocket
  readonly LongPoll?: unknown
}

const require = createRequire(import.meta.url)

/** phoenix.js by generation; 1.2 speaks V1. */
export const PHOENIX_JS = {
  '1.2.1': () => require('phoenix-1.2') as Phoenix,
  '1.5.14': () => require('phoenix-1.5') as Phoenix,
  '1.7.21': () => require('phoenix-1.7') as Phoenix,
  '1.8.16': () => require('phoenix') as Phoenix,
}
export type Generation = keyof typeof PHOENIX_JS
export const GENERATIONS = Object.keys(PHOENIX_JS) as Generation[]

/** Waits for the answer to a push or a join: `[status, response]`. */
export function waitForAnswer(push: Push, what: string): Promise<[string, unknown]> {
  const statuses = ['ok', 'error', 'timeout']
  return waitFor(
    what,
    new Promise((resolve) => {
      for (const status of statuses) push.receive(status, (response) => resolve([status, response]))
    }),
  )
}

/** phoenix.js as an application has it; what it is sent is in the inbox. */
export class PhoenixJs {
  readonly socket: JsSocket
  readonly events = new Inbox<[event: string, payload: unknown]>()
  readonly closes = new Inbox<number>()

  constructor(
    server: TestServer,
    generation: Generation,
    {
      url = `ws://127.0.0.1:${server.socketPort}`,
      mount = '/socket',
      ...options
    }: { url?: string; mount?: string; [option: string]: unknown } = {},
  ) {
    const { Socket } = PHOENIX_JS[generation]()
    this.socket = new Socket(`${url}${mount}`, {
      transport: WebSocket,
      ...options,
    })
    // Long-poll of 1.7 and before says nothing of why.
    this.socket.onClose((event) => this.closes.push(event?.code ?? 0))
    this.socket.connect()
  }

  /** Joins, and hears the events. */
  async join(topic: string, events: readonly string[], params: object = {}): Promise<JsChannel> {
    const channel = this.socket.channel(topic, params)
    for (const event of events) channel.on(event, (payload) => this.events.push([event, payload]))
    const [status, response] = await waitForAnswer(channel.join(), `the join of ${topic}`)
    if (status !== 'ok') throw new Error(`join of ${topic}: ${JSON.stringify(response)}`)
    return channel
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.disconnect()
  }
}
