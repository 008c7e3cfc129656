/** Guardian: tokens that must be refused, each in both places where a token may be. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { startCommon, start, type TestServer } from '../harness'
import { ATTACKS, publicJwk } from './attacks'
import { makeClaims, makeHmacToken, makePath, tokenOf } from './tokens'

describe('refused, in the query for good and in a subscribe with an error', () => {
  const plain = startCommon({ plugins: [guardian()] })
  test.each(ATTACKS)('$name', async ({ options, token, reason }) => {
    let requests = 0
    using trap = Bun.serve({
      port: 0,
      fetch: () => (requests++, Response.json({ keys: [publicJwk] })),
    })
    await using own = options && (await start({ plugins: [guardian(options)] }))
    const server = own ?? plain()
    const before = server.log.lines.length
    const hostile = token(server, `http://127.0.0.1:${trap.port}/`)
    await using client = await server.raw()
    client.subscribe('private-a', hostile)
    expect(await client.nextJson()).toMatchObject({ data: { error: `Token refused: ${reason}` } })
    await client.next('the error')
    await client.expectNothing()
    const path = makePath(server, { guardian_token: hostile })
    await using newcomer = await server.raw({ path, hello: false })
    expect(await newcomer.closing()).toEqual({
      code: 4009,
      reason: `Token refused: ${reason}`,
    })
    expect(requests).toBe(0)
    expect(server.core.counters.faults).toBe(0)
    const logged = server.log.lines.slice(before)
    expect(logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})

describe('refused at the connect', () => {
  const raw = 'cmF3IHZhbHVl'
  const csrf = (server: TestServer, s_csrf: unknown): string =>
    tokenOf(server, { aud: ['web', 'csrf'], s_csrf })
  const right = (server: TestServer): string =>
    createHmac('sha256', server.app.secret).update(raw).digest('base64url')
  const QUERIES: readonly (readonly [
    name: string,
    query: (server: TestServer) => Record<string, string>,
    reason: string,
  ])[] = [
    [
      'two tokens',
      (server) => ({ guardian_token: tokenOf(server), csrf_token: tokenOf(server) }),
      'more than one was sent',
    ],
    [
      'another raw value',
      (server) => ({ guardian_token: `${raw}x`, csrf_token: csrf(server, right(server)) }),
      'invalid_csrf',
    ],
    [
      'an s_csrf that is no text',
      (server) => ({ guardian_token: raw, csrf_token: csrf(server, [right(server)]) }),
      'invalid_csrf',
    ],
    [
      'half an s_csrf',
      (server) => ({ guardian_token: raw, csrf_token: csrf(server, right(server).slice(0, 20)) }),
      'invalid_csrf',
    ],
  ]
  test.each(QUERIES)('%s', async (_, query, reason) => {
    await using server = await start({ plugins: [guardian()] })
    await using client = await server.raw({ path: makePath(server, query(server)), hello: false })
    expect((await client.closing()).reason).toBe(`Token refused: ${reason}`)
  })
})

test('what is at the edge of a limit is accepted', async () => {
  await using server = await start({ plugins: [guardian({ maxLifetimeSeconds: 60 })] })
  const now = Math.floor(server.clock.now() / 1000)
  await using client = await server.raw()
  const EDGES = [{ iat: now + 5, nbf: now + 5 }, { iat: now - 60, exp: now - 4 }, { exp: now + 60 }]
  for (const [index, claims] of EDGES.entries())
    await client.subscribed(`private-${index}`, tokenOf(server, claims))
})

test('a token signed with the key is accepted where legacyJwtSignedWithKey says so, with a warning', async () => {
  const options = { apps: { 1: { legacyJwtSignedWithKey: true } } }
  await using server = await start({ plugins: [guardian(options)] })
  await using client = await server.raw()
  await client.subscribed('private-a', makeHmacToken(server.app.key, makeClaims(server)))
  const [warning] = server.log.lines.filter(({ level }) => level === 'warn')
  expect(warning).toMatchObject({ fields: { plugin: 'guardian', app: '1' } })
  expect(JSON.stringify(server.log.lines)).not.toContain(server.app.secret)
})
