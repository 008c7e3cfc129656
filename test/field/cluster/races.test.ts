/** Two nodes: what happens between a step and its echo, while a node is deaf, or after all leases have ended. */
import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { waitUntil } from '../../harness'
import { definePlugin } from '../../../src/plugin'
import { startRedis, type TestRedis } from '../../redis/redis'
import { describeWith } from '../programs'
import type { RawClient } from '../../../kit/client'
import { APPS, ask, makeApp, startNode, until } from './node'
import { startPair } from './pair'

/** As if all nodes had stood still for longer than a lease: nobody has renewed one, nor was given up. */
const STAND_STILL = `
for partition = 0, 63 do
  local prefix = 'carillon:default:{' .. partition .. '}:'
  redis.call('SET', prefix .. 'beat', 1)
  for _, node in ipairs(redis.call('ZRANGE', prefix .. 'leases', 0, -1)) do
    redis.call('ZADD', prefix .. 'leases', 1, node)
  end
end`

/** Waits until Redis has no key like that. */
async function expectGone(redis: TestRedis, pattern: string): Promise<void> {
  const find = async () => (await redis.cli('keys', pattern)).trim()
  await until(find, (keys) => keys === '')
}

describeWith('redis-server', 'two nodes', () => {
  test('a socket that comes back as somebody else while a node is deaf is somebody else there, too', async () => {
    await using pair = await startPair()
    const { one, two, proxy } = pair
    await using watcher = await two.raw()
    await using client = await one.raw()
    await two.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    await one.signedIn(client, 'presence-room', { user_id: 'ann' })
    expect(await watcher.nextJson()).toMatchObject({ event: 'pusher_internal:member_added' })
    await proxy.cut()
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
    await one.signedIn(client, 'presence-room', { user_id: 'bob' })
    await proxy.heal()
    const news = [await watcher.nextJson(), await watcher.nextJson()]
    expect(news.map(({ event, data }) => [event, JSON.parse(data as string).user_id])).toEqual([
      ['pusher_internal:member_removed', 'ann'],
      ['pusher_internal:member_added', 'bob'],
    ])
  })

  test('who comes back just after all leases have ended is counted and seated', async () => {
    await using pair = await startPair()
    const { one, two, redis } = pair
    await using client = await one.raw()
    await using member = await one.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await one.signedIn(member, 'presence-room', { user_id: 'ann' })
    await redis.cli('eval', STAND_STILL, '0')
    await client.subscribed('room')
    await one.signedIn(client, 'presence-room', { user_id: 'bob' })
    expect(await two.askCounts('room')).toMatchObject({ subscriptions: 1 })
    expect(await two.askCounts('presence-room')).toMatchObject({ subscriptions: 2, users: 2 })
  })

  test('of an app that is deleted while a seat is on its way nothing is left', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    const { id, key } = await makeApp(one, 'Short')
    await waitUntil('it is there', () => two.core.apps.byKey(key) !== undefined)
    const { secret } = two.core.apps.byKey(key)!.record.keys[0]!
    const path = `/app/${key}?protocol=7`
    await using client = await two.raw({ path })
    await using late = await two.raw({ path })
    const enter = (who: RawClient, data: string) => {
      const text = `${who.socketId}:presence-room:${data}`
      const hmac = createHmac('sha256', secret).update(text).digest('hex')
      who.subscribe('presence-room', `${key}:${hmac}`, data)
    }
    enter(client, '{"user_id":"ann"}')
    expect(await client.next()).toContain('subscription_succeeded')
    // The other node hears of the end before that of the seat, and both late.
    proxy.delay(100)
    const deleted = ask(two, 'DELETE', `${APPS}/short`)
    await waitUntil('it is deleted', () => one.core.apps.byKey(key) === undefined)
    await two.askCounts('marker')
    enter(late, '{"user_id":"bob"}')
    expect((await deleted).status).toBe(204)
    await late.closed
    await proxy.heal()
    await expectGone(redis, `carillon:default:*:${id}/*`)
  })

  test('who is asked about while others leave hears the order that comes meanwhile', async () => {
    await using redis = await startRedis()
    const gate = Promise.withResolvers<undefined>()
    let asked = 0
    const plugin = definePlugin({
      name: 'gate',
      carillon: 1,
      setup: () => ({ signin: () => (asked++ === 0 ? undefined : gate.promise) }),
    })
    const one = await startNode(redis.url)
    const two = await startNode(redis.url, { plugins: [plugin] })
    const first = await two.raw()
    const second = await two.raw()
    two.signin(first, '{"id":"ann"}')
    expect(await first.nextJson()).toMatchObject({ event: 'pusher:signin_success' })
    two.signin(second, '{"id":"ann"}')
    await waitUntil('the plugin is asked', () => asked === 2)
    await first[Symbol.asyncDispose]()
    const third = await two.raw()
    await third.subscribed('marker')
    await third[Symbol.asyncDispose]()
    await expectGone(redis, '*:counts:1/marker')
    expect((await one.signed('POST', '/users/ann/terminate_connections')).status).toBe(200)
    gate.resolve(undefined)
    expect((await second.closing()).code).toBe(4009)
    await Promise.all([one.stop(), two.stop()])
  })

  test('a channel of which more is said than fits behind a snapshot is heard again', async () => {
    await using pair = await startPair()
    const { one, two, proxy } = pair
    await using first = await two.raw()
    await first.subscribed('hot')
    proxy.delay(60)
    let isOver = false
    const data = 'x'.repeat(9000)
    const publish = async () => {
      while (!isOver) await one.trigger({ channel: 'hot', name: 'e', data })
    }
    const publishers = Array.from({ length: 8 }, publish)
    await first.next()
    proxy.reset()
    await waitUntil('it is deaf', () => two.core.readiness.reasonOf('redis') !== undefined)
    await waitUntil('it hears', () => two.core.readiness.reasonOf('redis') === undefined)
    await using second = await two.raw()
    await second.subscribed('hot')
    expect(await second.next()).toContain('"event":"e"')
    isOver = true
    await Promise.all(publishers)
  })
})
