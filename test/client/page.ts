/** A page with stock pusher-js and the helper, whose connection can be cut. */
import { createRequire } from 'node:module'
import type Server from 'pusher'
import type PusherType from 'pusher-js'
import { resume, type Recovery } from '../../src/client/resume'
import { Inbox, start, waitFor, type StartOptions, type TestServer } from '../harness'

const rule = { prefix: '', size: 10_000, ttl_seconds: 600, durable: false, rewind: 0 }

/** A server whose app keeps the events of all channels. */
export async function startKeeping(
  size = rule.size,
  options: StartOptions = {},
): Promise<TestServer> {
  const server = await start(options)
  const rules = ['', 'private-', 'presence-', 'cache-'].map((prefix) => ({ ...rule, prefix, size }))
  await server.change({ history: rules })
  return server
}

type Socket = { readonly send: (text: string) => void }
type Runtime = {
  getWebSocketAPI: () => unknown
  createWebSocket: (url: string) => Socket
}
type Stock = Omit<typeof PusherType, 'Runtime'> &
  (new (...given: ConstructorParameters<typeof PusherType>) => PusherType) & {
    readonly Runtime: Runtime
  }

/** A copy of the library that nobody else has, now or later: the helper changes it. */
export function loadPusher(name = 'pusher-js'): Stock {
  const require = createRequire(import.meta.url)
  const file = require.resolve(name)
  const shared = require.cache[file]
  delete require.cache[file]
  const Pusher = require(file) as Stock & { readonly default?: Stock }
  if (shared) require.cache[file] = shared
  else delete require.cache[file] // or it would be everybody's, also by `import`
  return Pusher.default ?? Pusher
}

type Heard = { readonly channel: string; readonly n: number }

export type PageOptions = {
  readonly name?: string
  /** Sockets of the runtime, or these, and not those that the library brings. */
  readonly native?: boolean | typeof WebSocket
  readonly transport?: string
  /** Signs subscriptions, in place of the app's own library. */
  readonly signer?: Server
  /** Answers when it likes, by calling what it is given, as the backend that signs. */
  readonly onAuthorize?: (answer: () => void) => void
}

export class Page {
  readonly pusher: PusherType
  /** Another instance of the same library. */
  readonly openOther: () => PusherType
  readonly events = new Inbox<Heard>()
  readonly recoveries: [channel: string, recovery: Recovery][] = []
  readonly subscribed = new Inbox<string>()
  /** The latest one. */
  socket: WebSocket | undefined

  constructor(
    server: TestServer,
    {
      name = 'pusher-js',
      native = true,
      transport = 'ws',
      signer,
      onAuthorize = (answer) => answer(),
    }: PageOptions = {},
  ) {
    const Pusher = loadPusher(name)
    const runtime = Pusher.Runtime
    if (native) runtime.getWebSocketAPI = () => (native === true ? WebSocket : native)
    const make = runtime.createWebSocket
    runtime.createWebSocket = (url) => {
      const socket = make.call(runtime, url)
      this.socket = socket as unknown as WebSocket
      return socket
    }
    resume(Pusher, {
      onRecovered: (channel, recovery) => this.recoveries.push([channel, recovery]),
    })
    const backend = signer ?? server.sdk()
    const options = {
      cluster: 'test',
      wsHost: '127.0.0.1',
      wsPort: server.socketPort,
      forceTLS: false,
      httpHost: '127.0.0.1',
      httpPort: server.port,
      enabledTransports: [transport],
      disableStats: true,
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }: never, callback: never) =>
          onAuthorize(() =>
            (callback as (error: null, auth: unknown) => void)(
              null,
              backend.authorizeChannel(socketId, channelName, { user_id: '7' }),
            ),
          ),
      },
    } as never
    this.openOther = () => new Pusher(server.app.key, options)
    this.pusher = this.openOther()
    // As stock, but at once: it waits a second.
    const connection = this.pusher.connection as unknown as { retryIn: (ms: number) => void }
    const { retryIn } = connection
    connection.retryIn = () => retryIn.call(connection, 0)
  }

  async subscribe(name: string): Promise<void> {
    const channel = this.pusher.subscribe(name)
    channel.bind('pusher:subscription_succeeded', () => this.subscribed.push(name))
    channel.bind('e', (n: number) => this.events.push({ channel: name, n }))
    await this.subscribed.next(`the subscription to ${name}`)
  }

  /** Ends the connection as a lost network does: without a close frame. */
  cut(): void {
    const socket = this.socket as unknown as {
      terminate?: () => void
      _stream?: { destroy(): void }
    }
    if (socket.terminate) socket.terminate()
    else socket._stream?.destroy()
  }

  /** Cuts, and keeps it cut until `connect`. */
  async leave(): Promise<void> {
    const gone = new Promise<void>((resolve) =>
      this.pusher.connection.bind('disconnected', () => resolve()),
    )
    this.pusher.disconnect()
    await waitFor('the end of the connection', gone)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.pusher.disconnect()
    return Promise.resolve()
  }
}

export const publish = (server: TestServer, channel: string, n: number): Promise<Response> =>
  server.trigger({ channel, name: 'e', data: String(n) })

/** Collects what is thrown in timers without a delay, by which the helper reports errors of a page. */
export function catchLater() {
  const errors: string[] = []
  const { setTimeout: stock } = globalThis
  const replaced = (call: () => void, ms?: number, ...rest: unknown[]) => {
    if (ms !== undefined) return stock(call, ms, ...rest)
    try {
      call()
    } catch (error) {
      errors.push((error as Error).message)
    }
    return undefined
  }
  Object.assign(globalThis, { setTimeout: replaced })
  return { errors, [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout: stock }) }
}
