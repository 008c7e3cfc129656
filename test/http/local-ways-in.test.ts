/** Published credentials admit nobody who is not local, by any route or transport. */
import { afterAll, describe, expect, test } from 'bun:test'
import { OWN_APP, start, type TestServer } from '../harness'
import { connectPhoenix, makeReply } from '../phoenix'
import { tryWayIn, ROUTES, SOCKETS, WITH_ROUTE } from '../ways-in'

const HERE = 'Host: 127.0.0.1:6001'
/** Header lines of requests that do not come from this machine. */
const STRANGE: readonly (readonly string[])[] = [
  [HERE, 'X-Forwarded-For: 203.0.113.1'],
  [HERE, 'X-Forwarded-Proto: https'],
  [HERE, 'X-Real-IP: 203.0.113.1'],
  [HERE, 'Forwarded: for=203.0.113.1'],
  [HERE, 'Via: 1.1 proxy'],
  [HERE, 'CF-Connecting-IP: 203.0.113.1'],
  ['Host: evil.example:6001'],
  ['Host: 127.0.0.1.nip.io'],
  ['Host: localhost', 'Host: evil.example'],
  ['Host: localhost', 'Host: localhost'],
]
const PAGES: readonly (readonly string[])[] = [
  [HERE, 'Origin: https://evil.example'],
  [HERE, 'Origin: null'],
  [HERE, 'Origin: https://evil.example', 'Sec-Fetch-Site: cross-site'],
]
const LOCAL: readonly (readonly string[])[] = [
  [HERE],
  ['Host: localhost:5173'],
  ['Host: app.localhost', 'Origin: http://app.localhost', 'Sec-Fetch-Site: same-origin'],
  ['Host: [::1]:6001'],
  ['Host: myapp.test'],
]

/** Tries each way in with each set of header lines. */
const tryAll = (server: TestServer, ways: typeof ROUTES, callers: typeof STRANGE) =>
  Promise.all(
    ways.flatMap((way) =>
      callers.map(
        async (lines) => `${way.name}, ${lines.join(' ')}: ${await tryWayIn(server, way, lines)}`,
      ),
    ),
  )
const describeAll = (ways: typeof ROUTES, callers: typeof STRANGE, what: string): string[] =>
  ways.flatMap((way) => callers.map((lines) => `${way.name}, ${lines.join(' ')}: ${what}`))

const refusals = ({ log }: TestServer) =>
  log.lines.filter(({ message }) => message.startsWith('published credentials refused'))
const pages = ({ log }: TestServer) =>
  log.lines.filter(({ message }) => message.startsWith('a page of another origin'))

const server = await start({ plugins: [WITH_ROUTE], config: { localHosts: ['myapp.test'] } })
afterAll(() => server[Symbol.asyncDispose]())

describe('routes', () => {
  test('are open to this machine', async () => {
    const once = ROUTES.filter(({ name }) => name !== 'a new app')
    expect(await tryAll(server, once, LOCAL)).toEqual(describeAll(once, LOCAL, 'in'))
    for (const way of ROUTES) expect(await tryWayIn(server, way)).toMatch(/^in$|already been taken/)
  })

  test('refuse what is forwarded, and foreign hosts, and say what to do about it', async () => {
    expect(await tryAll(server, ROUTES, STRANGE)).toEqual(describeAll(ROUTES, STRANGE, 'refused'))
  })

  test('refuse pages of other sites', async () => {
    const results = await tryAll(server, ROUTES, PAGES)
    for (const answer of results) expect(answer).toMatch(/: refused$|HTTP\/1\.1 403 /)
  })
})

