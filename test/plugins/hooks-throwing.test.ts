/** Hooks that throw, row by row of HOOKS: what is seen of it, and that the plugin is named. */
import { describe, expect, test } from 'bun:test'
import { HOOKS, type HookName } from '../../src/core/plugin'
import { throwSecret, makePlugin, start, type TestServer } from '../harness'

const INTERNAL = '"message":"Internal server error"'

/** For each hook: something that calls it, and what is seen of a plugin that throws there. */
const THROWING: Readonly<
  Record<Exclude<HookName, 'start'>, (server: TestServer) => Promise<void>>
> = {
  upgrade: async (server) => closedWith4100(server),
  connect: async (server) => closedWith4100(server),
  connected: async (server) => void (await expectSubscribed(server, 'room')),
  frame: async (server) => {
    await using client = await server.raw()
    client.send({ event: 'pusher:ping', data: {} })
    expect(await client.next()).toContain(INTERNAL)
  },
  subscribe: async (server) => refusesSubscription(server, 'room'),
  authorize: async (server) => refusesSubscription(server, 'private-room'),
  signin: async (server) => {
    await using client = await server.raw()
    server.signin(client, '{"id":"7"}')
    expect(await client.next()).toContain(INTERNAL)
    await client.expectNothing()
  },
  subscribed: async (server) => void (await expectSubscribed(server, 'room')),
  clientEvent: async (server) => {
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain(INTERNAL)
    await client.expectNothing()
  },
  unsubscribed: async (server) => {
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    expect(server.core.hub.channel(server.core.apps.byId('1')!, 'room' as never)).toBeUndefined()
  },
  presence: async (server) => {
    await using client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: '1' })
  },
  refused: async (server) => {
    await using client = await server.raw()
    client.send('nonsense')
    expect(await client.next()).toContain('Invalid message')
    await client.expectNothing()
  },
  requestRefused: async (server) => {
    expect((await server.http('/nowhere')).status).toBe(404)
  },
  disconnected: async (server) => {
    const client = await server.raw()
    await client[Symbol.asyncDispose]()
    await server.waitForConnections(0)
  },
  authenticate: async (server) => expectStatus(server, 500),
  request: async (server) => expectStatus(server, 500),
  publish: async (server) => {
    const response = await server.trigger({ channel: 'room', name: 'e', data: '' })
    expect([response.status, await response.text()]).toEqual([500, 'Internal server error\n'])
  },
  published: async (server) => {
    expect((await server.trigger({ channel: 'room', name: 'e', data: '' })).status).toBe(200)
  },
  webhook: async (server) => {
    const app = server.core.apps.byId('1')!
    const webhooks = [{ url: 'http://127.0.0.1:9/hook' }]
    server.core.apps.change(app, { ...app.record, webhooks }, 0)
    await expectSubscribed(server, 'room')
    expect(server.totals.webhookEventsRefused).toBe(1)
  },
  apiRequested: async (server) => expectPushed(server, 200),
  authorizePush: async (server) => expectPushed(server, 500),
  pushRequested: async (server) => expectPushed(server, 200),
  pushDelivered: async (server) => {
    await using client = await server.raw()
    await client.subscribed('room')
    await expectPushed(server, 200)
    expect((await client.nextJson()).event).toBe('e')
  },
  apiProcessed: async (server) => expectPushed(server, 200),
  appChanged: async (server) => {
    await server.change({ active: false })
    expect(server.core.apps.byId('1')!.record.active).toBe(false)
  },
  sharedChanged: async (server) => {
    const set = { plugin: 'bad', method: 'set', args: ['key', 1] } as const
    expect(server.core.engine.share(set)).toBeUndefined()
  },
  response: async (server) => expectStatus(server, 200),
  stop: async (server) => server.stop(),
}

async function closedWith4100(server: TestServer): Promise<void> {
  await using client = await server.raw({ hello: false })
  expect(await client.next()).toContain('"code":4100')
  expect((await client.closing()).code).toBe(4100)
}

async function expectSubscribed(server: TestServer, channel: string): Promise<void> {
  await using client = await server.raw()
  await client.subscribed(channel)
}

async function refusesSubscription(server: TestServer, channel: string): Promise<void> {
  await using client = await server.raw()
  client.subscribe(channel, server.sign(client, channel))
  expect(await client.next()).toContain('subscription_error')
  expect(await client.next()).toContain(INTERNAL)
  await client.expectNothing()
}

async function expectStatus(server: TestServer, status: number): Promise<void> {
  const response = await server.signed('GET', '/channels')
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('secret detail')
}

async function expectPushed(server: TestServer, status: number): Promise<void> {
  const body = '{"channel":"room","data":1,"event":"e"}'
  const response = await server.http('/api/push', { method: 'POST', body })
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('secret detail')
}

describe('a plugin that throws', () => {
  test.each(Object.entries(THROWING))('in %s', async (hook, act) => {
    await using server = await start({
      plugins: [makePlugin('bad', { [hook]: throwSecret })],
      config: { webhookSettleMs: 3000 },
    })
    await act(server)
    const faults = server.log.lines.filter(({ message }) => message === 'plugin failed')
    expect(faults[0]?.fields).toMatchObject({ plugin: 'bad', hook })
    const { stats } = server.core.hooks[hook as HookName][0]!
    expect(stats.faults).toBeGreaterThan(0)
    expect(server.core.counters.faults).toBe(0)
  })

  test('in start is told before the server listens, and the table has every other hook', () => {
    expect([...Object.keys(THROWING), 'start'].sort()).toEqual(Object.keys(HOOKS).sort())
  })
})
