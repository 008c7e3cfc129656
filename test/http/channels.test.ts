/** Contract 6.6 to 6.8: reads. */
import { describe, expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { connectSignedIn } from '../protocols/signed-in'

async function get(server: TestServer, path: string, params = {}): Promise<[number, unknown]> {
  try {
    const response = await server.sdk().get({ path, params })
    return [response.status, await response.json()]
  } catch (refused) {
    const { status, body } = refused as { status: number; body: string }
    return [status, body]
  }
}

/** Two connections of one user and one of another in presence-room, one in room. */
async function startPopulated() {
  const server = await start()
  for (const user of ['ann', 'ann', 'bob']) {
    await server.signedIn(await server.raw(), 'presence-room', { user_id: user })
  }
  await (await server.raw()).subscribed('room')
  return server
}

const CASES: readonly (readonly [path: string, params: object, status: number, body: unknown])[] = [
  ['/channels', {}, 200, { channels: { 'presence-room': {}, room: {} } }],
  ['/channels', { info: '' }, 200, { channels: { 'presence-room': {}, room: {} } }],
  ['/channels', { filter_by_prefix: 'ro' }, 200, { channels: { room: {} } }],
  ['/channels', { filter_by_prefix: 'none' }, 200, { channels: {} }],
  [
    '/channels',
    { filter_by_prefix: 'presence-', info: 'user_count' },
    200,
    { channels: { 'presence-room': { user_count: 2 } } },
  ],
  [
    '/channels',
    { info: 'subscription_count' },
    200,
    { channels: { 'presence-room': { subscription_count: 3 }, room: { subscription_count: 1 } } },
  ],
  [
    '/channels',
    { info: 'user_count' },
    400,
    'user_count is known of presence channels only; add filter_by_prefix=presence-\n',
  ],
  [
    '/channels',
    { filter_by_prefix: 'pres', info: 'user_count' },
    400,
    'user_count is known of presence channels only; add filter_by_prefix=presence-\n',
  ],
  ['/channels', { info: 'nonsense' }, 400, "Unknown info attribute 'nonsense'\n"],
  [
    '/channels',
    { limit: '1', info: 'subscription_count' },
    200,
    { channels: { 'presence-room': { subscription_count: 3 } }, next: 'presence-room' },
  ],
  ['/channels', { cursor: 'presence-room' }, 200, { channels: { room: {} }, next: null }],
  [
    '/channels',
    { filter_by_prefix: 'ro', limit: '1' },
    200,
    { channels: { room: {} }, next: null },
  ],
  ['/channels', { limit: '1001' }, 400, "limit '1001'; expected a number from 1 to 1000\n"],
  ['/channels/room', {}, 200, { occupied: true }],
  [
    '/channels/room',
    { info: 'subscription_count' },
    200,
    { occupied: true, subscription_count: 1 },
  ],
  [
    '/channels/nobody',
    { info: 'subscription_count' },
    200,
    { occupied: false, subscription_count: 0 },
  ],
  [
    '/channels/presence-room',
    { info: 'user_count,subscription_count' },
    200,
    { occupied: true, user_count: 2, subscription_count: 3 },
  ],
  ['/channels/presence-nobody', { info: 'user_count' }, 200, { occupied: false, user_count: 0 }],
  [
    '/channels/room',
    { info: 'user_count' },
    400,
    'Users are known of presence channels only, not of room\n',
  ],
  [
    '/channels/a:b',
    {},
    400,
    "Invalid channel name: 'a:b' (allowed are letters, digits and _-=@,.;)\n",
  ],
  ['/channels/presence-room/users', {}, 200, { users: [{ id: 'ann' }, { id: 'bob' }] }],
  ['/channels/presence-nobody/users', {}, 200, { users: [] }],
  [
    '/channels/presence-room/users',
    { info: 'else' },
    200,
    { users: [{ id: 'ann' }, { id: 'bob' }] },
  ],
  [
    '/channels/presence-room/users',
    { info: 'user_info', limit: '1' },
    200,
    { users: [{ id: 'ann', user_info: {} }], next: 'ann' },
  ],
  ['/channels/presence-room/users', { cursor: 'ann' }, 200, { users: [{ id: 'bob' }], next: null }],
  [
    '/channels/presence-room/users',
    { limit: '0' },
    400,
    "limit '0'; expected a number from 1 to 1000\n",
  ],
  ['/channels/room/users', {}, 400, 'Users are known of presence channels only, not of room\n'],
  ['/channels/room/stats', {}, 200, { occupied: true, connection_count: 1 }],
  [
    '/channels/presence-room/stats',
    {},
    200,
    { occupied: true, user_count: 2, connection_count: 3 },
  ],
  ['/nonsense', {}, 404, 'Unknown route\n'],
]

test.each(CASES)('GET %s %j: %d', async (path, params, status, body) => {
  await using server = await startPopulated()
  expect(await get(server, path, params)).toEqual([status, body])
})

test('pages of channels stay right while they come and go, and have none of users', async () => {
  await using server = await start()
  const client = await server.raw()
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of names) await client.subscribed(name)
  await connectSignedIn(server, '{"id":"7"}')
  const seen: string[] = []
  let cursor: string | null | undefined
  do {
    const [, page] = await get(server, '/channels', { limit: '2', ...(cursor && { cursor }) })
    const { channels, next } = page as { channels: object; next: string | null }
    seen.push(...Object.keys(channels))
    if (cursor === undefined) {
      for (const name of ['b', 'd'])
        client.send({ event: 'pusher:unsubscribe', data: { channel: name } })
      await client.subscribed('aa')
    }
    cursor = next
  } while (cursor !== null)
  expect(seen).toEqual(['a', 'b', 'c', 'e', 'f'])
})

describe('a channel that has emptied', () => {
  test('is gone from the list at once', async () => {
    await using server = await start()
    const client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    expect(await get(server, '/channels')).toEqual([200, { channels: {} }])
    expect(await get(server, '/channels/room')).toEqual([200, { occupied: false }])
  })
})

describe('around the API', () => {
  test('an unknown route is a line of text', async () => {
    await using server = await start()
    const response = await server.http('/nonsense')
    expect([response.status, await response.text()]).toEqual([404, 'Unknown route\n'])
  })

  test('the page at / tells what this is', async () => {
    await using server = await start()
    const response = await server.http('/')
    expect(response.headers.get('content-type')).toStartWith('text/html')
    expect(await response.text()).toContain('href="swagger"')
  })

  test.each(['/up', '/ready', '/accept-traffic'])('%s is green', async (path) => {
    await using server = await start()
    expect((await server.http(path)).status).toBe(200)
  })

  test('a short host name is as good as a long one', async () => {
    await using server = await start()
    const response = await server.http('/up', { headers: { host: 'ws' } })
    expect(response.status).toBe(200)
  })
})
