/** Every operation of an app's own API, by sessions and tokens of the admin's side in place of a signature. */
import { describe, expect, test } from 'bun:test'
import { allow, reject } from '../../src/plugin'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { makePlugin, OWN_APP, start, startCommon, type TestServer } from '../harness'
import { signIn } from '../sessions'
import { bearer, makeToken } from '../tokens'
import { CALLS, type Call } from './calls'

const ADMIN = makeBasicAuth(ADMIN_PAIR)
const OPERATIONS = Object.entries(CALLS).filter(([operation]) => operation.includes(' /apps/'))

type Headers = Readonly<Record<string, string>>

async function send(server: TestServer, call: Call, headers: Headers): Promise<Response> {
  const query = call.query ? `?${new URLSearchParams(call.query)}` : ''
  return server.http(`${call.path}${query}`, {
    method: call.method,
    headers: { 'content-type': 'application/json', ...headers },
    body: call.body ?? null,
  })
}

/** What each caller sends, and what a read and a change are answered with. */
async function makeCallers(server: TestServer) {
  const { id: otherId } = server.addTenant()
  const make = async (name: string, scope: string) =>
    (await makeToken(server, { name, scope })).token
  const own = await make('own', 'app:1')
  const other = await make('other', `app:${otherId}`)
  const read = await make('read', 'read')
  const revoked = await make('revoked', 'all')
  const all = await make('all', 'all')
  const creator = await make('creator', 'create')
  const admin = await signIn(server, ADMIN)
  const ofRevoked = await signIn(server, bearer(revoked))
  const sessionOf = async (token: string) => (await signIn(server, bearer(token))).changing
  const callers: Readonly<Record<string, readonly [Headers, read: number, change: number]>> = {
    nobody: [{}, 401, 401],
    'the password': [ADMIN, 401, 401],
    'a cookie of another server': [{ cookie: 'carillon_session_1a2b=x' }, 401, 401],
    'session of the admin': [admin.changing, 200, 200],
    'the same without csrf': [admin.reading, 200, 403],
    'the same, asked from a page of another port': [
      { ...admin.changing, 'sec-fetch-site': 'same-site', origin: 'http://127.0.0.1:1' },
      401,
      401,
    ],
    'its token': [bearer(own), 200, 200],
    'session of its token': [await sessionOf(own), 200, 200],
    "another app's token": [bearer(other), 404, 404],
    "session of another app's token": [await sessionOf(other), 404, 404],
    'token that reads': [bearer(read), 200, 403],
    'session of a token that reads': [await sessionOf(read), 200, 403],
    'token of all': [bearer(all), 200, 200],
    'token of all, sent by a foreign page': [
      { ...bearer(all), 'sec-fetch-site': 'cross-site' },
      403,
      403,
    ],
    'token that made other apps': [bearer(creator), 404, 404],
    'revoked token': [bearer(revoked), 401, 401],
    'session of a revoked token': [ofRevoked.changing, 401, 401],
    'mistyped token': [bearer(`${all.slice(0, -1)}!`), 401, 401],
    'somebody else’s bearer': [bearer('a.b.c'), 401, 401],
  }
  await server.admin('/api/admin/tokens/revoked', { method: 'DELETE' })
  return callers
}

