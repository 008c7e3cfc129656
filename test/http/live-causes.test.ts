/** Why a caller was refused, as a live stream says it: each mistake, and never a secret. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { CAUSES } from '../../src/http/live-causes'
import { makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { Stream } from './live-stream'

type CauseName = keyof typeof CAUSES
type Mistake = () => Promise<unknown>

const [OLD, NEW] = [
  { key: 'old-key', secret: 'the-old-secret' },
  { key: 'new-key', secret: 'the-new-secret' },
] as const
const SECRETS = [OLD.secret, NEW.secret, 's']

let server: TestServer
let stream: Stream
/** The digest that would have been right. */
let right = ''
beforeAll(async () => {
  server = await start()
  server.addTenant()
  await server.change({ keys: [OLD, NEW], clientEvents: false })
  stream = new Stream(server, await server.admin('/api/admin/apps/test-app/live'))
  await stream.nextOf('hello')
})
afterAll(async () => {
  await stream.cancel()
  await server.stop()
})

const hmac = (secret: string, text: string): string =>
  createHmac('sha256', secret).update(text).digest('hex')

const connect = () => server.raw({ path: `/app/${NEW.key}?protocol=7` })

/** What a backend signs: the text that is right, in its parts, and what it is signed with. */
type Signing = (parts: { id: string; channel: string; data: string; secret: string }) => string

/** A subscription whose backend has signed `signing` with `secret`; the digest is sent as `write` has it. */
const subscribing =
  (
    signing: Signing,
    { secret = NEW.secret, key = NEW.key, data = '', write = (digest) => digest }: Sent = {},
  ): Mistake =>
  async () => {
    await using client = await connect()
    const channel = data ? 'presence-a' : 'private-a'
    const parts = { id: client.socketId, channel, data, secret }
    const sent = write(hmac(secret, signing(parts)))
    right = hmac(NEW.secret, `${client.socketId}:${channel}${data && `:${data}`}`)
    if (sent.includes(right)) right = 'shown, since it was sent'
    client.subscribe(channel, `${key}:${sent}`, data || undefined)
    await client.next('the refusal')
  }

type Sent = {
  readonly secret?: string
  readonly key?: string
  readonly data?: string
  readonly write?: (digest: string) => string
}

const usual: Signing = ({ id, channel, data }) => `${id}:${channel}${data && `:${data}`}`
const PERSON = '{"user_id": "1", "user_info": {"url": "a/b"}}'

const signingIn =
  (signing: (id: string, data: string) => string): Mistake =>
  async () => {
    await using client = await connect()
    const data = '{"id":"1"}'
    right = hmac(NEW.secret, `${client.socketId}::user::${data}`)
    const auth = `${NEW.key}:${hmac(NEW.secret, signing(client.socketId, data))}`
    client.send({ event: 'pusher:signin', data: { auth, user_data: data } })
    await client.next('the refusal')
  }

type Sending = {
  readonly key?: string
  readonly late?: number
  readonly body?: string
  readonly sign?: (method: string, path: string, query: string) => string
}

/** A trigger whose backend has signed what `sign` says. */
const requesting =
  ({
    key = NEW.key,
    late = 0,
    body = '{"name":"e","channel":"a","data":"x"}',
    sign = (method, path, query) => `${method}\n${path}\n${query}`,
  }: Sending): Mistake =>
  async () => {
    const md5 = createHash('md5').update('{"name":"e","channel":"a","data":"x"}').digest('hex')
    const at = Math.floor(server.clock.now() / 1000) - late
    const query = `auth_key=${key}&auth_timestamp=${at}&auth_version=1.0&body_md5=${md5}&z=1`
    const path = '/apps/1/events'
    right = hmac(NEW.secret, `POST\n${path}\n${query}`)
    const url = `${path}?${query}&auth_signature=${hmac(NEW.secret, sign('POST', path, query))}`
    const { status } = await server.http(url, { method: 'POST', body })
    expect(status).toBe(401)
  }

