/**
 * Verifies a token for an app: size, algorithm, signature, time, issuer, audience, CSRF value, claims.
 * Links and keys in a token's header (`jku`, `jwk`, `x5u`, `x5c`) are ignored.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, type JWTPayload } from 'jose'
import type { AppView } from 'carillon/plugin'
import { readClaims, type Grant } from './claims'
import { KeysUnavailable } from './key-set'
import type { Keyring, Verifier } from './keyring'
import type { Reason } from './refusals'

const MAX_TOKEN_CHARS = 8192

/** A token as received, and the raw values sent with it. */
export type PresentedToken = { readonly jwt: string; readonly raws: readonly string[] }

export type VerifyContext = {
  readonly app: AppView
  readonly keyring: Keyring
  /** Epoch milliseconds. */
  readonly now: number
}

/** What the token grants, or the reason for which it is refused. */
export async function verify(
  { jwt, raws }: PresentedToken,
  context: VerifyContext,
): Promise<Grant | Reason> {
  if (jwt.length > MAX_TOKEN_CHARS) return 'too_large'
  const header = headerOf(jwt)
  if (!header) return 'malformed'
  const verifiers = context.keyring.verifiers(context.app, header)
  let reason: Reason = 'algorithm'
  for (const verifier of verifiers) {
    const payload = await verifyWith(verifier, jwt, context)
    if (typeof payload === 'object') return readGrant(payload, { verifier, jwt, raws, context })
    reason = payload
    if (!RETRIED_REASONS.includes(reason)) return reason
  }
  return reason
}

/** Reasons after which the next key is tried. */
const RETRIED_REASONS: readonly Reason[] = ['signature', 'issuer', 'keys_unavailable']

function headerOf(jwt: string): { readonly alg?: unknown; readonly kid?: unknown } | undefined {
  try {
    return decodeProtectedHeader(jwt)
  } catch {
    return undefined // TypeError: no header, or none that is base64url of JSON
  }
}

async function verifyWith(
  { algorithms, issuer, key }: Verifier,
  jwt: string,
  { keyring: { settings }, now }: VerifyContext,
): Promise<JWTPayload | Reason> {
  const { audience, clockToleranceSeconds } = settings
  try {
    const { payload } = await jwtVerify(jwt, key, {
      algorithms: [...algorithms],
      requiredClaims: ['exp'],
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
      ...(issuer && { issuer: [...issuer] }),
      ...(audience && { audience: [...audience] }),
    })
    return payload
  } catch (error) {
    return reasonOf(error)
  }
}

/** jose's errors by code, and by claim. */
const CODES: Readonly<Record<string, Reason>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature',
  ERR_JWKS_NO_MATCHING_KEY: 'signature',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'signature',
  ERR_JWKS_INVALID: 'keys_unavailable',
  ERR_JOSE_ALG_NOT_ALLOWED: 'algorithm',
  ERR_JOSE_NOT_SUPPORTED: 'malformed',
  ERR_JWS_INVALID: 'malformed',
  ERR_JWT_INVALID: 'malformed',
  ERR_JWT_EXPIRED: 'expired',
}
const CLAIMS: Readonly<Record<string, Reason>> = {
  exp: 'lifetime',
  nbf: 'not_yet_valid',
  iss: 'issuer',
  aud: 'audience',
}

/** @throws what is no error about the token */
function reasonOf(error: unknown): Reason {
  if (error instanceof KeysUnavailable) return 'keys_unavailable'
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.reason === 'invalid' ? 'claims' : (CLAIMS[error.claim] ?? 'claims')
  }
  const reason = error instanceof errors.JOSEError ? CODES[error.code] : undefined
  if (!reason) throw error
  return reason
}

function readGrant(
  payload: JWTPayload,
  { verifier, jwt, raws, context }: PresentedToken & { verifier: Verifier; context: VerifyContext },
): Grant | Reason {
  const { app, keyring, now } = context
  const { clockToleranceSeconds, maxLifetimeSeconds } = keyring.settings
  const { exp = Infinity, iat, aud } = payload
  const soon = now / 1000 + clockToleranceSeconds
  if (iat !== undefined && iat > soon) return 'not_yet_valid'
  // Otherwise a revocation could be over before the token has expired.
  if (!(exp - (iat ?? soon) <= maxLifetimeSeconds)) return 'lifetime'
  if ([aud].flat().includes('csrf') && !hasCsrfValue(payload, verifier.secret, raws)) return 'csrf'
  const expiresAt = (exp + clockToleranceSeconds) * 1000
  const payloadJson = Buffer.from(jwt.split('.')[1]!, 'base64url').toString()
  return readClaims(payload, { appId: app.id, expiresAt, payloadJson }) ?? 'claims'
}

/** Guardian up to 0.3: `s_csrf` is base64url of HMAC-SHA256(secret, raw value). */
function hasCsrfValue(
  { s_csrf: claim }: JWTPayload,
  secret: string | undefined,
  raws: readonly string[],
): boolean {
  if (typeof claim !== 'string' || secret === undefined) return false
  const given = Buffer.from(claim, 'base64url')
  return raws.some((raw) => {
    const expected = createHmac('sha256', secret).update(raw).digest()
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
}
