/**
 * A page of the move: pusher-js with the options that it always had. It keeps what it heard of each channel, by
 * the numbers of the events, and how long it was away.
 */
import Pusher, { type PresenceChannel } from 'pusher-js'
import { resume } from '../../src/client/resume'
import { loadPusher } from './cut-page'
import { makeAuthorizer } from './signing'
import type { App } from './sides'

export const EVENT = 'tick'

/** pusher-js with `carillon/resume`, which a page may have long before it moves. */
export function loadHelped(): typeof Pusher {
  const Helped = loadPusher()
  Helped.Runtime.getWebSocketAPI = () => WebSocket
  resume(Helped)
  return Helped as unknown as typeof Pusher
}

/** Numbers count from 1 in each channel. */
export type Tick = { readonly number: number }

/** What a page asks of the publisher. */
export type Published = {
  /** The highest number that was begun so far. */
  lastOf(channel: string): number
  /** When a number was begun, by `performance.now()`. */
  timeOf(channel: string, number: number): number
}

/** What a page heard of one channel. */
class Hearing {
  readonly numbers = new Set<number>()
  last = 0
  repeated = 0
  misordered = 0
  /** After its latest subscribe every number from here on must be heard. */
  promisedFrom = Infinity

  hear(number: number): void {
    if (this.numbers.has(number)) this.repeated++
    else if (number < this.last) this.misordered++
    this.numbers.add(number)
    this.last = Math.max(this.last, number)
  }

  /** Numbers that were not heard, from the first one that was; and those of them that were promised. */
  countMissed(last: number): { readonly missed: number; readonly broken: number } {
    let [missed, broken] = [0, 0]
    for (let number = Math.min(...this.numbers); number <= last; number++) {
      if (this.numbers.has(number)) continue
      missed++
      if (number >= this.promisedFrom) broken++
    }
    return { missed, broken }
  }
}

export class MovePage {
  readonly hearings = new Map<string, Hearing>()
  /** From the loss of the connection to the last channel subscribed again, each time. */
  readonly gapsMs: number[] = []
  /** The longest that an event took to be heard. */
  latestMs = 0
  readonly #pusher: Pusher
  #lostAt: number | undefined
  readonly #awaited = new Set<string>()

  constructor(
    readonly port: number,
    app: App,
    readonly user: string,
    readonly published: Published,
    Library: typeof Pusher = Pusher,
  ) {
    const authorize = makeAuthorizer(app)
    this.#pusher = new Library(app.key, {
      cluster: 'move',
      wsHost: '127.0.0.1',
      wsPort: port,
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) => {
          const data = JSON.stringify({ user_id: user, user_info: {} })
          callback(
            null,
            channelName.startsWith('presence-')
              ? { auth: authorize(socketId, channelName, data), channel_data: data }
              : { auth: authorize(socketId, channelName) },
          )
        },
      },
    })
    const { connection } = this.#pusher
    // A second before it connects again it says so, and calls itself connected until then.
    connection.bind('connecting_in', () => this.#lose())
    connection.bind('state_change', ({ previous }: { previous: string }) => {
      if (previous === 'connected') this.#lose()
    })
  }

  /** Resolves once all of them are subscribed. @throws Error where one is refused */
  async subscribe(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#subscribe(name)))
  }

  /** True once it is subscribed again to all that it lost. */
  get isBack(): boolean {
    return this.gapsMs.length > 0 && this.#lostAt === undefined
  }

  /** True once it has heard up to these numbers, in those of its channels that are named. */
  hasHeard(numbers: ReadonlyMap<string, number>): boolean {
    return [...this.hearings].every(([name, { last }]) => last >= (numbers.get(name) ?? 0))
  }

  /** Users that it sees in a presence channel. */
  countMembers(name: string): number {
    return (this.#pusher.channel(name) as PresenceChannel).members.count
  }

  leave(): void {
    this.#pusher.disconnect()
  }

  async #subscribe(name: string): Promise<void> {
    const hearing = new Hearing()
    this.hearings.set(name, hearing)
    const channel = this.#pusher.subscribe(name)
    channel.bind(EVENT, ({ number }: Tick) => {
      hearing.hear(number)
      const tookMs = performance.now() - this.published.timeOf(name, number)
      this.latestMs = Math.max(this.latestMs, tookMs)
    })
    await new Promise<void>((resolve, reject) => {
      channel.bind('pusher:subscription_succeeded', () => {
        hearing.promisedFrom = this.published.lastOf(name) + 1
        this.#come(name)
        resolve()
      })
      channel.bind('pusher:subscription_error', (error: object) =>
        reject(new Error(JSON.stringify(error))),
      )
    })
  }

  #lose(): void {
    this.#lostAt ??= performance.now()
    for (const name of this.hearings.keys()) this.#awaited.add(name)
  }

  #come(name: string): void {
    this.#awaited.delete(name)
    if (this.#awaited.size > 0 || this.#lostAt === undefined) return
    this.gapsMs.push(performance.now() - this.#lostAt)
    this.#lostAt = undefined
  }
}
