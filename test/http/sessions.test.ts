/** Sessions of the console: who gets a cookie, and what it is good for. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { definePlugin } from '../../src/plugin'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, startCommon, type StartOptions, type TestServer } from '../harness'
import { signIn, type SignedIn } from '../sessions'
import { bearer, makeToken } from '../tokens'

const SESSIONS = '/api/admin/sessions'
const SESSION = '/api/admin/session'
const APPS = '/api/admin/apps'
const ADMIN = makeBasicAuth(ADMIN_PAIR)
const OWN = { adminUsername: 'somebody', adminPassword: 'a-password' }
const SOMEBODY = makeBasicAuth('somebody:a-password')

const MINUTE_MS = 60_000

/** What an adversary may send in place of the cookie's secret. */
const alter = ({ cookie }: SignedIn, change: (name: string, secret: string) => string) => {
  const [name = '', secret = ''] = cookie.split('=')
  return { cookie: change(name, secret) }
}

const statusOf = async (answer: Promise<Response>): Promise<number> => (await answer).status
const see = (server: TestServer, headers: Record<string, string>): Promise<number> =>
  statusOf(server.http(APPS, { headers }))

const change = (server: TestServer, headers: Record<string, string>): Promise<Response> =>
  server.http(`${APPS}/test-app`, {
    method: 'PATCH',
    headers: { ...headers, 'content-type': 'application/json' },
    body: '{"app":{"client_events":false}}',
  })

