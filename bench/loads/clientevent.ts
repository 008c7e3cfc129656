/**
 * The load of the client event question, a process of its own: pairs on private channels. One talks,
 * the other hears it; the next event leaves when the last has arrived.
 */
import { Client, findSocketId, type Role } from '../lib/client'
import { FORMATS } from '../lib/formats'
import { latencyOf, makeProgress, serveOrder, type LoadOrder, type LoadOutcome } from '../lib/load'
import { oneByOne, turnFor, turnForSome, turnUntil } from '../lib/loop'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import { makeAuthorizer, type Authorize } from '../lib/signing'
import { firstOf, nowMicros, makePadding, makeStamp } from '../lib/stamp'
import { Tally } from '../lib/tally'
import { openWindow, dividePerSecond } from '../lib/usage'

export type ClientEventCase = BenchCase & {
  readonly pairs: number
  readonly payloadBytes: number
}

export type ClientEventOutcome = LoadOutcome & {
  readonly events: number
  readonly eventsPerSecond: number
  readonly eventsPerCpuSecond: number
  readonly lost: number
  readonly reordered: number
}

const AT_ONCE = 50
const IDLE_MS = 5

function talk(order: LoadOrder<ClientEventCase>): ClientEventOutcome {
  const { case: row, peer, warmUpSeconds, seconds, isWatched: watched } = order
  const reactor = new Reactor()
  const pairs = new Pairs(row, makeAuthorizer(peer.app))
  oneByOne(reactor, {
    count: row.pairs * 2,
    atOnce: AT_ONCE,
    begin: (index) => {
      const client = new Client(index, reactor, FORMATS.pusher, pairs)
      pairs.clients.push(client)
      client.connect(peer)
    },
    ready: () => pairs.ready,
  })
  for (let pair = 0; pair < row.pairs; pair++) pairs.talk(pair)
  turnFor(reactor, warmUpSeconds, () => IDLE_MS)
  const { tally } = pairs
  const countReceived = (): number => tally.received
  const reportProgress = makeProgress(watched, countReceived)
  tally.latency.clear()
  const before = tally.received
  const close = openWindow(peer.pid)
  const reportAndTurn = (): number => {
    reportProgress()
    return IDLE_MS
  }
  turnForSome(reactor, seconds, reportAndTurn, countReceived)
  const usage = close()
  const events = tally.received - before
  pairs.isStopped = true
  const countLost = (): number => pairs.sent - tally.received
  turnUntil(reactor, () => countLost() <= 0, countLost)
  return {
    ...usage,
    ...latencyOf(tally.latency),
    events,
    eventsPerSecond: dividePerSecond(events, usage.seconds),
    eventsPerCpuSecond: dividePerSecond(events, usage.serverCpuSeconds),
    lost: Math.max(0, countLost()),
    reordered: tally.reordered,
  }
}

/** Clients 0 and 1 are the first pair; the even one talks. */
class Pairs implements Role {
  readonly clients: Client[] = []
  readonly tally: Tally
  ready = 0
  sent = 0
  isStopped = false
  readonly #numbers: Uint32Array
  readonly #heads: readonly string[]
  readonly #fill: string

  constructor(
    { pairs, payloadBytes }: ClientEventCase,
    readonly authorize: Authorize,
  ) {
    this.tally = new Tally(pairs, 1, pairs)
    this.#numbers = Uint32Array.from({ length: pairs }, (_, pair) => firstOf(pair))
    this.#fill = makePadding(payloadBytes)
    this.#heads = Array.from(
      { length: pairs },
      (_, pair) => `{"event":"client-bench","channel":"${channelOf(pair * 2)}","data":"`,
    )
  }

  talk(pair: number): void {
    const number = this.#numbers[pair]!++
    const data = makeStamp(0, number, nowMicros()) + this.#fill
    this.sent++
    this.clients[pair * 2]!.send(`${this.#heads[pair]!}${data}"}`)
  }

  onHello(client: Client, text: string): void {
    const channel = channelOf(client.index)
    const auth = this.authorize(findSocketId(text), channel)
    client.send(client.format.subscribe({ channel, auth }))
  }

  onJoined(): void {
    this.ready++
  }

  onRead(): void {
    this.tally.readBegins()
  }

  onMessage({ index }: Client, bytes: Uint8Array, at: number): void {
    if (index % 2 === 0) throw new Error(`client ${index} received what it sent itself`)
    this.tally.receive(index >> 1, bytes, at)
    if (!this.isStopped) this.talk(index >> 1)
  }

  onOther(client: Client, text: string): void {
    throw new Error(`client ${client.index} received ${text}`)
  }

  onEnd(client: Client): void {
    throw new Error(`client ${client.index} was closed`)
  }
}

const channelOf = (index: number): string => `private-pair-${String(index >> 1).padStart(6, '0')}`

await serveOrder(talk)
