/**
 * The load of the recovery question, a process of its own: clients that remember the position of each event, are cut
 * all at once, and come back with it while events go on. Each event must arrive once, in order.
 */
import { Client, type Role } from '../lib/client'
import { Histogram } from '../lib/histogram'
import { latencyOf, serveOrder, type LoadOrder, type LoadOutcome } from '../lib/load'
import { oneByOne, turnUntil } from '../lib/loop'
import { PROTOCOLS } from '../lib/protocols'
import { Publisher } from '../lib/publisher'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import type { Peer } from '../lib/sides'
import { nowMicros } from '../lib/stamp'
import { openWindow, dividePerSecond } from '../lib/usage'

export type RecoveryCase = BenchCase & {
  readonly clients: number
  readonly channels: number
  /** Events of each channel that are published while nobody is there. */
  readonly missed: number
  readonly payloadBytes: number
}

export type RecoveryOutcome = LoadOutcome & {
  /** From the first handshake to the last client that has all that it missed. */
  readonly caughtUpMs: number
  /** How many times as long as it took them to connect and subscribe, with nothing to be replayed. */
  readonly timesConnecting: number
  readonly caughtUp: number
  readonly clientsPerCpuSecond: number
  readonly replayed: number
  readonly unrecovered: number
  readonly lost: number
  readonly reordered: number
}

/** Handshakes under way: the listen backlog holds them. */
const AT_ONCE = 200
/** Events of each channel that everybody hears before the cut. */
const HEARD_BEFORE = 3
/** Between two events while clients come back. */
const PAUSE_MICROS = 5000

function recover({ case: row, peer }: LoadOrder<RecoveryCase>): RecoveryOutcome {
  const fleet = new Fleet(row, peer)
  const connectedMs = timeOf(() => fleet.connect())
  fleet.publish(HEARD_BEFORE)
  fleet.await('the first events', () => fleet.behind === 0)
  fleet.cut()
  fleet.publish(row.missed)
  const close = openWindow(peer.pid)
  fleet.isComingBack = true
  const caughtUpMs = timeOf(() => {
    fleet.connect()
    fleet.await('what was missed', () => fleet.caughtUp === row.clients)
  })
  const usage = close()
  turnUntil(
    fleet.reactor,
    () => fleet.behind === 0,
    () => fleet.received,
  )
  const { caughtUp, replayed, unrecovered, reordered, behind } = fleet
  return {
    ...usage,
    ...latencyOf(fleet.latency),
    caughtUpMs,
    timesConnecting: caughtUpMs / connectedMs,
    caughtUp,
    clientsPerCpuSecond: dividePerSecond(caughtUp, usage.serverCpuSeconds),
    replayed,
    unrecovered,
    lost: behind,
    reordered,
  }
}

function timeOf(run: () => void): number {
  const begunAt = performance.now()
  run()
  return performance.now() - begunAt
}

class Fleet implements Role {
  readonly reactor = new Reactor()
  /** Of each client, from its handshake until it has what it missed. */
  readonly latency = new Histogram()
  /** While they come back as many events are published as they missed. */
  isComingBack = false
  received = 0
  caughtUp = 0
  replayed = 0
  unrecovered = 0
  reordered = 0
  #clients: Client[] = []
  #joined = 0
  #nextAt = 0
  #left: number
  readonly #publisher: Publisher
  readonly #epochs: string[] = []
  /** By client: the offset of the last event, where it has caught up, when it began. */
  readonly #last: Uint32Array
  readonly #goals: Uint32Array
  readonly #begunAt: Float64Array

