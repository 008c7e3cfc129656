/**
 * Random walks over audiences of every size, without sockets: topics and sinks are plain lists, and a
 * model says what each subscriber must have heard. Turns of the loop come between any two steps, so that
 * slices, shares, edges and full queues meet in every order.
 */
import { expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { Connection, newSocketId, type Subscription } from '../../src/core/connection'
import { newAppCounters, newCounters, newGauges, newPeaks, newTally } from '../../src/core/counters'
import { newLatencies } from '../../src/core/latencies'
import { Readiness } from '../../src/core/readiness'
import { Groups } from '../../src/core/groups'
import { Hub } from '../../src/core/hub'
import type { Encoder } from '../../src/core/messages'
import { NOT_KEPT } from '../../src/core/stream'
import type { ChannelName, JsonText, Sink } from '../../src/core/types'
import { ManualClock, MemoryLog } from '../../kit/clock'
import { makeRandom } from '../random'

const CHANNELS = ['tiny', 'small', 'medium', 'large', 'huge'] as ChannelName[]
/** How likely a newcomer is there. */
const SIZES = [8, 20, 60, 150, 400]
const app = {
  id: '1',
  record: {},
  counters: newAppCounters(),
  gauges: newGauges(),
  subscriptionsByKind: newTally(),
  peaks: newPeaks(),
} as unknown as App

const encoder = (name: string): Encoder => ({
  name,
  heartbeats: false,
  positioned: undefined,
  repliesWithEvents: false,
  broadcast: (news) => ('event' in news ? `${news.channel} ${news.event}` : undefined),
  reply: () => undefined,
  refusal: () => [],
  closeFrame: ({ code }) => (code === 'shutting_down' ? { code: 4200, reason: '' } : undefined),
})
const HELD = {
  member: undefined,
  meta: undefined,
  ref: undefined,
  encoder: undefined,
  isHeld: true,
}
const ENCODERS = [encoder('one'), encoder('two')]

class Member {
  readonly conn: Connection
  readonly heard: string[] = []
  /** The state of the model, by channel. */
  readonly owed = new Map<ChannelName, string[]>(CHANNELS.map((name) => [name, []]))

  constructor(
    topics: Map<string, Set<Member>>,
    { codec, isQueued }: { readonly codec: Encoder; readonly isQueued: boolean },
  ) {
    this.conn = new Connection(newSocketId(), codec, app, '127.0.0.1', app)
    const hear = (frame: unknown): number => (this.conn.closed ? 0 : this.heard.push(String(frame)))
    const sink: Sink = {
      send: hear,
      ping: () => undefined,
      close: () => undefined,
      terminate: () => undefined,
      subscribe: (topic) => topics.set(topic, (topics.get(topic) ?? new Set()).add(this)),
      unsubscribe: (topic) => topics.get(topic)?.delete(this),
      publish: (topic, frame) => {
        for (const other of topics.get(topic) ?? []) if (other !== this) other.conn.sink.send(frame)
        return 1
      },
      getBufferedAmount: () => 0,
    }
    this.conn.sink = isQueued ? { ...sink, queued: true, subscribe: () => undefined } : sink
    this.conn.established = true
  }
}

function scene(next: () => number) {
  const topics = new Map<string, Set<Member>>()
  const native = {
    publish: (topic: string, frame: unknown) => {
      for (const member of topics.get(topic) ?? []) member.conn.sink.send(frame as string)
      return 1
    },
    publishFrom(
      sink: { publish(topic: string, frame: string): number },
      topic: string,
      frame: unknown,
    ) {
      return sink.publish(topic, frame as string)
    },
  }
  const [counters, readiness] = [newCounters(), new Readiness()]
  const limits = { maxQueuedFrames: 40, maxQueuedBytes: 300, maxSubscriptionsPerAddress: 0 }
  const around = {
    clock: new ManualClock(0),
    counters,
    peaks: newPeaks(),
    latencies: newLatencies(),
    log: new MemoryLog(),
    limits,
    readiness,
    slices: { charge: () => undefined },
  }
  const hub = new Hub(native, new Groups([]), around)
  const members = Array.from({ length: 500 }, (_, index) => {
    const codec = ENCODERS[index % 5 === 0 ? 1 : 0]!
    const member = new Member(topics, { codec, isQueued: next() < 0.2 })
    hub.add(member.conn)
    return member
  })
  return { hub, members, counters, clock: around.clock }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test.each([1, 2])('whatever happens, everybody hears what they must (%d)', async (walk) => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000) + walk
  console.log(`seed ${seed - walk}`)
  const next = makeRandom(seed)
  const { hub, members, counters, clock } = scene(next)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!
  const before = { ...app.counters }
  let published = 0
  let crowds = 0
  let waits = 0

  const subscription = ({ conn }: Member, name: ChannelName) =>
    conn.subscription(hub.channel(app, name))
  const move = (member: Member, name: ChannelName): void => {
    if (member.conn.closed) return
    const here = subscription(member, name)
    if (here) {
      forgetHeld(member, here)
      hub.leave(here)
    } else if (next() < 0.3) held.push(hub.join(member.conn, app, name, HELD))
    else hub.join(member.conn, app, name)
  }
  /** What waited for one that is held it will not hear any more. */
  const forgetHeld = (member: Member, { shard, channel }: Subscription): void => {
    const owed = member.owed.get(channel.name)!
    if (shard?.isHeld) owed.splice(heardOf(member, owed).length)
  }
  const held: Subscription[] = []
  const catchUp = (): void => {
    const one = held.shift()
    if (one?.audience.catchUp(one, 1 + Math.floor(next() * 20))) held.push(one)
  }
  const publish = (name: ChannelName): void => {
    const event = String(published++)
    const except = next() < 0.2 ? pick(members) : undefined
    for (const member of members)
      if (member !== except && subscription(member, name))
        member.owed.get(name)!.push(`${name} ${event}`)
    const data = '1' as JsonText
    const rest = { app, channel: name, event, data, sender: undefined }
    const publication = {
      type: 'event',
      origin: 'backend',
      once: undefined,
      ...rest,
      except: except?.conn.id,
    } as const
    hub.deliver(publication, NOT_KEPT)
    for (const audience of hub.crowdedAudiences(app, name)) {
      crowds++
      waits++
      void audience.waitForRoom().then(() => waits--)
    }
  }
  /** Told goodbye, or gone without a word: then it may have missed the last ones. */
  const end = (member: Member): void => {
    const { conn } = member
    if (conn.closed) return
    for (const here of conn.subscriptions?.all() ?? []) forgetHeld(member, here)
    if (next() < 0.5) conn.refuse({ code: 'shutting_down', message: '' })
    else for (const owed of member.owed.values()) owed.splice(heardOf(member, owed).length)
    conn.close()
    for (const here of conn.subscriptions?.all() ?? []) hub.leave(here)
  }
  const heardOf = ({ heard }: Member, owed: readonly string[]): string[] => {
    const wanted = new Set(owed)
    return heard.filter((frame) => wanted.has(frame))
  }

  for (const [index, name] of CHANNELS.entries())
    for (const member of members.slice(0, SIZES[index])) move(member, name)
  for (let step = 0; step < 1500; step++) {
    const dice = next()
    if (dice < 0.45) publish(pick(CHANNELS))
    else if (dice < 0.5) for (let n = 0; n < 60; n++) publish(pick(CHANNELS))
    else if (dice < 0.8) move(pick(members), pick(CHANNELS))
    else if (dice < 0.82) end(pick(members))
    else if (dice < 0.83) {
      const leaving = pick(CHANNELS) // shards merge
      for (const member of members)
        if (next() < 0.6 && subscription(member, leaving)) move(member, leaving)
    } else {
      clock.advance(1)
      for (let n = 0; n < 5; n++) catchUp()
      await turn()
    }
  }
  while (held.length > 0) catchUp()
  while (
    CHANNELS.some((name) =>
      hub.channel(app, name)?.audiences.some(({ turnsLeft }) => turnsLeft > 0),
    ) ||
    waits > 0
  )
    await turn()
  for (let n = 0; n < 200; n++) await turn()

  for (const { heard, owed } of members)
    for (const name of CHANNELS)
      expect(heard.filter((frame) => frame.startsWith(`${name} `))).toEqual(owed.get(name)!)
  expect([hub.isCrowded, crowds > 0]).toEqual([false, true])
  const { framesQueued, fanOutLagMs, messagesSent } = app.counters
  expect(framesQueued - before.framesQueued).toBeGreaterThan(published / 2)
  expect(fanOutLagMs).toBeGreaterThan(before.fanOutLagMs)
  const heardByAll = members.reduce((sum, { heard }) => sum + heard.length, 0)
  expect(messagesSent - before.messagesSent).toBe(heardByAll)
  expect(counters.faults).toBe(0)
})
