/** Guardian: tokens and users revoked over HTTP, for good and across a restart. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { makePlugin, start, type RawClient, type StartOptions, type TestServer } from '../harness'
import { makePath, tokenOf } from './tokens'

const startGuarded = (options: StartOptions = {}) => start({ plugins: [guardian()], ...options })
const ROUTE = '/plugins/guardian/revocations'
const DAY_MS = 24 * 60 * 60_000

function admin(server: TestServer, path: string, method: string, body?: unknown) {
  const { username, password } = server.server.credentials.admin
  return server.http(path, {
    method,
    headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

async function revoke(server: TestServer, body: object): Promise<Record<string, unknown>> {
  const response = await admin(server, ROUTE, 'POST', { app: '1', ...body })
  expect(response.status).toBe(201)
  return (await response.json()).data
}

async function list(server: TestServer): Promise<Record<string, unknown>[]> {
  return (await (await admin(server, ROUTE, 'GET')).json()).data
}

/** Whether a connection with such a token may stay. */
async function outcome(server: TestServer, claims: object): Promise<string> {
  const path = makePath(server, { token: tokenOf(server, claims) })
  await using client = await server.raw({ path, hello: false })
  const { event, data } = await client.nextJson()
  return event === 'pusher:error' ? (data as { message: string }).message : 'accepted'
}

const REVOKED = 'Token refused: it was revoked'