describe('who signs in', () => {
  const serverOf = startCommon()

  test('gets a cookie that no script reads and no other site sends, and is told who it is', async () => {
    const server = serverOf()
    const response = await server.http(SESSIONS, {
      method: 'POST',
      headers: { ...ADMIN, 'user-agent': 'A browser\t1' },
    })
    const now = server.clock.now()
    const { data } = await response.json()
    expect([response.status, data]).toEqual([
      201,
      {
        id: expect.stringMatching(/^[\da-f-]{36}$/),
        name: 'pusher_admin_username',
        kind: 'user',
        scope: 'all',
        app: null,
        csrf: expect.stringMatching(/^[\w-]{43}$/),
        created_at: now,
        expires_at: now + 12 * 60 * MINUTE_MS,
        address: '127.0.0.1',
        user_agent: 'A browser 1',
      },
    ])
    const cookie = response.headers.get('set-cookie')!
    expect(cookie).toMatch(
      /^carillon_session_[\da-f]+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    )
    const reading = { cookie: cookie.split(';')[0]! }
    const again = await server.http(SESSION, { headers: reading })
    expect((await again.json()).data).toEqual(data)
    expect(again.headers.get('cache-control')).toBe('no-store')
    expect(await see(server, reading)).toBe(200)
    expect(JSON.stringify(server.log.lines)).not.toContain(cookie.split(/[=;]/)[1]!)
  })

  test('needs credentials: a session makes no other, and strangers get an answer without a dialog', async () => {
    const server = serverOf()
    const admin = await signIn(server, ADMIN)
    const page = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
    for (const [headers, detail] of [
      [{}, 'Nobody is signed in'],
      [page, 'Nobody is signed in'],
      [admin.changing, 'Nobody is signed in'],
      [makeBasicAuth('somebody:x'), 'The user or the password is wrong'],
      [bearer('x'), 'The token is not one of Carillon, or has a typo'],
    ] as const) {
      const response = await server.http(SESSIONS, { method: 'POST', headers })
      expect([response.status, await response.json()]).toEqual([401, { errors: { detail } }])
      expect(response.headers.get('www-authenticate')).toBeNull()
      expect(response.headers.get('set-cookie')).toBeNull()
    }
    const nobody = await server.http(SESSION)
    expect([nobody.status, nobody.headers.get('www-authenticate'), await nobody.json()]).toEqual([
      401,
      null,
      { errors: { detail: 'Nobody is signed in' } },
    ])
  })

  test('may do what the token may, with csrf; credentials of the request itself come first', async () => {
    const server = serverOf()
    const { token, id } = await makeToken(server, { name: 'reader', scope: 'app:test-app' })
    const reader = await signIn(server, bearer(token))
    const [admin, shown] = [
      await signIn(server, ADMIN),
      await server.http(SESSION, { headers: reader.reading }),
    ]
    expect((await shown.json()).data).toMatchObject({
      name: 'reader',
      kind: 'token',
      scope: 'app:1',
      app: { id: '1', slug: 'test-app', name: 'Test App' },
    })
    const created = await server.http(APPS, {
      method: 'POST',
      headers: reader.changing,
      body: '{"app":{"name":"not mine"}}',
    })
    expect(await created.text()).toBe('The token reader may not do this: its scope is app:1\n')
    expect((await change(server, reader.changing)).status).toBe(200)
    const { data } = await (await server.admin('/api/admin/audit?limit=1')).json()
    expect(data[0].actor).toEqual({ kind: 'token', id, name: 'reader' })
    const { csrf } = reader
    const rows: readonly (readonly [Record<string, string>, number])[] = [
      [admin.reading, 403],
      [{ ...admin.reading, 'x-csrf-token': '' }, 403],
      [{ ...admin.reading, 'x-csrf-token': csrf }, 403],
      [{ ...admin.reading, 'x-csrf-token': `${admin.csrf} ` }, 200], // the wire trims it
      [admin.changing, 200],
      [{ ...admin.changing, authorization: 'Basic nobody' }, 401],
      [{ ...admin.reading, ...bearer(token) }, 200],
    ]
    for (const [headers, status] of rows)
      expect([headers, (await change(server, headers)).status]).toEqual([headers, status])
    const refused = await change(server, admin.reading)
    expect(await refused.text()).toBe('Expected x-csrf-token with csrf of the session\n')
  })

  test('is not known by a cookie of odd bytes, nor by two that lead to two', async () => {
    const server = serverOf()
    const [one, other] = [await signIn(server, ADMIN), await signIn(server, ADMIN)]
    const rows: readonly (readonly [{ readonly cookie: string }, number])[] = [
      [one.reading, 200],
      [alter(one, (name, secret) => `a=b; ${name}=${secret};c`), 200],
      [alter(one, (name, secret) => `${name}=x; ${name}=${secret}; ${name}=${secret}`), 200],
      [{ cookie: `${one.cookie}; ${other.cookie}` }, 401],
      [{ cookie: `${other.cookie}; ${one.cookie}` }, 401],
      [alter(one, (name) => `${name}=`), 401],
      [alter(one, (name) => `${name}`), 401],
      [alter(one, (name) => `${name}=%00\u00ff__proto__`), 401],
      [alter(one, (name, secret) => `${name}="${secret}"`), 401],
      [alter(one, (name, secret) => `${name}=${secret.slice(1)}`), 401],
      [alter(one, (name, secret) => `x${name}=${secret}`), 401],
      [alter(one, (name, secret) => `${name}0=${secret}`), 401],
      [
        alter(one, (name, secret) => `${`${name}=${'x'.repeat(43)};`.repeat(8)}${name}=${secret}`),
        401,
      ],
      [{ cookie: ';=;;=' }, 401],
    ]
    for (const [headers, status] of rows)
      expect([headers, await see(server, headers)]).toEqual([headers, status])
  })

  test('is not known on pages of other sites, also not where they may use the admin API', async () => {
    await using server = await start({ config: { adminOrigins: ['http://localhost:3000'] } })
    const { changing } = await signIn(server, ADMIN)
    const own = { 'sec-fetch-site': 'same-origin', origin: `http://127.0.0.1:${server.port}` }
    const other = { 'sec-fetch-site': 'same-site', origin: 'http://localhost:3000' }
    expect((await change(server, { ...changing, ...own })).status).toBe(200)
    expect((await change(server, { ...changing, ...other })).status).toBe(401)
    expect((await change(server, { ...changing, 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    const allowed = await change(server, { ...ADMIN, ...other })
    expect([allowed.status, allowed.headers.get('access-control-allow-credentials')]).toEqual([
      200,
      null,
    ])
  })
})

describe('the cookie', () => {
  const cookieAt = async (options: StartOptions, headers: Record<string, string>, prefix = '') => {
    await using server = await start({ ...options, config: { ...OWN, ...options.config } })
    const response = await server.http(`${prefix}${SESSIONS}`, {
      method: 'POST',
      headers: { ...SOMEBODY, ...headers },
    })
    expect(response.status).toBe(201)
    const [cookie = '', path = '', , , ...rest] = response.headers.get('set-cookie')!.split('; ')
    return { name: cookie.split('=')[0]!, path, isSecure: rest.includes('Secure') }
  }

  test('is sent by https only where the page came so, and below the prefix where that was asked', async () => {
    const proxy = { config: { trustedProxies: ['127.0.0.1'] } }
    const prefix = { config: { pathPrefix: '/realtime' } }
    const pem = (name: string) => join(import.meta.dir, '..', 'tls', `first.${name}`)
    const encrypted = { config: { tlsCertFile: pem('crt'), tlsKeyFile: pem('key') } }
    const https = { 'x-forwarded-proto': 'https' }
    const page = { origin: 'https://a.example', host: 'a.example' }
    const got = async (...terms: Parameters<typeof cookieAt>) => {
      const { path, isSecure } = await cookieAt(...terms)
      return [path, isSecure]
    }
    expect(await got({}, {})).toEqual(['Path=/', false])
    expect(await got({}, https)).toEqual(['Path=/', false])
    expect(await got(proxy, https)).toEqual(['Path=/', true])
    expect(await got(encrypted, {})).toEqual(['Path=/', true])
    expect(await got({}, page)).toEqual(['Path=/', true])
    expect(await got(prefix, {}, '/realtime')).toEqual(['Path=/realtime', false])
    expect(await got(prefix, {}, '//realtime/')).toEqual(['Path=/', false])
    expect(await got(prefix, {})).toEqual(['Path=/', false])
  })

  test('has a name of its own for each port that a browser or a proxy may know', async () => {
    const at = (host: string) => ({ host })
    await using server = await start({ config: OWN })
    const nameAt = async (host: string) => {
      const response = await server.http(SESSIONS, {
        method: 'POST',
        headers: { ...SOMEBODY, ...at(host) },
      })
      return response.headers.get('set-cookie')!.split('=')[0]!
    }
    const names = [
      await nameAt('a.example:8001'),
      await nameAt('a.example:8002'),
      await nameAt('a.example'),
    ]
    expect(new Set(names).size).toBe(3)
    expect(await nameAt('b.example:8001')).toBe(names[0]!)
    expect((await cookieAt({}, at('a.example'))).name).not.toBe(names[2]!)
  })
})

test('sign-ins that fail are counted as all others are', async () => {
  await using server = await start({ config: { maxFailedLoginsPerMinute: 2 } })
  const { reading } = await signIn(server, ADMIN)
  const fail = () => server.http(SESSIONS, { method: 'POST', headers: makeBasicAuth('somebody:x') })
  expect([(await fail()).status, (await fail()).status]).toEqual([401, 401])
  const limited = await fail()
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '30'])
  expect((await limited.json()).errors.detail).toMatch(/^Too many failed logins/)
  expect(await statusOf(server.http(SESSIONS, { method: 'POST', headers: ADMIN }))).toBe(429)
  expect(await see(server, reading)).toBe(200) // who is in stays in
})

test("routes of plugins behind adminOnly take it, too, and need the page's token", async () => {
  const plugin = definePlugin({
    name: 'secrets',
    carillon: 1,
    setup({ routes, adminOnly }) {
      routes
        .get('/', () => 'a', { beforeHandle: adminOnly })
        .post('/', () => 'b', { beforeHandle: adminOnly })
      return {}
    },
  })
  await using server = await start({ plugins: [plugin] })
  const { reading, changing } = await signIn(server, ADMIN)
  const ask = (method: string, headers: Record<string, string>) =>
    statusOf(server.http('/plugins/secrets/', { method, headers }))
  expect([
    await ask('GET', reading),
    await ask('POST', reading),
    await ask('POST', changing),
  ]).toEqual([200, 403, 200])
})

test('the session of the published admin is good on this machine only', async () => {
  await using server = await start()
  const { reading } = await signIn(server, ADMIN)
  expect(await see(server, { ...reading, 'x-forwarded-for': '203.0.113.1' })).toBe(403)
})
