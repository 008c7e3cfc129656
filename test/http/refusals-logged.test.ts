/** Whatever is refused leaves a line: at `info` one for each kind and address a minute, each at `debug`, and no secret. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { reject } from '../../src/plugin'
import { makeBasicAuth } from '../credentials'
import { makePlugin, start, type TestServer } from '../harness'

const SECRET = 'wrong-and-still-somebodys-secret'
const SIGNED = `auth_key=test-app-fake-key&auth_timestamp=NOW&auth_version=1.0&auth_signature=${SECRET}`

type Row = {
  readonly name: string
  readonly code: string
  readonly reason?: string
  readonly appId?: string
  readonly cause: (server: TestServer) => Promise<unknown>
}

/** A socket that is refused at the door. */
const socket =
  (path: string, headers = {}) =>
  async (server: TestServer) =>
    (await server.raw({ path, headers, hello: false })).closing()
/** Sends a message that is refused. */
const sendMessage = (message: object) => async (server: TestServer) => {
  await using client = await server.raw()
  client.send(message)
  await client.heard()
}
const request =
  (method: string, path: string, init: RequestInit = {}) =>
  (server: TestServer) =>
    server.http(path.replace('NOW', String(Math.floor(server.clock.now() / 1000))), {
      method,
      ...init,
    })
const subscribe = (channel: string, auth?: string) =>
  sendMessage({ event: 'pusher:subscribe', data: { channel, auth } })

const ROWS: readonly Row[] = [
  {
    name: 'a wrong password of the admin',
    code: 'login_failed',
    cause: request('GET', '/api/admin/apps', { headers: makeBasicAuth(`admin:${SECRET}`) }),
  },
  {
    name: 'the admin API without a password',
    code: 'admin_unauthorized',
    cause: request('GET', '/api/admin/apps'),
  },
  {
    name: 'a wrong secret of an app by Basic',
    code: 'login_failed',
    cause: request('GET', '/api/apps/test-app/channels', { headers: makeBasicAuth(`k:${SECRET}`) }),
  },
  {
    name: 'a push with a wrong secret',
    code: 'request_refused',
    cause: request('POST', '/api/push', { headers: makeBasicAuth(`test-app-fake-key:${SECRET}`) }),
  },
  {
    name: 'a wrong signature',
    code: 'request_unauthorized',
    reason: 'Invalid signature',
    appId: '1',
    cause: request('GET', `/apps/1/channels?${SIGNED}`),
  },
  {
    name: 'a secret in the place of a key',
    code: 'request_unauthorized',
    reason: 'Invalid authentication key',
    appId: '1',
    cause: request('GET', `/apps/1/channels?${SIGNED.replace('test-app-fake-key', SECRET)}`),
  },
  {
    name: 'an old timestamp',
    code: 'request_unauthorized',
    reason: 'Timestamp expired',
    appId: '1',
    cause: request('GET', `/apps/1/channels?${SIGNED.replace('NOW', '1')}`),
  },
  {
    name: 'an app that there is not',
    code: 'app_not_found',
    cause: request('GET', `/apps/${SECRET}/channels?${SIGNED}`),
  },
  { name: 'no route', code: 'path_not_found', cause: request('GET', `/x/${SECRET}`) },
  {
    name: 'fields of an app',
    code: 'app_invalid',
    cause: (server) =>
      server.admin('/api/admin/apps', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ app: { name: '', secret: SECRET, key: `${SECRET} ` } }),
      }),
  },
  {
    name: 'a socket of a key that there is not',
    code: 'app_not_found',
    cause: socket(`/app/${SECRET}?protocol=7`),
  },
  {
    name: 'a socket of another protocol',
    code: 'protocol_unsupported',
    appId: '1',
    cause: socket('/app/test-app-fake-key?protocol=3'),
  },
  {
    name: 'a socket that a plugin refuses',
    code: 'connection_refused',
    appId: '1',
    cause: socket(`/app/test-app-fake-key?protocol=7&token=${SECRET}`),
  },
  {
    name: 'a socket of nobody’s path',
    code: 'path_not_found',
    cause: socket(`/sockets/${SECRET}`),
  },
  {
    name: 'a Phoenix socket of a key that there is not',
    code: 'app_not_found',
    cause: request('GET', `/socket/websocket?vsn=2.0.0&app_key=${SECRET}`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      },
    }),
  },
  {
    name: 'a socket whose proxy passes no upgrade on',
    code: 'upgrade_missing',
    cause: request('GET', `/app/${SECRET}`),
  },
  {
    name: 'a Phoenix socket whose proxy passes no upgrade on',
    code: 'upgrade_missing',
    cause: request('GET', `/socket/websocket?app_key=${SECRET}`),
  },
  {
    name: 'a handshake without Connection',
    code: 'upgrade_missing',
    cause: request('GET', `/app/${SECRET}`, { headers: { upgrade: 'websocket' } }),
  },
  {
    name: 'a handshake without a key',
    code: 'upgrade_missing',
    appId: '1',
    cause: request('GET', `/app/test-app-fake-key?protocol=7&token=${SECRET}`, {
      headers: { upgrade: 'websocket', connection: 'upgrade' },
    }),
  },
  {
    name: 'a message that is too large',
    code: 'message_too_large',
    appId: '1',
    cause: async (server) => {
      const client = await server.raw()
      client.send(SECRET.repeat(100_000))
      await client.closing()
    },
  },
  {
    name: 'a post of the HTTP fallback that is no list',
    code: 'message_invalid',
    appId: '1',
    cause: async (server) => {
      const path = `/pusher/app/test-app-fake-key/1/${crypto.randomUUID()}`
      await server.http(`${path}/xhr?protocol=7`, { method: 'POST' })
      return server.http(`${path}/xhr_send`, { method: 'POST', body: SECRET })
    },
  },
  {
    name: 'a post of long-poll that is no UTF-8',
    code: 'message_invalid',
    appId: '1',
    cause: async (server) => {
      const path = '/socket/longpoll?vsn=2.0.0&app_key=test-app-fake-key'
      const { token } = await (await server.http(path)).json()
      const body = new Uint8Array([0xff])
      return server.http(`${path}&token=${token}`, { method: 'POST', body })
    },
  },
  {
    name: 'a long-poll of a version that is not polled',
    code: 'protocol_unsupported',
    cause: request('GET', `/socket/longpoll?vsn=1.0.0&app_key=${SECRET}`),
  },
  {
    name: 'a subscription without auth',
    code: 'auth_missing',
    appId: '1',
    cause: subscribe('private-room'),
  },
  {
    name: 'a subscription with a wrong signature',
    code: 'auth_signature_invalid',
    appId: '1',
    cause: subscribe('private-room', `test-app-fake-key:${SECRET}`),
  },
  {
    name: 'a subscription with a key that there is not',
    code: 'auth_key_unknown',
    appId: '1',
    cause: subscribe('private-room', `${SECRET}:${'a'.repeat(64)}`),
  },
  {
    name: 'a channel that has no name',
    code: 'channel_invalid',
    appId: '1',
    cause: subscribe(`${SECRET}!`),
  },
  {
    name: 'a wrong sign-in',
    code: 'signin_refused',
    appId: '1',
    cause: sendMessage({
      event: 'pusher:signin',
      data: { auth: `k:${SECRET}`, user_data: '{"id":"1"}' },
    }),
  },
  {
    name: 'a client event of who is not subscribed',
    code: 'client_event_not_subscribed',
    appId: '1',
    cause: sendMessage({ event: 'client-x', channel: 'private-x', data: { SECRET } }),
  },
]

