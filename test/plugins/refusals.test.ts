/** The taps of refusals: what was refused, and by which plugin, on sockets and over HTTP. */
import { describe, expect, test } from 'bun:test'
import {
  definePlugin,
  reject,
  replace,
  type AnyPlugin,
  type Hooks,
  type RefusalView,
  type RequestRefusalView,
} from '../../src/plugin'
import { push } from '../dialects/pushex/requests'
import { makePlugin, start, throwSecret, type RawClient, type TestServer } from '../harness'
import { connectPhoenix } from '../phoenix'

const ROOM = 'private-room'

/** A plugin that keeps what the taps are told. */
function makeDiary() {
  const refusals: RefusalView[] = []
  const requests: RequestRefusalView[] = []
  const plugin = makePlugin('diary', {
    refused: (_, refusal) => void refusals.push(refusal),
    requestRefused: (refusal) => void requests.push(refusal),
  })
  return { plugin, refusals, requests }
}

const no = () => reject('no')
const later = () => reject('no', { retryAfterSeconds: 1 })
const say = (client: RawClient): void =>
  client.send({ event: 'client-e', channel: ROOM, data: 'x' })

async function turnedAway(server: TestServer): Promise<void> {
  await using client = await server.raw({ hello: false })
  await client.closing()
}

/** Does something on a connection that is answered with a frame. */
const onSocket =
  (act: (client: RawClient, server: TestServer) => void | Promise<unknown>) =>
  async (server: TestServer): Promise<void> => {
    await using client = await server.raw()
    await act(client, server)
    await client.next('the refusal')
    await client.heard()
  }

const subscribe = onSocket((client, server) => client.subscribe(ROOM, server.sign(client, ROOM)))
const signin = onSocket((client, server) => server.signin(client, '{"id":"7"}'))
const sayInRoom = onSocket(async (client, server) => {
  await server.signedIn(client, ROOM)
  say(client)
})

const NOWHERE = { channel: undefined, event: undefined }
const IN_ROOM = { channel: ROOM, event: undefined }
const SAID = { channel: ROOM, event: 'client-e' }

type Row = readonly [
  hooks: Hooks,
  act: (server: TestServer) => Promise<void>,
  code: string,
  subject: object,
]

const ROWS: readonly Row[] = [
  [{ upgrade: no }, turnedAway, 'connection_refused', NOWHERE],
  [{ connect: later }, turnedAway, 'connection_throttled', NOWHERE],
  [{ connect: throwSecret }, turnedAway, 'connect_failed', NOWHERE],
  [{ frame: no }, onSocket((client) => client.send('x')), 'message_refused', NOWHERE],
  [{ signin: no }, signin, 'signin_refused', NOWHERE],
  [{ subscribe: async () => no() }, subscribe, 'subscription_refused', IN_ROOM],
  [{ authorize: later }, subscribe, 'too_often', IN_ROOM],
  [{ authorize: throwSecret }, subscribe, 'internal', IN_ROOM],
  [{ clientEvent: no }, sayInRoom, 'client_event_refused', SAID],
  [{ clientEvent: () => replace('x'.repeat(20_000)) }, sayInRoom, 'data_too_large', SAID],
]

describe('refused', () => {
  test.each(ROWS.map((row) => [Object.keys(row[0])[0]!, row[2], row] as const))(
    'names the plugin whose %s refuses (%s)',
    async (_, code, [hooks, act, , subject]) => {
      const { plugin, refusals } = makeDiary()
      await using server = await start({ plugins: [plugin, makePlugin('gate', hooks)] })
      await act(server)
      const message = expect.any(String)
      expect(refusals).toEqual([{ code, message, plugin: 'gate', ...subject } as never])
      expect(Object.isFrozen(refusals[0])).toBe(true)
    },
  )

  test('names no plugin where the server refuses, and the channel as the client wrote it', async () => {
    const { plugin, refusals } = makeDiary()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('a:b')
    client.subscribe(ROOM, 'x:y')
    say(client)
    client.send('{}')
    await client.heard()
    const told = refusals.map(({ code, channel, event, plugin: by }) => [code, channel, event, by])
    expect(told).toEqual([
      ['channel_invalid', 'a:b', undefined, undefined],
      ['auth_key_unknown', ROOM, undefined, undefined],
      ['client_event_not_subscribed', ROOM, 'client-e', undefined],
      ['message_invalid', undefined, undefined, undefined],
    ])
  })

  test('has a group by its name for clients', async () => {
    const { plugin, refusals } = makeDiary()
    await using server = await start({ plugins: [plugin] })
    await using client = await connectPhoenix(server)
    await client.request('1', '1', 'private:test-app', 'phx_join', {})
    expect(refusals).toMatchObject([{ channel: 'private:test-app', code: 'listen_denied' }])
  })

  test('hears of a message that the runtime refuses, before its connection has ended', async () => {
    const told: string[] = []
    const plugin = makePlugin('diary', {
      refused: (_, { code }) => void told.push(code),
      disconnected: () => void told.push('disconnected'),
    })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.socket.send('x'.repeat(4_000_000))
    await client.closing()
    await server.waitForConnections(0)
    expect(told).toEqual(['message_too_large', 'disconnected'])
  })
})

