/**
 * WAYS: where a token may come from, and under which names patterns know what is asked for. A
 * protocol that brings tokens in another place, or has topics with other names, adds a row.
 */
import type { ConnectRequest, SubscribeRequest } from 'carillon/plugin'

/** What was found in one place: tokens, and raw values that CSRF claims are made from. */
export type Found = { readonly jwts: readonly string[]; readonly raws: readonly string[] }

/** Guardian's clients swap the names; which value is the token shows in the value. */
const PARAMETERS = ['guardian_token', 'csrf_token', 'guardian_csrf', 'token']

export const WAYS = {
  connect: {
    find: ({ query, headers }: ConnectRequest): Found =>
      sorted([
        ...PARAMETERS.flatMap((name) => query.getAll(name)),
        ...bearerProtocols(headers),
        ...polledToken(headers),
      ]),
  },
  subscribe: {
    find: ({ auth, params }: SubscribeRequest): Found => {
      const sent = PARAMETERS.map((name) => params[name]).filter(
        (value) => typeof value === 'string',
      )
      return sorted(auth === undefined || isSignature(auth) ? sent : [auth, ...sent])
    },
    /** The forms of the name; a pattern may match any. Who may listen to all of a scope may join it. */
    names: ({ channel }: SubscribeRequest): readonly string[] =>
      SCOPE.test(channel) ? [channel, `${channel}:`] : [channel],
  },
}

/** A Phoenix topic that names an app and nothing below it: `private:<slug>`. */
const SCOPE = /^[^:]+:[^:]+$/

/** phoenix.js (`authToken`) offers its token as a protocol, in base64 of either alphabet. */
const BEARER = 'base64url.bearer.phx.'

function bearerProtocols(headers: Headers): string[] {
  const offered = headers.get('sec-websocket-protocol')?.split(',') ?? []
  return offered
    .map((name) => name.trim())
    .filter((name) => name.startsWith(BEARER))
    .map((name) => Buffer.from(name.slice(BEARER.length), 'base64').toString())
}

/** The same over long-poll. */
function polledToken(headers: Headers): string[] {
  const token = headers.get('x-phoenix-authtoken')
  return token === null ? [] : [token]
}

/** `key:signature`; no token has a colon. */
export const isSignature = (auth: string | undefined): boolean => auth?.includes(':') === true

/**
 * Anything with two dots: what is unsigned, encrypted or broken must be refused and not overlooked.
 * Raw values are base64 and have none.
 */
const JWT = /\.[^]*\./

const sorted = (values: readonly string[]): Found => ({
  jwts: values.filter((value) => JWT.test(value)),
  raws: values.filter((value) => !JWT.test(value)),
})
