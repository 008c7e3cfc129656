/**
 * The events that a channel keeps against a plain list of all of them, over the engine: what is published by any
 * server, expires, exceeds a rule, is given up; what a reader and a subscriber that comes back are answered.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
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

const rule = { prefix: '', size: 5, ttl_seconds: 1, durable: false, rewind: 0 }

/** A channel of a server, and the list that it is held against. */
class Walk {
  readonly list = new EventList()
  #size = rule.size
  #now = 0
  #count = 0

  constructor(
    readonly server: TestServer,
    readonly clients: readonly RawClient[],
    readonly channel: string,
  ) {}

  async take(given: Step): Promise<void> {
    switch (given[0]) {
      case 'publish':
        return this.#publish()
      case 'wait':
        this.#now += given[1]
        return this.server.advance(given[1])
      case 'resize':
        this.#size = given[1]
        return this.server.change({ history: [{ ...rule, size: this.#size }] })
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
    await this.server.change({ history: [{ ...rule, prefix: 'other' }] })
    await this.server.trigger({ channel: this.channel, name: 'uncovered', data: 'x' })
    await this.server.change({ history: [{ ...rule, size: this.#size }] })
    return this.begin()
  }

  #trim(): void {
    this.list.trim(this.#now, { size: this.#size, ttlMs: 1000, bytes: 1 })
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
  await using server = await start()
  let channels = 0
  const steps = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' })
  const property = fc.asyncProperty(steps, async (path) => {
    await server.change({ history: [rule] })
    await using first = await server.raw()
    await using second = await server.raw()
    const walk = new Walk(server, [first, second], `room-${++channels}`)
    await walk.begin()
    for (const each of path) await walk.take(each)
  })
  await fc.assert(property, { seed, numRuns: twoServers.areMeant ? 15 : 30 })
}, 60_000)
