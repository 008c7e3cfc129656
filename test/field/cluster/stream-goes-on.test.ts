/** A stream that goes on with another epoch, as after a failover, while a node asks for what it has missed. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { waitUntil } from '../../harness'
import { describeWith } from '../programs'
import type { TestRedis } from '../../redis/redis'
import { startPair } from './pair'

/** Of each way: for so long an answer of Redis is on its way, and what is published meanwhile is heard before it. */
const DELAY_MS = 600

const RULE = { prefix: '', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }
const PLACE = `carillon:default:{${partitionOf('1/room' as FullName)}}`

/** What is kept is as another Redis has written it: the stream goes on with another epoch. */
const goOn = (redis: TestRedis) => redis.cli('hset', `${PLACE}:channel:1/room`, 'origin', 'another')

describeWith('redis-server', 'a stream', () => {
  test('that goes on with another epoch gives each event once, those that were heard before the answer came among them', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await pair.change({ history: [RULE] })
    await using client = await two.raw()
    await client.subscribed('room')
    const say = async (n: number) =>
      expect((await one.trigger({ channel: 'room', name: 'e', data: `${n}` })).status).toBe(200)
    await say(1)
    expect(await client.nextJson()).toMatchObject({ event: 'e', data: '1' })
    proxy.delay(DELAY_MS)
    await redis.cli('client', 'kill', 'type', 'pubsub')
    await say(2)
    let listeners = 0
    const look = async () => {
      const text = await redis.cli('pubsub', 'numsub', `${PLACE}:bus:1/room`)
      listeners = Number(text.split('\n')[1])
    }
    while (listeners === 0) await look()
    await say(3)
    await say(4)
    await goOn(redis)
    await waitUntil('it has answered', () => two.core.readiness.reasonOf('redis') === undefined)
    await proxy.heal()
    await say(5)
    for (const data of ['2', '3', '4', '5'])
      expect(await client.nextJson()).toMatchObject({ event: 'e', data })
  })

  test('that began and went on while a node was deaf gives that node all of it', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await pair.change({ history: [RULE] })
    await using client = await two.raw()
    await client.subscribed('room')
    const say = async (n: number) =>
      expect((await one.trigger({ channel: 'room', name: 'e', data: `${n}` })).status).toBe(200)
    await say(1)
    expect(await client.nextJson()).toMatchObject({ event: 'e', data: '1' })
    proxy.stall()
    await one.signed('DELETE', '/channels/room/history')
    await say(2)
    await goOn(redis)
    await say(3)
    await goOn(redis)
    await say(4)
    proxy.reset() // what it had in store is lost
    await proxy.heal()
    for (const data of ['2', '3', '4'])
      expect(await client.nextJson()).toMatchObject({ event: 'e', data })
  })

  test('is not given to who has come while nobody knew what they had missed: they come back', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    await pair.change({ history: [RULE] })
    await using stays = await two.raw()
    await stays.subscribed('room')
    proxy.stall()
    const { status } = await one.trigger({ channel: 'room', name: 'e', data: '1' })
    expect(status).toBe(200)
    await redis.stop() // what it has said is on its way still
    await using comes = await two.raw()
    const since = { epoch: 'another', offset: 1 }
    comes.send({ event: 'pusher:subscribe', data: { channel: 'room', positions: true, since } })
    expect(JSON.parse(await comes.next()).history).toMatchObject({ recovered: false })
    await proxy.heal()
    expect(await stays.nextJson()).toMatchObject({ event: 'e', data: '1' })
    expect((await comes.closing()).code).toBe(4200)
    expect(comes.frames.unread.filter((frame) => JSON.parse(frame).event === 'e')).toEqual([])
  })
})
