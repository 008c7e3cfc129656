/**
 * TOKEN_SOURCES: the places of tokens in requests, and the names of channels that patterns are matched with.
 * A protocol with tokens in another place, or topics with other names, adds a row.
 */
import type { ConnectRequest, SubscribeRequest } from 'carillon/plugin'

/** Tokens in a request, and raw values that CSRF claims are made from. */
export type Found = { readonly jwts: readonly string[]; readonly raws: readonly string[] }

/** Guardian's clients swap the names; the value itself shows whether it is the token. */
const PARAMETERS = ['guardian_token', 'csrf_token', 'guardian_csrf', 'token']

/** A query that does not match has none of the parameters, however it is encoded; most do not. */
const MAY_HAVE_PARAMETER = /token|csrf|[%+]/

const NOTHING: readonly string[] = []
const NOTHING_FOUND: Found = { jwts: NOTHING, raws: NOTHING }

export const TOKEN_SOURCES = {
  connect: {
    find: ({ url, query, headers }: ConnectRequest): Found => {
      const sent = MAY_HAVE_PARAMETER.test(url)
        ? PARAMETERS.flatMap((name) => query.getAll(name))
        : NOTHING
      return classify(sent.concat(bearerProtocols(headers), polledToken(headers)))
    },
  },
  subscribe: {
    find: ({ auth, params }: SubscribeRequest): Found => {
      const sent: string[] = auth === undefined || isSignature(auth) ? [] : [auth]
      for (const name of PARAMETERS) {
        const value = params[name]
        if (typeof value === 'string') sent.push(value)
      }
      return classify(sent)
    },
    /** The names of a channel, of which a pattern may match any. Whoever may listen to all of a scope may join it. */
    names: ({ channel }: SubscribeRequest): readonly string[] =>
      SCOPE.test(channel) ? [channel, `${channel}:`] : [channel],
  },
}

/** A Phoenix topic that names an app and nothing below it: `private:<slug>`. */
const SCOPE = /^[^:]+:[^:]+$/

/** phoenix.js (`authToken`) offers its token as a protocol, in base64 of either alphabet. */
const BEARER = 'base64url.bearer.phx.'

function bearerProtocols(headers: Headers): readonly string[] {
  const offered = headers.get('sec-websocket-protocol')
  if (offered === null) return NOTHING
  return offered
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name.startsWith(BEARER))
    .map((name) => Buffer.from(name.slice(BEARER.length), 'base64').toString())
}

/** The token of phoenix.js over long-poll. */
function polledToken(headers: Headers): readonly string[] {
  const token = headers.get('x-phoenix-authtoken')
  return token === null ? NOTHING : [token]
}

/** `key:signature`; no token has a colon. */
export const isSignature = (auth: string | undefined): boolean => auth?.includes(':') === true

/**
 * Anything with two dots: unsigned, encrypted and broken tokens must be refused and not overlooked. Raw
 * values are base64 and have none.
 */
const JWT = /\.[^]*\./

function classify(values: readonly string[]): Found {
  if (values.length === 0) return NOTHING_FOUND
  return {
    jwts: values.filter((value) => JWT.test(value)),
    raws: values.filter((value) => !JWT.test(value)),
  }
}
