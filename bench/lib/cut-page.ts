/**
 * A page of the trial of cuts: stock pusher-js with `carillon/resume`, and what it hears. Events carry who published
 * them and his number on that channel.
 */
import { createRequire } from 'node:module'
import type PusherType from 'pusher-js'
import { resume, type Recovery } from '../../src/client/resume'
import type { Peer } from './sides'
import { makeAuthorizer } from './signing'

export type CutEvent = { readonly publisher: number; readonly number: number }

type Socket = WebSocket & { terminate(): void }
type Stock = Omit<typeof PusherType, 'Runtime'> &
  (new (...given: ConstructorParameters<typeof PusherType>) => PusherType) & {
    readonly Runtime: {
      getWebSocketAPI: () => unknown
      createWebSocket: (url: string) => Socket
    }
  }

/** A copy of the library of its own: the helper changes it. */
function loadPusher(): Stock {
  const require = createRequire(import.meta.url)
  const file = require.resolve('pusher-js')
  delete require.cache[file]
  const Pusher = require(file) as Stock & { readonly default?: Stock }
  return Pusher.default ?? Pusher
}

/** Where a page stands in one channel. */
class Place {
  /** Highest numbers, by publisher. */
  readonly last = new Map<number, number>()
  /** Publishers of whom something may be missing, since the page was told so. */
  readonly mayJump = new Set<number>()
  /** It was away for so long that something is given up by now. */
  isTooLate = false
}

export class CutPage {
  heard = 0
  replayed = 0
  recovered = 0
  tooLate = 0
  readonly faults: string[] = []
  readonly #pusher: PusherType
  readonly #places = new Map<string, Place>()
  #socket: Socket | undefined

  constructor(
    readonly peer: Peer,
    readonly publishers: number,
  ) {
    const Pusher = loadPusher()
    const runtime = Pusher.Runtime
    runtime.getWebSocketAPI = () => WebSocket
    const make = runtime.createWebSocket
    runtime.createWebSocket = (url) => (this.#socket = make.call(runtime, url))
    resume(Pusher, { onRecovered: (channel, recovery) => this.#note(channel, recovery) })
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
    this.#places.set(name, new Place())
    const channel = this.#pusher.subscribe(name)
    channel.bind('cut', (event: CutEvent) => this.#hear(name, event))
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

  /** Ends the connection as a lost network does. */
  cut(): void {
    this.#socket?.terminate()
  }

  /** Stays away until `comeBack`: for longer than anything is kept. */
  leave(): void {
    this.#pusher.disconnect()
    for (const place of this.#places.values()) place.isTooLate = true
  }

  /** It knows of each channel that something is given up. */
  get isBack(): boolean {
    return [...this.#places.values()].every(({ isTooLate }) => !isTooLate)
  }

  comeBack(): void {
    this.#pusher.connect()
  }

  close(): void {
    this.#pusher.disconnect()
  }

  /** True where it has heard of every publisher's last number. */
  hasAll(channel: string, numbers: ReadonlyMap<number, number>): boolean {
    const { last } = this.#places.get(channel)!
    return [...numbers].every(([publisher, number]) => last.get(publisher) === number)
  }

  #note(channel: string, { recovered, missed }: Recovery): void {
    const place = this.#places.get(channel)!
    if (recovered) {
      this.recovered++
      this.replayed += missed ?? 0
      return
    }
    if (place.isTooLate) this.tooLate++
    else this.faults.push(`${channel}: something was given up that should be kept`)
    place.isTooLate = false
    for (let publisher = 0; publisher < this.publishers; publisher++) place.mayJump.add(publisher)
  }

  #hear(channel: string, { publisher, number }: CutEvent): void {
    this.heard++
    const { last, mayJump } = this.#places.get(channel)!
    const before = last.get(publisher) ?? 0
    const isNext = number === before + 1 || (number > before && mayJump.has(publisher))
    if (!isNext) this.faults.push(`${channel}: ${number} of ${publisher} after ${before}`)
    mayJump.delete(publisher)
    last.set(publisher, Math.max(before, number))
  }
}
