/** Repeats to another server than the first request: keys are those of all servers, and what is missing is published. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Refusal } from '../../src/core/errors'
import type { Publication } from '../../src/core/messages'
import { start, twoServers, type TestServer } from '../harness'
import { post } from '../http/event-requests'

beforeAll(() => void (twoServers.areMeant = true))
afterAll(() => void (twoServers.areMeant = false))

const AWAY: Refusal = { code: 'store_unavailable', message: 'away', retryAfterSeconds: 1 }

/** Makes every engine refuse events of a channel, until it is let. */
function refuseChannel(server: TestServer, channel: string): () => void {
  const lets = server.servers.map(({ core: { engine } }) => {
    const publish = engine.publish.bind(engine)
    const refuse = (publication: Publication) =>
      publication.channel === channel ? Promise.resolve(AWAY) : publish(publication)
    Object.assign(engine, { publish: refuse })
    return () => Object.assign(engine, { publish })
  })
  return () => lets.forEach((letGo) => letGo())
}

const event = { name: 'e', data: 'x' }
const REQUESTS: readonly (readonly [string, object])[] = [
  ['/events', { ...event, channels: ['a', 'b', 'c'], idempotency_key: 'key' }],
  [
    '/batch_events',
    { batch: ['a', 'b', 'c'].map((channel) => ({ ...event, channel, idempotency_key: channel })) },
  ],
]

test.each(REQUESTS)('a repeat of POST %s completes what the first began', async (path, body) => {
  await using server = await start()
  await using client = await server.raw()
  for (const channel of ['a', 'b', 'c']) await client.subscribed(channel)
  const letGo = refuseChannel(server, 'b')
  for (let n = 0; n < 4; n++) expect((await post(server.sdk(), path, body))[0]).toBe(503)
  letGo()
  for (let n = 0; n < 4; n++) expect(await post(server.sdk(), path, body)).toEqual([200, '{}'])
  const channels = (await client.frames.take(3)).map((frame) => JSON.parse(frame).channel)
  expect(channels).toEqual(['a', 'c', 'b'])
  await client.expectNothing()
})

test('a repeat that overtakes the answer is told to come again, by any server', async () => {
  await using server = await start()
  const body = { ...event, channel: 'a', idempotency_key: 'key' }
  const { promise: opened, resolve: open } = Promise.withResolvers<void>()
  let underWay = 0
  for (const { core } of server.servers) {
    const { engine } = core
    const publish = engine.publish.bind(engine)
    const wait = (publication: Publication) => {
      underWay++
      return opened.then(() => publish(publication))
    }
    Object.assign(engine, { publish: wait })
  }
  const first = post(server.sdk(), '/events', body)
  while (underWay === 0) await server.http('/up')
  for (let n = 0; n < 2; n++) expect((await post(server.sdk(), '/events', body))[0]).toBe(409)
  open()
  expect(await first).toEqual([200, '{}'])
  for (let n = 0; n < 2; n++) expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
  expect(server.totals.publications).toBe(1)
})
