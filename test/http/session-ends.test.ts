/** How sessions of the console end, and how many there may be. */
import { describe, expect, test } from 'bun:test'
import { ManualClock } from '../../kit/clock'
import { MAX_OF_CALLER, MAX_OF_TOKENS, newSession, Sessions } from '../../src/http/sessions'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'
import { makeSession, signIn, type SignedIn } from '../sessions'
import { bearer, makeToken, makeTokenRecord } from '../tokens'

const SESSIONS = '/api/admin/sessions'
const APPS = '/api/admin/apps'
const ADMIN = makeBasicAuth(ADMIN_PAIR)
const MINUTE_MS = 60_000

const see = async (server: TestServer, headers: Record<string, string>): Promise<number> =>
  (await server.http(APPS, { headers })).status

async function listedBy(server: TestServer, headers: Record<string, string>) {
  const { data } = await (await server.http(SESSIONS, { headers })).json()
  return data as readonly {
    readonly id: string
    readonly name: string
    readonly current: boolean
  }[]
}

describe('a session ends', () => {
  const end = (
    server: TestServer,
    id: string,
    headers: Record<string, string>,
  ): Promise<Response> => server.http(`${SESSIONS}/${id}`, { method: 'DELETE', headers })

  test('by signing out, which takes the cookie away; it is not good again', async () => {
    await using server = await start()
    const { id, changing, cookie } = await signIn(server, ADMIN)
    const response = await end(server, id, changing)
    const [name] = cookie.split('=')
    expect([response.status, response.headers.get('set-cookie')]).toEqual([
      204,
      `${name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`,
    ])
    const replayed = await server.http(APPS, { headers: changing })
    expect([replayed.status, await replayed.text()]).toEqual([
      401,
      'The session has ended; sign in again\n',
    ])
    expect((await end(server, id, ADMIN)).status).toBe(404)
    expect(server.server.sessions.size).toBe(0)
    const { data } = await (await server.admin('/api/admin/audit')).json()
    expect(data).toEqual([])
  })

  test('by its time, by that of its token, by the end of the token and of its app', async () => {
    await using server = await start({ config: { sessionHours: 1 / 30 } })
    const { clock } = server
    const expires_at = clock.now() + MINUTE_MS
    const made = {
      short: await makeToken(server, { name: 'short', scope: 'read', expires_at }),
      revoked: await makeToken(server, { name: 'revoked', scope: 'read' }),
      ofApp: await makeToken(server, { name: 'of-app', scope: 'app:test-app' }),
    }
    const admin = await signIn(server, ADMIN)
    const short = await signIn(server, bearer(made.short.token))
    const revoked = await signIn(server, bearer(made.revoked.token))
    const ofApp = await signIn(server, bearer(made.ofApp.token))
    const all = [admin, short, revoked, ofApp]
    const statuses = () => Promise.all(all.map(({ reading }) => see(server, reading)))
    expect(await statuses()).toEqual([200, 200, 200, 200])
    await server.admin(`/api/admin/tokens/${made.revoked.id}`, { method: 'DELETE' })
    expect(await statuses()).toEqual([200, 200, 401, 200])
    const { core } = server
    core.tokens.endOf('1', clock.now())
    expect(await statuses()).toEqual([200, 200, 401, 401])
    server.advance(MINUTE_MS)
    expect(await statuses()).toEqual([200, 401, 401, 401])
    expect((await listedBy(server, admin.reading)).map(({ name }) => name)).toEqual([
      'pusher_admin_username',
    ])
    server.advance(MINUTE_MS)
    expect(await statuses()).toEqual([401, 401, 401, 401])
    server.advance(MINUTE_MS)
    expect(server.server.sessions.size).toBe(0)
  })

  test('by a new sign-in of the same browser, and by the restart of the server', async () => {
    await using server = await start()
    const first = await signIn(server, ADMIN)
    const second = await signIn(server, { ...ADMIN, cookie: first.cookie })
    expect([await see(server, first.reading), await see(server, second.reading)]).toEqual([
      401, 200,
    ])
    await using other = await start()
    expect(await see(other, second.reading)).toBe(401)
  })

  test('while its request waits for a body', async () => {
    await using server = await start()
    const { id, changing } = await signIn(server, ADMIN)
    const body = Promise.withResolvers<Uint8Array>()
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from('{"app":{"client_'))
        controller.enqueue(await body.promise)
        controller.close()
      },
    })
    const changed = server.http(`${APPS}/test-app`, {
      method: 'PATCH',
      headers: changing,
      body: stream,
    })
    while (server.core.uploads.count === 0) await server.http('/up')
    expect((await end(server, id, ADMIN)).status).toBe(204)
    body.resolve(Buffer.from('events":false}}'))
    expect((await changed).status).toBe(401)
  })

  test('by the admin, who sees all of them; others see their own', async () => {
    await using server = await start()
    const [ci, cd, all] = (await Promise.all(
      ['ci', 'cd', 'all'].map(async (name) =>
        signIn(
          server,
          bearer((await makeToken(server, { name, scope: name === 'all' ? 'all' : 'read' })).token),
        ),
      ),
    )) as [SignedIn, SignedIn, SignedIn]
    const admin = await signIn(server, ADMIN)
    const names = async ({ reading }: SignedIn) =>
      (await listedBy(server, reading))
        .map(({ name, current }) => `${name}${current ? '*' : ''}`)
        .toSorted()
    expect(await names(ci)).toEqual(['ci*'])
    expect(await names(admin)).toEqual(['all', 'cd', 'ci', 'pusher_admin_username*'])
    expect(await names(all)).toEqual(['all*', 'cd', 'ci', 'pusher_admin_username'])
    expect((await end(server, cd.id, ci.changing)).status).toBe(404)
    expect((await end(server, cd.id, all.changing)).status).toBe(204)
    expect(await see(server, cd.reading)).toBe(401)
    const { data } = await (await server.admin('/api/admin/audit?action=session.ended')).json()
    expect(data).toEqual([
      expect.objectContaining({
        actor: { kind: 'token', id: expect.any(String), name: 'all' },
        target: cd.id,
        before: { name: 'cd', address: '127.0.0.1', created_at: server.clock.now() },
        after: null,
      }),
    ])
  })
})

