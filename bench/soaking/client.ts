/**
 * Client: one life over one of the six ways into the server. It knows where each channel stood when it
 * came in, and whether what it hears is each number once, in order.
 */
import type { Peer } from '../lib/sides'
import { CARRIERS, type Carrier, type Line } from './carriers'
import { WIRES, type Heard, type Wire } from './wires'

/** WAYS: each with its wire and what carries it. */
export const WAYS: readonly {
  readonly name: string
  readonly wire: Wire
  readonly carrier: Carrier
  /** True where the server sends a hello first. */
  readonly hasHello: boolean
}[] = [
  { name: 'pusher', wire: WIRES.pusher, carrier: CARRIERS.app, hasHello: true },
  { name: 'xhr_polling', wire: WIRES.pusher, carrier: CARRIERS.polling, hasHello: true },
  { name: 'xhr_streaming', wire: WIRES.pusher, carrier: CARRIERS.streaming, hasHello: true },
  { name: 'phoenix V1', wire: WIRES['phoenix 1'], carrier: CARRIERS.socket, hasHello: false },
  { name: 'phoenix V2', wire: WIRES['phoenix 2'], carrier: CARRIERS.socket, hasHello: false },
  { name: 'long-poll', wire: WIRES['phoenix 2'], carrier: CARRIERS.longPoll, hasHello: false },
]

/** What a client must not see. */
export type Fault = 'repeated' | 'reordered' | 'missing' | 'late' | 'lost' | 'refused'

/** What a client reports to, and reads from, the trial. */
export type Around = {
  fault(kind: Fault, about: string): void
  /** The highest number that was published so far, answered or not. */
  published(channel: string): number
}

/** A client's place in one channel: `last` is 0 before the first number. */
type Place = { readonly ceiling: number; last: number }

export class SoakClient {
  isOver = false
  deliveries = 0
  readonly #places = new Map<string, Place>()
  #line: Line | undefined
  #refs = 0
  /** Called at whatever happens, for those who wait. */
  #onChange = (): void => undefined
  #isGreeted = false

  private constructor(
    readonly way: (typeof WAYS)[number],
    readonly around: Around,
  ) {}

  /** @throws Error where nobody takes it in */
  static async connect(
    way: (typeof WAYS)[number],
    peer: Peer,
    around: Around,
  ): Promise<SoakClient> {
    const client = new SoakClient(way, around)
    const { wire, carrier, hasHello } = way
    client.#line = await carrier(peer, wire.query, {
      onText: (text) => client.#receive(text),
      onEnd: () => client.#end(),
    })
    if (hasHello && !(await client.#waitUntil(() => client.#isGreeted))) throw new Error('no hello')
    return client
  }

  /** False where the connection ended meanwhile. */
  async join(channel: string): Promise<boolean> {
    this.#line!.send(this.way.wire.join(channel, String(++this.#refs)))
    return await this.#waitUntil(() => this.#places.has(channel))
  }

  part(channel: string): void {
    this.#places.delete(channel)
    this.#line!.send(this.way.wire.part(channel, String(++this.#refs)))
  }

  /** Expects a number that was answered with 200, unless the client joined after it. */
  async expectNumber(channel: string, number: number): Promise<void> {
    const place = this.#places.get(channel)
    if (!place || number <= place.ceiling) return
    const has = (): boolean => place.last >= number
    if (!(await this.#waitUntil(has)) && !this.isOver)
      this.around.fault('lost', `${this.way.name} never heard ${number} on ${channel}`)
  }

  leave(how: 'close' | 'cut'): void {
    this.isOver = true
    this.#line?.[how]()
    this.#onChange()
  }

  #receive(text: string): void {
    try {
      const heard = this.way.wire.read(text)
      if (heard) this.#take(heard)
    } catch (cause) {
      if (!this.isOver) this.around.fault('refused', `${this.way.name}: ${String(cause)}`)
    }
    this.#onChange()
  }

  #take(heard: Heard): void {
    if (heard.type === 'hello') this.#isGreeted = true
    else if (heard.type === 'joined')
      this.#places.set(heard.channel, {
        ceiling: this.around.published(heard.channel),
        last: 0,
      })
    else this.#count(heard.channel, heard.number)
  }

  #count(channel: string, number: number): void {
    const place = this.#places.get(channel)
    if (!place || this.isOver) return // it has left, and this was on its way
    this.deliveries++
    const { last, ceiling } = place
    place.last = Math.max(last, number)
    const description = `${this.way.name} heard ${number} after ${last} on ${channel}`
    if (last === 0) {
      if (number > ceiling + 1) this.around.fault('late', `${description}, there were ${ceiling}`)
    } else if (number === last) this.around.fault('repeated', description)
    else if (number < last) this.around.fault('reordered', description)
    else if (number > last + 1) this.around.fault('missing', description)
  }

  #end(): void {
    this.isOver = true
    this.#onChange()
  }

  /** Resolves with true once the condition holds, with false at the end of the connection or of patience. */
  async #waitUntil(isDone: () => boolean): Promise<boolean> {
    if (isDone()) return true
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const timer = setTimeout(() => resolve(false), PATIENCE_MS)
    this.#onChange = () => {
      if (isDone()) resolve(true)
      else if (this.isOver) resolve(false)
    }
    return await promise.finally(() => clearTimeout(timer))
  }
}

const PATIENCE_MS = 15_000
