/**
 * Any bytes on a socket or in a request get an answer: no fault, no dead process, no closed
 * neighbour. Seeded; a failure prints the seed and the smallest input that fails.
 */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { start } from './harness'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const word = fc.constantFrom(
  'event',
  'data',
  'channel',
  'auth',
  'channel_data',
  'user_id',
  '__proto__',
  'constructor',
  'toString',
  'length',
  'pusher:subscribe',
  'pusher:unsubscribe',
  'pusher:ping',
  'pusher:signin',
  'client-x',
  'room',
  'private-room',
  'presence-room',
  '#server-to-user-1',
  'test-app-fake-key:00',
  '\ud800',
  '\0',
  '',
)
const json = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, word, fc.jsonValue(), tie('object'), tie('list')),
  object: fc.dictionary(word, tie('value')),
  list: fc.array(tie('value'), { maxLength: 4 }),
})).value

/** Frames that look like messages, then less and less so. */
const message = fc.oneof(
  fc
    .record({ event: word, channel: fc.oneof(word, json), data: json })
    .map((value) => JSON.stringify(value)),
  fc
    .record(
      {
        channel: fc.oneof(word, json),
        auth: fc.oneof(word, json),
        channel_data: fc.oneof(word, json),
        rewind: fc.oneof(fc.nat(9), json),
        positions: fc.oneof(fc.boolean(), json),
        since: fc.oneof(fc.record({ epoch: word, offset: fc.nat(9), socket_id: word }), json),
      },
      { requiredKeys: [] },
    )
    .map((data) => JSON.stringify({ event: 'pusher:subscribe', data })),
  json.map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.uint8Array({ maxLength: 200 }),
)

const rule = { prefix: '', size: 9, ttl_seconds: 60, durable: false, rewind: 1 }

test('frames', async () => {
  await using server = await start({ limits: { maxClientEventsPerSecond: 1_000_000 } })
  await server.change({ history: [rule, { ...rule, prefix: 'private-' }] })
  await using neighbour = await server.raw()
  await using client = await server.raw()
  await server.signedIn(client, 'private-room')
  const property = fc.asyncProperty(
    fc.array(message, { minLength: 1, maxLength: 20 }),
    async (messages) => {
      for (const bytes of messages)
        client.send(typeof bytes === 'string' ? bytes.toWellFormed() : bytes)
      client.send({ event: 'pusher:subscribe', data: { channel: 'no such channel' } })
      while ((await client.nextJson()).event !== 'pusher:subscription_error');
      await client.next('the error that follows')
      expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
    },
  )
  await fc.assert(property, { seed, numRuns: 400 })
  await neighbour.expectNothing()
})

const PARAMETERS =
  'info name filter_by_prefix socket_id channels[] x since before limit direction'.split(' ')
const METHODS = ['GET', 'POST', 'DELETE'] as const
const path = fc.oneof(
  fc.constantFrom(
    '/events',
    '/batch_events',
    '/channels',
    '/channels/room',
    '/channels/presence-room/users',
    '/channels/room/events',
    '/channels/room/stats',
    '/channels/room/history',
  ),
  fc
    .string({ unit: fc.constantFrom(...'/%.;:?&=[]a1_-#'), maxLength: 12 })
    .map((text) => `/channels/${text}`),
)
const body = fc.oneof(
  fc.record(
    {
      name: fc.oneof(word, json),
      data: json,
      channels: fc.oneof(json, fc.array(word)),
      socket_id: json,
      info: fc.oneof(word, json),
      idempotency_key: fc.oneof(word, json),
    },
    { requiredKeys: [] },
  ),
  fc.record({
    batch: fc.array(
      fc.record(
        { name: word, data: json, channel: word, idempotency_key: word },
        { requiredKeys: ['name', 'data', 'channel'] },
      ),
    ),
  }),
  json,
)

test('signed requests', async () => {
  await using server = await start()
  await server.change({ history: [rule] })
  await using client = await server.raw()
  const sdk = server.sdk()
  const property = fc.asyncProperty(
    fc.constantFrom(...METHODS),
    path,
    body,
    fc.dictionary(fc.constantFrom(...PARAMETERS), word),
    async (method, where, content, params) => {
      const query = sdk.createSignedQueryString({
        method,
        path: `/apps/1${where}`,
        params: params as never,
        ...(method === 'POST' ? { body: JSON.stringify(content) ?? '' } : {}),
      })
      const response = await server.http(
        `/apps/1${where.replaceAll('?', '%3F').replaceAll('#', '%23')}?${query}`,
        {
          method,
          ...(method === 'POST' ? { body: JSON.stringify(content) ?? '' } : {}),
        },
      )
      const answer = await response.text()
      expect([200, 202, 400, 401, 404, 413, 422]).toContain(response.status)
      if (response.status === 200) expect(typeof JSON.parse(answer)).toBe('object')
      else if (response.status !== 202) expect(answer).toEndWith('\n')
      expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
    },
  )
  await fc.assert(property, { seed, numRuns: 600 })
  await client.expectNothing()
})

test('unsigned requests with any bytes', async () => {
  await using server = await start()
  const property = fc.asyncProperty(
    fc.string({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 100 }),
    async (query, bytes) => {
      const response = await server.http(`/apps/1/events?${encodeURI(query.toWellFormed())}`, {
        method: 'POST',
        body: bytes,
      })
      expect(response.status).toBe(401)
    },
  )
  await fc.assert(property, { seed, numRuns: 200 })
  expect(server.core.counters.faults).toBe(0)
})
