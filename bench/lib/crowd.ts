/**
 * Crowd: subscribers on one or more channels, and the publishers that publish to them. A swarm is one
 * crowd, or a busy one and a probe beside it.
 */
import { Client, type Role } from './client'
import { FORMATS, type FormatName } from './formats'
import { oneByOne } from './loop'
import { Closed, Open, type Pace } from './pace'
import { PROTOCOLS } from './protocols'
import { Publisher } from './publisher'
import type { Reactor } from './reactor'
import { nodesOf, type Peer } from './sides'
import { Tally } from './tally'

export type CrowdRow = {
  /** Its name, or what the names of its channels begin with. */
  readonly channel: string
  readonly channels: number
  readonly subscribers: number
  /** How many of the subscribers join and then never read again. */
  readonly stalled: number
  /** The formats that subscribers speak, in turn; the side's own where it is empty. */
  readonly formats?: readonly FormatName[]
  readonly payloadBytes: number
  readonly publishers: number
  /** Messages outstanding over all publishers, or messages per second over all of them. */
  readonly pace: { readonly inFlight: number } | { readonly ratePerSecond: number }
  /** Where there are several nodes: whether publishers are on another one than subscribers, or all on each; the first if absent. */
  readonly placement?: 'across' | 'each'
  /** True for a crowd that is measured and read before all others. */
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
  #isStopped = true

  constructor(
    readonly row: CrowdRow,
    readonly reactor: Reactor,
    readonly peer: Peer,
  ) {
    const { stalled, channels, publishers, pace } = row
    const subscribers = this.#subscribers
    this.#readers = subscribers - stalled
    this.#channels = makeChannelNames(row)
    this.tally = new Tally(this.#readers, publishers, channels)
    this.#publishers = Array.from({ length: publishers }, (_, index) => this.#publisher(index))
    const perMessage = this.#readers / channels
    this.#pace =
      'inFlight' in pace
        ? new Closed(this.#publishers, perMessage, pace.inFlight)
        : new Open(this.#publishers, pace.ratePerSecond)
  }

  /** Where all are on each node there are as many times more. */
  get #subscribers(): number {
    const { subscribers, placement } = this.row
    return placement === 'each' ? subscribers * nodesOf(this.peer).length : subscribers
  }

  #nodeOf(role: 'publisher' | 'subscriber', index: number): Peer {
    const nodes = nodesOf(this.peer)
    const { placement } = this.row
    if (placement === 'each') return nodes[index % nodes.length]!
    return placement === 'across' && role === 'publisher' ? nodes.at(-1)! : this.peer
  }

  /** Subscribes everybody; then those that stall stop reading. */
  join(): void {
    const clients: Client[] = []
    oneByOne(this.reactor, {
      count: this.#subscribers,
      atOnce: AT_ONCE,
      begin: (index) => clients.push(this.#client(index)),
      ready: () => this.#joined,
    })
    for (const { socket } of clients.slice(this.#readers)) this.reactor.stopReading(socket)
  }

  start(): void {
    for (const publisher of this.#publishers) publisher.connect()
    this.#pace.begin()
    this.#isStopped = false
  }

  /**
   * Publishes nothing more; what is outstanding still arrives. What was due and never left counts as
   * late as it is now, for all who should have had it. Returns how many those are.
   */
  stop(): number {
    this.#isStopped = true
    const late = this.#pace.unsentMicros()
    for (const micros of late)
      this.tally.latency.record(micros, this.#readers / this.#channels.length)
    return late.length
  }

  /** Publishes what is due. Returns for how many milliseconds nothing else is. */
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

  /** Deliveries that have not arrived yet. */
  get outstanding(): number {
    return (this.published * this.#readers) / this.#channels.length - this.tally.received
  }

  onHello(client: Client): void {
    const channel = this.#channels[client.index % this.#channels.length]!
    client.send(client.format.subscribe({ channel }))
  }

  onJoined(): void {
    this.#joined++
  }

  onRead(): void {
    this.tally.readBegins()
  }

  onMessage(client: Client, bytes: Uint8Array, at: number, _start: number, end: number): void {
    if (client.index >= this.#readers) return
    if (end - at < this.row.payloadBytes)
      throw new Error(`subscriber ${client.index} was sent a message that is cut short`)
    this.tally.receive(client.index, bytes, at)
    if (!this.#isStopped) this.#pace.countDelivery()
  }

  onOther(client: Client, text: string): void {
    if (text.includes(CACHE_MISS)) return // the cache channel is new
    throw new Error(`subscriber ${client.index} received ${text}`)
  }

  onEnd(client: Client): void {
    throw new Error(`subscriber ${client.index} was closed`)
  }

  #client(index: number): Client {
    const { formats, isProbe } = this.row
    const format = formats
      ? FORMATS[formats[index % formats.length]!]
      : PROTOCOLS[this.peer.protocol].format
    const client = new Client(index, this.reactor, format, this)
    client.connect(this.#nodeOf('subscriber', index), isProbe ? 'urgent' : undefined)
    return client
  }

  /** With several channels each publisher has its own, so that their order is theirs. */
  #publisher(index: number): Publisher {
    const { publishers, payloadBytes, isProbe } = this.row
    const all = Array.from(this.#channels.entries())
    const own = all.length === 1 ? all : all.filter(([channel]) => channel % publishers === index)
    return new Publisher(index, {
      reactor: this.reactor,
      peer: this.#nodeOf('publisher', index),
      payloadBytes,
      channels: new Map(own),
      urgency: isProbe ? 'urgent' : undefined,
      onFree: () => {
        if (!this.#isStopped) this.#pace.tick()
      },
    })
  }
}

/** Names of one length, so that the stamp is always at the same place. */
function makeChannelNames({ channel, channels }: CrowdRow): readonly string[] {
  if (channels === 1) return [channel]
  return Array.from({ length: channels }, (_, index) => channel + String(index).padStart(6, '0'))
}
