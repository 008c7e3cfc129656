/**
 * The load of the connect question, a process of its own: how fast connections are accepted and
 * subscribed, and what they cost when nothing happens any more.
 */
import { Client, type Role } from '../lib/client'
import { measureHeap } from '../lib/meter'
import { Histogram } from '../lib/histogram'
import { latencyOf, makeProgress, serveOrder, type LoadOrder, type LoadOutcome } from '../lib/load'
import { oneByOne, turnFor } from '../lib/loop'
import { PROTOCOLS } from '../lib/protocols'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import type { Peer } from '../lib/sides'
import { nowMicros } from '../lib/stamp'
import { readMemoryMib, readLoopSeconds, openWindow, dividePerSecond } from '../lib/usage'

export type ConnectCase = BenchCase & {
  readonly connections: number
  /** Channels that each of them is subscribed to; all share them. */
  readonly subscriptions: number
  /** How often as many have connected and left before: a server that has just started runs code for the first time. */
  readonly roundsBefore: number
  /** How long the server has to come to rest. */
  readonly restSeconds: number
}

export type ConnectOutcome = LoadOutcome & {
  readonly ready: number
  readonly connectionsPerSecond: number
  readonly connectionsPerCpuSecond: number
  readonly cpuMicrosEach: number
  /** Of it the thread with the event loop. The rest is the compiler's, on other CPUs where there are some. */
  readonly loopMicrosEach: number
  /** Resident memory and heap that the connections added, for each of them. */
  readonly rssBytesEach: number
  readonly heapBytesEach: number
  readonly restingRssMib: number
  readonly dropped: number
}

/** Connections whose handshake or subscription is under way: the listen backlog holds them. */
const AT_ONCE = 100
const MIB = 1024 * 1024

function connect({ case: row, peer, isWatched: watched }: LoadOrder<ConnectCase>): ConnectOutcome {
  const reactor = new Reactor()
  for (let round = 0; round < row.roundsBefore; round++) connectAndLeave(reactor, row, peer)
  const idlers = new Idlers(row.subscriptions)
  const rest = (): void => turnFor(reactor, POLL_SECONDS, () => POLL_SECONDS * 1000)
  const heapBefore = measureHeap(peer, rest)
  const rssBefore = readMemoryMib(peer.pid, 'VmRSS')
  const reportProgress = makeProgress(watched, () => idlers.ready)
  const loopSeconds = readLoopSeconds(peer.pid)
  const close = openWindow(peer.pid)
  idlers.openAll(reactor, row.connections, peer, reportProgress)
  const usage = close()
  const ofLoop = readLoopSeconds(peer.pid) - loopSeconds
  turnFor(reactor, row.restSeconds, () => row.restSeconds * 1000)
  const restingRssMib = readMemoryMib(peer.pid, 'VmRSS')
  const each = (bytes: number): number => bytes / row.connections
  return {
    ...usage,
    ...latencyOf(idlers.latency),
    ready: idlers.ready,
    connectionsPerSecond: dividePerSecond(idlers.ready, usage.seconds),
    connectionsPerCpuSecond: dividePerSecond(idlers.ready, usage.serverCpuSeconds),
    cpuMicrosEach: dividePerSecond(usage.serverCpuSeconds * 1e6, idlers.ready),
    loopMicrosEach: dividePerSecond(ofLoop * 1e6, idlers.ready),
    restingRssMib,
    rssBytesEach: each((restingRssMib - rssBefore) * MIB),
    heapBytesEach: each(measureHeap(peer, rest) - heapBefore),
    dropped: idlers.dropped,
  }
}

const POLL_SECONDS = 0.02
/** For the server to see them go. */
const GONE_SECONDS = 1

function connectAndLeave(reactor: Reactor, row: ConnectCase, peer: Peer): void {
  const passers = new Idlers(row.subscriptions)
  const clients = passers.openAll(reactor, row.connections, peer, () => undefined)
  for (const { socket } of clients) reactor.close(socket)
  turnFor(reactor, GONE_SECONDS, () => GONE_SECONDS * 1000)
}

/** Clients that connect, subscribe and stay. */
class Idlers implements Role {
  /** From the first byte of the connection to the last confirmation. */
  readonly latency = new Histogram()
  ready = 0
  dropped = 0
  readonly #begun: number[] = []
  readonly #missing: number[] = []

  constructor(readonly subscriptions: number) {}

  openAll(
    reactor: Reactor,
    count: number,
    peer: Peer,
    reportProgress: () => void,
  ): readonly Client[] {
    const clients: Client[] = []
    oneByOne(reactor, {
      count,
      atOnce: AT_ONCE,
      begin: (index) => {
        reportProgress()
        const client = new Client(index, reactor, PROTOCOLS[peer.protocol].format, this)
        clients.push(client)
        this.open(client, peer)
      },
      ready: () => this.ready,
    })
    return clients
  }

  open(client: Client, peer: Peer): void {
    this.#begun[client.index] = nowMicros()
    this.#missing[client.index] = this.subscriptions
    client.connect(peer)
  }

  onHello(client: Client): void {
    if (this.subscriptions === 0) return this.#isReady(client)
    for (let index = 0; index < this.subscriptions; index++)
      client.send(client.format.subscribe({ channel: `idle-${index}` }))
  }

  onJoined(client: Client): void {
    if (--this.#missing[client.index]! === 0) this.#isReady(client)
  }

  onMessage(): void {}

  onOther(client: Client, text: string): void {
    throw new Error(`client ${client.index} received ${text}`)
  }

  onEnd(): void {
    this.dropped++
  }

  #isReady(client: Client): void {
    this.ready++
    this.latency.record(nowMicros() - this.#begun[client.index]!)
  }
}

await serveOrder(connect)
