/** Guardian: what verifies a token: secrets, public keys, and sets of keys behind an address. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from 'bun:test'
import { guardian, type GuardianOptions } from '../../plugins/guardian'
import { start, type RawClient, type TestServer } from '../harness'
import { makeClaims, makeHmacToken, makeKeyToken, tokenOf } from './tokens'

const PAIRS = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: generateKeyPairSync('ed25519'),
}
type Algorithm = keyof typeof PAIRS
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString()
const jwk = (key: KeyObject, kid?: string) => ({
  ...key.export({ format: 'jwk' }),
  ...(kid && { kid }),
})
const startGuarded = (options?: GuardianOptions) => start({ plugins: [guardian(options)] })

/** `accepted`, or the reason of the refusal. */
async function answer(client: RawClient, token: string): Promise<string> {
  const channel = `private-${crypto.randomUUID()}`
  client.subscribe(channel, token)
  const { event, data } = await client.nextJson()
  if (event === 'pusher_internal:subscription_succeeded') return 'accepted'
  await client.next('the error')
  return (data as { error: string }).error.replace('Token refused: ', '')
}

const SIGNATURE = 'it is not signed with a key of this app'
const UNAVAILABLE = 'the keys to verify it are not available now'

/** A server of keys that counts its requests. */
function keyServer(keys: object[]) {
  const state = {
    keys,
    asked: 0,
    answers: (): Response | Promise<Response> => Response.json({ keys: state.keys }),
  }
  const server = Bun.serve({
    port: 0,
    fetch: () => {
      state.asked++
      return state.answers()
    },
  })
  const url = `http://127.0.0.1:${server.port}/jwks.json`
  return Object.assign(state, { url, [Symbol.asyncDispose]: () => server.stop(true) })
}

describe('secrets of the app', () => {
  test.each(['HS256', 'HS384', 'HS512'])('verify %s', async (alg) => {
    await using server = await startGuarded()
    await using client = await server.raw()
    const token = makeHmacToken(server.app.secret, makeClaims(server), { alg })
    expect(await answer(client, token)).toBe('accepted')
  })

  test('verify as long as they are live', async () => {
    await using server = await startGuarded()
    await using client = await server.raw()
    const { apps } = server.core
    const app = apps.byId('1')!
    const old = tokenOf(server)
    const fresh = makeHmacToken('fresh-secret', makeClaims(server))
    expect(await answer(client, fresh)).toBe(SIGNATURE)
    const pair = { key: 'fresh-key', secret: 'fresh-secret' }
    apps.change(app, { ...app.record, keys: [...app.record.keys, pair] }, 0)
    expect([await answer(client, old), await answer(client, fresh)]).toEqual([
      'accepted',
      'accepted',
    ])
    apps.change(app, { ...app.record, keys: [pair] }, 0)
    expect([await answer(client, old), await answer(client, fresh)]).toEqual([
      SIGNATURE,
      'accepted',
    ])
  })
})

