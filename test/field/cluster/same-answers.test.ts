/** Two nodes: whichever is asked, the answer is the same. What is one node's is listed with the reason. */
import { expect, test } from 'bun:test'
import document from '../../../openapi/openapi.json' with { type: 'json' }
import { makeBasicAuth, PAIR } from '../../credentials'
import { nextLook, PATIENCE_MS, type TestServer } from '../../harness'
import { describeWith } from '../programs'
import { startPair } from './pair'

const CHANNEL = '/apps/{appId}/channels/{channel}'
const SLUG = '/api/apps/{appSlug}/channels'
const ROOM = { occupied: true, user_count: 2, subscription_count: 2 }
const EVENTS = [
  { offset: 1, name: 'e', data: 'x' },
  { offset: 2, name: 'f', data: 'y' },
]
const APP = { id: 1, slug: 'test-app', history: [{ prefix: 'room', size: 10 }] }

/** The path in the document, a request, and what its answer has. */
const SAME: readonly (readonly [path: string, request: string, has: object])[] = [
  [
    '/apps/{appId}/channels',
    '/channels?info=subscription_count',
    {
      channels: { room: { subscription_count: 2 }, 'presence-room': { subscription_count: 2 } },
    },
  ],
  [
    '/apps/{appId}/channels',
    '/channels?filter_by_prefix=presence-&info=user_count',
    { channels: { 'presence-room': { user_count: 2 } } },
  ],
  [
    '/apps/{appId}/channels',
    '/channels?limit=1',
    { channels: { 'presence-room': {} }, next: 'presence-room' },
  ],
  [CHANNEL, '/channels/presence-room?info=user_count,subscription_count', ROOM],
  [CHANNEL, '/channels/cache-room?info=cache', { occupied: false, cache: { data: 'x' } }],
  [CHANNEL, '/channels/vacant', { occupied: false }],
  [
    `${CHANNEL}/users`,
    '/channels/presence-room/users?info=user_info',
    { users: [{ id: 'ann', user_info: { n: 1 } }, { id: 'bob' }] },
  ],
  [
    `${CHANNEL}/users`,
    '/channels/presence-room/users?limit=1',
    { users: [{ id: 'ann' }], next: 'ann' },
  ],
  [`${CHANNEL}/stats`, '/channels/presence-room/stats', { occupied: true, connection_count: 2 }],
  [`${CHANNEL}/history`, '/channels/room/history', { offset: 2, events: EVENTS, next: null }],
  [
    `${CHANNEL}/history`,
    '/channels/room/history?direction=backward&limit=1',
    { offset: 2, events: EVENTS.slice(1) },
  ],
  ['/apps/{appId}/connections', '/connections', { connections: 2 }],
  [SLUG, '/api/apps/test-app/channels', {}],
  [`${SLUG}/{name}/users`, '/api/apps/test-app/channels/presence-room/users', {}],
  [`${SLUG}/{name}/history`, '/api/apps/test-app/channels/room/history', { events: EVENTS }],
  ['/api/admin/apps', '/api/admin/apps', { data: [APP] }],
  ['/api/admin/apps/{slug}', '/api/admin/apps/test-app', { data: APP }],
  ['/api/admin/tokens', '/api/admin/tokens', { data: [{ name: 'ci' }] }],
  ['/api/admin/audit', '/api/admin/audit', {}],
  ['/api/admin/plugins', '/api/admin/plugins', { data: [] }],
]

/** The others. */
const OF_ONE: Readonly<Record<string, readonly string[]>> = {
  'the node is what it is about': ['/', '/up', '/ready', '/accept-traffic', '/usage', '/metrics'],
  'it has the times of the node that is asked, which has the others’ numbers two seconds later': [
    '/api/apps/{appSlug}/stats',
    '/api/admin/stats',
    '/api/admin/stats/apps',
    '/api/admin/apps/{slug}/stats',
    '/api/admin/problems',
    '/api/admin/nodes',
  ],
  'webhooks are sent by one node, which says which': [
    '/api/admin/apps/{slug}/webhooks/deliveries',
    '/api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/requests',
    '/api/admin/apps/{slug}/webhooks/dead',
  ],
  'connections are listed by their node': [
    '/api/admin/apps/{slug}/connections',
    '/api/admin/apps/{slug}/connections/{socketId}',
    '/api/admin/apps/{slug}/users',
    '/api/admin/apps/{slug}/live',
  ],
  'a login is that of a node': ['/api/admin/session', '/api/admin/sessions'],
  'a page, or of a plugin': [
    '/console',
    '/swagger',
    '/swagger/json',
    '/plugins/guardian/revocations',
  ],
}

test('every path that is read is listed', () => {
  const read = Object.entries(document.paths).filter(([, methods]) => 'get' in methods)
  const listed = new Set([...SAME.map(([path]) => path), ...Object.values(OF_ONE).flat()])
  expect([...listed].sort()).toEqual(read.map(([path]) => path).sort())
})

async function ask(server: TestServer, request: string): Promise<unknown> {
  const [path = '', parameters = ''] = request.split('?')
  const response = path.startsWith('/api/admin/')
    ? await server.admin(request)
    : path.startsWith('/api/')
      ? await server.http(request, { headers: makeBasicAuth(PAIR) })
      : await server.signed('GET', path, '', parameters)
  return { status: response.status, body: await response.json() }
}

/** Counts of connections, and seconds that are left, come to one later than to the other. */
async function askUntilSame(servers: readonly [TestServer, TestServer], request: string) {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const [one, two] = [await ask(servers[0], request), await ask(servers[1], request)]
    if (Bun.deepEquals(one, two) || performance.now() > end) return [one, two]
    await nextLook()
  }
}

describeWith('redis-server', 'an answer', () => {
  test('is the same from both nodes', async () => {
    await using pair = await startPair()
    const { one, two } = pair
    const rule = { size: 10, ttl_seconds: 60, durable: false, rewind: 0 }
    await pair.change({ history: [{ prefix: 'room', ...rule }] })
    await using ann = await one.raw()
    await using bob = await two.raw()
    for (const client of [ann, bob]) await client.subscribed('room')
    await one.signedIn(ann, 'presence-room', { user_id: 'ann', user_info: { n: 1 } })
    await two.signedIn(bob, 'presence-room', { user_id: 'bob' })
    await one.trigger({ channel: 'room', name: 'e', data: 'x' })
    await two.trigger({ channel: 'room', name: 'f', data: 'y' })
    await two.trigger({ channel: 'cache-room', name: 'e', data: 'x' })
    const body = JSON.stringify({ token: { name: 'ci', scope: 'read' } })
    expect((await one.admin('/api/admin/tokens', { method: 'POST', body })).status).toBe(201)
    for (const [, request, has] of SAME) {
      const [first, second] = await askUntilSame([one, two], request)
      expect({ request, ...(second as object) }).toEqual({ request, ...(first as object) })
      expect(first).toMatchObject({ status: 200, body: has })
    }
  })
})