describe('connections', () => {
  test('are open to this machine, and to pages from anywhere', async () => {
    // Sessions of the fallback are checked once, as they begin.
    const fresh = SOCKETS.filter(({ method }) => method === 'GET')
    const callers = [...LOCAL, ...PAGES]
    expect(await tryAll(server, fresh, callers)).toEqual(describeAll(fresh, callers, 'in'))
    expect(pages(server)).toHaveLength(1)
  })

  test('the first foreign page is logged', async () => {
    await using other = await start()
    for (const way of SOCKETS) expect(await tryWayIn(other, way, PAGES[0]!)).toBe('in')
    expect(pages(other)).toMatchObject([
      { level: 'warn', fields: { origin: 'https://evil.example' } },
    ])
  })

  test.each(STRANGE.map((lines) => [lines.join(', '), lines] as const))(
    'are refused: %s',
    async (_, lines) => {
      await using other = await start()
      for (const way of SOCKETS)
        expect([way.name, await tryWayIn(other, way, lines)]).toEqual([way.name, 'refused'])
      expect(other.core.hub.connectionCount).toBe(0)
    },
  )

  test('that name their app later are refused as they join it', async () => {
    await using other = await start()
    other.addTenant()
    other.core.apps.create(
      {
        ...other.core.apps.byId('1')!.record,
        id: '9',
        name: 'own',
        slug: 'own',
        keys: [{ key: 'k9', secret: 's9' }],
      },
      other.clock.now(),
    )
    const query = 'vsn=2.0.0'
    await using stranger = await connectPhoenix(other, {
      query,
      headers: { 'x-real-ip': '1.1.1.1' },
    })
    const [, , , , answer] = await stranger.request('1', '1', 'public:test-app', 'phx_join', {})
    expect(JSON.stringify(answer)).toContain('published credentials')
    expect(await stranger.request('2', '2', 'public:own', 'phx_join', {})).toEqual(
      makeReply(['2', '2', 'public:own'], 'ok', {}),
    )
    await using local = await connectPhoenix(other, { query })
    expect(await local.join('public:test-app')).toEqual({})
  })
})

test('one line is logged for each reason, and not one for each request: who was first hides nobody', async () => {
  await using other = await start({ plugins: [WITH_ROUTE] })
  await tryAll(other, [...ROUTES, ...SOCKETS], STRANGE.toReversed())
  const line = (told: string) => ({
    level: 'warn',
    message: expect.any(String),
    fields: { reason: expect.stringContaining(told) },
  })
  expect(refusals(other)).toEqual([line('CARILLON_LOCAL_HOSTS'), line('CARILLON_TRUSTED_PROXIES')])
})

test('credentials of one’s own are good from anywhere', async () => {
  const config = { adminUsername: 'pusher_admin_username', adminPassword: 'an-own-password' }
  await using own = await start({ plugins: [WITH_ROUTE], apps: [OWN_APP], config })
  const [lines] = STRANGE as [readonly string[]]
  const headers = Object.fromEntries(lines.slice(1).map((line) => line.split(': ')))
  const authorization = `Basic ${btoa('pusher_admin_username:an-own-password')}`
  const list = await own.http('/api/admin/apps', { headers: { ...headers, authorization } })
  expect(list.status).toBe(200)
  const push = await own.http('/api/push', {
    method: 'POST',
    headers: { ...headers, authorization: 'Bearer s7', 'content-type': 'application/json' },
    body: '{"channel":"a","data":1,"event":"e"}',
  })
  expect(push.status).toBe(200)
  await using client = await own.raw({ headers })
  await client.expectNothing()
  expect(await (await own.http('/swagger/defaults', { headers })).json()).toEqual({})
  expect(refusals(own)).toEqual([])
})

const SETTINGS = { appId: '1', appKey: 'k', appSecret: 'test-app-fake-secret' }
test('published values are published, whether settings, file or database bring them', async () => {
  const strange = {
    headers: { 'x-real-ip': '1.1.1.1', authorization: 'Bearer test-app-fake-secret' },
  }
  const apps = [{ id: '1', key: 'k', secret: 'test-app-fake-secret' }]
  for (const options of [{ config: SETTINGS }, { apps }]) {
    await using brought = await start(options)
    const push = { method: 'POST', body: '{"channel":"a","data":1,"event":"e"}', ...strange }
    expect((await brought.http('/api/push', push)).status).toBe(403)
    await using client = await brought.raw({ hello: false, headers: strange.headers })
    expect((await client.closing()).code).toBe(4009)
  }
  await using stored = await start({ apps: [OWN_APP] })
  const record = { ...stored.core.apps.byId('7')!.record, id: '8', name: 'b', slug: 'b' }
  const app = stored.core.apps.create(
    { ...record, keys: [{ key: 'k8', secret: 'test-app-fake-secret' }] },
    stored.clock.now(),
  )
  const path = '/app/k8?protocol=7'
  await using client = await stored.raw({ path, hello: false, headers: strange.headers })
  expect((await client.closing()).code).toBe(4009)
  stored.core.apps.change(app, { ...record, keys: [{ key: 'k9', secret: 'own' }] }, 0)
  await using later = await stored.raw({ path: '/app/k9?protocol=7', headers: strange.headers })
  await later.expectNothing()
})
