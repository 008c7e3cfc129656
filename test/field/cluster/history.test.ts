/** Two nodes: what channels keep is the same on both, and whoever joins, or was cut off, has neither gap nor repeat. */
import { expect, test } from 'bun:test'
import { partitionOf } from '../../../src/cluster/names'
import { Stream, type HistoryQuery } from '../../../src/core/stream'
import type { ChannelName, Position } from '../../../src/core/types'
import { nextLook, type RawClient, type TestServer, waitUntil } from '../../harness'
import { makeRandom } from '../../random'
import { makeTemporary } from '../../http/admin-requests'
import { startRedis } from '../../redis/redis'
import { post } from '../../http/event-requests'
import { describeWith } from '../programs'
import { startNode, until } from './node'
import { startPair } from './pair'

const RULE = { prefix: '', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }

type Frame = {
  readonly event: string
  readonly offset?: number
  readonly history?: Position & { readonly recovered?: boolean; readonly missed?: number }
}

/** A subscriber that comes back, and notes the offsets that it gets. */
class Listener {
  readonly offsets: number[] = []
  readonly recovered: (boolean | undefined)[] = []
  #epoch = ''
  #client: RawClient | undefined

  constructor(readonly channel: string) {}

  async join(server: TestServer): Promise<void> {
    await this.leave()
    const client = (this.#client = await server.raw())
    const { promise: joined, resolve } = Promise.withResolvers<void>()
    const note = (text: string): void => {
      const { event, offset, history } = JSON.parse(text) as Frame
      if (history) {
        this.#epoch = history.epoch
        this.recovered.push(history.recovered)
        if (this.offsets.length === 0) this.offsets.push(history.offset)
        resolve()
      }
      if (event === 'e') this.offsets.push(offset!)
    }
    client.frames.push = note
    const user = this.channel.startsWith('presence-')
      ? JSON.stringify({ user_id: client.socketId })
      : undefined
    const since = this.#epoch && { since: { epoch: this.#epoch, offset: this.offsets.at(-1) } }
    const auth = user && server.sign(client, this.channel, user)
    const data = { channel: this.channel, auth, channel_data: user, positions: true, ...since }
    client.send({ event: 'pusher:subscribe', data })
    await joined
  }

  async leave(): Promise<void> {
    const client = this.#client
    if (client) await client[Symbol.asyncDispose]()
  }
}

describeWith('redis-server', 'history of two nodes', () => {
  test('pages are those of one node', async () => {
    await using pair = await startPair({ maxHistoryBytesPerChannel: 16_384 })
    await pair.change({ history: [{ ...RULE, size: 30 }] })
    const { one, two } = pair
    const random = makeRandom(7)
    const below = (most: number): number => Math.floor(random() * most)
    const app = one.core.apps.byId('1')!
    const channel = 'room' as ChannelName
    const rest = { type: 'event', origin: 'backend', app, channel, event: 'e' } as const
    const none = { sender: undefined, except: undefined, once: undefined }
    let stream: Stream | undefined
    for (let round = 0; round < 150; round++) {
      const data = JSON.stringify('x'.repeat(below(round < 100 ? 50 : 3000))) as never
      const publication = { ...rest, ...none, data }
      const { engine } = [one, two][below(2)]!.core
      const position = (await engine.publish(publication)) as Position
      stream ??= new Stream(position.epoch)
      const bounds = { size: 30, ttlMs: 3_600_000, bytes: 16_384 }
      expect(position).toEqual(stream.append(publication, 0, bounds))
      const offset = (): Position | undefined =>
        below(2) === 0
          ? undefined
          : { epoch: below(9) === 0 ? 'other' : position.epoch, offset: below(round + 4) }
      const query: HistoryQuery = {
        since: offset(),
        before: offset(),
        direction: below(2) === 0 ? 'forward' : 'backward',
        limit: 1 + below(12),
        maxBytes: 200 + below(9000),
      }
      const page = await engine.history(app, channel, query)
      const { events, ...more } = stream.page(query)
      expect({ query, ...page!, events: page!.events.map(({ offset: at }) => at) }).toEqual({
        query,
        ...more,
        events: events.map(({ offset: at }) => at),
      })
    }
  })

  test('what a rule does not keep is deleted', async () => {
    await using pair = await startPair()
    const { one, redis } = pair
    await pair.change({ history: [{ ...RULE, size: 10 }] })
    const data = 'x'.repeat(1000)
    for (let n = 0; n < 100; n++) await one.trigger({ channel: 'room', name: 'e', data })
    const key = `carillon:default:{${partitionOf('1/room')}}:history:1/room`
    // Sixteen more, and what is in a block of four kilobytes.
    expect(Number(await redis.cli('xlen', key))).toBeWithin(10, 10 + 16 + 4)
    expect(Number(await redis.cli('pttl', key))).toBeWithin(3_000_000, 3_600_001)
  })

  test('whoever joins while events come, and a node that was deaf, has all of them in order', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await pair.change({
      history: [
        { ...RULE, size: 10_000 },
        { ...RULE, prefix: 'presence-', size: 10_000 },
      ],
    })
    for (const channel of ['room', 'presence-room']) {
      const listeners = Array.from({ length: 8 }, () => new Listener(channel))
      for (const [index, listener] of listeners.entries())
        await listener.join([one, two][index % 2]!)
      let published = 0
      let isDone = false
      const publish = async (server: TestServer): Promise<void> => {
        while (!isDone) {
          const app = server.core.apps.byId('1')!
          const answer = await server.core.engine.publish({
            type: 'event',
            origin: 'backend',
            app,
            channel: channel as ChannelName,
            event: 'e',
            data: `"${published}"` as never,
            sender: undefined,
            except: undefined,
            once: undefined,
          })
          expect(answer).toHaveProperty('offset')
          published++
        }
      }
      const publishing = [publish(one), publish(two), publish(one)]
      for (let round = 0; round < 6; round++) {
        await Promise.all(
          listeners.map((each, index) => each.join([one, two][(index + round) % 2]!)),
        )
        if (round % 3 === 2) await redis.cli('client', 'kill', 'type', 'pubsub')
      }
      isDone = true
      await Promise.all(publishing)
      const all = Array.from({ length: published + 1 }, (_, offset) => offset)
      await waitUntil('all have all', () =>
        listeners.every(({ offsets }) => offsets.length > published),
      )
      for (const { offsets, recovered } of listeners) {
        expect(offsets).toEqual(all)
        expect(recovered).toEqual([undefined, ...Array.from({ length: 6 }, () => true)])
      }
      for (const listener of listeners) await listener.leave()
    }
  })

  test('who comes while Redis is away is told so when coming back', async () => {
    await using pair = await startPair()
    const { one, redis } = pair
    await pair.change({ history: [{ ...RULE, prefix: 'kept-' }] })
    const join = async (channel: string, since?: Position) => {
      const client = await one.raw()
      client.send({ event: 'pusher:subscribe', data: { channel, positions: true, since } })
      const { history } = JSON.parse(await client.next()) as Required<Frame>
      await client[Symbol.asyncDispose]()
      return history
    }
    await redis.stop()
    const { epoch, offset } = await join('kept-room')
    expect(offset).toBe(0)
    expect((await join('room')).epoch).toBe('')
    await using stays = await one.raw()
    stays.send({ event: 'pusher:subscribe', data: { channel: 'kept-room', positions: true } })
    await stays.next()
    await redis.start()
    // What it has missed is not known.
    expect((await stays.closing()).code).toBe(4200)
    const body = { channel: 'kept-room', name: 'e', data: 'x' }
    while ((await post(one.sdk(), '/events', body))[0] !== 200) await nextLook()
    expect(await join('kept-room', { epoch, offset })).toMatchObject({
      offset: 1,
      recovered: false,
    })
  })

  test('an epoch ends where something may be missing, and only there', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    const history = [{ ...RULE, rewind: 2 }]
    await pair.change({ history })
    await using client = await two.raw()
    await client.subscribed('room')
    const trigger = (data: string) => one.trigger({ channel: 'room', name: 'e', data })
    /** Until Redis is back. */
    const retrigger = async (data: string) => {
      const body = { channel: 'room', name: 'e', data, idempotency_key: data }
      while ((await post(one.sdk(), '/events', body))[0] !== 200) await nextLook()
    }
    const heard = async (count: number): Promise<string> =>
      (await client.frames.take(count)).map((frame) => JSON.parse(frame).data).join('')
    const read = async (server: TestServer) => {
      const path = '/channels/room/history'
      const ask = () => server.signed('GET', path)
      const answer = await until(ask, ({ status }) => status !== 503) // Redis is back
      const { epoch, offset, events } = (await answer.json()) as Position & { events: Event[] }
      return { epoch, offset, kept: events.map(({ data }) => data).join('') }
    }
    type Event = { readonly data: string }
    /** True where a client that had this position has missed nothing. */
    const isWhole = async (since: Position): Promise<boolean> => {
      await using late = await two.raw()
      late.send({ event: 'pusher:subscribe', data: { channel: 'room', since } })
      return JSON.parse(await late.next()).history.recovered
    }
    for (const data of ['1', '2', '3']) await trigger(data)
    expect(await heard(3)).toBe('123')
    const first = await read(one)
    expect(first).toMatchObject({ offset: 3, kept: '123' })
    expect(await read(two)).toEqual(first)
    expect(await isWhole(first)).toBe(true)
    await using third = await two.raw()
    await third.subscribed('room')
    expect((await third.frames.take(2)).map((frame) => JSON.parse(frame).data)).toEqual(['2', '3'])

    // Without a rule, as long as nothing is published.
    await pair.change({ history: [] })
    await pair.change({ history })
    expect(await read(two)).toEqual(first)
    await pair.change({ history: [] })
    await trigger('4')
    await pair.change({ history })
    const second = await read(two)
    expect(second).toMatchObject({ offset: 0, kept: '' })
    expect(second.epoch).not.toBe(first.epoch)
    expect(await isWhole(first)).toBe(false)
    await trigger('5')
    expect(await isWhole(second)).toBe(true)
    await one.signed('DELETE', '/channels/room/history')
    // The other node is told a moment later.
    await until(
      () => isWhole({ ...second, offset: 1 }),
      (isIt) => !isIt,
    )
    await trigger('6')
    expect(await heard(3)).toBe('456')
    const forgotten = await read(one)
    expect(forgotten).toMatchObject({ offset: 1, kept: '6' })

    // Another Redis may lack its last events, but has these.
    await redis.restart({ keepData: true })
    await retrigger('7')
    expect(await heard(1)).toBe('7')
    const back = await read(two)
    expect(back).toMatchObject({ offset: 2, kept: '67' })
    expect(back.epoch).not.toBe(forgotten.epoch)
    expect(await isWhole(forgotten)).toBe(false)
    await redis.restart({ keepData: false })
    await retrigger('8')
    expect(await heard(1)).toBe('8')
    expect(await read(one)).toMatchObject({ offset: 1, kept: '8' })
    expect(await isWhole({ ...back, offset: 1 })).toBe(false)
  })

  test('a server that is alone again says that it lacks what was kept over Redis', async () => {
    await using file = makeTemporary()
    await using redis = await startRedis()
    const listener = new Listener('room')
    const said = async (redisUrl: string | undefined) => {
      await using node = await startNode(redis.url, { databasePath: file.path, redisUrl })
      if (listener.recovered.length === 0)
        await node.change({ history: [{ ...RULE, durable: true }] })
      await node.trigger({ channel: 'room', name: 'e', data: 'x' })
      if (redisUrl !== undefined) return
      await listener.join(node)
      await listener.leave()
    }
    await said(undefined)
    await said(undefined)
    await said(redis.url)
    await said(undefined)
    expect(listener.recovered).toEqual([undefined, true, false])
  })
})
