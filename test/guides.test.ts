/**
 * ExPusherLite's article and PushEx's guide, followed line by line against this server: their curl, their
 * page, their model, and what they print. Only host, port, ids and dates are others.
 * Numbers in names are cases of contract section 6.
 */
import { expect, test } from 'bun:test'
import { createHmac, randomBytes } from 'node:crypto'
import { guardian } from '../plugins/guardian'
import { originCheck } from '../plugins/origin-check'
import { rateLimit } from '../plugins/rate-limit'
import { start, type TestServer } from './harness'
import { waitForAnswer, PhoenixJs, connectPhoenix, type Generation } from './phoenix'

/** As the checkout's own configuration has them. */
const PLUGINS = { plugins: [originCheck(), rateLimit(), guardian()] }

async function curl(...args: string[]): Promise<string> {
  const child = Bun.spawn(['curl', '--silent', '--show-error', ...args], { stdout: 'pipe' })
  return new Response(child.stdout).text()
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** The article's `.env`. */
type Env = {
  readonly url: string
  readonly appId: string
  readonly key: string
  readonly secret: string
}

async function createApp(server: TestServer, name: string): Promise<Env> {
  const url = `127.0.0.1:${server.port}`
  const admin = `http://pusher_admin_username:pusher_admin_password@${url}/api/admin/apps`
  const { data } = JSON.parse(await curl('--data', `app[name]=${name}`, admin))
  const { slug, secret, key, id, active } = data
  expect([slug, data.name, active]).toEqual([name, name, true])
  for (const generated of [secret, key]) expect(generated).toMatch(UUID)
  expect(id).toBeNumber()
  return { url, appId: data.slug, key: data.key, secret: data.secret }
}

/** The helper of the Rails application: a raw token, and one signed over it with the app's secret. */
function guardianTokens({ secret }: Env, claims: object) {
  const raw = randomBytes(32).toString('base64url') + '='
  const iat = Math.floor(Date.now() / 1000)
  const payload = {
    aud: 'csrf',
    sub: {},
    iss: 'pl-web-development',
    iat,
    exp: iat + 30 * 24 * 3600,
    s_csrf: createHmac('sha256', secret).update(raw).digest('base64url'),
    ...claims,
  }
  const text = [{ alg: 'HS256', typ: 'JWT' }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return { raw, jwt: `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}` }
}

/** The page's script: the names of its two parameters are swapped, as the article has them. */
function page(server: TestServer, env: Env, generation: Generation = '1.2.1', claims: object = {}) {
  const listen = { listen: ['deploys:web', 'public:*'], publish: ['public:*'] }
  const { raw, jwt } = guardianTokens(env, { ...listen, ...claims })
  return new PhoenixJs(server, generation, { params: { guardian_token: raw, csrf_token: jwt } })
}

/** The model's `save`: `Net::HTTP.post_form` to an address that carries key and secret. */
const save = ({ url, appId, key, secret }: Env, topic: string, scope = 'public') =>
  curl(
    '-w',
    '%{http_code}',
    `http://${key}:${secret}@${url}/api/apps/${appId}/events`,
    '--data-urlencode',
    `topic=${topic}`,
    '--data',
    'event=msg',
    '--data',
    `scope=${scope}`,
    '--data-urlencode',
    'payload={"name":"akita","message":"hello & good-bye"}',
  )

const MESSAGE = { name: 'akita', message: 'hello & good-bye' }

test('the article: an app by curl, a page that joins, a model that triggers; both bindings fire (56)', async () => {
  await using server = await start(PLUGINS)
  const env = await createApp(server, 'foo-app')
  await using client = page(server, env)
  await client.join('public:foo-app', ['foo-topic:msg', 'msg'])
  expect(await save(env, 'foo-topic')).toBe('{}200')
  expect(await client.events.next()).toEqual(['foo-topic:msg', MESSAGE])
  expect(await save(env, '#general')).toBe('{}200')
  expect(await client.events.next()).toEqual(['msg', MESSAGE])
  expect(await save({ ...env, secret: 'wrong' }, 'foo-topic')).toBe('401')
})

test('the article’s private scope, with a token as its helper mints it (56, 60)', async () => {
  await using server = await start(PLUGINS)
  const env = await createApp(server, 'foo-app')
  await using stranger = page(server, env)
  const refused = await waitForAnswer(stranger.socket.channel('private:foo-app').join(), 'the join')
  expect(refused).toEqual(['error', 'authentication_required'])
  const all = ['deploys:web', 'public:*', 'private:*']
  await using member = page(server, env, '1.2.1', { listen: all, publish: all })
  await member.join('private:foo-app', ['foo-topic:msg', 'msg'])
  expect(await save(env, 'foo-topic', 'private')).toBe('{}200')
  expect(await save(env, '#general', 'private')).toBe('{}200')
  expect(await member.events.take(2)).toEqual([
    ['foo-topic:msg', MESSAGE],
    ['msg', MESSAGE],
  ])
})

test('the article’s 403 for a page of another host, and the hosts that it wished for (7)', async () => {
  await using server = await start(PLUGINS)
  const env = await createApp(server, 'shiny-new-app')
  const hosts = 'app[hosts][]=https://your-expusherlite-client.herokuapp.com'
  const admin = `http://pusher_admin_username:pusher_admin_password@${env.url}/api/admin/apps/shiny-new-app`
  await curl('-X', 'PATCH', '--data-urlencode', hosts, admin)
  const query = `app_key=${env.key}`
  const refused = await curl(
    '-w',
    '%{http_code}',
    '-H',
    'connection: upgrade',
    '-H',
    'upgrade: websocket',
    '-H',
    'sec-websocket-version: 13',
    '-H',
    'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
    '-H',
    'origin: https://evil.example',
    `http://${env.url}/socket/websocket?${query}`,
  )
  expect(refused).toBe('403')
  const headers = { origin: 'https://your-expusherlite-client.herokuapp.com' }
  await using client = await connectPhoenix(server, { query, headers, version: 1 })
  expect(await client.join('foo-topic')).toEqual({})
})

test('PushEx’s guide: its curl prints what it prints (64)', async () => {
  await using server = await start(PLUGINS)
  const printed = await curl(
    '-i',
    '-X',
    'POST',
    `http://localhost:${server.port}/api/push`,
    '-H',
    'content-type: application/json',
    '-d',
    '{\n    "channel": ["test", "test2", "test"],\n    "data": "data",\n    "event": "woohoo"\n  }',
  )
  const [head = '', body] = printed.split('\r\n\r\n')
  const [status, ...headers] = head.split('\r\n')
  expect(status).toBe('HTTP/1.1 200 OK')
  const known = headers.map((line) => line.split(': ') as [string, string])
  const byName = Object.fromEntries(known.map(([name, value]) => [name.toLowerCase(), value]))
  expect(byName).toEqual({
    'cache-control': 'max-age=0, private, must-revalidate',
    'content-length': '59',
    'content-type': 'application/json; charset=utf-8',
    date: expect.any(String),
    server: 'Carillon',
    'x-request-id': expect.any(String),
  })
  expect(body).toBe('{"channel":["test","test2"],"data":"data","event":"woohoo"}')
})

const GUIDE: readonly (readonly [string, string[], string])[] = [
  [
    'missing fields are 422 with a message',
    ['-d', '{"channel":"a"}'],
    '{"error":"Invalid push arguments: channel, data, event are required."}422',
  ],
  ['a bad authentication is 403', ['-u', 'a:b', '-d', '{}'], '{"error":"Access forbidden"}403'],
  [
    'one channel is text or a list',
    ['-d', '{"channel":"a","data":{"any":[1]},"event":"e"}'],
    '{"channel":["a"],"data":{"any":[1]},"event":"e"}200',
  ],
]
test.each(GUIDE)('PushEx’s guide: %s (65, 66)', async (_, args, printed) => {
  await using server = await start(PLUGINS)
  const url = `http://localhost:${server.port}/api/push`
  const type = ['-H', 'content-type: application/json']
  expect(await curl('-w', '%{http_code}', '-X', 'POST', url, ...type, ...args)).toBe(printed)
})
