/**
 * Claims: what a verified token says about its bearer. `listen` and `publish` are lists of patterns,
 * `sub` is who somebody is on presence channels. A claim of another type than documented refuses the
 * whole token: half of a token is nobody's intention.
 */
import { writtenIn } from 'carillon/plugin'
import type { JWTPayload } from 'jose'

/** What matters of a token for as long as something rests on it. */
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

/** A token that was verified, with what it grants. */
export type Grant = {
  readonly token: Token
  readonly listen: readonly string[]
  readonly publish: readonly string[]
  /** Who the bearer is on presence channels, as the wire's `channel_data`; undefined for nobody. */
  readonly channelData: string | undefined
}

/** A name is tried in each of its forms. Only topics have colons. */
export function matches(patterns: readonly string[], names: readonly string[]): boolean {
  return patterns.some((pattern) =>
    names.some((name) => (name.includes(':') ? fitsTopic : fitsChannel)(pattern, name)),
  )
}

/** Exact, or all that begins as it does where it ends in `*`. */
const fitsChannel = (pattern: string, channel: string): boolean =>
  pattern.endsWith('*') ? channel.startsWith(pattern.slice(0, -1)) : channel === pattern

/**
 * As ExPusherLite reads it: exact, but that `:*` stands for a colon and anything. A lone `*` is none.
 * One pass over the topic, whatever the pattern is.
 */
function fitsTopic(pattern: string, topic: string): boolean {
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

/** The longest id of a token or user: what rests on a token is kept for each channel of a connection. */
export const MAX_ID_CHARS = 256

/** What else is known of a token; `text` is its payload as it was written. */
type About = { readonly appId: string; readonly expiresAt: number; readonly text: string }

/** Undefined where a claim is not of its type; `exp` and `iat` were checked before. */
export function readClaims(
  payload: JWTPayload,
  { appId, expiresAt, text }: About,
): Grant | undefined {
  const listen = patternsIn(payload['listen'])
  const publish = patternsIn(payload['publish'])
  const identity = identityIn(payload, text)
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

/** `sub` is an id, or an object with one; `{}` is nobody, as in tokens of Guardian's time. */
function identityIn({ sub, info }: JWTPayload, text: string): Identity | undefined {
  const subject: unknown = sub
  if (subject === undefined) return NOBODY
  const described = isRecord(subject) ? subject : undefined
  if (described && !Object.hasOwn(described, 'id')) return NOBODY
  const id = described ? described['id'] : subject
  const user = Number.isSafeInteger(id) ? String(id) : id // a larger number may be another user's
  if (!isId(user)) return undefined
  const userInfo = info ?? described
  if (userInfo !== undefined && !isRecord(userInfo)) return undefined
  const written = userInfo && writtenIn(text, userInfo === described ? 'sub' : 'info')
  const rest = written === undefined ? '' : `,"user_info":${written}`
  return { user, channelData: `{"user_id":${JSON.stringify(user)}${rest}}` }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