const MISTAKES: readonly (readonly [CauseName, what: string, Mistake])[] = [
  ['key_unknown', 'a retired key', subscribing(usual, { key: 'gone' })],
  ['key_unknown', 'of a request', requesting({ key: 'gone' })],
  ['key_of_other_app', 'of a subscription', subscribing(usual, { key: 'k' })],
  ['key_of_other_app', 'of a request', requesting({ key: 'k' })],
  ['secret_of_other_app', '', subscribing(usual, { secret: 's' })],
  ['secret_of_other_key', '', subscribing(usual, { secret: OLD.secret })],
  ['key_as_secret', 'the key', subscribing(usual, { secret: NEW.key })],
  ['key_as_secret', 'the id', subscribing(usual, { secret: '1' })],
  ['secret_with_space', 'a line end', subscribing(usual, { secret: `${NEW.secret}\r` })],
  ['secret_with_space', 'quotes', subscribing(usual, { secret: `"${NEW.secret}"` })],
  ['secret_sent', 'in place of a digest', subscribing(usual, { write: () => NEW.secret })],
  ['secret_sent', 'in place of the key', subscribing(usual, { key: NEW.secret })],
  ['signature_missing', '', subscribing(usual, { write: () => '' })],
  ['signature_upper_case', '', subscribing(usual, { write: (hex) => hex.toUpperCase() })],
  [
    'signature_base64',
    '',
    subscribing(usual, { write: (hex) => Buffer.from(hex, 'hex').toString('base64') }),
  ],
  ['signature_with_space', '', subscribing(usual, { write: (hex) => `${hex}\n` })],
  ['not_a_digest', '', subscribing(usual, { write: (hex) => hex.slice(1) })],
  ['data_not_signed', '', subscribing(({ id, channel }) => `${id}:${channel}`, { data: PERSON })],
  [
    'data_encoded_anew',
    'by JavaScript',
    subscribing(({ id, channel, data }) => `${id}:${channel}:${JSON.stringify(JSON.parse(data))}`, {
      data: PERSON,
    }),
  ],
  [
    'data_encoded_anew',
    'by PHP',
    subscribing(
      ({ id, channel }) => `${id}:${channel}:{"user_id":"1","user_info":{"url":"a\\/b"}}`,
      {
        data: PERSON,
      },
    ),
  ],
  [
    'data_encoded_anew',
    'by Python',
    subscribing(({ id, channel }) => `${id}:${channel}:${PERSON}`, {
      data: JSON.stringify(JSON.parse(PERSON)),
    }),
  ],
  ['prefix_missing', '', subscribing(({ id }) => `${id}:a`)],
  ['parts_swapped', '', subscribing(({ id, channel }) => `${channel}:${id}`)],
  ['signed_as_signin', '', subscribing(({ id, data }) => `${id}::user::${data}`, { data: PERSON })],
  ['signed_as_subscription', '', signingIn((id, data) => `${id}:${data}`)],
  ['another', 'a subscription', subscribing(() => 'x')],
  ['another', 'a sign-in', signingIn(() => 'x')],
  ['another', 'a request', requesting({ sign: () => 'x' })],
  [
    'query_unsorted',
    '',
    requesting({
      sign: (method, path, query) => `${method}\n${path}\nz=1&${query.replace('&z=1', '')}`,
    }),
  ],
  [
    'md5_not_signed',
    '',
    requesting({
      sign: (method, path, query) => `${method}\n${path}\n${query.replace(/&body_md5=\w+/, '')}`,
    }),
  ],
  ['other_method', '', requesting({ sign: (_, path, query) => `GET\n${path}\n${query}` })],
  [
    'line_ends_written',
    '',
    requesting({ sign: (method, path, query) => `${method}\\n${path}\\n${query}` }),
  ],
  ['clock', '', requesting({ late: 700 })],
  ['body_changed', '', requesting({ body: '{"name":"e","channel":"a","data":"y"}' })],
  [
    'pair_wrong',
    '',
    async () => {
      const headers = makeBasicAuth(`${NEW.key}:wrong`)
      const body = '{"channel":"a","event":"e","data":1}'
      const { status } = await server.http('/api/push', { method: 'POST', headers, body })
      expect(status).toBe(403)
    },
  ],
  [
    'auth_malformed',
    '',
    async () => {
      await using client = await connect()
      client.subscribe('private-a', NEW.key)
      await client.next('the refusal')
    },
  ],
  [
    'auth_missing',
    '',
    async () => {
      await using client = await connect()
      client.subscribe('private-a')
      await client.next('the refusal')
    },
  ],
  [
    'client_events_off',
    '',
    async () => {
      await using client = await connect()
      const auth = `${NEW.key}:${hmac(NEW.secret, `${client.socketId}:private-a`)}`
      await client.subscribed('private-a', auth)
      client.send({ event: 'client-x', channel: 'private-a', data: 1 })
      await client.next('the refusal')
    },
  ],
]

