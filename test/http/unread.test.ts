/** Requests whose body is not read: they are answered before one byte of it was sent. */
import { afterAll, beforeAll, expect, spyOn, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { guardian } from '../../plugins/guardian'
import { reject } from '../../src/plugin'
import { Addresses } from '../../src/http/address'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import { makePlugin, start, waitFor, type TestServer } from '../harness'

const MEGABYTE = 1024 * 1024
const NOW = 1_700_000_000
const EVENT = '{"name":"e","channel":"room","data":"x"}'
const WRONG_BASIC = makeBasicAuth('somebody:else')

type Headers = Readonly<Record<string, string>>
type Row = {
  readonly name: string
  readonly path: string
  readonly headers?: Headers
  /** The `Content-Length`; without it the body is chunked. */
  readonly length?: number
  readonly status: number
}

/** A path that is signed for a body that was promised. */
function signTarget(
  path: string,
  changes: Readonly<Record<string, string>> = {},
  secret = 'test-app-fake-secret',
): string {
  const fields = {
    auth_key: 'test-app-fake-key',
    auth_timestamp: String(NOW),
    auth_version: '1.0',
    body_md5: createHash('md5').update(EVENT).digest('hex'),
    ...changes,
  }
  const query = Object.entries(fields)
    .map((pair) => pair.join('='))
    .join('&')
  const hmac = createHmac('sha256', secret)
  return `${path}?${query}&auth_signature=${hmac.update(`POST\n${path}\n${query}`).digest('hex')}`
}

const EVENTS = '/apps/1/events'
const REVOCATIONS = '/plugins/guardian/revocations'
const APPS = '/api/admin/apps'
const wrong = { 'x-plugin': 'refuse' }

const ROWS: readonly Row[] = [
  { name: 'nothing signed', path: EVENTS, status: 401 },
  { name: 'nothing signed, in chunks', path: EVENTS, length: Number.NaN, status: 401 },
  { name: 'an unknown app', path: signTarget('/apps/2/events'), status: 404 },
  {
    name: 'an app that is off',
    path: signTarget('/apps/8/events', { auth_key: 'k' }, 's'),
    status: 403,
  },
  { name: 'an unknown key', path: signTarget(EVENTS, { auth_key: 'nobody' }), status: 401 },
  { name: 'an old time', path: signTarget(EVENTS, { auth_timestamp: '1' }), status: 401 },
  { name: 'another version', path: signTarget(EVENTS, { auth_version: '2' }), status: 401 },
  { name: 'a wrong signature', path: `${signTarget(EVENTS)}&auth_signature=0`, status: 401 },
  { name: 'a plugin that refuses', path: signTarget(EVENTS), headers: wrong, status: 401 },
  { name: 'signed, and too long', path: signTarget(EVENTS), length: 524_289, status: 413 },
  {
    name: 'a batch that is too long',
    path: signTarget('/apps/1/batch_events'),
    length: 524_289,
    status: 413,
  },
  { name: 'the form of 2012', path: '/apps/1/channels/room/events?name=e', status: 401 },
  { name: 'users', path: '/apps/1/users/ada/terminate_connections', status: 401 },
  { name: 'ExPusherLite without a key', path: '/api/apps/test-app/events', status: 401 },
  {
    name: 'ExPusherLite, another key',
    path: '/api/apps/test-app/events',
    headers: WRONG_BASIC,
    status: 401,
  },
  {
    name: 'ExPusherLite, too long',
    path: '/api/apps/test-app/events',
    headers: makeBasicAuth(PAIR),
    length: MEGABYTE + 1,
    status: 413,
  },
  { name: 'PushEx, another key', path: '/api/push', headers: WRONG_BASIC, status: 403 },
  {
    name: 'PushEx, too long',
    path: '/api/push',
    headers: makeBasicAuth(PAIR),
    length: MEGABYTE + 1,
    status: 413,
  },
  { name: 'no password', path: APPS, status: 401 },
  { name: 'a wrong password', path: APPS, headers: WRONG_BASIC, status: 401 },
  {
    name: 'an app that is too long',
    path: APPS,
    headers: makeBasicAuth(ADMIN_PAIR),
    length: MEGABYTE + 1,
    status: 413,
  },
  { name: 'a plugin’s route, no password', path: REVOCATIONS, status: 401 },
  {
    name: 'a revocation that is too long',
    path: REVOCATIONS,
    headers: makeBasicAuth(ADMIN_PAIR),
    length: MEGABYTE + 1,
    status: 413,
  },
  { name: 'no route', path: '/nowhere', status: 404 },
  {
    name: 'no session of the fallback',
    path: '/app/test-app-fake-key/123/abcdefgh/xhr_send',
    status: 404,
  },
]

let server: TestServer
beforeAll(async () => {
  const refuses = makePlugin('refuses', {
    authenticate: ({ headers, body }) =>
      headers.has('x-plugin') && body.length === 0 ? reject('no') : undefined,
  })
  server = await start({ now: NOW * 1000, plugins: [refuses, guardian()] })
  const tenant = server.addTenant()
  server.core.apps.change(tenant, { ...tenant.record, active: false }, 0)
})
afterAll(() => server.stop())

/** Sends head and `sent`, and no more. Resolves with the status. */
function statusOf(
  { path, headers = {}, length = 100_000 }: Omit<Row, 'name' | 'status'>,
  sent = '',
) {
  const { promise, resolve, reject: fail } = Promise.withResolvers<number>()
  const body = Number.isNaN(length) ? 'transfer-encoding: chunked' : `content-length: ${length}`
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', body, ...lines]
  const socket = connect(server.port, '127.0.0.1', () =>
    socket.write(`${head.join('\r\n')}\r\n\r\n${sent}`),
  )
  socket.on('error', fail)
  socket.once('data', (bytes) => {
    resolve(Number(bytes.toString().slice(9, 12)))
    socket.destroy()
  })
  return waitFor('the answer', promise)
}

const hurry = spyOn(Addresses.prototype, 'limitIdle')

test.each(ROWS)('$name: $status, and the body has ten seconds to come', async (row) => {
  hurry.mockClear()
  expect(await statusOf(row)).toBe(row.status)
  expect(hurry.mock.calls.map(([, seconds]) => seconds)).toEqual([10])
})

test('a connection whose body was read, or that brings none, is in no hurry', async () => {
  hurry.mockClear()
  expect((await server.trigger({ name: 'e', channel: 'room', data: 'x' })).status).toBe(200)
  expect((await server.signed('POST', '/events', '{}')).status).toBe(400)
  expect((await server.http('/nowhere')).status).toBe(404)
  expect(hurry).not.toHaveBeenCalled()
})

test.each([
  ['signed', signTarget(EVENTS), {}, 524_288],
  ['of the admin API', APPS, makeBasicAuth(ADMIN_PAIR), MEGABYTE],
  ['of a plugin', REVOCATIONS, makeBasicAuth(ADMIN_PAIR), MEGABYTE],
] as const)('chunks %s are read so far and no further', async (_, path, headers, limit) => {
  const chunk = `${(limit + 1).toString(16)}\r\n${' '.repeat(limit + 1)}\r\n`
  expect(await statusOf({ path, headers, length: Number.NaN }, chunk)).toBe(413)
})

test('a body that was vouched for is there for whoever is asked later', async () => {
  const bodies: string[] = []
  const seen = (name: string, body: Uint8Array) => void bodies.push(`${name} ${body.length}`)
  const plugin = makePlugin('sees', {
    authenticate: ({ body }) => {
      seen('authenticate', body)
      return { type: 'allow', channelData: undefined }
    },
    request: ({ body }) => seen('request', body),
    response: ({ body }) => seen('response', body),
  })
  await using other = await start({ plugins: [plugin] })
  expect((await other.http(EVENTS, { method: 'POST', body: EVENT })).status).toBe(200)
  expect(bodies).toEqual(['authenticate 0', `request ${EVENT.length}`, `response ${EVENT.length}`])
})
