/** A stream that goes on with another epoch, as after a failover, while a node asks for what it has missed. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { nextLook, type RawClient, type TestServer, waitUntil } from '../../harness'
import { describeWith } from '../programs'
import type { TestRedis } from '../../redis/redis'
import { startPair, type Pair } from './pair'

/** Of each way: for so long an answer of Redis is on its way, and what is published meanwhile is heard before it. */
const DELAY_MS = 600

const RULE = { prefix: '', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }
const PLACE = `carillon:default:{${partitionOf('1/room' as FullName)}}`

/** What is kept is as another Redis has written it: the stream goes on with another epoch. */
const goOn = (redis: TestRedis) => redis.cli('hset', `${PLACE}:channel:1/room`, 'origin', 'another')

async function startKeeping(): Promise<Pair> {
  const pair = await startPair()
  await pair.change({ history: [RULE] })
  return pair
}

async function say(server: TestServer, n: number): Promise<void> {
  const { status } = await server.trigger({ channel: 'room', name: 'e', data: `${n}` })
  expect(status).toBe(200)
}

/** The next of its frames are these events, and no others. */
async function hear(client: RawClient, events: readonly string[]): Promise<void> {
  for (const data of events) expect(await client.nextJson()).toMatchObject({ event: 'e', data })
}

describeWith('redis-server', 'a stream', () => {
  test('that goes on with another epoch gives each event once, those that were heard before the answer came among them', async () => {
    await using pair = await startKeeping()
    const { one, two, redis, proxy } = pair
    await using client = await two.raw()
    await client.subscribed('room')
    await say(one, 1)
    await hear(client, ['1'])
    proxy.delay(DELAY_MS)
    await redis.cli('client', 'kill', 'type', 'pubsub')
    await say(one, 2)
    let listeners = 0
    const look = async () => {
      const text = await redis.cli('pubsub', 'numsub', `${PLACE}:bus:1/room`)
      listeners = Number(text.split('\n')[1])
    }
    for (; listeners === 0; await nextLook()) await look()
    await say(one, 3)
    await say(one, 4)
    await goOn(redis)
    await waitUntil('it has answered', () => two.core.readiness.reasonOf('redis') === undefined)
    await proxy.heal()
    await say(one, 5)
    await hear(client, ['2', '3', '4', '5'])
  })

  test('that began and went on while a node was deaf gives that node all of it', async () => {
    await using pair = await startKeeping()
    const { one, two, redis, proxy } = pair
    await using client = await two.raw()
    await client.subscribed('room')
    await say(one, 1)
    await hear(client, ['1'])
    proxy.stall()
    await one.signed('DELETE', '/channels/room/history')
    await say(one, 2)
    await goOn(redis)
    await say(one, 3)
    await goOn(redis)
    await say(one, 4)
    proxy.reset() // what it had in store is lost
    await proxy.heal()
    await hear(client, ['2', '3', '4'])
  })

  test('is not given to who has come while nobody knew what they had missed: they come back', async () => {
    await using pair = await startKeeping()
    const { one, two, redis, proxy } = pair
    await using stays = await two.raw()
    await stays.subscribed('room')
    proxy.stall()
    await say(one, 1)
    await redis.stop() // what it has said is on its way still
    await using comes = await two.raw()
    const since = { epoch: 'another', offset: 1 }
    comes.send({ event: 'pusher:subscribe', data: { channel: 'room', positions: true, since } })
    expect(JSON.parse(await comes.next()).history).toMatchObject({ recovered: false })
    await proxy.heal()
    await hear(stays, ['1'])
    expect((await comes.closing()).code).toBe(4200)
    expect(comes.frames.unread.filter((frame) => JSON.parse(frame).event === 'e')).toEqual([])
  })
})
