/** Tokens for the admin API: made once, told apart in words, ended in time. */
import { describe, expect, test } from 'bun:test'
import { MAX_TOKENS } from '../../src/core/tokens'
import { hashOf, newToken } from '../../src/http/token-text'
import { definePlugin } from '../../src/plugin'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'
import { bearer, makeToken, makeTokenRecord, NOBODY } from '../tokens'
import { FORM, makeTemporary } from './admin-requests'

const TOKENS = '/api/admin/tokens'
const APPS = '/api/admin/apps'

type Sent = {
  readonly with: Record<string, string>
  readonly method?: string
  readonly body?: unknown
}

async function send(server: TestServer, path: string, { with: headers, method, body }: Sent) {
  const init = {
    headers,
    method: method ?? 'GET',
    body: body === undefined ? null : JSON.stringify(body),
  }
  const response = await server.http(path, init)
  return { status: response.status, text: await response.text() }
}

const ADMIN = makeBasicAuth(ADMIN_PAIR)
const create = (server: TestServer, token: object, headers = ADMIN) =>
  send(server, TOKENS, { with: headers, method: 'POST', body: { token } })

describe('the text', () => {
  test('has a prefix, 190 random bits, and a checksum that finds every typo of one character', () => {
    const { token, hash } = newToken()
    expect(token).toMatch(/^carillon_[0-9A-Za-z]{38}$/)
    expect(hashOf(token)).toBe(hash)
    for (let index = 0; index < token.length; index++) {
      const other = token[index] === 'x' ? 'y' : 'x'
      expect(hashOf(token.slice(0, index) + other + token.slice(index + 1))).toBeUndefined()
    }
    const made = new Set(Array.from({ length: 1000 }, () => newToken().token))
    expect(made.size).toBe(1000)
    expect(new Set([...made].join('').replaceAll('carillon_', '')).size).toBe(62)
  })
})

test('a token is shown once; the database has no more than its hash', async () => {
  await using server = await start()
  const { token, id } = await makeToken(server, { name: 'ci', scope: 'create' })
  const listed = await send(server, TOKENS, { with: bearer(await allOf(server)) })
  expect(listed.text).not.toContain(token)
  const { data } = JSON.parse(listed.text)
  expect(data[0]).toEqual({
    id,
    name: 'ci',
    scope: 'create',
    created_at: server.clock.now(),
    created_by: 'pusher_admin_username',
    expires_at: null,
    revoked_at: null,
    last_used_at: null,
  })
  expect(JSON.stringify([...server.core.tokens.store.all()])).not.toContain(token)
  expect(JSON.stringify(server.log.lines)).not.toContain(token)
})

const allOf = async (server: TestServer) =>
  (await makeToken(server, { name: 'everything', scope: 'all' })).token

test('what is wrong with a new one is told by field', async () => {
  await using server = await start()
  const now = server.clock.now()
  const SCOPE = 'is not one of read, create, all and app:<id of an app>'
  const rows: readonly (readonly [object, object])[] = [
    [{}, { name: ["can't be blank"], scope: [SCOPE] }],
    [{ name: 'x'.repeat(101), scope: 'read' }, { name: ['should be at most 100 character(s)'] }],
    [{ name: 'a', scope: 'write' }, { scope: [SCOPE] }],
    [{ name: 'a', scope: 'app:9' }, { scope: ['is of an app that does not exist'] }],
    [
      { name: 'a', scope: 'read', expires_at: now },
      { expires_at: ['is not a time to come, in milliseconds since 1970'] },
    ],
    [
      { name: 'a', scope: 'read', expires_at: 8.64e15 + 1 },
      { expires_at: ['is not a time to come, in milliseconds since 1970'] },
    ],
    [
      { name: 'a', scope: 'read', until: 1 },
      { token: ['has the unknown field until; known are name, scope, expires_at'] },
    ],
  ]
  for (const [token, errors] of rows)
    expect(await create(server, token)).toEqual({ status: 422, text: JSON.stringify({ errors }) })
  const { id } = await makeToken(server, { name: 'a', scope: 'read' })
  for (const name of ['a', id, server.server.credentials.admin.username])
    expect(await create(server, { name, scope: 'all' })).toEqual({
      status: 422,
      text: '{"errors":{"name":["has already been taken"]}}',
    })
  for (const body of ['{}', '{"token":1}', 'nonsense']) {
    const response = await server.http(TOKENS, { method: 'POST', headers: ADMIN, body })
    expect(response.status).toBe(400)
  }
})

