/** rate-limit on the admin API: how often an address may fail to log in. */
import { describe, expect, test } from 'bun:test'
import { rateLimit, type RateLimitOptions } from '../../plugins/rate-limit'
import { definePlugin } from 'carillon/plugin'
import { ADMIN_PAIR, basic } from '../credentials'
import { start, type TestServer } from '../harness'

const RIGHT = basic(ADMIN_PAIR).authorization
const WRONG = basic('pusher_admin_username:wrong').authorization
const APPS = '/api/admin/apps'

/** A plugin with a route of its own for admins. */
const withRoute = definePlugin({
  name: 'with-route',
  carillon: 1,
  setup: ({ routes, adminOnly }) => {
    routes.get('/secrets', () => 'secrets', { beforeHandle: adminOnly })
    return {}
  },
})

const limited = (options: RateLimitOptions = {}) =>
  start({
    plugins: [rateLimit(options), withRoute],
    config: { trustedProxies: ['127.0.0.1'] },
  })

type Asking = { path?: string; method?: string; headers?: Record<string, string>; from?: string }

const ask = (
  server: TestServer,
  authorization: string,
  { path = APPS, method = 'GET', headers = {}, from = '203.0.113.1' }: Asking = {},
): Promise<Response> =>
  server.http(path, {
    method,
    headers: { authorization, 'x-forwarded-for': from, ...headers },
    body: method === 'POST' || method === 'PATCH' ? '{"app":{}}' : null,
  })

async function fail(server: TestServer, times: number, asking?: Asking): Promise<void> {
  for (let n = 0; n < times; n++) expect((await ask(server, WRONG, asking)).status).toBe(401)
}

const statusOf = async (asked: Promise<Response>): Promise<number> => (await asked).status

describe('failed logins', () => {
  test('ten a minute are answered; then even the right password has to wait', async () => {
    await using server = await limited()
    await fail(server, 10)
    const throttled = await ask(server, RIGHT)
    expect([
      throttled.status,
      await throttled.text(),
      throttled.headers.get('retry-after'),
    ]).toEqual([
      429,
      'Too many failed logins of one address: the limit is 10 per minute (failedLogins)\n',
      '6',
    ])
    server.advance(6000)
    expect(await statusOf(ask(server, RIGHT))).toBe(200)
    await fail(server, 1)
    expect(await statusOf(ask(server, RIGHT))).toBe(429)
  })

  test('are forgotten after a minute', async () => {
    await using server = await limited()
    await fail(server, 10)
    server.advance(60_000)
    await fail(server, 10)
    expect(await statusOf(ask(server, RIGHT))).toBe(429)
  })

  test('below the limit the right password passes, and costs nothing', async () => {
    await using server = await limited()
    await fail(server, 9)
    for (let n = 0; n < 20; n++) expect(await statusOf(ask(server, RIGHT))).toBe(200)
    await fail(server, 1)
    expect(await statusOf(ask(server, RIGHT))).toBe(429)
  })

  test('what is refused meanwhile does not make it longer', async () => {
    await using server = await limited()
    await fail(server, 10)
    for (let n = 0; n < 20; n++) expect(await statusOf(ask(server, WRONG))).toBe(429)
    server.advance(6000)
    expect(await statusOf(ask(server, RIGHT))).toBe(200)
  })

  test('of one address are no concern of another', async () => {
    await using server = await limited()
    await fail(server, 10)
    expect(await statusOf(ask(server, RIGHT, { from: '203.0.113.2' }))).toBe(200)
  })

  test('what a client writes before the proxy’s entry does not help it', async () => {
    await using server = await limited()
    for (let n = 0; n < 10; n++) await fail(server, 1, { from: `198.51.100.${n}, 203.0.113.1` })
    expect(await statusOf(ask(server, WRONG, { from: '198.51.100.99, 203.0.113.1' }))).toBe(429)
  })

  test('private addresses and loopback are counted too', async () => {
    for (const from of ['10.0.0.1', '127.0.0.1', '::1']) {
      await using server = await limited()
      await fail(server, 10, { from })
      expect(await statusOf(ask(server, RIGHT, { from }))).toBe(429)
    }
  })

  test('pages of other sites are refused and do not count', async () => {
    await using server = await limited()
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    for (let n = 0; n < 20; n++) expect(await statusOf(ask(server, WRONG, { headers }))).toBe(403)
    await fail(server, 10)
  })

  test('requests of backends that are refused are no logins', async () => {
    await using server = await limited()
    for (let n = 0; n < 20; n++)
      expect(await statusOf(ask(server, WRONG, { path: '/apps/1/channels' }))).toBe(401)
    await fail(server, 10)
  })

  test('answers say what is left, but only those that count', async () => {
    await using server = await limited({ failedLogins: { perMinute: 2 } })
    const left = async (authorization: string) => {
      const { status, headers } = await ask(server, authorization)
      return [status, headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]
    }
    expect(await left(WRONG)).toEqual([401, '2', '1'])
    expect(await left(RIGHT)).toEqual([200, null, null])
    expect(await left(WRONG)).toEqual([401, '2', '0'])
    expect(await left(RIGHT)).toEqual([429, '2', '0'])
  })
})

describe('exact when many come at once', () => {
  const ROUTES: readonly Required<Pick<Asking, 'path' | 'method'>>[] = [
    { method: 'GET', path: APPS },
    { method: 'HEAD', path: APPS },
    { method: 'POST', path: APPS },
    { method: 'GET', path: `${APPS}/test-app` },
    { method: 'PATCH', path: `${APPS}/test-app` },
    { method: 'DELETE', path: `${APPS}/test-app` },
    { method: 'POST', path: `${APPS}/test-app/keys` },
    { method: 'GET', path: '/api/admin/plugins' },
    { method: 'GET', path: '/plugins/with-route/secrets' },
  ]
  test.each(ROUTES)('$method $path', async (route) => {
    await using server = await limited()
    const statuses = await Promise.all(
      Array.from({ length: 60 }, () => statusOf(ask(server, WRONG, route))),
    )
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(50)
    expect(await statusOf(ask(server, RIGHT, route))).toBe(429)
  })

  test('one bucket serves all routes', async () => {
    await using server = await limited()
    await fail(server, 4)
    await fail(server, 3, { path: '/api/admin/plugins' })
    await fail(server, 3, { path: '/plugins/with-route/secrets' })
    for (const route of ROUTES) expect(await statusOf(ask(server, RIGHT, route))).toBe(429)
  })
})

test('a plugin’s route for admins is open to them', async () => {
  await using server = await limited()
  const answer = await ask(server, RIGHT, { path: '/plugins/with-route/secrets' })
  expect([answer.status, await answer.text()]).toEqual([200, 'secrets'])
})

test('more addresses than there is room for: the longest unused is forgotten', async () => {
  await using server = await limited({ maxKeys: 8 })
  await fail(server, 10)
  for (let n = 2; n < 9; n++) await fail(server, 1, { from: `203.0.113.${n}` })
  expect(await statusOf(ask(server, WRONG))).toBe(429)
  for (let n = 10; n < 18; n++) await fail(server, 1, { from: `203.0.113.${n}` })
  await fail(server, 1)
})
