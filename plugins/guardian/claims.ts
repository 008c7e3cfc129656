/**
 * Claims of a verified token. `listen` and `publish` are lists of patterns, `sub` is the bearer on presence
 * channels. A claim of another type than documented refuses the whole token.
 */
import { writtenIn } from 'carillon/plugin'
import type { JWTPayload } from 'jose'

/** What is kept of a token for as long as a connection or subscription depends on it. */
export type Token = {
  readonly appId: string
  readonly jti: string | undefined
  /** The user's id as text. */
  readonly user: string | undefined
  /** Epoch seconds. */
  readonly issuedAt: number | undefined
  /** Epoch milliseconds, the tolerance included. */
  readonly expiresAt: number
}

/** A verified token and what it allows. */
export type Grant = {
  readonly token: Token
  readonly listen: readonly string[]
  readonly publish: readonly string[]
  /** The bearer on presence channels, as the wire's `channel_data`; undefined for a token without a user. */
  readonly channelData: string | undefined
}

/** True where a pattern matches one of a channel's names. Only topics have colons. */
export function matches(patterns: readonly string[], names: readonly string[]): boolean {
  return patterns.some((pattern) =>
    names.some((name) => (name.includes(':') ? matchesTopic : matchesChannel)(pattern, name)),
  )
}

/** Exact, or by prefix for a pattern that ends in `*`. */
const matchesChannel = (pattern: string, channel: string): boolean =>
  pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern

/**
 * As in ExPusherLite: exact, except that `:*` stands for a colon and anything. A lone `*` matches nothing
 * else. One pass over the topic, whatever the pattern is.
 */
function matchesTopic(pattern: string, topic: string): boolean {
  const pieces = pattern.split(':*')
  const end = pieces.pop()!
  if (pieces.length === 0) return topic === end
  let after = 0
  for (const [index, piece] of pieces.entries()) {
    const found =
      index === 0 ? topic.startsWith(`${piece}:`) && 0 : topic.indexOf(`${piece}:`, after)
    if (found === false || found === -1) return false
    after = found + piece.length + 1
  }
  return topic.length - after >= end.length && topic.endsWith(end)
}

/** The longest id of a token or user: a token is kept for each channel of a connection. */
export const MAX_ID_CHARS = 256

/** What else is known of a token; `payloadJson` is its payload as it was written. */
type TokenContext = {
  readonly appId: string
  readonly expiresAt: number
  readonly payloadJson: string
}

/** Undefined where a claim is not of its type; `exp` and `iat` were checked before. */
export function readClaims(
  payload: JWTPayload,
  { appId, expiresAt, payloadJson }: TokenContext,
): Grant | undefined {
  const listen = patternsIn(payload['listen'])
  const publish = patternsIn(payload['publish'])
  const identity = identityIn(payload, payloadJson)
  const { jti, iat: issuedAt } = payload
  if (!listen || !publish || !identity || (jti !== undefined && !isId(jti))) return undefined
  const { user, channelData } = identity
  return { token: { appId, jti, user, issuedAt, expiresAt }, listen, publish, channelData }
}

const isId = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARS

function patternsIn(claim: unknown): readonly string[] | undefined {
  if (claim === undefined) return []
  return Array.isArray(claim) && claim.every((pattern) => typeof pattern === 'string')
    ? claim
    : undefined
}

type Identity = Pick<Grant, 'channelData'> & Pick<Token, 'user'>

const NOBODY: Identity = { user: undefined, channelData: undefined }

/** `sub` is an id, or an object with one; `{}` is nobody, as in tokens of Guardian's first versions. */
function identityIn({ sub, info }: JWTPayload, payloadJson: string): Identity | undefined {
  const subject: unknown = sub
  if (subject === undefined) return NOBODY
  const described = isRecord(subject) ? subject : undefined
  if (described && !Object.hasOwn(described, 'id')) return NOBODY
  const id = described ? described['id'] : subject
  const user = Number.isSafeInteger(id) ? String(id) : id // a larger number may be another user's
  if (!isId(user)) return undefined
  const userInfo = info ?? described
  if (userInfo !== undefined && !isRecord(userInfo)) return undefined
  const written = userInfo && writtenIn(payloadJson, userInfo === described ? 'sub' : 'info')
  const rest = written === undefined ? '' : `,"user_info":${written}`
  return { user, channelData: `{"user_id":${JSON.stringify(user)}${rest}}` }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
