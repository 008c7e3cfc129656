/**
 * `data` of what the server itself says is a string, but for three events: clients that type it as one
 * stop reading at the first object. Contract 0.3 and 0.4.
 */
import { expect, test } from 'bun:test'
import { start, type RawClient } from '../harness'

const OBJECTS = ['pusher:error', 'pusher:signin_success', 'pusher:subscription_error']
const TEXTS = [
  'pusher:cache_miss',
  'pusher:connection_established',
  'pusher:ping',
  'pusher:pong',
  'pusher_internal:member_added',
  'pusher_internal:member_removed',
  'pusher_internal:subscription_count',
  'pusher_internal:subscription_succeeded',
  'pusher_internal:watchlist_events',
]

test('toorop/go-pusher#12: data is a string in every message of the server but three', async () => {
  await using server = await start({ config: { activityTimeoutSeconds: 20 } })
  const counts = JSON.stringify({ app: { subscription_counts: true } })
  await server.admin('/api/admin/apps/test-app', {
    method: 'PATCH',
    body: counts,
    headers: { 'content-type': 'application/json' },
  })
  const types = new Map<string, Set<string>>()
  const read = async (client: RawClient, last: string): Promise<string> => {
    for (;;) {
      const { event, data } = await client.nextJson(last)
      types.set(event, (types.get(event) ?? new Set()).add(typeof data))
      if (event === last) return String(data)
    }
  }
  await using watcher = await server.raw({ hello: false })
  watcher.socketId = JSON.parse(await read(watcher, 'pusher:connection_established')).socket_id
  server.signin(watcher, '{"id":"1","watchlist":["2"]}')
  watcher.subscribe('cache-a')
  watcher.subscribe('private-a')
  const channel = 'presence-a'
  const data = '{"user_id":"1"}'
  watcher.subscribe(channel, server.sign(watcher, channel, data), data)
  {
    await using other = await server.raw()
    await server.signedIn(other, channel, { user_id: '2' })
  }
  await read(watcher, 'pusher_internal:member_removed')
  watcher.send({ event: 'pusher:ping' })
  await read(watcher, 'pusher:pong')
  server.advance(25_000)
  await read(watcher, 'pusher:ping')
  const expected = [
    ...OBJECTS.map((event) => [event, ['object']] as const),
    ...TEXTS.map((event) => [event, ['string']] as const),
  ].sort()
  expect([...types].map(([event, found]) => [event, [...found]] as const).sort()).toEqual(expected)
})
