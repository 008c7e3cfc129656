/** The time of day is corrected while the server runs: what is counted per second goes on. */
import { expect, test } from 'bun:test'
import { start, type RawClient, type TestServer } from '../harness'

const HOUR_MS = 3_600_000
const CHANNEL = 'private-room'

async function pair(server: TestServer): Promise<readonly [RawClient, RawClient]> {
  const clients = [await server.raw(), await server.raw()] as const
  for (const client of clients) await server.signedIn(client, CHANNEL)
  return clients
}

test.each([-HOUR_MS, HOUR_MS])('client events go on after a jump of %d ms', async (jump) => {
  await using server = await start()
  const [speaker, listener] = await pair(server)
  const say = (n: number) => speaker.send({ event: `client-${n}`, channel: CHANNEL, data: 1 })
  for (let n = 0; n < 10; n++) say(n)
  await listener.frames.take(10)
  server.clock.set(jump)
  say(10) // whether it is one too many is not said
  await speaker.heard()
  server.advance(2000)
  for (let n = 20; n < 30; n++) say(n)
  const heard = new Set<string>()
  while (!heard.has('client-29')) heard.add((await listener.nextJson()).event)
  for (let n = 20; n < 30; n++) expect(heard).toContain(`client-${n}`)
})

test.each([-HOUR_MS, HOUR_MS])('triggers go on after a jump of %d ms', async (jump) => {
  await using server = await start({ limits: { maxBackendEventsPerSecond: 1 } })
  const trigger = async () =>
    (await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status
  expect([await trigger(), await trigger()]).toEqual([200, 429])
  server.clock.set(jump)
  await trigger()
  server.advance(1000)
  expect(await trigger()).toBe(200)
})

test('counts of many subscribers are told within five seconds', async () => {
  await using server = await start()
  const app = server.core.apps.byId('1')!
  server.core.apps.change(app, { ...app.record, subscriptionCounts: true }, 0)
  const clients = await Promise.all(Array.from({ length: 103 }, () => server.raw()))
  const [first] = clients
  for (const client of clients.slice(0, 102)) await client.subscribed('room')
  await first!.frames.take(101)
  server.advance(5000)
  expect(await first!.next()).toContain('102')
  server.clock.set(-HOUR_MS)
  await clients.at(-1)!.subscribed('room')
  server.advance(5000)
  expect(await first!.next()).toContain('103')
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
})
