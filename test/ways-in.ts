/**
 * WAYS_IN: all that published credentials open, each as one request written byte by byte, so that it can
 * come from wherever a test wants.
 */
import { connect } from 'node:net'
import { definePlugin } from '../src/plugin'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from './credentials'
import { waitFor, type TestServer } from './harness'

/** A plugin with a route of its own for admins. */
export const WITH_ROUTE = definePlugin({
  name: 'with-route',
  carillon: 1,
  setup: ({ routes, adminOnly }) => {
    routes.get('/secrets', () => 'secrets', { beforeHandle: adminOnly })
    return {}
  },
})

type Headers = Readonly<Record<string, string>>
type WayIn = {
  readonly name: string
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly headers?: Headers
  readonly body?: string
  readonly isSigned?: boolean
  /** The answer to a request that is admitted. */
  readonly right: RegExp
  /** The answer to a request that is not local. */
  readonly refused: RegExp
}

const JSON_TYPE = { 'content-type': 'application/json' }
const EVENT = { body: '{"name":"e","data":"1","channel":"a"}', headers: JSON_TYPE }
const PUSH = '{"channel":"a","data":1,"event":"e"}'
const SCOPED = '{"scope":"public","topic":"a","event":"e"}'
const UPGRADE = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
}

const OK = /^HTTP\/1.1 20[01] /
const REFUSED_TEXT = /^HTTP\/1.1 403 [^]*published credentials are good on this machine only/
const API = { method: 'GET', right: OK, refused: REFUSED_TEXT } as const
const SIGNED = { ...API, isSigned: true }
const ADMIN = { ...API, headers: makeBasicAuth(ADMIN_PAIR) }

export const ROUTES: readonly WayIn[] = [
  { ...ADMIN, name: 'the list of apps', path: '/api/admin/apps' },
  { ...ADMIN, name: 'an app', path: '/api/admin/apps/test-app' },
  {
    ...ADMIN,
    name: 'a new app',
    method: 'POST',
    path: '/api/admin/apps',
    headers: { ...ADMIN.headers, ...JSON_TYPE },
    body: '{"app":{"name":"another app"}}',
  },
  { ...ADMIN, name: 'webhooks', path: '/api/admin/apps/test-app/webhooks/deliveries' },
  { ...ADMIN, name: 'plugins', path: '/api/admin/plugins' },
  { ...ADMIN, name: 'a plugin’s route', path: '/plugins/with-route/secrets' },
  { ...API, name: 'what fills the page', path: '/swagger/defaults' },
  { ...API, name: 'what fills the console', path: '/console/defaults' },
  { ...ADMIN, name: 'a session', method: 'POST', path: '/api/admin/sessions' },
  { ...SIGNED, name: 'channels', path: '/apps/1/channels' },
  { ...SIGNED, name: 'a channel', path: '/apps/1/channels/a' },
  { ...SIGNED, name: 'a trigger', method: 'POST', path: '/apps/1/events', ...EVENT },
  {
    ...SIGNED,
    name: 'a batch',
    method: 'POST',
    path: '/apps/1/batch_events',
    headers: JSON_TYPE,
    body: `{"batch":[${EVENT.body}]}`,
  },
  {
    ...SIGNED,
    name: 'users',
    method: 'POST',
    path: '/apps/1/users/7/terminate_connections',
    headers: JSON_TYPE,
    body: '{}',
  },
  {
    ...API,
    name: 'ExPusherLite’s events',
    method: 'POST',
    path: '/api/apps/test-app/events',
    headers: { ...JSON_TYPE, ...makeBasicAuth(PAIR) },
    body: SCOPED,
  },
  {
    ...API,
    name: 'ExPusherLite’s channels',
    path: '/api/apps/test-app/channels',
    headers: makeBasicAuth(PAIR),
  },
  ...[{}, makeBasicAuth(PAIR), { authorization: 'Bearer test-app-fake-secret' }].map(
    (who: Headers) => ({
      ...API,
      name: `a push (${who['authorization']?.split(' ')[0] ?? 'nobody'})`,
      method: 'POST' as const,
      path: '/api/push',
      headers: { ...JSON_TYPE, ...who },
      body: PUSH,
    }),
  ),
]

const HELLO = /connection_established/
const CLOSED = /"code":4009,"message":"The published credentials are good on this machine only/
const FORBIDDEN = /^HTTP\/1.1 403 /
const SWITCHED = /^HTTP\/1.1 101 /
const XHR = { method: 'POST', right: HELLO, refused: /4009[^]*published credentials/ } as const

export const SOCKETS: readonly WayIn[] = [
  {
    name: 'a WebSocket',
    method: 'GET',
    path: '/app/test-app-fake-key?protocol=7',
    headers: UPGRADE,
    right: HELLO,
    refused: CLOSED,
  },
  { ...XHR, name: 'polling', path: '/pusher/app/test-app-fake-key/1/abcdefgh/xhr?protocol=7' },
  { ...XHR, name: 'a stream', path: '/app/test-app-fake-key/2/abcdefgh/xhr_streaming?protocol=7' },
  ...['/socket/websocket?vsn=2.0.0&app_key=test-app-fake-key', '/push_socket/websocket'].map(
    (path) => ({
      name: path,
      method: 'GET' as const,
      path,
      headers: UPGRADE,
      right: SWITCHED,
      refused: FORBIDDEN,
    }),
  ),
  {
    name: 'long-poll',
    method: 'GET',
    path: '/socket/longpoll?app_key=test-app-fake-key&vsn=2.0.0',
    right: /"status":410,"token"/,
    refused: /"status":403/,
  },
]

/** Tries a way in. Resolves with `in`, `refused`, or any other answer as text. */
export async function tryWayIn(
  server: TestServer,
  way: WayIn,
  lines: readonly string[] = ['Host: 127.0.0.1'],
  port = server.port,
  folder = '',
): Promise<string> {
  const { method, path, headers = {}, body = '', isSigned = false } = way
  const target = `${folder}${isSigned ? signRequest(server, way) : path}`
  const all = [
    `${method} ${target} HTTP/1.1`,
    ...lines,
    ...Object.entries({ connection: 'close', ...headers }).map(
      ([key, value]) => `${key}: ${value}`,
    ),
    ...(method === 'GET' ? [] : [`content-length: ${body.length}`]),
  ]
  const text = await exchange(port, `${all.join('\r\n')}\r\n\r\n${body}`, way)
  if (way.refused.test(text)) return 'refused'
  return way.right.test(text) ? 'in' : text
}

function signRequest(server: TestServer, { method, path, body }: WayIn): string {
  const { key, secret } = server.app
  const md5 = body === undefined ? '' : `&body_md5=${Bun.MD5.hash(body, 'hex')}`
  const at = Math.floor(server.clock.now() / 1000)
  const query = `auth_key=${key}&auth_timestamp=${at}&auth_version=1.0${md5}`
  const hasher = new Bun.CryptoHasher('sha256', secret)
  return `${path}?${query}&auth_signature=${hasher.update(`${method}\n${path}\n${query}`).digest('hex')}`
}

/** Sends a request. Resolves with the answer, up to the expected text or the end of the connection. */
async function exchange(port: number, request: string, way: WayIn): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
    if (way.refused.test(text) || (way.right !== OK && way.right.test(text))) resolve(text)
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(text))
  try {
    return await waitFor(`an answer to ${way.name}`, promise)
  } finally {
    socket.destroy()
  }
}
