/** Any API, any subscriber: one core under all protocols. Numbers in names are cases of contract section 6. */
import { afterEach, describe, expect, spyOn, test, type Mock } from 'bun:test'
import { publish } from '../publish'
import { PHOENIX } from '../../src/dialects/codecs'
import { pusher } from '../../src/protocols/pusher'
import { allow } from '../../src/plugin'
import { makeBasicAuth, PAIR } from '../credentials'
import { makePlugin, start, type TestServer } from '../harness'
import { connectPhoenix } from '../phoenix'
import { Receiver, startWithWebhooks } from '../webhooks/receiver'
import { connectEveryKind, KINDS } from './listeners'

const DATA = { a: 1, b: ['x', null] }

type Publish = (server: TestServer, event: string, data: object) => Promise<Response>

const json = (server: TestServer, path: string, body: object): Promise<Response> =>
  server.http(path, {
    method: 'POST',
    headers: { ...makeBasicAuth(PAIR), 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

const APIS: Readonly<Record<string, Publish>> = {
  'Pusher’s trigger': (server, name, data) =>
    server.trigger({ channel: 'room', name, data: JSON.stringify(data) }),
  'Pusher’s batch': (server, name, data) =>
    server.signed(
      'POST',
      '/batch_events',
      JSON.stringify({ batch: [{ channel: 'room', name, data: JSON.stringify(data) }] }),
    ),
  'ExPusherLite’s events': (server, event, data) =>
    json(server, '/api/apps/test-app/events', {
      scope: 'public',
      topic: 'room',
      event,
      payload: JSON.stringify(data),
    }),
  'PushEx’s push': (server, event, data) =>
    json(server, '/api/push', { channel: 'room', event, data }),
}

describe.each(Object.entries(APIS))('%s', (_, send) => {
  test('reaches every kind of subscriber, with one correct frame each (74)', async () => {
    await using server = await start()
    const heard = await connectEveryKind(server)
    expect((await send(server, 'e', DATA)).status).toBe(200)
    for (const { kind, listener, hears } of heard) {
      expect([kind, await listener.next()]).toEqual([kind, hears('e', DATA)])
      await listener.expectNothing()
      await listener.close()
    }
  })
})

test('a thousand events arrive in order on every protocol at once (26)', async () => {
  await using server = await start()
  const heard = await connectEveryKind(server)
  const { core } = server
  const app = core.apps.byId('1')!
  for (let n = 0; n < 1000; n++)
    publish(core, app, [{ name: 'e', data: `{"n":${n}}`, channels: ['room'], socketId: undefined }])
  await Promise.all(
    heard.map(async ({ listener, hears }) => {
      for (let n = 0; n < 1000; n++) expect(await listener.next()).toEqual(hears('e', { n }))
      await listener.close()
    }),
  )
})

describe('encodes per publish equal the formats that are present (75)', () => {
  let counters: { name: string; spy: Mock<(...args: never[]) => unknown> }[] = []
  afterEach(() => {
    for (const { spy } of counters) spy.mockRestore()
    counters = []
  })
  /** How often each encoder was called, by its name; those that were not are left out. */
  const count = async (act: () => Promise<unknown>): Promise<Record<string, number>> => {
    counters = [pusher, ...PHOENIX].map((codec) => ({
      name: codec.name,
      spy: spyOn(codec, 'broadcast') as never,
    }))
    await act()
    return Object.fromEntries(
      counters
        .map(({ name, spy }) => [name, spy.mock.calls.length])
        .filter(([, calls]) => calls !== 0),
    )
  }

  const PRESENT: readonly (readonly [string, readonly string[], Record<string, number>])[] = [
    ['nobody', [], {}],
    ['Pusher alone', ['Pusher, WebSocket'], { pusher: 1 }],
    ['Pusher over two transports', ['Pusher, WebSocket', 'Pusher, HTTP'], { pusher: 1 }],
    ['V2 over two transports', ['native V2', 'long-poll V2'], { 'phoenix-2': 1 }],
    ['PushEx, both versions', ['PushEx V1', 'PushEx V2'], { 'pushex-1': 1, 'pushex-2': 1 }],
    ['a scope alone', ['ExPusherLite V1'], { 'phoenix-1': 1 }],
    // Those of a scope hear another name on another topic: one more of each of their versions.
    [
      'all',
      Object.keys(KINDS),
      { pusher: 1, 'phoenix-1': 2, 'phoenix-2': 2, 'pushex-1': 1, 'pushex-2': 1 },
    ],
  ]
  test.each(PRESENT)('%s', async (_, kinds, expected) => {
    await using server = await start()
    const heard = [
      ...(await connectEveryKind(server, [...kinds])),
      ...(await connectEveryKind(server, [...kinds])),
    ]
    const encodes = await count(() => server.trigger({ channel: 'room', name: 'e', data: '{}' }))
    expect(encodes).toEqual(expected)
    for (const { listener } of heard) await listener.close()
  })
})

describe('webhooks and occupancy with subscribers of many protocols (80)', () => {
  const door = makePlugin('door', {
    authorize: (_, { params, auth }) => {
      const user_id = params['me'] ?? auth?.split(':')[0]
      return allow({ channelData: JSON.stringify({ user_id }) })
    },
  })
  const NATIVE = { query: 'app_key=test-app-fake-key' }

  test('a channel is vacated when the last of any protocol leaves', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookSettleMs: 0 },
    })
    await using native = await connectPhoenix(server, NATIVE)
    await using pushex = await connectPhoenix(server, { mount: '/push_socket', version: 1 })
    await using client = await server.raw()
    await using scoped = await connectPhoenix(server)
    await scoped.join('public:test-app')
    await native.join('room')
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
    await pushex.join('room')
    await client.subscribed('room')
    native.send('1', '2', 'room', 'phx_leave', {})
    await native.next('the reply')
    await client[Symbol.asyncDispose]()
    const { channels } = (await (await server.signed('GET', '/channels')).json()) as {
      channels: object
    }
    expect(channels).toEqual({ room: {} })
    await pushex[Symbol.asyncDispose]()
    server.advance(1)
    expect(await receiver.events(server.sdk())).toEqual(['channel_vacated room'])
    expect(receiver.requests.unread).toEqual([])
  })

  test('a user is added with a first connection and removed with the last, whatever each speaks', async () => {
    await using receiver = new Receiver()
    const presence: string[] = []
    const watcher = makePlugin('watcher', {
      presence: ({ slug }, { type, userId }) => void presence.push(`${slug} ${type} ${userId}`),
    })
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookSettleMs: 0 },
      plugins: [door, watcher],
    })
    const native = await connectPhoenix(server, NATIVE)
    const pushex = await connectPhoenix(server, { mount: '/push_socket' })
    const client = await server.raw()
    await native.join('presence-room', { me: 'ada' })
    await pushex.join('presence-room', { me: 'ada' })
    await client.subscribed('presence-room', 'ada:x')
    const users = await (await server.signed('GET', '/channels/presence-room/users')).json()
    expect(users).toEqual({ users: [{ id: 'ada' }] })
    for (const each of [native, client, pushex]) await each[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    server.advance(1)
    const [added, removed] = ['member_added', 'member_removed'].map(
      (name) => `${name} presence-room ada`,
    )
    expect(await receiver.events(server.sdk(), 4)).toEqual([
      'channel_occupied presence-room',
      added!,
      removed!,
      'channel_vacated presence-room',
    ])
    expect(presence).toEqual(['test-app member_added ada', 'test-app member_removed ada'])
  })

  test('a Phoenix join is counted, and client events are told, as a Pusher client’s', async () => {
    await using server = await start({ plugins: [door] })
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, subscriptionCounts: true }, server.clock.now())
    await using client = await server.raw()
    await using native = await connectPhoenix(server, NATIVE)
    await client.subscribed('room')
    await native.join('room')
    server.advance(10_000)
    const counts = server.facts.filter(({ type }) => type === 'subscription_count')
    expect(counts.at(-1)).toMatchObject({ channel: 'room', count: 2 })
    await native.join('private-room', {}, '2')
    expect((await native.request('2', '3', 'private-room', 'client-e', { a: 1 }))[4]).toMatchObject(
      {
        status: 'ok',
      },
    )
    const fact = server.facts.find(({ type }) => type === 'client_event')
    expect(fact).toMatchObject({ channel: 'private-room', event: 'client-e', data: '{"a":1}' })
  })
})
