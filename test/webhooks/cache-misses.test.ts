/** Contract 7.3: of several subscribers that find a cache channel empty one is told. */
import { expect, test } from 'bun:test'
import type { RawClient } from '../harness'
import { Receiver, startWithWebhooks, waitUntilSettled } from './receiver'

test('7.3 cache_miss, once until ten seconds have passed or the channel was vacated', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url }])
  await using first = await server.raw()
  await using second = await server.raw()
  await using third = await server.raw()
  const miss = async (client: RawClient): Promise<void> => {
    await client.subscribed('cache-x')
    expect(await client.next()).toContain('pusher:cache_miss')
  }
  await miss(first)
  await miss(second)
  await waitUntilSettled(server)
  await server.pass(10_000)
  await miss(third)
  for (const client of [first, second, third]) {
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'cache-x' } })
    await client.expectNothing()
  }
  await server.settle('messages')
  await miss(first)
  // Over Redis the node that caused it tells a miss at once, and one of them what is in Redis.
  expect((await receiver.events(server.sdk(), 4)).toSorted()).toEqual([
    'cache_miss cache-x',
    'cache_miss cache-x',
    'cache_miss cache-x',
    'channel_occupied cache-x',
  ])
  await server.stop()
  expect(receiver.requests.unread).toEqual([])
})