test.each(MISTAKES)('%s is said (%s)', async (cause, _, make) => {
  right = 'none'
  await make()
  const row = await stream.nextOf('refused')
  expect(row).toMatchObject({ cause, ...CAUSES[cause] })
  const text = JSON.stringify(row)
  for (const secret of [...SECRETS.slice(0, 2), right]) expect(text).not.toContain(secret)
})

test('a signature for another connection is found, as long as that is remembered', async () => {
  const former = await connect()
  const { socketId } = former
  former.socket.close()
  await former.closing()
  await stream.nextOf('disconnected')
  await subscribing(({ channel }) => `${socketId}:${channel}`)()
  expect(await stream.nextOf('refused')).toMatchObject({ cause: 'other_connection' })
  await using other = await connect()
  await subscribing(({ channel }) => `${other.socketId}:${channel}`)()
  expect(await stream.nextOf('refused')).toMatchObject({ cause: 'other_connection' })
})

test('where the message says it all, what to do is said', async () => {
  await server.change({ limits: { maxConnectionsPerApp: 1 } })
  await using first = await connect()
  await using second = await server.raw({ path: `/app/${NEW.key}?protocol=7`, hello: false })
  expect([(await second.closing()).code, first.socketId]).toEqual([4004, expect.any(String)])
  const row = await stream.nextOf('refused')
  expect(row).toMatchObject({ code: 'app_over_quota', remedy: expect.stringContaining('raise') })
  expect(row).not.toHaveProperty('cause')
  await server.change({ limits: {} })
})

test('the text to sign is whole where the message has cut it', async () => {
  const data = `{"user_id":"1","user_info":"${'x'.repeat(900)}"}`
  await subscribing(() => 'y', { data })()
  const { message, signature } = await stream.nextOf('refused')
  expect(String(message).length).toBeLessThan(400)
  expect((signature as { should_sign: string }).should_sign).toEndWith(`:presence-a:${data}`)
})

test('a secret that was sent as a key is not shown; who sees one app is shown no strangers', async () => {
  const { token } = await makeToken(server, { name: 'of test-app', scope: 'app:1' })
  const response = await server.http('/api/admin/apps/test-app/live', { headers: bearer(token) })
  const own = new Stream(server, response)
  await own.nextOf('hello')
  await using client = await server.raw({ path: `/app/${OLD.secret}?protocol=7`, hello: false })
  expect((await client.closing()).code).toBe(4001)
  const row = await stream.nextOf('unknown_app')
  expect(row).toMatchObject({ cause: 'secret_sent', message: 'A secret was sent' })
  await subscribing(usual, { key: 'gone' })()
  expect((await own.next())?.event).not.toBe('unknown_app')
  await own.cancel()
})

test('a secret in the path or in a parameter is not shown', async () => {
  await server.http(`/apps/${OLD.secret}/channels?auth_key=${NEW.key}`)
  const { path } = await stream.nextOf('unknown_app')
  expect(path).toContain('/***/')
  expect(path).not.toContain(OLD.secret)
  const at = Math.floor(server.clock.now() / 1000)
  const query = `auth_key=${NEW.key}&auth_timestamp=${at}&auth_version=1.0&secret=${NEW.secret}`
  await server.http(`/apps/1/channels?${query}&auth_signature=${'a'.repeat(64)}`)
  const row = await stream.nextOf('refused')
  expect(row).toMatchObject({ message: expect.stringContaining('&secret=***') })
  expect(JSON.stringify(row)).not.toContain(NEW.secret)
})

test('each cause has its mistake here, or above', () => {
  const made = new Set(MISTAKES.map(([cause]) => cause))
  const others = Object.keys(CAUSES).filter((name) => !made.has(name as CauseName))
  expect(others).toEqual(['app_unknown', 'other_connection', 'origin_refused'])
})
