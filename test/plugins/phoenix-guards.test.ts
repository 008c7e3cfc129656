/** Guardian and the origin check on the Phoenix socket; numbers are cases of contract section 6. */
import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { guardian } from '../../plugins/guardian'
import { originCheck } from '../../plugins/origin-check'
import { start, type TestServer } from '../harness'
import { PhoenixJs, PHOENIX_JS, connectPhoenix, makeReply, type PhoenixRaw } from '../phoenix'
import { makeClaims, makeHmacToken, tokenOf } from './tokens'

const TOPIC = 'private:test-app'
const startGuarded = (): Promise<TestServer> => start({ plugins: [guardian()] })

async function readAnswer(client: PhoenixRaw, topic: string, payload: object): Promise<unknown> {
  const [, , , , answer] = await client.request('1', '1', topic, 'phx_join', payload)
  return answer
}
const ok = (response: unknown) => ({ status: 'ok', response })
const error = (word: string) => ({ status: 'error', response: { error: word, reason: word } })
const NEEDED = { status: 'error', response: 'authentication_required' }
const JOINED = ok({ message: 'Joined' })

/** As the article's Rails application mints it, but signed with the secret. */
function makeRailsToken(server: TestServer, claims: object = {}) {
  const raw = Buffer.alloc(32, 7).toString('base64url') + '='
  const s_csrf = createHmac('sha256', server.app.secret).update(raw).digest('base64url')
  const rest = { aud: 'csrf', sub: {}, s_csrf, listen: ['deploys:web', 'public:*', 'private:*'] }
  const jwt = makeHmacToken(server.app.secret, makeClaims(server, { ...rest, ...claims }))
  return { raw, jwt }
}

describe('a token lets into a private scope (60, 61)', () => {
  const WAYS: readonly (readonly [string, (token: { raw: string; jwt: string }) => object])[] = [
    [
      'swapped, as the article has it',
      ({ raw, jwt }) => ({ guardian_token: raw, csrf_token: jwt }),
    ],
    ['as Guardian has it', ({ raw, jwt }) => ({ guardian_token: jwt, csrf_token: raw })],
    ['by the old alias', ({ raw, jwt }) => ({ guardian_token: raw, guardian_csrf: jwt })],
  ]
  test.each(WAYS)('%s, in the query and in the payload', async (_, write) => {
    await using server = await startGuarded()
    const values = write(makeRailsToken(server)) as Record<string, string>
    const query = String(new URLSearchParams(values))
    await using carrying = await connectPhoenix(server, { query, version: 1 })
    expect(await readAnswer(carrying, TOPIC, {})).toEqual(JOINED)
    await using bare = await connectPhoenix(server)
    expect(await readAnswer(bare, TOPIC, values)).toEqual(JOINED)
  })

  const TRANSPORTS = { WebSocket, LongPoll: PHOENIX_JS['1.8.16']().LongPoll }
  test.each(Object.entries(TRANSPORTS))(
    'as phoenix.js sends it over %s (5)',
    async (_, transport) => {
      await using server = await startGuarded()
      const token = tokenOf(server, { listen: [TOPIC] })
      await using page = new PhoenixJs(server, '1.8.16', { authToken: token, transport })
      await page.join(TOPIC, [])
    },
  )
})

describe('refused', () => {
  const BAD: readonly (readonly [string, (server: TestServer) => string, unknown])[] = [
    ['expired', (s) => tokenOf(s, { exp: 1, listen: [TOPIC] }), error('token_expired')],
    ['of the future', (s) => tokenOf(s, { iat: 9e9, exp: 9e9 + 60 }), error('token_not_yet_valid')],
    ['of another secret', (s) => makeHmacToken('x', makeClaims(s)), error('invalid_token')],
    ['signed with the key', (s) => makeHmacToken(s.app.key, makeClaims(s)), error('invalid_token')],
    ['unsigned', (s) => makeHmacToken('', makeClaims(s), { alg: 'none' }), error('invalid_token')],
    ['without its raw value', (s) => makeRailsToken(s).jwt, error('invalid_csrf')],
    ['for something else', (s) => tokenOf(s, { listen: ['private:other'] }), NEEDED],
  ]
  test.each(BAD)('a token %s (59, 60)', async (_, tokenFor, answer) => {
    await using server = await startGuarded()
    await using client = await connectPhoenix(server)
    expect(await readAnswer(client, TOPIC, { guardian_token: tokenFor(server) })).toEqual(answer)
    if (answer !== NEEDED)
      expect(await readAnswer(client, 'public:test-app', { token: tokenFor(server) })).toEqual(
        answer,
      )
  })

  test('whoever brings none', async () => {
    await using server = await startGuarded()
    await using client = await connectPhoenix(server)
    expect(await readAnswer(client, TOPIC, {})).toEqual(NEEDED)
    expect(await readAnswer(client, 'public:test-app', {})).toEqual(ok({}))
  })

  test('the token of one tenant in the topics of another, whatever it lists (62, 78)', async () => {
    await using server = await startGuarded()
    server.addTenant()
    const token = tokenOf(server, { listen: ['private:*', '*'] })
    await using client = await connectPhoenix(server, { query: `token=${token}` })
    expect(await readAnswer(client, 'private:other', {})).toEqual(error('invalid_token'))
    expect(await readAnswer(client, TOPIC, {})).toEqual(JOINED)
  })
})

