/**
 * Crowd: subscribers on one or more channels, and the publishers that talk to them. A swarm is one
 * crowd, or a busy one and a probe beside it.
 */
import { Client, type Role } from './client'
import { FORMATS, type FormatName } from './formats'
import { oneByOne } from './loop'
import { Closed, Open, type Pace } from './pace'
import { PROTOCOLS } from './protocols'
import { Publisher } from './publisher'
import type { Reactor } from './reactor'
import type { Peer } from './sides'
import { Tally } from './tally'

export type CrowdRow = {
  /** Its name, or what the names of its channels begin with. */
  readonly channel: string
  readonly channels: number
  readonly subscribers: number
  /** Of the subscribers: joined, then never reading again. */
  readonly stalled: number
  /** Subscribers speak these in turn; what the side speaks, where none is named. */
  readonly formats?: readonly FormatName[]
  readonly payloadBytes: number
  readonly publishers: number
  /** Messages outstanding over all publishers, or messages per second over all of them. */
  readonly pace: { readonly inFlight: number } | { readonly ratePerSecond: number }
  /** Measured, and read before all others. */
  readonly isProbe: boolean
}

const AT_ONCE = 100
const CACHE_MISS = ':cache_miss"'

export class Crowd implements Role {
  readonly tally: Tally
  readonly #readers: number
  readonly #channels: readonly string[]
  readonly #pace: Pace
  readonly #publishers: readonly Publisher[]
  #joined = 0
  #stopped = true

  constructor(
    readonly row: CrowdRow,
    readonly reactor: Reactor,
    readonly peer: Peer,
  ) {
    const { subscribers, stalled, channels, publishers, pace } = row
    this.#readers = subscribers - stalled
    this.#channels = channelNames(row)
    this.tally = new Tally(this.#readers, publishers, channels)
    this.#publishers = Array.from({ length: publishers }, (_, index) => this.#publisher(index))
    const perMessage = this.#readers / channels
    this.#pace =
      'inFlight' in pace
        ? new Closed(this.#publishers, perMessage, pace.inFlight)
        : new Open(this.#publishers, pace.ratePerSecond)
  }

  /** Everybody is subscribed, and those that stall have begun to. */
  join(): void {
    const clients: Client[] = []
    oneByOne(this.reactor, {
      count: this.row.subscribers,
      atOnce: AT_ONCE,
      begin: (index) => clients.push(this.#client(index)),
      ready: () => this.#joined,
    })
    for (const { socket } of clients.slice(this.#readers)) this.reactor.stopReading(socket)
  }

  start(): void {
    for (const publisher of this.#publishers) publisher.connect()
    this.#pace.begin()
    this.#stopped = false
  }

  /**
   * Publishes nothing more; what is outstanding still arrives. What was due and never left counts as
   * late as it is now, for all who should have had it. Returns how many those are.
   */
  stop(): number {
    this.#stopped = true
    const late = this.#pace.unsentMicros()
    for (const micros of late)
      this.tally.latency.record(micros, this.#readers / this.#channels.length)
    return late.length
  }

  /** Publishes what is due. Returns the milliseconds in which nothing will be. */
  tick(): number {
    this.#pace.tick()
    return this.#pace.idleMs
  }

  get published(): number {
    return this.#publishers.reduce(
      (sum, { published }) => sum + published.reduce((own, count) => own + count, 0),
      0,
    )
  }

  /** Deliveries that are still to come. */
  get outstanding(): number {
    return (this.published * this.#readers) / this.#channels.length - this.tally.received
  }

  hello(client: Client): void {
    const channel = this.#channels[client.index % this.#channels.length]!
    client.say(client.format.subscribe({ channel }))
  }

  joined(): void {
    this.#joined++
  }

  reads(): void {
    this.tally.readBegins()
  }

  message(client: Client, bytes: Uint8Array, at: number, _start: number, end: number): void {
    if (client.index >= this.#readers) return
    if (end - at < this.row.payloadBytes)
      throw new Error(`subscriber ${client.index} was sent a message that is cut short`)
    this.tally.receive(client.index, bytes, at)
    if (!this.#stopped) this.#pace.landed()
  }

  told(client: Client, text: string): void {
    if (text.includes(CACHE_MISS)) return // a cache channel that is new says so
    throw new Error(`subscriber ${client.index} was told ${text}`)
  }

  ended(client: Client): void {
    throw new Error(`subscriber ${client.index} was closed`)
  }

  #client(index: number): Client {
    const { formats, isProbe } = this.row
    const format = formats
      ? FORMATS[formats[index % formats.length]!]
      : PROTOCOLS[this.peer.protocol].format
    const client = new Client(index, this.reactor, format, this)
    client.connect(this.peer, isProbe ? 'urgent' : undefined)
    return client
  }

  /** With several channels each publisher has its own, so that their order is theirs. */
  #publisher(index: number): Publisher {
    const { publishers, payloadBytes, isProbe } = this.row
    const all = Array.from(this.#channels.entries())
    const own = all.length === 1 ? all : all.filter(([channel]) => channel % publishers === index)
    return new Publisher(index, {
      reactor: this.reactor,
      peer: this.peer,
      payloadBytes,
      channels: new Map(own),
      urgency: isProbe ? 'urgent' : undefined,
      onFree: () => {
        if (!this.#stopped) this.#pace.tick()
      },
    })
  }
}

/** Of one length, so that the stamp is at one place. */
function channelNames({ channel, channels }: CrowdRow): readonly string[] {
  if (channels === 1) return [channel]
  return Array.from({ length: channels }, (_, index) => channel + String(index).padStart(6, '0'))
}
