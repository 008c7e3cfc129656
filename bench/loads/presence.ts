/**
 * The load of the presence question, a process of its own: everybody is connected, then all join one
 * presence channel at once. Over when each has been notified of all who joined after it, exactly once.
 */
import { Client, findSocketId, type Role } from '../lib/client'
import { FORMATS } from '../lib/formats'
import { Histogram } from '../lib/histogram'
import { latencyOf, makeProgress, serveOrder, type LoadOrder, type LoadOutcome } from '../lib/load'
import { oneByOne, turnUntil } from '../lib/loop'
import type { BenchCase } from '../lib/question'
import { Reactor } from '../lib/reactor'
import { nodesOf } from '../lib/sides'
import { makeAuthorizer, type Authorize } from '../lib/signing'
import { nowMicros, sequenceOf, makeStamp } from '../lib/stamp'
import { openWindow, dividePerSecond } from '../lib/usage'

export type PresenceCase = BenchCase & { readonly members: number }

export type PresenceOutcome = LoadOutcome & {
  readonly joins: number
  readonly joinsPerSecond: number
  readonly joinsPerCpuSecond: number
  /** `member_added` events that did not arrive, arrived twice, or were not due. */
  readonly miscounted: number
}

const CHANNEL = 'presence-storm'
const AT_ONCE = 100

function storm({ case: row, peer, isWatched: watched }: LoadOrder<PresenceCase>): PresenceOutcome {
  const reactor = new Reactor()
  const members = new Members(row.members, makeAuthorizer(peer.app))
  const clients: Client[] = []
  const nodes = nodesOf(peer)
  oneByOne(reactor, {
    count: row.members,
    atOnce: AT_ONCE,
    begin: (index) => {
      const client = new Client(index, reactor, FORMATS.pusher, members)
      clients.push(client)
      client.connect(nodes[index % nodes.length]!)
    },
    ready: () => members.connected,
  })
  const requests = clients.map((client) => members.request(client))
  const reportProgress = makeProgress(watched, () => members.news)
  const close = openWindow(peer.pid, peer.others)
  members.beginMicros = nowMicros()
  clients.forEach((client, index) => client.send(requests[index]!))
  const isDone = (): boolean => {
    reportProgress()
    return members.isSettled
  }
  turnUntil(reactor, isDone, () => members.news + members.joins)
  const usage = close()
  return {
    ...usage,
    ...latencyOf(members.latency),
    joins: members.joins,
    joinsPerSecond: dividePerSecond(members.joins, usage.seconds),
    joinsPerCpuSecond: dividePerSecond(members.joins, usage.serverCpuSeconds),
    miscounted: members.miscounted,
  }
}

const decoder = new TextDecoder()
const COUNT = /count\\?":(\d+)/

/** Members: all clients in the channel, and how many notifications each has got. */
class Members implements Role {
  /** Latencies from the moment at which all joined to the success of each. */
  readonly latency = new Histogram()
  beginMicros = 0
  connected = 0
  joins = 0
  /** `member_added` frames. */
  news = 0
  /** How many were there when each joined; 0 before. */
  readonly #found: Uint32Array
  readonly #socketIds: string[] = []
  readonly #told: Uint32Array
  #expected = 0
  #unexpected = 0

  constructor(
    readonly count: number,
    readonly authorize: Authorize,
  ) {
    this.#found = new Uint32Array(count)
    this.#told = new Uint32Array(count)
  }

  /** Makes a member's join; the stamp in its `user_info` is in the notifications of it. */
  request({ index, format }: Client): string {
    const user = { user_id: String(index), user_info: { stamp: makeStamp(0, index, 0) } }
    const channelData = JSON.stringify(user)
    const auth = this.authorize(this.#socketIds[index]!, CHANNEL, channelData)
    return format.subscribe({ channel: CHANNEL, auth, channelData })
  }

  get isSettled(): boolean {
    return this.joins === this.count && this.news >= this.#expected
  }

  /** News that each should have had and had not, or the reverse. */
  get miscounted(): number {
    return this.#told.reduce(
      (sum, notified, index) => sum + Math.abs(this.count - this.#found[index]! - notified),
      this.#unexpected,
    )
  }

  onHello(client: Client, text: string): void {
    this.#socketIds[client.index] = findSocketId(text)
    this.connected++
  }

  /** Reads the success, which is the first stamped message, or a notification. */
  onMessage(client: Client, bytes: Uint8Array, at: number, start: number, end: number): void {
    const { index } = client
    if (this.#found[index] === 0)
      return this.onJoined(client, decoder.decode(bytes.subarray(start, end)))
    this.#told[index]!++
    this.news++
    if (sequenceOf(bytes, at) === index) this.#unexpected++ // nobody is told of itself
  }

  onJoined({ index }: Client, text: string): void {
    const found = Number(COUNT.exec(text)?.[1])
    if (!(found > 0)) throw new Error(`member ${index} received ${text.slice(0, 300)}`)
    this.#found[index] = found
    this.#expected += this.count - found
    this.joins++
    this.latency.record(nowMicros() - this.beginMicros)
  }

  onOther(client: Client, text: string): void {
    throw new Error(`member ${client.index} received ${text}`)
  }

  onEnd(client: Client): void {
    throw new Error(`member ${client.index} was closed`)
  }
}

await serveOrder(storm)
