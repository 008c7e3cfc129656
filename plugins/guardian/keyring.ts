/**
 * Keyring: everything that may verify a token for one app. Key sets belong to one app's ring, so no key of
 * one app ever verifies for another, whatever its `kid`.
 *
 * Algorithm confusion is impossible by construction: an HMAC algorithm is only used with secrets of the app,
 * any other only with public keys, and each key only with the algorithms that it was configured for.
 */
import type { JWTVerifyGetKey } from 'jose'
import type { AppView } from 'carillon/plugin'
import { KeySet, type KeySetContext } from './key-set'
import type { PinnedKey, Settings } from './options'

/** A key or secret that verifies tokens. */
export type Verifier = {
  readonly algorithms: readonly string[]
  /** The `iss` of tokens that it verifies; undefined for any. */
  readonly issuer: readonly string[] | undefined
  /** The HMAC secret, which CSRF values are made with, too. */
  readonly secret: string | undefined
  readonly key: JWTVerifyGetKey
}

const HMAC = ['HS256', 'HS384', 'HS512']
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].concat([
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
])

export class Keyring {
  readonly #fixed: readonly (Verifier & { readonly kid: string | undefined })[]

  constructor(
    readonly settings: Settings,
    context: KeySetContext,
  ) {
    const { keys, jwks, issuer } = settings
    this.#fixed = [
      ...keys.map((pinned) => ({ ...verifierOf(pinned, issuer), kid: pinned.kid })),
      ...jwks.map((address) => ({
        algorithms: ASYMMETRIC,
        issuer: address.issuer === undefined ? issuer : [address.issuer],
        secret: undefined,
        key: new KeySet(address.url, context).find,
        kid: undefined,
      })),
    ]
  }

  /** The verifiers for a token with this header; `kid` is only ever compared. */
  verifiers(
    app: AppView,
    { alg, kid }: { readonly alg?: unknown; readonly kid?: unknown },
  ): Verifier[] {
    const named = this.#fixed.filter(
      (each) => each.kid === undefined || kid === undefined || each.kid === kid,
    )
    return [...this.#secrets(app), ...named].filter(
      ({ algorithms }) => typeof alg === 'string' && algorithms.includes(alg),
    )
  }

  /** Read on each call, so that a rotated secret counts at once. */
  #secrets({ keys }: AppView): Verifier[] {
    const { hmac, legacyJwtSignedWithKey, issuer } = this.settings
    const secrets = hmac ? keys.map(({ secret }) => secret) : []
    if (legacyJwtSignedWithKey) secrets.push(...keys.map(({ key }) => key))
    return secrets.map((secret) => {
      const bytes = new TextEncoder().encode(secret)
      return { algorithms: HMAC, issuer, secret, key: () => Promise.resolve(bytes) }
    })
  }
}

function verifierOf({ key, algorithms, issuer }: PinnedKey, general: Settings['issuer']): Verifier {
  return {
    algorithms,
    issuer: issuer === undefined ? general : [issuer],
    secret: undefined,
    key: () => Promise.resolve(key),
  }
}
