/** ATTACKS: tokens that must be refused, and the reason that their bearer receives. */
import { generateKeyPairSync } from 'node:crypto'
import type { GuardianOptions } from '../../plugins/guardian'
import type { TestServer } from '../harness'
import { makeClaims, makeHmacToken, makeKeyToken, tokenOf } from './tokens'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
export const publicJwk = rsa.publicKey.export({ format: 'jwk' })

type Attack = {
  readonly name: string
  readonly options?: GuardianOptions
  readonly token: (server: TestServer, elsewhere: string) => string
  readonly reason: string
}

/** Signed with the app's secret, but with these claims. */
const withClaims = (claims: object) => (server: TestServer) => tokenOf(server, claims)
/** Signed with the app's secret, its payload this text. */
const withPayload = (change: (payload: string) => string) => (server: TestServer) =>
  makeHmacToken(server.app.secret, change(JSON.stringify(makeClaims(server))))
/** Signed with the app's secret, under this header. */
const withHeader = (header: object) => (server: TestServer) =>
  makeHmacToken(server.app.secret, makeClaims(server), header)
/** Not signed by the app at all. */
const stranger = (header: object) => (server: TestServer) =>
  makeHmacToken('a stranger', makeClaims(server), header)

const makeUnsigned = (alg: string) => (server: TestServer) =>
  `${withHeader({ alg })(server).split('.').slice(0, 2).join('.')}.`

const SIGNATURE = 'it is not signed with a key of this app'
const ALGORITHM = 'its algorithm is not accepted for this app'
const CLAIMS = 'a claim of it is not of the documented type'
const LIFETIME = 'it has no exp, or lives too long'
const MALFORMED = 'it cannot be read'
const YEAR = 365 * 24 * 60 * 60

