/** How often an address may be wrong about a password or a secret, with no plugin that limits anything. */
import { describe, expect, test } from 'bun:test'
import { allow, type AnyPlugin } from '../../src/plugin'
import { Logins, MAX_ADDRESSES } from '../../src/http/logins'
import { ManualClock } from '../../kit/clock'
import { makeBasicAuth } from '../credentials'
import { OWN_APP, makePlugin, start, type StartOptions, type TestServer } from '../harness'
import { WITH_ROUTE } from '../ways-in'

const ADMIN = { adminUsername: 'somebody', adminPassword: 'a-password' }
const EVENT = '{"scope":"public","topic":"a","event":"e","channel":"a","data":1}'
const SECRETS = '/plugins/with-route/secrets'

type Way = {
  readonly path: string
  readonly method: string
  readonly right: { readonly authorization: string }
  readonly wrong: { readonly authorization: string }
  /** What a wrong one is answered. */
  readonly status: number
}

const PASSWORD = {
  right: makeBasicAuth('somebody:a-password'),
  wrong: makeBasicAuth('somebody:x'),
  status: 401,
}
const SECRET = { method: 'POST', right: makeBasicAuth('k7:s7'), wrong: makeBasicAuth('k7:x') }
const APPS = '/api/admin/apps'

const ADMINS: readonly Way[] = [
  { ...PASSWORD, method: 'GET', path: APPS },
  { ...PASSWORD, method: 'HEAD', path: APPS },
  { ...PASSWORD, method: 'PATCH', path: `${APPS}/app-7` },
  { ...PASSWORD, method: 'POST', path: `${APPS}/app-7/keys` },
  { ...PASSWORD, method: 'GET', path: '/api/admin/plugins' },
  { ...PASSWORD, method: 'GET', path: SECRETS },
]
const BEARER = { right: { authorization: 'Bearer s7' }, wrong: { authorization: 'Bearer x' } }
const BACKENDS: readonly Way[] = [
  { ...SECRET, path: '/api/apps/app-7/events', status: 401 },
  { ...SECRET, path: '/api/push', status: 403 },
  { ...SECRET, ...BEARER, path: '/api/push?app_key=k7', status: 403 },
]
const [LIST] = ADMINS as [Way]
const [, PUSH] = BACKENDS as [Way, Way]

const startLimited = (options: StartOptions = {}): Promise<TestServer> =>
  start({
    plugins: [WITH_ROUTE],
    apps: [OWN_APP],
    ...options,
    config: { trustedProxies: ['127.0.0.1'], ...ADMIN, ...options.config },
  })

const HOME = '203.0.113.1'

function request(
  server: TestServer,
  { path, method }: Way,
  headers: Record<string, string>,
  from = HOME,
): Promise<Response> {
  const body = method === 'GET' || method === 'HEAD' ? null : EVENT
  const more = { 'content-type': 'application/json', 'x-forwarded-for': from }
  return server.http(path, { method, body, headers: { ...more, ...headers } })
}

const statusOf = async (statuses: Promise<Response>): Promise<number> => (await statuses).status
const right = (server: TestServer, way: Way, from?: string): Promise<number> =>
  statusOf(request(server, way, way.right, from))

async function fail(server: TestServer, times: number, way: Way, from?: string): Promise<void> {
  for (let n = 0; n < times; n++)
    expect(await statusOf(request(server, way, way.wrong, from))).toBe(way.status)
}

