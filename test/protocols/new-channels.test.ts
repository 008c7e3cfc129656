/** A connection may enter so many channels that nobody is in, and no more. */
import { expect, test } from 'bun:test'
import { makeRefusal } from '../frames'
import { start, type RawClient, type TestServer } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'

const LIMITS = { maxChannelsPerConnection: 3, maxNewChannelsAtOnce: 3, maxNewChannelsPerSecond: 1 }
const MESSAGE =
  'Channels that nobody is in are entered too often: 3 at once and 1 a second are the limits (maxNewChannelsAtOnce, maxNewChannelsPerSecond)'

/** Enters and leaves. */
async function pass(client: RawClient, channel: string): Promise<void> {
  await client.subscribed(channel)
  client.send({ event: 'pusher:unsubscribe', data: { channel } })
}

async function expectRefused(client: RawClient, channel: string): Promise<void> {
  client.subscribe(channel)
  const [error, told] = await client.frames.take(2)
  expect(error).toBe(makeRefusal(channel, 'LimitReached', 429, MESSAGE)[0])
  expect(told).toContain('"code":4301')
}

const countOccupied = ({ facts }: TestServer): number =>
  facts.filter(({ type }) => type === 'channel_occupied').length

test('past the burst a new name is refused, one a second is not', async () => {
  await using server = await start({ limits: LIMITS })
  await using client = await server.raw()
  for (const name of ['a', 'b', 'c']) await pass(client, name)
  await expectRefused(client, 'd')
  await expectRefused(client, 'a')
  server.advance(1000)
  await pass(client, 'd')
  await expectRefused(client, 'e')
  expect(countOccupied(server)).toBe(4)
})

test('a channel that somebody is in costs nothing, nor does a subscribe that is refused', async () => {
  await using server = await start({ limits: LIMITS })
  await using host = await server.raw()
  await using client = await server.raw()
  await host.subscribed('room')
  for (let count = 0; count < 10; count++) await pass(client, 'room')
  for (let count = 0; count < 10; count++) {
    client.subscribe('private-a', 'no signature')
    await client.frames.take(2)
  }
  for (const name of ['a', 'b', 'c']) await pass(client, name)
  await expectRefused(client, 'd')
})

test('whoever may hold more channels may enter as many at once', async () => {
  await using server = await start({ limits: { ...LIMITS, maxChannelsPerConnection: 10 } })
  await using client = await server.raw()
  for (let count = 0; count < 10; count++) await client.subscribed(`room-${count}`)
})

test('by default a client comes to two thousand channels at once', async () => {
  await using server = await start()
  await using client = await server.raw()
  for (let count = 0; count < 2000; count++) client.subscribe(`room-${count}`)
  await client.frames.take(2000)
  expect(countOccupied(server)).toBe(2000)
})

test('joins of Phoenix clients count as well, and are told so', async () => {
  await using server = await start({ limits: LIMITS })
  await using phoenix = await connectPhoenix(server, { query: KEY })
  for (const name of ['a', 'b', 'c']) {
    await phoenix.join(name)
    phoenix.send('1', '2', name, 'phx_leave', {})
    await phoenix.take(2)
  }
  const [, , , , answer] = await phoenix.request('9', '9', 'd', 'phx_join', {})
  expect(answer).toEqual({ status: 'error', response: { reason: MESSAGE } })
})