const LATE = makeSession('late')

describe('ten thousand sign-ins', () => {
  test('of one caller hold no more than its twenty latest', () => {
    const sessions = new Sessions(new ManualClock(0))
    const token = makeTokenRecord('ci', 'read')
    const first = makeSession('first', token)
    for (let n = 0; n < 10_000; n++) sessions.add(makeSession(`session-${n}`, token))
    expect(sessions.size).toBe(MAX_OF_CALLER)
    expect(
      sessions
        .live()
        .map(({ id }) => id)
        .toArray()
        .at(-1),
    ).toBe('session-9999')
    sessions.end(first) // one that was never there
    expect(sessions.size).toBe(MAX_OF_CALLER)
  })

  test('end the one that was used longest ago', () => {
    const clock = new ManualClock(0)
    const sessions = new Sessions(clock)
    const token = makeTokenRecord('ci', 'read')
    const { session: used, secret } = newSession(makeSession('used', token))
    sessions.add(used)
    for (let n = 1; n < MAX_OF_CALLER; n++) sessions.add(makeSession(`session-${n}`, token))
    clock.advance(1)
    expect(sessions.find([secret])).toBe(used)
    sessions.add(makeSession('late', token))
    expect(sessions.byId(used.id)).toBe(used)
    expect(sessions.byId('session-1')).toBeUndefined()
  })

  test('of many tokens are refused past a bound, and the admin is let in', () => {
    const sessions = new Sessions(new ManualClock(0))
    for (let n = 0; n < MAX_OF_TOKENS; n++) sessions.add(makeSession(`session-${n}`))
    for (let n = 0; n < 10_000; n++)
      expect(() => sessions.add(LATE)).toThrow('Too many sessions of tokens: the limit is 2000')
    expect(sessions.size).toBe(MAX_OF_TOKENS)
    sessions.add({ ...makeSession('of-the-admin'), token: undefined })
    expect(sessions.size).toBe(MAX_OF_TOKENS + 1)
  })
})
