/** One connection in one channel, a few and many: what it is in is kept in three ways. */
import { expect, test } from 'bun:test'
import { makeRandom } from '../random'
import { start } from '../harness'

const NAMES = Array.from({ length: 20 }, (_, n) => `room-${n}`)

test('joins and leaves at random are known exactly, from none to twenty channels', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const next = makeRandom(seed)
  await using server = await start()
  await using client = await server.raw()
  const inside = new Set<string>()
  for (let n = 0; n < 300; n++) {
    const channel = NAMES[Math.floor(next() * NAMES.length)]!
    if (inside.has(channel) && next() < 0.7) {
      client.send({ event: 'pusher:unsubscribe', data: { channel } })
      inside.delete(channel)
      continue
    }
    const event = inside.has(channel) ? 'pusher:error' : undefined
    client.subscribe(channel)
    const answer = await client.nextJson()
    expect([answer.event, answer.channel ?? channel]).toEqual([
      event ?? 'pusher_internal:subscription_succeeded',
      channel,
    ])
    inside.add(channel)
  }
  await client.expectNothing()
  const [conn] = server.core.hub.connections()
  expect(conn!.subscriptions!.all().map(({ channel }) => channel.name as string)).toEqual([
    ...inside,
  ])
  expect(conn!.subscriptions!.size).toBe(inside.size)
  for (const channel of NAMES) await server.trigger({ channel, name: 'e', data: channel })
  for (const channel of NAMES.filter((name) => inside.has(name)))
    expect((await client.nextJson()).data).toBe(channel)
  await client.expectNothing()
})
