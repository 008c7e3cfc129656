/**
 * Stage: what one case has: names of its own, clients that end with it, and the time until which it waits.
 * Nothing of a case is seen by another one.
 */
import { Mismatch, show } from './mismatch'
import { Inbox, type Wait } from './clients/inbox'
import { PusherJsClient, type PusherJsOptions } from './clients/pusher-js'
import { RawSocket, type Handshake } from './clients/raw-socket'
import { makeSdk, Requests } from './clients/requests'
import { WireClient, type WireOptions } from './clients/wire'
import type { Delivery, Receiver } from './clients/receiver'
import type { Target } from './target'

/** Anything that is closed with its case. */
type Closable = { close(): void }

/** The inbox of each name of a webhook. */
export type Hooks = (name: string) => Inbox<Delivery>

/** Everything that a run has made begins with it, so that an operator knows whose it was. */
const MARK = 'conformance'

export class Stage {
  readonly sdk: ReturnType<typeof makeSdk>
  readonly requests: Requests
  readonly #open: Closable[] = []
  readonly #deadline: number
  #names = 0

  constructor(
    readonly target: Target,
    /** Unique among the runs against a server. */
    readonly id: string,
    readonly seconds: number,
    /** Where webhooks arrive; undefined where the run has none. */
    readonly receiver?: Receiver,
  ) {
    this.#deadline = performance.now() + seconds * 1000
    this.sdk = makeSdk(target)
    this.requests = new Requests(target, this.signal)
  }

  /** Aborts what is under way when the time of the case is over. */
  get signal(): AbortSignal {
    return AbortSignal.timeout(Math.max(1, this.#deadline - performance.now()))
  }

  /** A name that nobody else uses: `private-conformance-…`. */
  name(prefix = ''): string {
    return `${prefix}${MARK}-${this.id}-${this.#names++}`
  }

  /** Waits for what a server has to do. @throws Mismatch where it was not done in time */
  readonly wait: Wait = async (expected, promise, got = () => 'nothing') => {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const left = Math.max(0, this.#deadline - performance.now())
    const timer = setTimeout(
      () => reject(new Mismatch(expected, `${got()} within ${this.seconds} s`)),
      left,
    )
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }

  /** A client that says what it wants and shows each message, connected and greeted. */
  async wire(options: WireOptions = {}): Promise<WireClient> {
    const client = this.dial(options)
    await client.greet()
    return client
  }

  /** The same, without having read the greeting. */
  dial(options: WireOptions = {}): WireClient {
    const client = new WireClient(this.target, this.wait, options)
    this.keep(client)
    return client
  }

  /** The stock browser library, connecting. */
  pusherJs(options: PusherJsOptions = {}): PusherJsClient {
    const client = new PusherJsClient(this, options)
    this.keep(client)
    return client
  }

  /** A socket on which frames are written by hand, after its handshake. */
  async raw(handshake: Handshake = {}): Promise<RawSocket> {
    const socket = await this.rawUnopened()
    await socket.open(handshake)
    return socket
  }

  /** A socket that has only connected. */
  async rawUnopened(): Promise<RawSocket> {
    const socket = new RawSocket(this.target, this.wait)
    this.keep(socket)
    await socket.connect()
    return socket
  }

  /** What the application is told about a channel, by the name of the event: their order is not documented. */
  hooks(channel: string): Hooks {
    const inboxes = new Map<string, Inbox<Delivery>>()
    const of = (name: string): Inbox<Delivery> => {
      const inbox = inboxes.get(name) ?? new Inbox<Delivery>(this.wait)
      inboxes.set(name, inbox)
      return inbox
    }
    this.receiver?.hear(channel, (delivery) => of(delivery.event.name).push(delivery))
    return of
  }

  /** Closes something with the case. */
  keep(closable: Closable): void {
    this.#open.push(closable)
  }

  /** Publishes with the stock server library. @throws Mismatch where that is refused */
  async trigger(
    channel: string | string[],
    event: string,
    data: unknown,
    params: { socket_id?: string; info?: string } = {},
  ): Promise<Response> {
    return this.accepted(`a trigger of ${event}`, this.sdk.trigger(channel, event, data, params))
  }

  /** Waits for a request of the server library. @throws Mismatch where it is refused */
  async accepted(what: string, answer: Promise<unknown>): Promise<Response> {
    return (await this.wait(`${what} to be accepted`, answer.catch(explain(what)))) as Response
  }

  end(): void {
    for (const each of this.#open.splice(0).toReversed()) each.close()
  }
}

/** Says what the server library was answered. */
const explain =
  (what: string) =>
  (error: { status?: number; body?: string; error?: Error; message: string }): never => {
    const got = error.status
      ? `${error.status} ${show(error.body ?? '')}`
      : (error.error?.message ?? error.message)
    throw new Mismatch(`${what} to be accepted`, got)
  }
