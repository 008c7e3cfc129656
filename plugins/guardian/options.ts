/**
 * Options: whose tokens are believed. Everything is checked at the start; a key is bound to its
 * algorithms here, so that a token's header only ever picks among what the operator wrote.
 */
import { createPublicKey, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'

/** A public key that tokens may be signed for. */
export type PublicKey = {
  /** PEM text, or a JWK. Secrets are no public keys: a JWK of type `oct` fails at the start. */
  readonly key: string | JWK
  /** Tokens that name a key must name this one; without it the key is tried for every token. */
  readonly kid?: string
  /** The one algorithm; RSA keys are RS256 unless this says else. */
  readonly algorithm?: string
  /** Tokens verified with it must have this `iss`; else `issuer` decides. */
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
  /** One of them must be in `aud`; without it, any. */
  readonly audience?: string | readonly string[]
  /** How far clocks may be apart. Default 5. */
  readonly clockToleranceSeconds?: number
  /** The longest that a token may live; a revocation lasts as long. Default 30 days. */
  readonly maxLifetimeSeconds?: number
  /** Also accepts HMAC with the app's *key*, which is public: anybody can make such tokens. Default false. */
  readonly legacyJwtSignedWithKey?: boolean
}

/** Those of an app stand in for the general ones, option by option. */
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
      throw new Error(`${where}: ${name} must be ${expected.words}`)
  }
  const keys = (options.keys ?? []).map((key) => pinned(key, where))
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

type Check = { readonly fits: (value: unknown) => boolean; readonly words: string }

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const list = (fits: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every(fits)
const texts: Check = {
  fits: (value) => isText(value) || list(isText)(value),
  words: 'a text or a list of texts',
}
const onOff: Check = { fits: (value) => typeof value === 'boolean', words: 'true or false' }
const seconds = (least: number, most: number): Check => ({
  fits: (value) => typeof value === 'number' && value >= least && value <= most,
  words: `a number of seconds from ${least} to ${most}`,
})

const CHECKS: Readonly<Record<keyof TokenOptions, Check>> = {
  keys: {
    fits: list((value) => typeof value === 'object' && value !== null && 'key' in value),
    words: 'a list of { key, kid, algorithm, issuer }',
  },
  jwks: {
    fits: list((value) =>
      isAddress(typeof value === 'string' ? value : (value as Partial<JwksAddress> | null)?.url),
    ),
    words: 'a list of http or https addresses, each a text or { url, issuer }',
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

/** What a key of each kind may verify; the first row's first is what it does unless told. */
const KINDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  rsa: [['RS256'], ['RS384'], ['RS512'], ['PS256'], ['PS384'], ['PS512']],
  'P-256': [['ES256']],
  'P-384': [['ES384']],
  'P-521': [['ES512']],
  Ed25519: [['EdDSA', 'Ed25519']],
}

const LEAST_RSA_BITS = 2048

function pinned({ key, kid, algorithm, issuer }: PublicKey, where: string): PinnedKey {
  const publicKey = importPublic(key, where)
  const jwk = publicKey.export({ format: 'jwk' }) as JWK
  const named = algorithm ?? (typeof key === 'object' ? key.alg : undefined)
  const kinds = KINDS[jwk.crv ?? publicKey.asymmetricKeyType ?? ''] ?? []
  const algorithms = named === undefined ? kinds[0] : kinds.find((names) => names.includes(named))
  if (!algorithms)
    throw new Error(`${where}: keys: no ${named ?? 'known'} algorithm verifies with such a key`)
  if (jwk.n !== undefined && Buffer.from(jwk.n, 'base64url').length * 8 < LEAST_RSA_BITS)
    throw new Error(`${where}: keys: an RSA key must have at least ${LEAST_RSA_BITS} bits`)
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