describe.each(Object.entries(PAIRS))('a public key for %s', (name, { publicKey, privateKey }) => {
  const alg = name as Algorithm
  test.each([
    ['PEM', { key: pem(publicKey) }],
    ['JWK', { key: jwk(publicKey) }],
    ['JWK with kid', { key: jwk(publicKey, 'a') }],
  ])('verifies as %s, and no signature of another key', async (_, key) => {
    await using server = await startGuarded({ keys: [key] })
    await using client = await server.raw()
    const token = makeKeyToken(privateKey, makeClaims(server), { alg, kid: 'a' })
    expect(await answer(client, token)).toBe('accepted')
    const [header, payload] = token.split('.')
    for (const signature of ['', 'AA', 'A'.repeat(86), 'A'.repeat(342), '!'])
      expect(await answer(client, `${header}.${payload}.${signature}`)).toBeOneOf([
        SIGNATURE,
        'it cannot be read',
      ])
    expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('verifies from an address', async () => {
    await using keys = keyServer([jwk(publicKey, 'a'), { kty: 'oct', kid: 'a', k: 'AAAA' }])
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    const claims = makeClaims(server)
    expect(await answer(client, makeKeyToken(privateKey, claims, { alg, kid: 'a' }))).toBe(
      'accepted',
    )
    expect(await answer(client, makeHmacToken(Buffer.alloc(3), claims))).toBe(
      'its algorithm is not accepted for this app',
    )
  })
})

test('keys of one app verify for no other, whatever their kid', async () => {
  await using mine = keyServer([jwk(PAIRS.ES256.publicKey, 'shared')])
  const another = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  await using theirs = keyServer([jwk(another.publicKey, 'shared')])
  await using server = await startGuarded({
    apps: { 1: { jwks: [mine.url] }, 2: { jwks: [theirs.url] } },
  })
  const { apps } = server.core
  const keys = [{ key: 'key-2', secret: 'secret-2' }]
  apps.create({ ...apps.byId('1')!.record, id: '2', name: 'other', slug: 'other', keys }, 0)
  const claims = makeClaims(server)
  const myToken = makeKeyToken(PAIRS.ES256.privateKey, claims, { alg: 'ES256', kid: 'shared' })
  const theirToken = makeKeyToken(another.privateKey, claims, { alg: 'ES256', kid: 'shared' })
  await using me = await server.raw()
  await using them = await server.raw({ path: '/app/key-2?protocol=7' })
  expect(await answer(me, myToken)).toBe('accepted')
  expect(await answer(them, myToken)).toBe(SIGNATURE)
  expect(await answer(them, theirToken)).toBe('accepted')
  expect(await answer(me, theirToken)).toBe(SIGNATURE)
})

test('a key of one issuer verifies no token of another', async () => {
  const issuers = (['RS256', 'ES256'] as const).map((alg) => ({
    key: pem(PAIRS[alg].publicKey),
    issuer: alg,
  }))
  await using server = await startGuarded({ keys: issuers })
  await using client = await server.raw()
  const token = (alg: Algorithm, iss: string) =>
    makeKeyToken(PAIRS[alg].privateKey, makeClaims(server, { iss }), { alg })
  expect(await answer(client, token('RS256', 'RS256'))).toBe('accepted')
  expect(await answer(client, token('RS256', 'ES256'))).toBe(
    'its issuer is not accepted for this app',
  )
})

describe('an address of keys', () => {
  const signToken = (server: TestServer, kid = 'a', key = PAIRS.ES256.privateKey) =>
    makeKeyToken(key, makeClaims(server), { alg: 'ES256', kid })
  const first = jwk(PAIRS.ES256.publicKey, 'a')

  test('is asked once for many tokens, and not for unknown keys within the cooldown', async () => {
    await using keys = keyServer([first])
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    for (let n = 0; n < 20; n++) {
      expect(await answer(client, signToken(server))).toBe('accepted')
      expect(await answer(client, signToken(server, `unknown-${n}`))).toBe(SIGNATURE)
    }
    expect(keys.asked).toBe(1)
  })

  test('is asked again for a key that it did not have, once the cooldown is over', async () => {
    await using keys = keyServer([first])
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    expect(await answer(client, signToken(server))).toBe('accepted')
    const rotated = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    keys.keys = [jwk(rotated.publicKey, 'b')]
    server.advance(10_000)
    expect(await answer(client, signToken(server, 'b', rotated.privateKey))).toBe('accepted')
    expect(await answer(client, signToken(server))).toBe(SIGNATURE)
    expect(keys.asked).toBe(2)
  })

  test('that is down refuses, and is asked again after the cooldown only', async () => {
    await using keys = keyServer([first])
    keys.answers = () => new Response('down', { status: 503 })
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    for (let n = 0; n < 5; n++) expect(await answer(client, signToken(server))).toBe(UNAVAILABLE)
    expect(keys.asked).toBe(1)
    keys.answers = () => Response.json({ keys: [first] })
    server.advance(10_000)
    expect(await answer(client, signToken(server))).toBe('accepted')
  })

  test('that goes down serves the keys that it gave for an hour', async () => {
    await using keys = keyServer([first])
    await using server = await startGuarded({ jwks: [keys.url] })
    const arrival = async (): Promise<string> => {
      await using client = await server.raw()
      return await answer(client, signToken(server))
    }
    expect(await arrival()).toBe('accepted')
    keys.answers = () => new Response('down', { status: 503 })
    server.advance(59 * 60_000)
    expect(await arrival()).toBe('accepted')
    server.advance(60_000)
    expect(await arrival()).toBe(UNAVAILABLE)
    expect(keys.asked).toBe(3)
  })

  test.each([
    ['no keys', () => Response.json({ keys: 'none' })],
    ['no JSON', () => new Response('<html>')],
  ])('that answers with %s refuses', async (_, answers) => {
    await using keys = keyServer([])
    keys.answers = answers
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    expect(await answer(client, signToken(server))).toBe(UNAVAILABLE)
    expect(
      server.log.lines.filter(({ message }) => message === 'key set not fetched'),
    ).toHaveLength(1)
  })

  test('is not followed to another', async () => {
    await using elsewhere = keyServer([first])
    await using keys = keyServer([])
    keys.answers = () => Response.redirect(elsewhere.url)
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    expect(await answer(client, signToken(server))).toBe(UNAVAILABLE)
    expect([keys.asked, elsewhere.asked]).toEqual([1, 0])
  })

  test('that never answers refuses at the limit of the gate', async () => {
    await using keys = keyServer([])
    const called = Promise.withResolvers<void>()
    keys.answers = () => {
      called.resolve()
      return new Promise(() => undefined)
    }
    await using server = await startGuarded({ jwks: [keys.url] })
    await using client = await server.raw()
    const answering = answer(client, signToken(server))
    await called.promise
    server.advance(3000)
    expect(await answering).toBe('Internal server error')
    const late = answer(client, signToken(server))
    await server.http('/up') // the second token waits for the request of the first
    server.advance(2000)
    expect(await late).toBe(UNAVAILABLE)
    expect(keys.asked).toBe(1)
  })
})

describe('at the start', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey
  const MISTAKES: readonly (readonly [says: string, options: object])[] = [
    ['guardian: issuers is no option of it', { issuers: 'x' }],
    ['guardian: toString is no option of it', { toString: 1 }],
    [
      'clockToleranceSeconds must be a number of seconds from 0 to 300',
      { clockToleranceSeconds: -1 },
    ],
    ['maxLifetimeSeconds must be a number of seconds', { maxLifetimeSeconds: Number.NaN }],
    ['hmac must be true or false', { hmac: 'yes' }],
    ['issuer must be a text or a list of texts', { issuer: [] }],
    ['jwks must be a list of http or https addresses', { jwks: 'https://id.example' }],
    ['jwks must be a list of http or https addresses', { jwks: ['file:///etc/passwd'] }],
    ['jwks must be a list of http or https addresses', { jwks: [null] }],
    ['expected a public key, as PEM or JWK', { keys: [{ key: 'no key' }] }],
    ['expected a public key, as PEM or JWK', { keys: [{ key: { kty: 'oct', k: 'c2VjcmV0' } }] }],
    [
      'no HS256 algorithm verifies',
      { keys: [{ key: pem(PAIRS.RS256.publicKey), algorithm: 'HS256' }] },
    ],
    [
      'no RS256 algorithm verifies',
      { keys: [{ key: pem(PAIRS.ES256.publicKey), algorithm: 'RS256' }] },
    ],
    ['an RSA key must have at least 2048 bits', { keys: [{ key: pem(weak) }] }],
    ['guardian apps.7: hmac must be true or false', { apps: { 7: { hmac: 1 } } }],
  ]
  test.each(MISTAKES)('%s is told in one line', async (says, options) => {
    const reason = await startGuarded(options as GuardianOptions).then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(reason).toContain(says)
    expect(reason).toStartWith('plugin guardian: ')
    expect(reason).not.toContain('\n')
  })
})
