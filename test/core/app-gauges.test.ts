/** Gauges of an app: what it has at the moment, kept where it changes, and nothing once everybody has gone. */
import { describe, expect, test } from 'bun:test'
import type { Gauges } from '../../src/core/counters'
import { KEY, connectPhoenix } from '../phoenix'
import { makeRandom } from '../random'
import { start, waitUntil, type RawClient, type TestServer } from '../harness'
import { XhrClient } from '../transports/xhr-client'

const NOTHING: Gauges = { connections: 0, channels: 0, subscriptions: 0, users: 0, members: 0 }
const ROOMS = ['room', 'private-a', 'presence-b', 'cache-c', 'private-cache-d']

const gaugesOf = (server: TestServer, id = '1'): Gauges => server.core.apps.byId(id)!.gauges

/** Every connection has gone and has left its channels, which it does in slices. */
async function waitUntilGone(server: TestServer): Promise<void> {
  await server.waitForConnections(0)
  const countHeld = ({ subscriptions, users }: Gauges): number => subscriptions + users
  await waitUntil('nothing is held', () => countHeld(gaugesOf(server)) === 0)
}

async function signIn(server: TestServer, client: RawClient, id: string, watchlist: string[] = []) {
  server.signin(client, JSON.stringify({ id, watchlist }))
  while (!(await client.next('the sign-in')).includes('pusher:signin_success'));
}

describe('the gauges of an app', () => {
  test('count connections, channels and subscriptions, and no other app is concerned', async () => {
    await using server = await start()
    server.addTenant()
    const clients = await Promise.all([server.raw(), server.raw(), server.raw()])
    await clients[0]!.subscribed('room')
    await clients[1]!.subscribed('room')
    await server.signedIn(clients[1]!, 'presence-b', { user_id: '7' })
    expect(gaugesOf(server)).toEqual({
      ...NOTHING,
      connections: 3,
      channels: 2,
      subscriptions: 3,
      members: 1,
    })
    expect(gaugesOf(server, '8')).toEqual(NOTHING)
    clients[1]!.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await clients[1]!.expectNothing()
    expect(gaugesOf(server)).toEqual({
      ...NOTHING,
      connections: 3,
      channels: 2,
      subscriptions: 2,
      members: 1,
    })
    for (const client of clients) await client[Symbol.asyncDispose]()
    await waitUntilGone(server)
    expect(gaugesOf(server)).toEqual(NOTHING)
  })

  test('count a user once, however many connections, and no channel of users or watchlists', async () => {
    await using server = await start()
    const [one, two] = await Promise.all([server.raw(), server.raw()])
    await signIn(server, one, '7', ['8', '9'])
    await signIn(server, two, '7')
    expect(gaugesOf(server)).toEqual({ ...NOTHING, connections: 2, users: 1 })
    await one[Symbol.asyncDispose]()
    await server.waitForConnections(1)
    expect(gaugesOf(server)).toEqual({ ...NOTHING, connections: 1, users: 1 })
    await two[Symbol.asyncDispose]()
    await waitUntilGone(server)
    expect(gaugesOf(server)).toEqual(NOTHING)
  })

  test('count the subscriptions of a connection that names no app, and not the connection', async () => {
    await using server = await start()
    await using named = await connectPhoenix(server, { query: KEY })
    await named.join('room')
    await using unnamed = await connectPhoenix(server)
    await unnamed.join('public:test-app')
    expect(server.core.hub.connectionCount).toBe(2)
    expect(gaugesOf(server)).toEqual({ ...NOTHING, connections: 1, channels: 1, subscriptions: 1 })
  })

  test('count sessions over HTTP', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    expect(gaugesOf(server)).toEqual({ ...NOTHING, connections: 1, channels: 1, subscriptions: 1 })
    server.advance(60_000)
    await waitUntilGone(server)
    expect(gaugesOf(server)).toEqual(NOTHING)
  })

  test('go down with the connections of an app that has ended', async () => {
    await using server = await start()
    const app = server.addTenant()
    const client = await server.raw({ path: '/app/k?protocol=7&client=test&version=1' })
    await client.subscribed('room')
    expect(app.gauges).toEqual({ ...NOTHING, connections: 1, channels: 1, subscriptions: 1 })
    expect((await server.admin('/api/admin/apps/8', { method: 'DELETE' })).ok).toBe(true)
    await client.closing()
    await server.waitForConnections(0)
    expect(app.gauges).toEqual(NOTHING)
  })
})

test.each([1, 2, 3])(
  'are what the hub has at each step of random walk %d, then nothing',
  async (seed) => {
    await using server = await start()
    const app = server.core.apps.byId('1')!
    const next = makeRandom(seed)
    const among = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!
    const clients: RawClient[] = []
    let most = 0
    for (let step = 0; step < 120; step++) {
      const doing = next()
      if (clients.length < 3 || doing < 0.2) clients.push(await server.raw())
      const client = among(clients)
      const channel = among(ROOMS)
      if (doing < 0.5) {
        const user = channel.startsWith('presence') ? `{"user_id":"${step % 3}"}` : undefined
        client.subscribe(channel, server.sign(client, channel, user), user)
      } else if (doing < 0.7) client.send({ event: 'pusher:unsubscribe', data: { channel } })
      else if (doing < 0.8) server.signin(client, `{"id":"${step % 4}","watchlist":["1"]}`)
      else if (doing < 0.9 && clients.length > 1) {
        clients.splice(clients.indexOf(client), 1)
        await client[Symbol.asyncDispose]()
        await server.waitForConnections(clients.length)
      }
      for (const each of clients) await each.heard()
      const conns = server.core.hub.connectionsOf(app)
      const held = conns.flatMap((conn) => [...(conn.subscriptions?.all() ?? [])])
      const counted = held.filter(({ channel: { kind } }) => kind.counted)
      expect(app.gauges).toEqual({
        connections: clients.length,
        channels: new Set(counted.map(({ channel: { name } }) => name)).size,
        subscriptions: counted.length,
        users: new Set(conns.flatMap(({ user }) => user?.id ?? [])).size,
        members: new Set(
          held.flatMap(({ channel: { name }, member }) =>
            member ? `${name} ${member.userId}` : [],
          ),
        ).size,
      })
      const labels = held.map(({ channel: { kind } }) => kind.label)
      for (const [label, size] of Object.entries(app.subscriptionsByKind))
        expect([label, size]).toEqual([label, labels.filter((each) => each === label).length])
      most = Math.max(most, clients.length)
      expect(app.peaks.connections.ever).toBe(most)
    }
    expect(Object.keys(app.subscriptionsByKind).sort()).toEqual([
      'cache',
      'presence',
      'private',
      'private_cache',
      'public',
      'user',
      'watchlist',
    ])
    for (const client of clients) await client[Symbol.asyncDispose]()
    await waitUntilGone(server)
    expect(app.gauges).toEqual(NOTHING)
  },
)