describe('a revoked token', () => {
  test('is refused, and no other is', async () => {
    await using server = await startGuarded()
    await revoke(server, { jti: 'a' })
    expect(await outcome(server, { jti: 'a' })).toBe(REVOKED)
    expect(await outcome(server, { jti: 'b' })).toBe('accepted')
    expect(await outcome(server, {})).toBe('accepted')
    await using client = await server.raw()
    client.subscribe('private-a', tokenOf(server, { jti: 'a' }))
    expect(await client.nextJson()).toMatchObject({ data: { error: REVOKED } })
  })

  test('ends the connections that rest on it at once, for good', async () => {
    await using server = await startGuarded()
    const token = tokenOf(server, { jti: 'a' })
    await using arrived = await server.raw({ path: makePath(server, { token }) })
    await using subscribed = await server.raw()
    await subscribed.subscribed('private-a', token)
    await using left = await server.raw()
    await left.subscribed('private-a', token)
    left.send({ event: 'pusher:unsubscribe', data: { channel: 'private-a' } })
    await left.expectNothing()
    await using bystander = await server.raw()
    await bystander.subscribed('private-a', tokenOf(server, { jti: 'b' }))
    await revoke(server, { jti: 'a' })
    for (const each of [arrived, subscribed])
      expect(await each.closing()).toEqual({ code: 4009, reason: REVOKED })
    for (const each of [left, bystander]) await each.expectNothing()
  })

  test('is refused again after a restart on the same database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
    const config = { databasePath: join(folder, 'db.sqlite') }
    try {
      await using before = await startGuarded({ config })
      await revoke(before, { jti: 'a' })
      await revoke(before, { user: 7 })
      await before.server.stop()
      await using after = await startGuarded({ config })
      expect(await outcome(after, { jti: 'a', sub: '8' })).toBe(REVOKED)
      expect(await outcome(after, { iat: undefined })).toBe(REVOKED)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('is accepted again once the revocation is over, or taken back', async () => {
    await using server = await startGuarded()
    const until = Math.floor(server.clock.now() / 1000) + 100
    await revoke(server, { jti: 'a', until })
    const { id } = await revoke(server, { jti: 'b' })
    expect(await list(server)).toHaveLength(2)
    server.advance(101_000)
    expect(await outcome(server, { jti: 'a' })).toBe('accepted')
    expect(await outcome(server, { jti: 'b' })).toBe(REVOKED)
    expect((await list(server)).map((each) => each['id'])).toEqual([id])
    expect((await admin(server, `${ROUTE}/${id}`, 'DELETE')).status).toBe(204)
    expect(await outcome(server, { jti: 'b' })).toBe('accepted')
  })

  test('that another plugin was still thinking about does not stay', async () => {
    const [called, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()]
    const slow = makePlugin('slow', {
      authorize: () => {
        called.resolve()
        return opened.promise
      },
    })
    await using server = await startGuarded({ plugins: [guardian(), slow] })
    await using client = await server.raw()
    client.subscribe('private-a', tokenOf(server, { jti: 'a' }))
    await called.promise
    await revoke(server, { jti: 'a' })
    opened.resolve(undefined)
    expect((await client.closing()).code).toBe(4009)
  })
})

describe('a revoked user', () => {
  test('is refused tokens issued up to then, or that do not say when; later ones are good', async () => {
    await using server = await startGuarded()
    const issued = Math.floor(server.clock.now() / 1000)
    const { user } = await revoke(server, { user: 7 })
    expect(user).toBe('7')
    for (const sub of ['7', 7, { id: 7 }]) {
      expect(await outcome(server, { sub, iat: issued })).toBe(REVOKED)
      expect(await outcome(server, { sub, iat: undefined })).toBe(REVOKED)
      expect(await outcome(server, { sub, iat: issued + 1 })).toBe('accepted')
    }
    expect(await outcome(server, { sub: '8' })).toBe('accepted')
  })

  test('stays revoked until the longest-lived token is over', async () => {
    await using server = await startGuarded()
    const issued = Math.floor(server.clock.now() / 1000)
    await revoke(server, { user: '7' })
    const longest = { iat: issued, exp: issued + (30 * DAY_MS) / 1000 }
    for (const [ms, told] of [
      [30 * DAY_MS - 1000, REVOKED],
      [6000, 'Token refused: it has expired'],
    ] as const) {
      server.clock.advance(ms)
      expect(await outcome(server, longest)).toBe(told)
    }
  })

  test('of one app is nobody in another', async () => {
    await using server = await startGuarded()
    const { apps } = server.core
    const keys = [{ key: 'key-2', secret: 'secret-2' }]
    apps.create({ ...apps.byId('1')!.record, id: '2', name: 'other', slug: 'other', keys }, 0)
    await using client: RawClient = await server.raw({
      path: makePath(server, { token: tokenOf(server) }),
    })
    const response = await admin(server, ROUTE, 'POST', { app: '2', user: '7' })
    expect(response.status).toBe(201)
    await client.expectNothing()
    expect(await outcome(server, { sub: '7' })).toBe('accepted')
  })
})

describe('the route', () => {
  const BODIES: readonly (readonly [body: unknown, status: number, errors: object])[] = [
    ['', 400, { detail: 'Bad Request' }],
    ['{', 400, { detail: 'Bad Request' }],
    ['[]', 400, { detail: 'Bad Request' }],
    ['null', 400, { detail: 'Bad Request' }],
    ['['.repeat(65_536), 400, { detail: 'Bad Request' }],
    ['['.repeat(65_537), 413, { detail: 'A revocation has at most 65536 characters' }],
    [{}, 422, { app: ['must be text of 1 to 256 characters'] }],
    [{ app: 1, jti: 'a' }, 422, { app: ['must be text of 1 to 256 characters'] }],
    [{ app: 'nobody', jti: 'a' }, 422, { app: ['is unknown'] }],
    [{ app: '__proto__', jti: 'a' }, 422, { app: ['is unknown'] }],
    [{ app: '1' }, 422, { jti: ['or user must be given, and not both'] }],
    [{ app: '1', jti: 'a', user: 'b' }, 422, { jti: ['or user must be given, and not both'] }],
    [{ app: '1', jti: '' }, 422, { jti: ['must be text of 1 to 256 characters'] }],
    [{ app: '1', jti: 'x'.repeat(257) }, 422, { jti: ['must be text of 1 to 256 characters'] }],
    [{ app: '1', jti: { toString: 1 } }, 422, { jti: ['must be text of 1 to 256 characters'] }],
    [{ app: { toString: null } }, 422, { app: ['must be text of 1 to 256 characters'] }],
    ...[{ toString: 1 }, null, 1.5, true, ['7'], ''].map(
      (user) =>
        [
          { app: '1', user },
          422,
          { user: ['must be text of 1 to 256 characters, or a whole number'] },
        ] as const,
    ),
    [
      '{"app":"1","user":1e999}',
      422,
      { user: ['must be text of 1 to 256 characters, or a whole number'] },
    ],
    ...[-1, 1.5, 1e12, '9', null, {}].map(
      (until) =>
        [
          { app: '1', jti: 'a', until },
          422,
          { until: ['must be in whole seconds since 1970'] },
        ] as const,
    ),
    [{ app: '1', jti: 'a', until: 1 }, 422, { until: ['must be in the future'] }],
  ]
  test('says what is wrong with a body, and revokes nothing', async () => {
    await using server = await startGuarded()
    for (const [body, status, errors] of BODIES) {
      const response = await admin(server, ROUTE, 'POST', body)
      expect({ body, status: response.status, ...(await response.json()) }).toEqual({
        body,
        status,
        errors,
      })
      expect(response.headers.get('x-request-id')).toBeString()
    }
    expect(await list(server)).toEqual([])
    expect(server.core.counters.faults).toBe(0)
  })

  test('answers with what it has revoked, and a repetition takes its place', async () => {
    await using server = await startGuarded()
    const now = Math.floor(server.clock.now() / 1000)
    const first = await revoke(server, { jti: 'a', until: now + 10 })
    expect(first).toEqual({
      id: expect.any(String),
      app: '1',
      jti: 'a',
      user: null,
      revoked_at: now,
      until: now + 10,
    })
    const second = await revoke(server, { jti: 'a', until: now + 20 })
    expect(await list(server)).toEqual([{ ...second, id: first['id'], until: now + 20 }])
  })

  test.each([
    ['GET', ROUTE],
    ['POST', ROUTE],
    ['DELETE', `${ROUTE}/x`],
  ])('%s %s is for who may use the admin API', async (method, path) => {
    await using server = await startGuarded()
    const response = await server.http(path, { method })
    expect([response.status, await response.text()]).toEqual([401, ''])
    expect(response.headers.get('x-request-id')).toBeString()
  })

  test('does not know what was never revoked', async () => {
    await using server = await startGuarded()
    for (const id of ['x', '__proto__', '%00', '..%2f']) {
      const response = await admin(server, `${ROUTE}/${id}`, 'DELETE')
      expect([response.status, await response.json()]).toEqual([
        404,
        { errors: { detail: 'Not Found' } },
      ])
    }
  })
})