const doorman = makePlugin('doorman', {
  upgrade: (_, { query }) => {
    const token = query.get('token')
    return token === null ? undefined : reject(`no ${token}`)
  },
})

let server: TestServer
beforeAll(async () => {
  server = await start({ plugins: [doorman] })
})
afterAll(() => server.stop())

const MINUTE_MS = 60_000

test.each(ROWS)('$name', async ({ code, reason, appId, cause }) => {
  server.advance(2 * MINUTE_MS) // what came before is over
  server.log.lines.length = 0
  await cause(server)
  await cause(server)
  const lines = (level: string) =>
    server.log.lines.filter((line) => line.level === level && line.message === 'refused')
  const expected = { code, remoteAddress: '127.0.0.1', ...(reason && { reason }) }
  const fields = appId === undefined ? expected : { ...expected, appId }
  expect(lines('info')).toHaveLength(1)
  expect(lines('info')[0]!.fields).toMatchObject({ ...fields, times: 1 })
  expect(lines('debug')).toHaveLength(2)
  server.advance(MINUTE_MS + 5000)
  expect(lines('info')).toHaveLength(2)
  expect(lines('info')[1]!.fields).toMatchObject({ ...fields, times: 1 })
  expect(JSON.stringify(server.log.lines)).not.toContain(SECRET)
})

test('twelve wrong logins are a line at once and one a minute later, the lock-out another', async () => {
  server.advance(2 * MINUTE_MS)
  server.log.lines.length = 0
  const wrong = request('GET', '/api/admin/apps', { headers: makeBasicAuth(`admin:${SECRET}`) })
  for (let n = 0; n < 12; n++) await wrong(server)
  server.advance(MINUTE_MS + 5000)
  const lines = server.log.lines.filter(({ level }) => level === 'info').map(({ fields }) => fields)
  const { maxFailedLoginsPerMinute: limit } = server.config
  expect(lines).toEqual([
    expect.objectContaining({ code: 'login_failed', times: 1 }),
    expect.objectContaining({
      code: 'login_rate',
      reason: expect.stringContaining(`the limit is ${limit} per minute`),
      times: 1,
    }),
    expect.objectContaining({ code: 'login_failed', times: limit - 1 }),
    expect.objectContaining({ code: 'login_rate', times: 12 - limit - 1 }),
  ])
})
