/** Two nodes: a repeat of a request is harmless wherever it comes, and the last event of a channel is everywhere. */
import { expect, test } from 'bun:test'
import { partitionOf } from '../../../src/cluster/names'
import type { Refusal } from '../../../src/core/errors'
import type { Publication } from '../../../src/core/messages'
import type { TestServer } from '../../harness'
import { post } from '../../http/event-requests'
import { describeWith } from '../programs'
import { until } from './node'
import { startPair } from './pair'
import type { TestRedis } from '../../redis/redis'

const AWAY: Refusal = { code: 'store_unavailable', message: 'away', retryAfterSeconds: 1 }

/** Makes a server refuse events of a channel, until it is let. */
function refuseChannel({ core: { engine } }: TestServer, channel: string): () => void {
  const publish = engine.publish.bind(engine)
  const refuse = (publication: Publication) =>
    publication.channel === channel ? Promise.resolve(AWAY) : publish(publication)
  Object.assign(engine, { publish: refuse })
  return () => void Object.assign(engine, { publish })
}

const event = { name: 'e', data: 'x' }

describeWith('redis-server', 'two nodes', () => {
  test('a repeat to another node is answered as the first, or completes what that began', async () => {
    await using pair = await startPair({ maxIdempotencyKeys: 3 })
    const { one, two } = pair
    await using client = await two.raw()
    for (const channel of ['a', 'b', 'c']) await client.subscribed(channel)
    const next = async () => JSON.parse(await client.next()).channel
    const once = { ...event, channels: ['a'], idempotency_key: '1' }
    for (const node of [one, two, one])
      expect(await post(node.sdk(), '/events', once)).toEqual([200, '{}'])
    expect((await post(two.sdk(), '/events', { ...once, data: 'other' }))[0]).toBe(422)

    const batch = { ...event, channels: ['a', 'b', 'c'], idempotency_key: '2' }
    const letGo = refuseChannel(one, 'b')
    expect((await post(one.sdk(), '/events', batch))[0]).toBe(503)
    letGo()
    expect(await post(two.sdk(), '/events', batch)).toEqual([200, '{}'])
    expect(await post(one.sdk(), '/events', batch)).toEqual([200, '{}'])

    // It is there once for good, and other keys have no room.
    const third = { ...event, channels: ['c'], idempotency_key: '3' }
    expect((await post(one.sdk(), '/events', third))[0]).toBe(200)
    const [status, text] = await post(two.sdk(), '/events', { ...third, idempotency_key: '4' })
    expect([status, text]).toEqual([503, expect.stringContaining('maxIdempotencyKeys')])
    expect([await next(), await next(), await next(), await next(), await next()]).toEqual([
      'a',
      'a',
      'c',
      'b',
      'c',
    ])
  })

  test('what a channel takes once it knows for as long as it says, also where its app was once deleted', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    const name = `${one.app.id}/room`
    const mark = `carillon:default:{${partitionOf(name)}}:removed:${one.app.id}`
    await redis.cli('set', mark, 'former', 'px', '60000')
    const once = { ...event, channels: ['room'], idempotency_key: '1' }
    for (const node of [one, two])
      expect(await post(node.sdk(), '/events', once)).toEqual([200, '{}'])
    const [left, taken] = await Promise.all([
      redis.cli('pttl', mark),
      redis.cli('--scan', '--pattern', '*:once:*'),
    ])
    expect(taken).toContain(`${name}/1\nformer`)
    expect(Number(left)).toBeGreaterThan(590_000)
  })

  test('the last event of a cache channel is the same on both, and a miss is told once', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    await using first = await one.raw()
    await using second = await two.raw()
    await first.subscribed('cache-a')
    await second.subscribed('cache-a')
    for (const client of [first, second])
      expect(await client.nextJson()).toMatchObject({ event: 'pusher:cache_miss' })
    await one.trigger({ channel: 'cache-a', name: 'price', data: '1' })
    await two.trigger({ channel: 'cache-a', name: 'price', data: '2' })
    for (const client of [first, second]) {
      expect(await client.next()).toBe('{"event":"price","channel":"cache-a","data":"1"}')
      expect(await client.next()).toBe('{"event":"price","channel":"cache-a","data":"2"}')
    }
    const misses = [...one.facts, ...two.facts].filter(({ type }) => type === 'cache_miss')
    expect(misses).toHaveLength(1)

    // One that joins, on a node that hears the channel already and on presence, too.
    await using third = await two.raw()
    await third.subscribed('cache-a')
    expect(await third.next()).toBe('{"event":"price","channel":"cache-a","data":"2"}')
    await one.trigger({ channel: 'presence-cache-a', name: 'price', data: '3' })
    await two.signedIn(third, 'presence-cache-a', { user_id: 'ann' })
    expect(await third.next()).toBe('{"event":"price","channel":"presence-cache-a","data":"3"}')

    const info = async (server: TestServer) =>
      (await server.signed('GET', '/channels/cache-a', '', 'info=cache')).json()
    for (const server of [one, two])
      expect(await info(server)).toMatchObject({ cache: { data: '2', ttl: 1800 } })
    expect((await one.signed('DELETE', '/channels/cache-a/history')).status).toBe(200)
    for (const server of [one, two]) expect(await info(server)).toMatchObject({ cache: null })
    await two.trigger({ channel: 'cache-a', name: 'marker', data: '4' })
    for (const client of [first, second, third])
      expect(await client.next()).toBe('{"event":"marker","channel":"cache-a","data":"4"}')
  })

  test('what is kept of a channel has an end, and one that keeps nothing leaves no key', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    const rule = { size: 10, ttl_seconds: 1, durable: false, rewind: 0 }
    await pair.change({ history: [{ prefix: 'kept-', ...rule }] })
    const clients = [await one.raw(), await two.raw()]
    for (const client of clients)
      for (const channel of ['room', 'kept-room']) await client.subscribed(channel)
    await one.signedIn(clients[0]!, 'presence-room', { user_id: 'ann' })
    for (const channel of ['room', 'kept-room', 'presence-room', 'vacant', 'cache-vacant'])
      await one.trigger({ channel, name: 'e', data: 'x' })
    for (const client of clients) await client[Symbol.asyncDispose]()
    const keys = async (): Promise<string[]> =>
      (await redis.cli('--scan', '--pattern', '*:1/*'))
        .split('\n')
        .map((key) => key.slice(key.indexOf('}') + 2))
    const left = ['channel:1/kept-room', 'last:1/cache-vacant']
    const look = async () => (await keys()).filter(Boolean).sort()
    expect(await until(look, ({ length }) => length <= left.length)).toEqual(left)
    for (const key of await keys())
      if (key !== '') expect(await ttlOf(redis, key)).toBeGreaterThan(0)
  })
})

async function ttlOf(redis: TestRedis, key: string): Promise<number> {
  const name = key.slice(key.indexOf(':') + 1)
  return Number(await redis.cli('pttl', `carillon:default:{${partitionOf(name)}}:${key}`))
}
