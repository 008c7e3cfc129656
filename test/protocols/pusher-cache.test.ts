/** Cache channels and subscription counts. Contract 3.6, 3.7, 6.7. */
import { describe, expect, test } from 'bun:test'
import { partitionOf } from '../../src/cluster/names'
import { start, twoServers, type RawClient, type TestServer } from '../harness'

const MISS = (channel: string) => `{"event":"pusher:cache_miss","channel":"${channel}","data":"{}"}`
const EVENT = (channel: string, data: string) =>
  `{"event":"e","channel":"${channel}","data":"${data}"}`

const enter = (server: TestServer, client: RawClient, channel: string): Promise<string> => {
  if (channel.startsWith('cache-')) return client.subscribed(channel)
  const user = channel.startsWith('presence-') ? { user_id: client.socketId } : undefined
  return server.signedIn(client, channel, user)
}

/** Cache channels of one partition: in Redis each partition has a share of its app's limit, and four more. */
const NEIGHBOURS = Array.from({ length: 999 }, (_, n) => `cache-${n}`).filter(
  (name) => partitionOf(`1/${name}`) === 0,
)

const KINDS = ['cache-a', 'private-cache-a', 'private-encrypted-cache-a', 'presence-cache-a']

describe('a cache channel', () => {
  test.each(KINDS)('%s tells newcomers the last event, or that there is none', async (channel) => {
    await using server = await start()
    await using first = await server.raw()
    await enter(server, first, channel)
    expect(await first.next()).toBe(MISS(channel))
    for (const data of ['old', 'new']) {
      await server.trigger({ channel, name: 'e', data })
      expect(await first.next()).toBe(EVENT(channel, data))
    }
    await using second = await server.raw()
    await enter(server, second, channel)
    expect(await second.next()).toBe(EVENT(channel, 'new'))
    await second.expectNothing()
    expect(server.listFactNames().filter((name) => name.startsWith('cache_miss'))).toEqual([
      `cache_miss ${channel}`,
    ])
  })

  test('keeps an event that nobody heard, and that somebody was left out of, until its time', async () => {
    await using server = await start({ config: { cacheTtlSeconds: 60 }, now: Date.now() })
    const body = { name: 'e', channels: ['cache-a'], data: 'x', socket_id: '1.1' }
    await server.signed('POST', '/events', JSON.stringify(body))
    const info = async () =>
      (await server.signed('GET', '/channels/cache-a', '', 'info=cache')).json()
    const { slackMs } = server
    const expectCached = async (seconds: number): Promise<void> => {
      const { occupied, cache } = await info()
      expect([occupied, cache.data]).toEqual([false, 'x'])
      expect(cache.ttl).toBeLessThanOrEqual(seconds)
      expect(cache.ttl).toBeGreaterThanOrEqual(seconds - slackMs / 1000)
    }
    await expectCached(60)
    await server.pass(59_500 - slackMs)
    await expectCached(1 + slackMs / 1000)
    await server.pass(500 + slackMs)
    expect(await info()).toEqual({ occupied: false, cache: null })
    await using client = await server.raw()
    await client.subscribed('cache-a')
    expect(await client.next()).toBe(MISS('cache-a'))
  })

  test('keeps nothing of client events, and no more channels than its app may', async () => {
    await using server = await start({ limits: { maxCachedChannels: 2 } })
    await using sender = await server.raw()
    await enter(server, sender, 'private-cache-a')
    await sender.next('the miss')
    sender.send({ event: 'client-e', channel: 'private-cache-a', data: 1 })
    await sender.expectNothing()
    const [first, second, ...others] = NEIGHBOURS.slice(0, twoServers.redis ? 6 : 3)
    for (const channel of [first, second, first, ...others])
      await server.trigger({ channel: channel!, name: 'e', data: 'x' })
    await using client = await server.raw()
    const received: string[] = []
    for (const channel of ['private-cache-a', first, second, ...others]) {
      await enter(server, client, channel!)
      received.push((await client.nextJson()).event)
    }
    const kept = others.map(() => 'e')
    expect(received).toEqual(['pusher:cache_miss', 'e', 'pusher:cache_miss', ...kept])
  })

  test('is the only one whose event can be asked for', async () => {
    await using server = await start()
    const refused = await server.signed('GET', '/channels/room', '', 'info=cache')
    expect([refused.status, await refused.text()]).toEqual([
      400,
      'Events are kept of cache channels only, not of room\n',
    ])
    expect((await server.signed('GET', '/channels', '', 'info=cache')).status).toBe(400)
  })

  test('tells pusher-js', async () => {
    await using server = await start()
    await using client = server.pusher()
    const missed = Promise.withResolvers<void>()
    client.pusher.subscribe('cache-a').bind('pusher:cache_miss', () => missed.resolve())
    await missed.promise
    await server.sdk().trigger('cache-b', 'price', { eur: 7 })
    const heard = Promise.withResolvers<unknown>()
    client.pusher.subscribe('cache-b').bind('price', heard.resolve)
    expect(await heard.promise).toEqual({ eur: 7 })
  })
})

