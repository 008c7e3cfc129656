/** TOKEN_REFUSALS: every reason for which a token is refused, and the message to its bearer. */

export const TOKEN_REFUSALS = {
  many: 'more than one was sent',
  too_large: 'it is larger than 8192 characters',
  malformed: 'it cannot be read',
  algorithm: 'its algorithm is not accepted for this app',
  signature: 'it is not signed with a key of this app',
  keys_unavailable: 'the keys to verify it are not available now',
  expired: 'it has expired',
  not_yet_valid: 'it is not valid yet',
  lifetime: 'it has no exp, or lives too long',
  issuer: 'its issuer is not accepted for this app',
  audience: 'its audience is not accepted for this app',
  claims: 'a claim of it is not of the documented type',
  csrf: 'invalid_csrf',
  revoked: 'it was revoked',
} as const satisfies Record<string, string>

export type Reason = keyof typeof TOKEN_REFUSALS

/** Errors that ExPusherLite's clients know; any other reason is `invalid_token`. */
const EXPUSHERLITE_ERRORS: { readonly [Name in Reason]?: string } = {
  expired: 'token_expired',
  not_yet_valid: 'token_not_yet_valid',
  issuer: 'invalid_issuer',
  audience: 'invalid_audience',
  csrf: 'invalid_csrf',
}

export const errorOf = (reason: Reason): string => EXPUSHERLITE_ERRORS[reason] ?? 'invalid_token'

export const messageOf = (reason: Reason): string => `Token refused: ${TOKEN_REFUSALS[reason]}`
