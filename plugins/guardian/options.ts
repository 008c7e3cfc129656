/**
 * Options, checked at the start. A key is bound to its algorithms here, so that a token's header only ever
 * picks among those that the operator named.
 */
import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

/** A public key that tokens may be signed for. */
export type PublicKey = {
  /** PEM text, or a JWK. Secrets are no public keys: a JWK of type `oct` fails at the start. */
  readonly key: string | JWK
  /** Tokens that name a key must name this one; without it the key is tried for every token. */
  readonly kid?: string
  /** The only algorithm; RS256 for RSA keys if absent. */
  readonly algorithm?: string
  /** Tokens verified with it must have this `iss`; without it, the option `issuer` counts. */
  readonly issuer?: string
}

/** An address that lists public keys. */
export type JwksAddress = { readonly url: string; readonly issuer?: string }

export type TokenOptions = {
  readonly keys?: readonly PublicKey[]
  readonly jwks?: readonly (string | JwksAddress)[]
  /** HS256, HS384, HS512 with the app's live secrets. Default: true where there are neither `keys` nor `jwks`. */
  readonly hmac?: boolean
  /** Accepted `iss`; without it, any. */
  readonly issuer?: string | readonly string[]
  /** One of these must be in `aud`; without it, any. */
  readonly audience?: string | readonly string[]
  /** How far clocks may differ. Default 5. */
  readonly clockToleranceSeconds?: number
  /** The longest that a token may live; a revocation lasts as long. Default 30 days. */
  readonly maxLifetimeSeconds?: number
  /** Also accepts HMAC with the app's *key*, which is public: anybody can make such tokens. Default false. */
  readonly legacyJwtSignedWithKey?: boolean
}

/** Options of an app replace the general ones, one by one. */
export type GuardianOptions = TokenOptions & {
  readonly apps?: Readonly<Record<string, TokenOptions>>
}

export type PinnedKey = {
  readonly key: JWK
  readonly kid: string | undefined
  readonly algorithms: readonly string[]
  readonly issuer: string | undefined
}

/** Options with every default filled in. */
export type Settings = {
  readonly keys: readonly PinnedKey[]
  readonly jwks: readonly JwksAddress[]
  readonly hmac: boolean
  readonly issuer: readonly string[] | undefined
  readonly audience: readonly string[] | undefined
  readonly clockToleranceSeconds: number
  readonly maxLifetimeSeconds: number
  readonly legacyJwtSignedWithKey: boolean
}

const DEFAULTS = {
  clockToleranceSeconds: 5,
  maxLifetimeSeconds: 30 * 24 * 60 * 60,
  legacyJwtSignedWithKey: false,
}

/** @throws Error that names the first option which can't be used */
export function readOptions({ apps = {}, ...general }: GuardianOptions): {
  readonly general: Settings
  readonly byApp: ReadonlyMap<string, Settings>
} {
  return {
    general: settingsOf(general, 'guardian'),
    byApp: new Map(
      Object.entries(apps).map(([id, own]) => [
        id,
        settingsOf({ ...general, ...own }, `guardian apps.${id}`),
      ]),
    ),
  }
}

function settingsOf(options: TokenOptions, where: string): Settings {
  for (const [name, value] of Object.entries(options)) {
    const expected = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof TokenOptions] : undefined
    if (!expected) throw new Error(`${where}: ${name} is no option of it`)
    if (value !== undefined && !expected.fits(value))
      throw new Error(`${where}: ${name} must be ${expected.expected}`)
  }
  const keys = (options.keys ?? []).map((key) => pinKey(key, where))
  const jwks = (options.jwks ?? []).map((each) => (typeof each === 'string' ? { url: each } : each))
  return {
    keys,
    jwks,
    hmac: options.hmac ?? keys.length + jwks.length === 0,
    issuer: listOf(options.issuer),
    audience: listOf(options.audience),
    clockToleranceSeconds: options.clockToleranceSeconds ?? DEFAULTS.clockToleranceSeconds,
    maxLifetimeSeconds: options.maxLifetimeSeconds ?? DEFAULTS.maxLifetimeSeconds,
    legacyJwtSignedWithKey: options.legacyJwtSignedWithKey ?? DEFAULTS.legacyJwtSignedWithKey,
  }
}

const listOf = (value: string | readonly string[] | undefined): readonly string[] | undefined =>
  typeof value === 'string' ? [value] : value

type Check = { readonly fits: (value: unknown) => boolean; readonly expected: string }

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const list = (fits: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every(fits)
const texts: Check = {
  fits: (value) => isText(value) || list(isText)(value),
  expected: 'a text or a list of texts',
}
const onOff: Check = { fits: (value) => typeof value === 'boolean', expected: 'true or false' }
const seconds = (least: number, most: number): Check => ({
  fits: (value) => typeof value === 'number' && value >= least && value <= most,
  expected: `a number of seconds from ${least} to ${most}`,
})

const CHECKS: Readonly<Record<keyof TokenOptions, Check>> = {
  keys: {
    fits: list((value) => typeof value === 'object' && value !== null && 'key' in value),
    expected: 'a list of { key, kid, algorithm, issuer }',
  },
  jwks: {
    fits: list((value) =>
      isAddress(typeof value === 'string' ? value : (value as Partial<JwksAddress> | null)?.url),
    ),
    expected: 'a list of http or https addresses, each a text or { url, issuer }',
  },
  hmac: onOff,
  issuer: texts,
  audience: texts,
  clockToleranceSeconds: seconds(0, 300),
  maxLifetimeSeconds: seconds(1, 10 * 365 * 24 * 60 * 60),
  legacyJwtSignedWithKey: onOff,
}

const isAddress = (value: unknown): boolean =>
  typeof value === 'string' && /^https?:/.test(value) && URL.canParse(value)

/** The algorithms of each kind of key; the first is the default. */
const ALGORITHMS_BY_KIND: Readonly<Record<string, readonly (readonly string[])[]>> = {
  rsa: [['RS256'], ['RS384'], ['RS512'], ['PS256'], ['PS384'], ['PS512']],
  'P-256': [['ES256']],
  'P-384': [['ES384']],
  'P-521': [['ES512']],
  Ed25519: [['EdDSA', 'Ed25519']],
}

const MIN_RSA_BITS = 2048

function pinKey({ key, kid, algorithm, issuer }: PublicKey, where: string): PinnedKey {
  const publicKey = importPublic(key, where)
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  const named = algorithm ?? (typeof key === 'object' ? key.alg : undefined)
  const kinds = ALGORITHMS_BY_KIND[jwk.crv ?? publicKey.asymmetricKeyType ?? ''] ?? []
  const algorithms = named === undefined ? kinds[0] : kinds.find((names) => names.includes(named))
  if (!algorithms)
    throw new Error(`${where}: keys: no ${named ?? 'known'} algorithm verifies with such a key`)
  if (jwk.n !== undefined && Buffer.from(jwk.n, 'base64url').length * 8 < MIN_RSA_BITS)
    throw new Error(`${where}: keys: an RSA key must have at least ${MIN_RSA_BITS} bits`)
  return {
    key: jwk,
    kid: kid ?? (typeof key === 'object' ? key.kid : undefined),
    algorithms,
    issuer,
  }
}

function importPublic(key: string | JWK, where: string): KeyObject {
  try {
    return typeof key === 'string'
      ? createPublicKey(key)
      : createPublicKey({ key, format: 'jwk' } as JsonWebKeyInput)
  } catch (cause) {
    throw new Error(`${where}: keys: expected a public key, as PEM or JWK`, { cause })
  }
}
