/** A page of a run: stock pusher-js with the resume helper, whose way leads to one node and then to another. */
import type PusherType from 'pusher-js'
import { resume, type Recovery } from '../../src/client/resume'
import { loadPusher } from '../client/page'
import { startProxy, type Proxy } from '../redis/proxy'
import { APP, signSubscription, type NodeProcess } from '../redis/nodes'
import type { Sub } from './journal'
import type { Recorder } from './recorder'

type Listener = (channel: string, recovery: Recovery) => void
/** Of all pages: the helper is given to the library once. */
const listeners = new Set<Listener>()

const Pusher = loadPusher()
Pusher.Runtime.getWebSocketAPI = () => WebSocket
resume(Pusher, {
  onRecovered: (channel, recovery) => listeners.forEach((listen) => listen(channel, recovery)),
})

/**
 * Tries again after so long. The library waits for up to 15 s after a connection that is lost, and for 15, 30 and then 60
 * between attempts that come to nothing, since the node of its way is not there: here it gives them up when it says that
 * the server is unavailable, which is after ten.
 */
const RETRY_MS = 300

/** Channels have one page each, so that what the helper says of a channel is said to one. */
export class ChaosPage {
  readonly #pusher: PusherType
  #sub: Sub | undefined
  #conn = 0
  /** It was told what it has missed. */
  #isTold = false
  readonly #listen: Listener

  private constructor(
    readonly recorder: Recorder,
    readonly channel: string,
    public node: NodeProcess,
    readonly proxy: Proxy,
  ) {
    this.#listen = (name, { recovered }) => {
      if (name !== channel || this.#sub === undefined) return
      this.#isTold = true
      recorder.write({ type: 'resumed', sub: this.#sub, conn: this.#conn, recovered })
    }
    listeners.add(this.#listen)
    this.#pusher = this.#connect()
    this.#subscribe()
  }

  static async open(recorder: Recorder, channel: string, node: NodeProcess): Promise<ChaosPage> {
    return new ChaosPage(recorder, channel, node, await startProxy(node.port))
  }

  #connect(): PusherType {
    const { recorder } = this
    const pusher = new Pusher(APP.key, {
      cluster: 'test',
      wsHost: '127.0.0.1',
      wsPort: this.proxy.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      disableStats: true,
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, signSubscription(this.node.sdk, { socketId }, channelName) as never),
      },
    })
    const connection = pusher.connection as unknown as { retryIn: (ms: number) => void }
    const { retryIn } = connection
    connection.retryIn = () => retryIn.call(connection, RETRY_MS)
    pusher.connection.bind('connected', () => {
      this.#conn = recorder.next()
      recorder.write({ type: 'connected', conn: this.#conn, node: this.node.name })
    })
    pusher.connection.bind('state_change', ({ previous }: { previous: string }) => {
      if (previous === 'connected') recorder.write({ type: 'disconnected', conn: this.#conn })
    })
    pusher.connection.bind('unavailable', () => connection.retryIn(RETRY_MS))
    return pusher
  }

  #subscribe(): void {
    const { recorder, channel } = this
    const place = this.#pusher.subscribe(channel)
    place.bind('pusher:subscription_succeeded', () => {
      if (this.#sub !== undefined) {
        if (!this.#isTold) recorder.write({ type: 'forgotten', sub: this.#sub, conn: this.#conn })
        this.#isTold = false
        return
      }
      this.#sub = recorder.next()
      const { conn, sub } = { conn: this.#conn, sub: this.#sub }
      recorder.write({ type: 'subscribed', sub, conn, channel, isKept: true })
    })
    // Redis may be away: the library does not try again by itself.
    place.bind('pusher:subscription_error', () => {
      setTimeout(() => this.#pusher.connection.state === 'connected' && this.retry(), RETRY_MS)
    })
    place.bind('e', ({ n }: { n: string }) => {
      if (this.#sub !== undefined) recorder.write({ type: 'heard', sub: this.#sub, event: n })
    })
  }

  retry(): void {
    const channel = this.#pusher.channel(this.channel) as unknown as {
      subscriptionPending: boolean
      subscribe(): void
    }
    channel.subscriptionPending = false
    channel.subscribe()
  }

  get isSubscribed(): boolean {
    return this.#pusher.channel(this.channel)?.subscribed === true
  }

  /** Its connection is cut, and the next one leads to another node. */
  move(node: NodeProcess): void {
    this.node = node
    this.proxy.target = node.port
    this.proxy.reset()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    listeners.delete(this.#listen)
    this.#pusher.disconnect()
    await this.proxy[Symbol.asyncDispose]()
  }
}