  constructor(
    readonly row: RecoveryCase,
    readonly peer: Peer,
  ) {
    const { reactor } = this
    const { clients, channels, missed, payloadBytes } = row
    this.#left = missed * channels
    this.#last = new Uint32Array(clients)
    this.#goals = new Uint32Array(clients)
    this.#begunAt = new Float64Array(clients)
    const names = Array.from({ length: channels }, (_, index) => [index, nameOf(index)] as const)
    this.#publisher = new Publisher(0, {
      reactor,
      peer,
      payloadBytes,
      channels: new Map(names),
      urgency: undefined,
      onFree: () => {},
    })
    this.#publisher.connect()
  }

  /** How many events all of them together have not got yet. */
  get behind(): number {
    const { published } = this.#publisher
    return this.#last.reduce(
      (sum, last, index) => sum + published[this.#channelOf(index)]! - last,
      0,
    )
  }

  /** Connects all; over when all are subscribed. */
  connect(): void {
    this.#joined = 0
    this.#goals.forEach((_, index) => {
      this.#goals[index] = this.#publisher.published[this.#channelOf(index)]!
    })
    oneByOne(this.reactor, {
      count: this.row.clients,
      atOnce: AT_ONCE,
      begin: (index) => {
        const client = new Client(index, this.reactor, PROTOCOLS[this.peer.protocol].format, this)
        this.#clients.push(client)
        this.#begunAt[index] = nowMicros()
        client.connect(this.peer)
      },
      ready: () => this.#joined,
    })
  }

  /** Ends all connections at once, without a goodbye. */
  cut(): void {
    for (const { socket } of this.#clients) this.reactor.close(socket)
    this.#clients = []
  }

  /** Publishes so many events to each channel, one after the other. */
  publish(each: number): void {
    for (let left = each * this.row.channels; left > 0; left--) {
      this.#publisher.publish(nowMicros())
      this.await('a trigger', () => this.#publisher.isFree)
    }
  }

  /** @throws Error where nothing arrives any more */
  await(what: string, isDone: () => boolean): void {
    const progressed = (): number => this.received + this.#joined
    if (!turnUntil(this.reactor, isDone, progressed)) throw new Error(`waited for ${what}`)
  }

  onRead(): void {
    if (!this.isComingBack || !this.#publisher.isFree || nowMicros() < this.#nextAt) return
    if (this.#left-- <= 0) return
    this.#nextAt = nowMicros() + PAUSE_MICROS
    this.#publisher.publish(nowMicros())
  }

  onHello(client: Client): void {
    const channel = this.#channelOf(client.index)
    const epoch = this.#epochs[channel]
    const since = this.isComingBack ? { epoch, offset: this.#last[client.index] } : undefined
    const data = { channel: nameOf(channel), positions: true, since }
    client.send(JSON.stringify({ event: 'pusher:subscribe', data }))
  }

  onJoined({ index }: Client, text: string): void {
    const { epoch, recovered, missed } = JSON.parse(text).history
    this.#joined++
    this.#epochs[this.#channelOf(index)] = epoch
    if (!this.isComingBack) return
    if (recovered === true) this.replayed += missed
    else this.unrecovered++
  }

  onMessage({ index }: Client, bytes: Uint8Array, _at: number, _start: number, end: number): void {
    const offset = offsetIn(bytes, end)
    if (offset !== this.#last[index]! + 1) this.reordered++
    this.#last[index] = offset
    this.received++
    if (!this.isComingBack || offset !== this.#goals[index]) return
    this.caughtUp++
    this.latency.record(nowMicros() - this.#begunAt[index]!)
  }

  onOther({ index }: Client, text: string): void {
    throw new Error(`client ${index} received ${text}`)
  }

  onEnd({ index }: Client): void {
    throw new Error(`client ${index} was closed`)
  }

  readonly #channelOf = (index: number): number => index % this.row.channels
}

/** Names of one length. */
const nameOf = (index: number): string => `recovery-${String(index).padStart(3, '0')}`

const [COLON, ZERO] = [0x3a, 0x30]

/** The number at the end of a frame, `..."offset":12}`. */
function offsetIn(bytes: Uint8Array, end: number): number {
  let [offset, factor] = [0, 1]
  for (let at = end - 2; bytes[at] !== COLON; at--, factor *= 10)
    offset += (bytes[at]! - ZERO) * factor
  return offset
}

await serveOrder(recover)