describe.each([...ADMINS, ...BACKENDS])('$method $path $wrong.authorization', (way) => {
  test('ten failures a minute are answered, sixty at once are ten, and then the right one waits', async () => {
    await using server = await startLimited()
    const requests = Array.from({ length: 60 }, () => statusOf(request(server, way, way.wrong)))
    const statuses = await Promise.all(requests)
    expect(statuses.filter((status) => status === way.status)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(50)
    expect(await right(server, way)).toBe(429)
    expect(await right(server, way, '203.0.113.2')).not.toBe(429)
    server.advance(6000)
    expect(await right(server, way)).not.toBe(429)
  })

  test('who sends no Authorization has tried nothing', async () => {
    await using server = await startLimited()
    for (let n = 0; n < 12; n++) expect(await statusOf(request(server, way, {}))).toBe(way.status)
    expect(await right(server, way)).not.toBe(429)
  })
})

test('the refusal says the limit, its setting, and when to come back', async () => {
  await using server = await startLimited()
  await fail(server, 10, LIST)
  const throttled = await request(server, LIST, LIST.right)
  const text =
    'Too many failed logins of one address: the limit is 10 per minute (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE)'
  expect([await throttled.text(), throttled.headers.get('retry-after')]).toEqual([`${text}\n`, '6'])
  await fail(server, 10, PUSH)
  const push = await request(server, PUSH, PUSH.right)
  expect([push.status, await push.json()]).toEqual([429, { errors: { detail: text } }])
})

test('what is refused meanwhile does not make it longer, and the limit is a setting', async () => {
  await using server = await startLimited({ config: { maxFailedLoginsPerMinute: 2 } })
  await fail(server, 2, LIST)
  for (let n = 0; n < 20; n++) expect(await statusOf(request(server, LIST, LIST.wrong))).toBe(429)
  server.advance(30_000)
  expect(await right(server, LIST)).toBe(200)
})

test('below the limit the right one passes, and costs nothing', async () => {
  await using server = await startLimited()
  await fail(server, 9, LIST)
  for (let n = 0; n < 20; n++) expect(await right(server, LIST)).toBe(200)
  await fail(server, 1, LIST)
  expect(await right(server, LIST)).toBe(429)
})

test('one limit serves all admin routes, another each app: a backend that is wrong locks no admin out', async () => {
  await using server = await startLimited({ apps: [OWN_APP, { id: '8', key: 'k8', secret: 's8' }] })
  await fail(server, 4, LIST)
  for (const way of ADMINS.slice(4)) await fail(server, 3, way)
  for (const way of ADMINS) expect(await right(server, way)).toBe(429)
  for (const way of BACKENDS) expect(await right(server, way)).toBe(200)
  for (const way of BACKENDS.slice(0, 2)) await fail(server, 5, way)
  for (const way of BACKENDS) expect(await right(server, way)).toBe(429)
  expect(await statusOf(request(server, PUSH, makeBasicAuth('k8:s8')))).toBe(200)
})

const ADDRESSES: readonly (readonly [
  name: string,
  failing: string,
  same: string,
  other: string,
])[] = [
  [
    'what a client writes before the proxy’s entry',
    `1.1.1.1, ${HOME}`,
    `2.2.2.2, ${HOME}`,
    '1.1.1.1',
  ],
  ['an IPv6 client is its network', '2001:db8:1:2::1', '2001:db8:1:2:ffff::7', '2001:db8:1:3::1'],
  ['an IPv4 address in the dress of IPv6', '::ffff:203.0.113.1', HOME, '::ffff:203.0.113.2'],
  ['the client is on a private network', '10.0.0.1', '10.0.0.1', '10.0.0.2'],
]
test.each(ADDRESSES)('%s', async (_, failing, same, other) => {
  await using server = await startLimited()
  await fail(server, 10, LIST, failing)
  expect(await right(server, LIST, same)).toBe(429)
  expect(await right(server, LIST, other)).toBe(200)
})

test('pages of other sites, and signatures, are no logins', async () => {
  await using server = await startLimited()
  const page = { ...LIST.wrong, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  for (let n = 0; n < 12; n++) expect(await statusOf(request(server, LIST, page))).toBe(403)
  const signed = { ...LIST, path: '/apps/7/channels' }
  for (let n = 0; n < 12; n++) expect(await statusOf(request(server, signed, LIST.wrong))).toBe(401)
  expect(await right(server, LIST)).toBe(200)
})

test.each(BACKENDS)('whom a plugin vouches for has not failed: $path', async (way) => {
  const tokens: AnyPlugin = makePlugin('tokens', {
    authenticate: async ({ headers }) =>
      headers.get('authorization') === 'Bearer of-theirs' ? allow() : undefined,
  })
  await using server = await startLimited({ plugins: [tokens] })
  for (let n = 0; n < 12; n++)
    expect(await statusOf(request(server, way, { authorization: 'Bearer of-theirs' }))).toBe(200)
  await fail(server, 10, way)
  expect(await statusOf(request(server, way, { authorization: 'Bearer of-theirs' }))).toBe(200)
  expect(await right(server, way)).toBe(429)
})

test('a plugin’s route for admins is open to them', async () => {
  await using server = await startLimited()
  expect(await (await request(server, { ...LIST, path: SECRETS }, LIST.right)).text()).toBe(
    'secrets',
  )
})

describe('what is kept', () => {
  const attempt = (n: number) => ({
    to: 'admin',
    address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
  })

  test('is bounded: the longest unused goes first', () => {
    const logins = new Logins(new ManualClock(0), 1)
    for (let n = 0; n <= MAX_ADDRESSES; n++) logins.recordFailure(attempt(n))
    expect(logins.size).toBe(MAX_ADDRESSES)
    expect(logins.check(attempt(0))).toBeUndefined()
    expect(logins.check(attempt(1))).toBeDefined()
  })

  test('is gone once the minute is over', () => {
    const clock = new ManualClock(0)
    const logins = new Logins(clock, 10)
    for (let n = 0; n < 10; n++) logins.recordFailure(attempt(1))
    clock.advance(59_000)
    logins.sweep()
    expect(logins.size).toBe(1)
    clock.set(-3_600_000) // the time of day does not matter
    clock.advance(1000)
    logins.sweep()
    expect(logins.size).toBe(0)
  })
})