test('an app is named by its id or its slug, and forms do as well as JSON', async () => {
  await using server = await start()
  const body = 'token[name]=a&token[scope]=app:test-app'
  const response = await server.http(TOKENS, {
    method: 'POST',
    headers: { ...ADMIN, ...FORM },
    body,
  })
  expect((await response.json()).data.scope).toBe('app:1')
})

test('one that is wrong, revoked or expired is refused in words, and only the wrong one counts', async () => {
  await using server = await start({ config: { maxFailedLoginsPerMinute: 3 } })
  const expires = server.clock.now() + 60_000
  const ends = await makeToken(server, { name: 'ends', scope: 'read', expires_at: expires })
  const gone = await makeToken(server, { name: 'gone', scope: 'read' })
  const ask = (token: string) => send(server, APPS, { with: bearer(token) })
  expect((await ask(ends.token)).status).toBe(200)
  server.advance(60_000)
  const revoked = await send(server, `${TOKENS}/gone`, { with: ADMIN, method: 'DELETE' })
  expect(revoked.status).toBe(204)
  const at = new Date(expires).toISOString()
  for (let n = 0; n < 5; n++) {
    expect(await ask(ends.token)).toEqual({
      status: 401,
      text: `The token ends expired at ${at}\n`,
    })
    expect(await ask(gone.token)).toEqual({
      status: 401,
      text: `The token gone was revoked at ${at}\n`,
    })
  }
  expect(await ask(newToken().token)).toEqual({ status: 401, text: 'The token is unknown\n' })
  const typo = { status: 401, text: 'The token is not one of Carillon, or has a typo\n' }
  expect([await ask(`${gone.token}x`), await ask('secret')]).toEqual([typo, typo])
  const all = await allOf(server) // by password, which is counted apart
  const late = await ask(all)
  expect(late).toMatchObject({
    status: 429,
    text: expect.stringContaining('Too many failed logins'),
  })
  server.advance(60_000)
  expect((await ask(all)).status).toBe(200)
})

test('a token makes none that may more than itself, or for longer', async () => {
  await using server = await start()
  const at = server.clock.now() + 60_000
  const { token } = await makeToken(server, { name: 'short', scope: 'all', expires_at: at })
  const as = bearer(token)
  const late = {
    status: 422,
    text: `{"errors":{"expires_at":["is later than ${at}, when the token ends that makes it"]}}`,
  }
  expect(await create(server, { name: 'a', scope: 'read' }, as)).toEqual(late)
  expect(await create(server, { name: 'a', scope: 'read', expires_at: at + 1 }, as)).toEqual(late)
  expect((await create(server, { name: 'a', scope: 'all', expires_at: at }, as)).status).toBe(201)
  for (const scope of ['read', 'create', 'app:1']) {
    const other = await makeToken(server, { name: scope, scope })
    const refused = await create(server, { name: 'b', scope: 'read' }, bearer(other.token))
    expect(refused).toEqual({
      status: 403,
      text: `The token ${scope} may not do this: its scope is ${scope}\n`,
    })
  }
})

test('a token of an app ends with it, and is none of the next app with that id', async () => {
  await using server = await start()
  server.addTenant()
  const { token } = await makeToken(server, { name: 'tenant', scope: 'app:other' })
  const ask = async () => (await send(server, `${APPS}/8`, { with: bearer(token) })).status
  expect(await ask()).toBe(200)
  await send(server, `${APPS}/8`, { with: ADMIN, method: 'DELETE' })
  expect(await ask()).toBe(401)
  server.addTenant()
  expect(await ask()).toBe(401)
})

test('an app that a body waited for is looked up again, and so is the token', async () => {
  await using server = await start()
  server.addTenant()
  const { token } = await makeToken(server, { name: 'own', scope: 'app:1' })
  const during = async (meanwhile: () => unknown) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const parts = ['{"app":', '{"name":"changed"}}'].map((part) => new TextEncoder().encode(part))
    const body = new ReadableStream({
      start: (stream) => stream.enqueue(parts[0]),
      pull: async (stream) => {
        await promise
        stream.enqueue(parts[1])
        stream.close()
      },
    })
    const answer = server.http(`${APPS}/test-app`, {
      method: 'PATCH',
      headers: bearer(token),
      body,
    })
    while (server.core.uploads.count === 0) await new Promise((next) => setImmediate(next))
    await meanwhile()
    resolve()
    const response = await answer
    return [response.status, await response.text()]
  }
  const { apps } = server.core
  const nameBy = (id: string, slug: string) =>
    apps.change(apps.byId(id)!, { ...apps.byId(id)!.record, slug }, 0)
  const swap = () => {
    nameBy('1', 'moved')
    nameBy('8', 'test-app')
  }
  expect(await during(swap)).toEqual([404, '{"errors":{"detail":"Not Found"}}'])
  expect(server.core.apps.byId('8')!.record.name).toBe('other')
  nameBy('8', 'other')
  nameBy('1', 'test-app')
  const revoke = () => send(server, `${TOKENS}/own`, { with: ADMIN, method: 'DELETE' })
  expect(await during(revoke)).toEqual([401, expect.stringContaining('The token own was revoked')])
})