export const ATTACKS: readonly Attack[] = [
  ...['none', 'None', 'nOnE', 'NONE', ''].map((alg) => ({
    name: `alg ${JSON.stringify(alg)}, no signature`,
    token: makeUnsigned(alg),
    reason: ALGORITHM,
  })),
  { name: 'alg none, signed all the same', token: withHeader({ alg: 'none' }), reason: ALGORITHM },
  { name: 'alg HS256, no signature', token: makeUnsigned('HS256'), reason: SIGNATURE },
  {
    name: 'the public RSA key (PEM) as HMAC secret',
    options: { keys: [{ key: publicPem }] },
    token: (server) => makeHmacToken(publicPem, makeClaims(server)),
    reason: ALGORITHM,
  },
  {
    name: 'the public RSA key (PEM) as HMAC secret where HMAC is accepted too',
    options: { keys: [{ key: publicPem }], hmac: true },
    token: (server) => makeHmacToken(publicPem, makeClaims(server)),
    reason: SIGNATURE,
  },
  {
    name: 'the public RSA key (DER) as HMAC secret where HMAC is accepted too',
    options: { keys: [{ key: publicPem }], hmac: true },
    token: (server) =>
      makeHmacToken(rsa.publicKey.export({ type: 'spki', format: 'der' }), makeClaims(server)),
    reason: SIGNATURE,
  },
  {
    name: 'HMAC with the secret where only public keys are accepted',
    options: { keys: [{ key: publicPem }] },
    token: (server) => tokenOf(server),
    reason: ALGORITHM,
  },
  {
    name: 'another algorithm of the same key',
    options: { keys: [{ key: publicPem, algorithm: 'RS256' }] },
    token: (server) => makeKeyToken(rsa.privateKey, makeClaims(server), { alg: 'RS512' }),
    reason: ALGORITHM,
  },
  {
    name: 'a kid that no key has',
    options: { keys: [{ key: publicPem, kid: 'a' }] },
    token: (server) => makeKeyToken(rsa.privateKey, makeClaims(server), { alg: 'RS256', kid: 'b' }),
    reason: ALGORITHM,
  },
  {
    name: 'the key of the app, which is public',
    token: (server) => makeHmacToken(server.app.key, makeClaims(server)),
    reason: SIGNATURE,
  },
  {
    name: 'an empty secret',
    token: (server) => makeHmacToken('', makeClaims(server)),
    reason: SIGNATURE,
  },
  ...[
    '../../../../dev/null',
    '/etc/passwd',
    "' UNION SELECT 'x",
    '__proto__',
    '1',
    { a: 1 },
    ['a'],
    0,
    null,
  ].map((kid) => ({
    name: `kid ${JSON.stringify(kid)}`,
    token: stranger({ alg: 'HS256', kid }),
    reason: SIGNATURE,
  })),
  ...(['jku', 'x5u'] as const).map((name) => ({
    name: `a foreign ${name}`,
    options: { jwks: ['http://127.0.0.1:1/'] },
    token: (server: TestServer, elsewhere: string) =>
      makeKeyToken(rsa.privateKey, makeClaims(server), {
        alg: 'RS256',
        [name]: elsewhere,
      } as never),
    reason: 'the keys to verify it are not available now',
  })),
  {
    name: 'a key of its own in the header',
    options: {
      keys: [
        {
          key: generateKeyPairSync('rsa', { modulusLength: 2048 })
            .publicKey.export({ type: 'spki', format: 'pem' })
            .toString(),
        },
      ],
    },
    token: (server) =>
      makeKeyToken(rsa.privateKey, makeClaims(server), { alg: 'RS256', jwk: publicJwk } as never),
    reason: SIGNATURE,
  },
  {
    name: 'a critical extension that nobody knows',
    token: withHeader({ alg: 'HS256', crit: ['x'], x: 1 }),
    reason: MALFORMED,
  },
  { name: 'expired', token: withClaims({ exp: 1 }), reason: 'it has expired' },
  { name: 'negative exp', token: withClaims({ exp: -1 }), reason: 'it has expired' },
  { name: 'no exp', token: withClaims({ exp: undefined }), reason: LIFETIME },
  { name: 'exp null', token: withClaims({ exp: null }), reason: CLAIMS },
  { name: 'exp as text', token: withClaims({ exp: '9999999999' }), reason: CLAIMS },
  { name: 'exp in a hundred years', token: withClaims({ exp: 4_900_000_000 }), reason: LIFETIME },
  {
    name: 'exp infinite',
    token: withPayload((text) => text.replace(/"exp":\d+/, '"exp":1e999')),
    reason: LIFETIME,
  },
  {
    name: 'exp NaN',
    token: withPayload((text) => text.replace(/"exp":\d+/, '"exp":NaN')),
    reason: MALFORMED,
  },
  {
    name: 'a long life without iat',
    token: (server) => tokenOf(server, { iat: undefined, exp: server.clock.now() / 1000 + YEAR }),
    reason: LIFETIME,
  },
  {
    name: 'iat in the future',
    token: (server) => tokenOf(server, { iat: server.clock.now() / 1000 + 10 }),
    reason: 'it is not valid yet',
  },
  {
    name: 'iat minus infinite',
    token: withPayload((text) => text.replace(/"iat":\d+/, '"iat":-1e999')),
    reason: LIFETIME,
  },
  { name: 'iat as text', token: withClaims({ iat: '1' }), reason: CLAIMS },
  {
    name: 'nbf in the future',
    token: (server) => tokenOf(server, { nbf: server.clock.now() / 1000 + 10 }),
    reason: 'it is not valid yet',
  },
  { name: 'nbf as a list', token: withClaims({ nbf: [] }), reason: CLAIMS },
  ...[undefined, 'https://evil.example', ['https://id.example'], null].map((iss) => ({
    name: `issuer ${JSON.stringify(iss)}`,
    options: { issuer: 'https://id.example' },
    token: withClaims({ iss }),
    reason: 'its issuer is not accepted for this app',
  })),
  ...[undefined, 'other', ['other'], { chat: 1 }, null].map((aud) => ({
    name: `audience ${JSON.stringify(aud)}`,
    options: { audience: 'chat' },
    token: withClaims({ aud }),
    reason: 'its audience is not accepted for this app',
  })),
  {
    name: 'larger than 8192 characters',
    token: withClaims({ filler: 'x'.repeat(8192) }),
    reason: 'it is larger than 8192 characters',
  },
  ...[
    '..',
    'a.b.c',
    '.a.',
    'a.b.c.d.e',
    'e30.e30.e30',
    '\u{1f511}.é.ß',
    'null.null.null',
    '....',
  ].map((text) => ({
    name: `garbage ${text}`,
    token: () => text,
    reason: text === 'e30.e30.e30' ? ALGORITHM : MALFORMED,
  })),
  { name: 'a payload that is no object', token: withPayload(() => '[]'), reason: MALFORMED },
  { name: 'a payload that is no JSON', token: withPayload(() => '{'), reason: MALFORMED },
  { name: 'a payload nested deep', token: withPayload(() => '['.repeat(5000)), reason: MALFORMED },
  {
    name: 'a changed payload',
    token: (server) => {
      const [header, , signature] = tokenOf(server).split('.')
      return [header, tokenOf(server, { sub: 'admin' }).split('.')[1], signature].join('.')
    },
    reason: SIGNATURE,
  },
  ...[
    null,
    true,
    [],
    ['7'],
    '',
    { id: null },
    { id: {} },
    { id: '' },
    1.5,
    2 ** 53,
    'x'.repeat(257),
  ].map((sub) => ({
    name: `sub ${JSON.stringify(sub).slice(0, 20)}`,
    token: withClaims({ sub }),
    reason: CLAIMS,
  })),
  ...['private-*', { 0: '*' }, [1], [null], null, true].flatMap((patterns) =>
    ['listen', 'publish'].map((name) => ({
      name: `${name} ${JSON.stringify(patterns)}`,
      token: withClaims({ [name]: patterns }),
      reason: CLAIMS,
    })),
  ),
  ...[1, null, '', ['a'], 'x'.repeat(257)].map((jti) => ({
    name: `jti ${JSON.stringify(jti).slice(0, 20)}`,
    token: withClaims({ jti }),
    reason: CLAIMS,
  })),
  { name: 'info that is no object', token: withClaims({ info: ['x'] }), reason: CLAIMS },
  {
    name: 'a CSRF token without its raw value',
    token: withClaims({ aud: 'csrf', s_csrf: 'x' }),
    reason: 'invalid_csrf',
  },
]