describe('subscription counts', () => {
  const COUNT = (channel: string, count: number) =>
    `{"event":"pusher_internal:subscription_count","channel":"${channel}","data":"{\\"subscription_count\\":${count}}"}`

  const switchOn = (server: TestServer): Promise<void> =>
    server.change({ subscriptionCounts: true })

  test('are told to everybody after each change, but in presence channels', async () => {
    await using server = await start()
    await switchOn(server)
    await using first = await server.raw()
    await first.subscribed('room')
    expect(await first.next()).toBe(COUNT('room', 1))
    await using second = await server.raw()
    await second.subscribed('room')
    for (const client of [first, second]) expect(await client.next()).toBe(COUNT('room', 2))
    second.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    expect(await first.next()).toBe(COUNT('room', 1))
    await second.expectNothing()
    await server.signedIn(second, 'presence-room', { user_id: '1' })
    server.signin(second, '{"id":"7"}')
    await second.next('the sign-in')
    await second.expectNothing()
  })

  test('are off until an app wants them', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await client.expectNothing()
  })

  test('of more than a hundred are told every five seconds at most', async () => {
    await using server = await start()
    await switchOn(server)
    await using watcher = await server.raw()
    await watcher.subscribed('room')
    const others = await Promise.all(Array.from({ length: 105 }, () => server.raw()))
    for (const other of others.slice(0, 100)) await other.subscribed('room')
    const counts: number[] = []
    do counts.push(JSON.parse(JSON.parse(await watcher.next()).data).subscription_count)
    while (counts.at(-1)! <= 100)
    const all = Array.from({ length: 101 }, (_, n) => n + 1)
    // Over Redis nodes tell their numbers every 100 ms.
    expect(counts).toEqual(twoServers.redis ? all.filter((count) => counts.includes(count)) : all)
    for (const other of others.slice(100)) await other.subscribed('room')
    await server.askCounts('room')
    await server.trigger({ channel: 'room', name: 'e', data: 'all are counted' })
    expect(await watcher.next()).toBe(EVENT('room', 'all are counted'))
    await watcher.expectNothing()
    server.advance(5000)
    expect(await watcher.next()).toBe(COUNT('room', 106))
    others[0]!.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await others[0]!.heard()
    await server.stop()
    expect(server.clock.pending).toBe(0)
    await Promise.all(others.map((other) => other[Symbol.asyncDispose]()))
  })

  test('reach pusher-js', async () => {
    await using server = await start()
    await switchOn(server)
    await using client = server.pusher()
    const counted = Promise.withResolvers<unknown>()
    client.pusher.subscribe('room').bind('pusher:subscription_count', counted.resolve)
    expect(await counted.promise).toEqual({ subscription_count: 1 })
  })
})
