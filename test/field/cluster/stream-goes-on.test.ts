/** A stream that goes on with another epoch, as after a failover, while a node asks for what it has missed. */
import { expect, test } from 'bun:test'
import { partitionOf, type FullName } from '../../../src/cluster/names'
import { waitUntil } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

/** Of each way: for so long an answer of Redis is on its way, and what is published meanwhile is heard before it. */
const DELAY_MS = 600

describeWith('redis-server', 'a stream that goes on with another epoch', () => {
  test('gives each event once, those that were heard before the answer came among them', async () => {
    await using pair = await startPair()
    const { one, two, redis, proxy } = pair
    const rule = { prefix: '', size: 100, ttl_seconds: 3600, durable: false, rewind: 0 }
    await pair.change({ history: [rule] })
    await using client = await two.raw()
    await client.subscribed('room')
    const say = async (n: number) =>
      expect((await one.trigger({ channel: 'room', name: 'e', data: `${n}` })).status).toBe(200)
    await say(1)
    expect(await client.nextJson()).toMatchObject({ event: 'e', data: '1' })
    const place = `carillon:default:{${partitionOf('1/room' as FullName)}}`
    proxy.delay(DELAY_MS)
    await redis.cli('client', 'kill', 'type', 'pubsub')
    await say(2)
    let listeners = 0
    const look = async () => {
      const text = await redis.cli('pubsub', 'numsub', `${place}:bus:1/room`)
      listeners = Number(text.split('\n')[1])
    }
    while (listeners === 0) await look()
    await say(3)
    await say(4)
    // As another Redis would have written it.
    await redis.cli('hset', `${place}:channel:1/room`, 'origin', 'another')
    await waitUntil('it has answered', () => two.core.readiness.reasonOf('redis') === undefined)
    await proxy.heal()
    await say(5)
    for (const data of ['2', '3', '4', '5'])
      expect(await client.nextJson()).toMatchObject({ event: 'e', data })
  })
})
