/**
 * The events that a channel keeps against a plain list of all of them, over the engine: what is published by any
 * server, expires, exceeds a rule, is given up; what a reader and a subscriber that comes back are answered.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import type { HistoryRule } from '../../src/core/app'
import { start, twoServers, type RawClient, type TestServer } from '../harness'
import {
  EventList,
  offsetsOf,
  question,
  somewhere,
  type Question,
  type Somewhere,
} from './event-list'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

type Step =
  | readonly ['publish' | 'forget' | 'uncover']
  | readonly ['wait' | 'resize', number]
  | readonly ['read', Question]
  | readonly ['comeBack', client: number, since: Somewhere, rewind: number]

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('publish' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('forget' as const, 'uncover' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), fc.nat(700)) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('resize' as const), fc.integer({ min: 1, max: 9 })),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('read' as const), question) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.constant('comeBack' as const), fc.nat(1), somewhere, fc.nat(5)),
  },
)

const GRAIN_MS = 100

/** A channel of a server, and the list that it is held against. */
class Walk {
  /** Redis deletes later: what is too much is only not shown. */
  readonly list = new EventList(!twoServers.redis)
  #size = 5
  #now = 0
  #count = 0

  constructor(
    readonly server: TestServer,
    readonly clients: readonly RawClient[],
    readonly channel: string,
  ) {}

  get scale(): number {
    return Math.max(1, this.server.slackMs / GRAIN_MS)
  }

  get rule(): HistoryRule {
    const ttl_seconds = this.scale
    return { prefix: '', size: this.#size, ttl_seconds, durable: false, rewind: 0 }
  }

  async take(given: Step): Promise<void> {
    switch (given[0]) {
      case 'publish':
        return this.#publish()
      case 'wait':
        return this.#wait(given[1])
      case 'resize':
        this.#size = given[1]
        return this.server.change({ history: [this.rule] })
      case 'forget':
        await this.server.signed('DELETE', `/channels/${this.channel}/history`)
        return this.begin()
      case 'uncover':
        return this.#uncover()
      case 'read':
        return this.#read(given[1])
      case 'comeBack':
        return this.#comeBack(this.clients[given[1]]!, given[2], given[3])
    }
  }

  /** Where real time passes, too, times are so long that it makes no difference. */
  async #wait(ms: number): Promise<void> {
    const grain = this.scale === 1 ? 1 : GRAIN_MS
    const passed = (ms - (ms % grain)) * this.scale
    this.#now += passed
    await this.server.pass(passed)
  }

  /** The stream has begun anew: its epoch is another one. */
  async begin(): Promise<void> {
    const { epoch, offset } = await this.#fetch('limit=1')
    expect(offset).toBe(0)
    expect(epoch).not.toBe(this.list.epoch)
    this.list.begin(epoch)
  }

  async #publish(): Promise<void> {
    const name = `e${++this.#count}`
    await this.server.trigger({ channel: this.channel, name, data: 'x' })
    this.list.append(name, this.#now, 0)
    this.#trim()
  }

  /** No rule covers the channel for a while. */
  async #uncover(): Promise<void> {
    await this.server.change({ history: [{ ...this.rule, prefix: 'other' }] })
    await this.server.trigger({ channel: this.channel, name: 'uncovered', data: 'x' })
    await this.server.change({ history: [this.rule] })
    return this.begin()
  }

  #trim(): void {
    this.list.trim(this.#now, { size: this.#size, ttlMs: 1000 * this.scale, bytes: 1 })
  }

  // oxlint-disable-next-line no-explicit-any
  async #fetch(parameters: string): Promise<any> {
    const path = `/channels/${this.channel}/history`
    return (await this.server.signed('GET', path, '', parameters)).json()
  }

  async #read({ since, before, direction, limit }: Question): Promise<void> {
    const { list } = this
    this.#trim()
    const [from, to] = [since && list.positionOf(since), before && list.positionOf(before)]
    const parameters = new URLSearchParams()
    if (to) parameters.set('before', `${to.epoch}:${to.offset}`)
    parameters.set('direction', direction)
    parameters.set('limit', String(limit))
    if (from) parameters.set('since', `${from.epoch}:${from.offset}`)
    const { epoch, offset, events, next, recovered } = await this.#fetch(parameters.toString())
    const hasMore = next !== null
    if (hasMore) expect(next).toBe(`${epoch}:${events.at(-1).offset}`)
    expect({ position: { epoch, offset }, events: offsetsOf(events), hasMore, recovered }).toEqual(
      list.page({ since: from, before: to, direction, limit }),
    )
  }

  async #comeBack(client: RawClient, where: Somewhere, rewind: number): Promise<void> {
    const { list, channel } = this
    this.#trim()
    const since = list.positionOf(where)
    const missed = list.since(since)
    const data = { channel, positions: true, since, rewind }
    client.send({ event: 'pusher:subscribe', data })
    const { epoch, offset } = list
    const reply = JSON.parse(await client.next('the reply'))
    const found = missed ? { recovered: true, missed: missed.length } : { recovered: false }
    expect(reply.history).toEqual({ ...found, epoch, offset })
    const expected = missed ?? list.last(rewind)
    const frames = await client.frames.take(expected.length)
    expect(frames.map((frame) => JSON.parse(frame))).toEqual(
      expected.map(({ name: event, offset: own }) => ({
        event,
        channel,
        data: 'x',
        epoch,
        offset: own,
      })),
    )
    await client.expectNothing()
    client.send({ event: 'pusher:unsubscribe', data: { channel } })
    await client.expectNothing()
  }
}

test('what is kept is what a plain list would have', async () => {
  // Nobody is asked for a pong while time passes.
  await using server = await start({ config: { activityTimeoutSeconds: 1e9 } })
  let channels = 0
  const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' })
  const property = fc.asyncProperty(steps, async (path) => {
    await using first = await server.raw()
    await using second = await server.raw()
    const walk = new Walk(server, [first, second], `room-${++channels}`)
    await server.change({ history: [walk.rule] })
    await walk.begin()
    for (const each of path) await walk.take(each)
  })
  await fc.assert(property, { seed, numRuns: twoServers.areMeant ? 8 : 30 })
}, 120_000)
