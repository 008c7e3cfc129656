/**
 * Pages of the trial of cuts: stock pusher-js and phoenix.js with `carillon/resume`.
 */
import { createRequire } from 'node:module'
import type PusherType from 'pusher-js'
import { resume, resumePhoenix } from '../../src/client/resume'
import { Hearing, type CutEvent } from './cut-hearing'
import type { Peer } from './sides'
import { makeAuthorizer } from './signing'

type Socket = WebSocket & { terminate(): void }
type Stock = Omit<typeof PusherType, 'Runtime'> &
  (new (...given: ConstructorParameters<typeof PusherType>) => PusherType) & {
    readonly Runtime: {
      getWebSocketAPI: () => unknown
      createWebSocket: (url: string) => Socket
    }
  }

/** A copy of the library of its own: the helper changes it. */
export function loadPusher(): Stock {
  const require = createRequire(import.meta.url)
  const file = require.resolve('pusher-js')
  delete require.cache[file]
  const Pusher = require(file) as Stock & { readonly default?: Stock }
  return Pusher.default ?? Pusher
}

/** A page whose connection can be cut. */
export interface CutPage {
  readonly hearing: Hearing
  readonly isConnected: boolean
  /** Over when it is subscribed. */
  subscribe(channel: string): Promise<void>
  /** Ends the connection as a lost network does. */
  cut(): void
  /** Stays away until `comeBack`. */
  leave(): void
  comeBack(): void
}

export class PusherPage implements CutPage {
  readonly hearing: Hearing
  readonly #pusher: PusherType
  #socket: Socket | undefined

  constructor(peer: Peer, publishers: number) {
    const hearing = (this.hearing = new Hearing('pusher-js', publishers))
    const Pusher = loadPusher()
    const runtime = Pusher.Runtime
    runtime.getWebSocketAPI = () => WebSocket
    const make = runtime.createWebSocket
    runtime.createWebSocket = (url) => (this.#socket = make.call(runtime, url))
    resume(Pusher, { onRecovered: (channel, recovery) => hearing.note(channel, recovery) })
    const authorize = makeAuthorizer(peer.app)
    const sign = (socketId: string, channel: string): object => {
      if (!channel.startsWith('presence-')) return { auth: authorize(socketId, channel) }
      const channelData = JSON.stringify({ user_id: '7' })
      return { auth: authorize(socketId, channel, channelData), channel_data: channelData }
    }
    this.#pusher = new Pusher(peer.app.key, {
      cluster: 'bench',
      wsHost: peer.host,
      wsPort: peer.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      disableStats: true,
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, sign(socketId, channelName) as never),
      },
    })
    // As stock, but at once: it waits a second.
    const connection = this.#pusher.connection as unknown as { retryIn: (ms: number) => void }
    const { retryIn } = connection
    connection.retryIn = () => retryIn.call(connection, 0)
  }

  async subscribe(name: string): Promise<void> {
    this.hearing.begin(name)
    const channel = this.#pusher.subscribe(name)
    channel.bind('cut', (event: CutEvent) => this.hearing.hear(name, event))
    await new Promise<void>((resolve, reject) => {
      channel.bind('pusher:subscription_succeeded', () => resolve())
      channel.bind('pusher:subscription_error', (error: object) =>
        reject(new Error(JSON.stringify(error))),
      )
    })
  }

  get isConnected(): boolean {
    return this.#pusher.connection.state === 'connected' && this.#socket?.readyState === 1
  }

  cut(): void {
    this.#socket?.terminate()
  }

  leave(): void {
    this.#pusher.disconnect()
  }

  comeBack(): void {
    this.#pusher.connect()
  }
}

type PhoenixChannel = {
  join(): {
    receive(status: string, call: (answer: unknown) => void): ReturnType<PhoenixChannel['join']>
  }
  on(event: string, call: (payload: CutEvent) => void): void
}
type PhoenixSocket = {
  readonly conn: Socket | null
  connect(): void
  disconnect(): void
  isConnected(): boolean
  channel(topic: string): PhoenixChannel
}
type Phoenix = { readonly Socket: new (url: string, options: object) => PhoenixSocket }

export class PhoenixPage implements CutPage {
  readonly hearing: Hearing
  readonly #socket: PhoenixSocket

  constructor({ host, port, app }: Peer, publishers: number) {
    const hearing = (this.hearing = new Hearing('phoenix.js', publishers))
    const { Socket } = createRequire(import.meta.url)('phoenix') as Phoenix
    this.#socket = new Socket(`ws://${host}:${port}/socket`, {
      transport: WebSocket,
      params: { app_key: app.key },
      reconnectAfterMs: () => 1,
      rejoinAfterMs: () => 1,
    })
    resumePhoenix(this.#socket, {
      onRecovered: (topic, recovery) => hearing.note(topic, recovery),
    })
    this.#socket.connect()
  }

  async subscribe(topic: string): Promise<void> {
    this.hearing.begin(topic)
    const channel = this.#socket.channel(topic)
    channel.on('cut', (event) => this.hearing.hear(topic, event))
    await new Promise<void>((resolve, reject) => {
      channel
        .join()
        .receive('ok', () => resolve())
        .receive('error', (answer) => reject(new Error(JSON.stringify(answer))))
    })
  }

  get isConnected(): boolean {
    return this.#socket.isConnected()
  }

  cut(): void {
    this.#socket.conn?.terminate()
  }

  leave(): void {
    this.#socket.disconnect()
  }

  comeBack(): void {
    this.#socket.connect()
  }
}