const PATTERNS: readonly (readonly [string, string, boolean])[] = [
  ['private:*', TOPIC, true],
  ['private:*', `${TOPIC}:room`, true],
  ['private:test-app:*', TOPIC, true],
  ['private:test-app:*', `${TOPIC}:room`, true],
  [TOPIC, TOPIC, true],
  [TOPIC, `${TOPIC}:room`, false],
  ['pri.ate:*', TOPIC, false],
  ['public:*', TOPIC, false],
  ['*', TOPIC, false],
  ['**', TOPIC, false],
  [':*', TOPIC, false],
  ['private*', TOPIC, false],
  ['private:test*', TOPIC, false],
  ['private:*:room', `${TOPIC}:room`, true],
  ['private:*:room', `${TOPIC}:room:x`, false],
  ['private:*:room', `${TOPIC}:x:room`, true],
  ['private:*:*', TOPIC, true],
  ['private:*:*:*', `${TOPIC}:room`, false],
  ['private:*app', TOPIC, true],
  ['private:*-app:room', TOPIC, false],
  ['(private|public):*', TOPIC, false],
]
test.each(PATTERNS)('%s on %s: %p (62)', async (pattern, topic, allowed) => {
  await using server = await startGuarded()
  const token = tokenOf(server, { listen: [pattern] })
  await using client = await connectPhoenix(server)
  expect(await readAnswer(client, topic, { token })).toEqual(allowed ? JOINED : NEEDED)
})

test('who may publish says the claim; everybody hears it, the sender too (63)', async () => {
  await using server = await startGuarded()
  const reader = tokenOf(server, { listen: [TOPIC] })
  const writer = tokenOf(server, { listen: [TOPIC], publish: [TOPIC] })
  await using ada = await connectPhoenix(server, { query: `token=${writer}` })
  await using bob = await connectPhoenix(server, { query: `token=${reader}` })
  await ada.join(TOPIC)
  await bob.join(TOPIC)
  const refused = await bob.request('1', '2', TOPIC, 'msg', {})
  expect(refused[4]).toMatchObject({ status: 'error' })
  ada.send('1', '2', TOPIC, 'msg', { a: 1 })
  for (const client of [ada, bob])
    expect(await client.next()).toEqual([null, null, TOPIC, 'msg', { a: 1 }])
})

describe('origins (7, 43)', () => {
  const PAGE = { headers: { origin: 'https://page.example' } }

  test('a strange page is refused with 403', async () => {
    await using server = await start({ plugins: [originCheck({ hosts: ['//own.example'] })] })
    for (const mount of ['/socket', '/push_socket'])
      await expect(connectPhoenix(server, { ...PAGE, mount })).rejects.toThrow('no connection')
    await using own = await connectPhoenix(server, { headers: { origin: 'https://own.example' } })
    await own.expectNothing()
  })

  test('at the join where the app has hosts and only the join names it', async () => {
    await using server = await start({ plugins: [originCheck()] })
    const app = server.core.apps.byId('1')!
    const hosts = ['//own.example']
    server.core.apps.change(app, { ...app.record, hosts }, server.clock.now())
    await using page = await connectPhoenix(server, PAGE)
    expect(await page.request('1', '1', 'public:test-app', 'phx_join', {})).toEqual(
      makeReply(['1', '1', 'public:test-app'], 'error', {
        error: 'origin not allowed',
        reason: 'origin not allowed',
      }),
    )
    await using own = await connectPhoenix(server, { headers: { origin: 'https://own.example' } })
    await own.join('public:test-app')
    await using native = await connectPhoenix(server)
    await native.join('public:test-app')
    await expect(
      connectPhoenix(server, { ...PAGE, query: 'app_key=test-app-fake-key' }),
    ).rejects.toThrow('no connection')
  })
})