describe('requestRefused', () => {
  test('hears of requests without credentials, of handshakes that are none, of unknown paths', async () => {
    const { plugin, requests, refusals } = makeDiary()
    await using server = await start({ plugins: [plugin] })
    const headers = { 'x-request-id': 'request-number-one-of-the-test' }
    await server.http('/apps/1/events?x=1', { method: 'POST', headers })
    await server.http('/apps/99/events', { method: 'POST' })
    await server.http('/api/admin/apps')
    await server.http('/nowhere')
    await server.http('/socket/websocket')
    const [first] = requests
    expect({ ...first, app: first?.app?.slug } as unknown).toEqual({
      app: 'test-app',
      remoteAddress: '127.0.0.1',
      path: '/apps/1/events',
      requestId: 'request-number-one-of-the-test',
      code: 'request_unauthorized',
      message: 'Authentication key required',
      plugin: undefined,
    })
    expect(Object.isFrozen(first)).toBe(true)
    expect(requests.map(({ path, code, app }) => [path, code, app?.id])).toEqual([
      ['/apps/1/events', 'request_unauthorized', '1'],
      ['/apps/99/events', 'app_not_found', undefined],
      ['/api/admin/apps', 'admin_unauthorized', undefined],
      ['/nowhere', 'path_not_found', undefined],
      ['/socket/websocket', 'upgrade_missing', undefined],
    ])
    expect(refusals).toEqual([])
  })

  const trigger = (server: TestServer) => server.trigger({ channel: 'room', name: 'e', data: 'x' })
  const pushOne = (server: TestServer) => push(server, { channel: 'room', event: 'e', data: {} })

  test.each<[string, Hooks, (server: TestServer) => Promise<Response>, string]>([
    ['authenticate', { authenticate: async () => no() }, trigger, 'request_unauthorized'],
    ['request', { request: no }, trigger, 'request_refused'],
    ['request', { request: later }, (server) => server.admin('/api/admin/apps'), 'too_often'],
    ['publish', { publish: no }, trigger, 'publish_refused'],
    ['publish', { publish: throwSecret }, trigger, 'internal'],
    ['authorizePush', { authorizePush: no }, pushOne, 'request_refused'],
    ['publish', { publish: no }, pushOne, 'publish_refused'],
  ])('names the plugin whose %s refuses (%#)', async (_, hooks, act, code) => {
    const { plugin, requests } = makeDiary()
    await using server = await start({ plugins: [plugin, makePlugin('gate', hooks)] })
    expect((await act(server)).ok).toBe(false)
    expect(requests).toMatchObject([{ code, plugin: 'gate' }])
  })

  test('hears of what a route of a plugin refuses', async () => {
    const { plugin, requests } = makeDiary()
    const routed: AnyPlugin = definePlugin({
      name: 'routed',
      carillon: 1,
      setup: ({ routes, adminOnly }) => {
        routes.get('/secret', () => 'secret', { beforeHandle: adminOnly })
        return {}
      },
    })
    await using server = await start({ plugins: [plugin, routed] })
    expect((await server.http('/plugins/routed/secret')).status).toBe(401)
    expect(requests).toMatchObject([{ path: '/plugins/routed/secret', code: 'admin_unauthorized' }])
  })

  test('builds nothing where no plugin has it', async () => {
    await using server = await start({ plugins: [makePlugin('other', { refused: () => {} })] })
    expect(server.core.facts.hears('refused')).toBe(false)
  })
})