test('what was made lasts, and when it was used, to five minutes', async () => {
  await using file = makeTemporary()
  const config = { databasePath: file.path }
  const tokens: Record<string, string> = {}
  {
    await using server = await start({ config, now: 1_000_000 })
    for (const scope of ['read', 'app:1'])
      tokens[scope] = (await makeToken(server, { name: scope, scope })).token
    await send(server, `${TOKENS}/app:1`, { with: ADMIN, method: 'DELETE' })
    await send(server, APPS, { with: bearer(tokens['read']!) })
    const listed = await send(server, TOKENS, { with: ADMIN })
    expect(JSON.parse(listed.text).data[0]).toMatchObject({ last_used_at: 1_000_000 }) // not before it was made
    server.advance(200_000)
    await send(server, APPS, { with: bearer(tokens['read']!) })
    server.advance(60_000) // a sweep
  }
  await using server = await start({ config })
  const { text } = await send(server, TOKENS, { with: bearer(tokens['read']!) })
  expect(JSON.parse(text).data).toMatchObject([
    { name: 'read', revoked_at: null, last_used_at: expect.any(Number) },
    { name: 'app:1', revoked_at: 1_000_000, last_used_at: null },
  ])
  expect([...server.core.tokens.store.all()][0]!.lastUsedAt).toBe(1_200_000)
  expect((await send(server, APPS, { with: bearer(tokens['app:1']!) })).status).toBe(401)
})

test('there may be a thousand, and as many that have ended', async () => {
  await using server = await start()
  const deed = { by: NOBODY, action: 'token.created' } as const
  const { tokens } = server.core
  const add = (name: string, expiresAt?: number) => {
    const record = makeTokenRecord(name, 'read', expiresAt === undefined ? {} : { expiresAt })
    tokens.apply({ type: 'create', record, deed }, server.clock.now())
  }
  for (let n = 0; n < MAX_TOKENS; n++) add(`ended ${n}`, 1)
  for (let n = 0; n < MAX_TOKENS; n++) add(`live ${n}`)
  expect(await create(server, { name: 'more', scope: 'read' })).toEqual({
    status: 422,
    text: '{"errors":{"token":["are 1000 already; revoke one first"]}}',
  })
  tokens.apply({ type: 'revoke', id: 'id-of-live 0', deed }, 0)
  expect((await create(server, { name: 'more', scope: 'read' })).status).toBe(201)
  expect([tokens.byId('id-of-ended 0'), tokens.store.all().length]).toEqual([undefined, 2000])
})

describe('where tokens work', () => {
  const lever = definePlugin({
    name: 'lever',
    carillon: 1,
    setup: ({ routes, adminOnly }) => {
      routes.post('/pull', () => 'pulled', { beforeHandle: adminOnly })
      return {}
    },
  })

  test('everywhere that the admin does; pages of other sites are refused, and origins that are named are not', async () => {
    const origin = 'https://dashboard.example.org'
    await using server = await start({ plugins: [lever], config: { adminOrigins: [origin] } })
    const all = bearer(await allOf(server))
    expect((await send(server, '/plugins/lever/pull', { with: all, method: 'POST' })).text).toBe(
      'pulled',
    )
    const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    expect((await send(server, APPS, { with: { ...all, ...foreign } })).status).toBe(403)
    expect((await send(server, APPS, { with: { ...all, ...foreign, origin } })).status).toBe(200)
    const proxied = { 'x-forwarded-for': '192.0.2.1' }
    expect((await send(server, APPS, { with: { ...ADMIN, ...proxied } })).status).toBe(403)
    expect((await send(server, APPS, { with: { ...all, ...proxied } })).status).toBe(200)
  })
})