describe('in place of a signature', () => {
  const serverOf = startCommon({ config: { maxFailedLoginsPerMinute: 1e6 } })
  let made: ReturnType<typeof makeCallers> | undefined
  const callersOf = () => (made ??= makeCallers(serverOf()))

  test.each(OPERATIONS)('%s', async (_, call) => {
    const got: Record<string, number> = {}
    const expected: Record<string, number> = {}
    for (const [name, [headers, read, change]] of Object.entries(await callersOf())) {
      const { ok, status } = await send(serverOf(), call, headers)
      got[name] = ok ? 200 : status
      expected[name] = call.method === 'GET' ? read : change
    }
    expect(got).toEqual(expected)
  })

  test('refusals say what is wrong', async () => {
    const callers = await callersOf()
    const answer = async (name: string, call: Call) =>
      (await send(serverOf(), call, callers[name]![0])).text()
    const read = { method: 'GET', path: '/apps/1/channels' }
    const trigger = CALLS['POST /apps/{appId}/events']!
    expect(await answer('nobody', read)).toBe('Authentication key required\n')
    expect(await answer("another app's token", read)).toBe('App 1 does not exist\n')
    expect(await answer('session of the admin', { ...read, path: '/apps/99/channels' })).toBe(
      'App 99 does not exist\n',
    )
    expect(await answer('token that reads', trigger)).toBe(
      'The token read may not do this: its scope is read\n',
    )
    expect(await answer('the same without csrf', trigger)).toBe(
      'Expected x-csrf-token with csrf of the session\n',
    )
    expect(await answer('session of a revoked token', read)).toBe(
      'The session has ended; sign in again\n',
    )
    expect(await answer('mistyped token', read)).toBe(
      'The token is not one of Carillon, or has a typo\n',
    )
  })

  test('a request with a key is signed, whatever else it carries', async () => {
    const server = serverOf()
    const { changing } = await signIn(server, ADMIN)
    const response = await send(
      server,
      { method: 'GET', path: '/apps/1/channels?auth_key=x' },
      changing,
    )
    expect([response.status, await response.text()]).toEqual([401, 'Invalid authentication key\n'])
  })

  test('wrong tokens are counted, as on the admin API', async () => {
    await using server = await start({ config: { maxFailedLoginsPerMinute: 2 } })
    const { token } = await makeToken(server, { name: 'a', scope: 'all' })
    const read = (value: string) =>
      send(server, { method: 'GET', path: '/apps/1/channels' }, bearer(value))
    for (const status of [401, 401, 429]) expect((await read('carillon_x')).status).toBe(status)
    expect((await read(token)).status).toBe(429)
  })

  test('an event that is sent so arrives', async () => {
    const server = serverOf()
    const { changing } = await signIn(server, ADMIN)
    await using client = await server.raw()
    await client.subscribed('room')
    await send(server, CALLS['POST /apps/{appId}/events']!, changing)
    expect(await client.nextJson()).toEqual({ event: 'e', channel: 'room', data: 'x' })
  })
})

test('plugins are asked as for a signed request; the admin of the published password is local', async () => {
  const areas: string[] = []
  const plugin = makePlugin('asked', {
    request: ({ area, app }) => void areas.push(`${area} ${app?.id}`),
  })
  await using server = await start({ plugins: [plugin] })
  const { reading } = await signIn(server, ADMIN)
  areas.length = 0
  const call = { method: 'GET', path: '/apps/1/channels' }
  expect((await send(server, call, reading)).status).toBe(200)
  expect(areas).toEqual(['read 1'])
  const far = await send(server, call, { ...reading, 'x-forwarded-for': '203.0.113.1' })
  expect([far.status, await far.text()]).toEqual([
    403,
    expect.stringContaining('this machine only'),
  ])
})

test("bearers that are not ours are the plugins', and a plugin's refusal comes first", async () => {
  const plugin = makePlugin('own-bearer', {
    authenticate({ headers }) {
      const given = headers.get('authorization')
      if (given === 'Bearer mine') return allow()
      return given === null ? undefined : reject('Not here')
    },
  })
  await using server = await start({ plugins: [plugin] })
  const { token } = await makeToken(server, { name: 'a', scope: 'all' })
  const call = { method: 'GET', path: '/apps/1/channels' }
  expect((await send(server, call, bearer('mine'))).status).toBe(200)
  const refused = await send(server, call, bearer(token))
  expect([refused.status, await refused.text()]).toEqual([401, 'Not here\n'])
})

describe('where admins have an address of their own', () => {
  const serverOf = startCommon({
    config: {
      adminListen: { host: '127.0.0.1', port: 0 },
      swagger: 'off',
      adminUsername: 'me',
      adminPassword: 'mine',
    },
    apps: [OWN_APP],
  })

  test('sessions and tokens are good there, below the page, and not where clients are', async () => {
    const server = serverOf()
    const at = { http: (path: string, init?: RequestInit) => server.adminHttp(path, init) }
    const { changing, reading } = await signIn(at, makeBasicAuth('me:mine'))
    const made = await server.adminHttp('/api/admin/tokens', {
      method: 'POST',
      headers: makeBasicAuth('me:mine'),
      body: '{"token":{"name":"a","scope":"all"}}',
    })
    const { token } = (await made.json()).data
    for (const headers of [changing, bearer(token)]) {
      const below = await server.adminHttp('/console/public/apps/7/channels', { headers })
      expect([below.status, await below.json()]).toEqual([200, { channels: {} }])
      const beside = await server.http('/apps/7/channels', { headers })
      expect([beside.status, await beside.text()]).toEqual([401, 'Authentication key required\n'])
      expect((await server.adminHttp('/apps/7/channels', { headers })).status).toBe(404)
    }
    const trigger = (headers: Headers) =>
      server.adminHttp('/console/public/apps/7/events', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"name":"e","channels":["room"],"data":"x"}',
      })
    expect((await trigger(changing)).status).toBe(200)
    expect((await trigger(reading)).status).toBe(403)
  })
})
