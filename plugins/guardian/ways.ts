/**
 * WAYS: where a token may come from, and under which names patterns know what is asked for. A
 * protocol that brings tokens in another place, or has topics with other names, adds a row.
 */
import type { ConnectRequest, SubscribeRequest } from 'carillon/plugin'

/** What was found in one place: tokens, and raw values that CSRF claims are made from. */
export type Found = { readonly jwts: readonly string[]; readonly raws: readonly string[] }

/** Guardian's clients swap the names; which value is the token shows in the value. */
const PARAMETERS = ['guardian_token', 'csrf_token', 'guardian_csrf', 'token']

/** A query without any of these has no such parameter, however it is encoded; most have none. */
const MAY_HAVE_PARAMETER = /token|csrf|[%+]/

const NOTHING: Found = { jwts: [], raws: [] }

export const WAYS = {
  connect: {
    find: ({ url, query, headers }: ConnectRequest): Found => {
      const asked = MAY_HAVE_PARAMETER.test(url)
        ? PARAMETERS.flatMap((name) => query.getAll(name))
        : []
      return sorted([...asked, ...bearerProtocols(headers), ...polledToken(headers)])
    },
  },
  subscribe: {
    find: ({ auth, params }: SubscribeRequest): Found => {
      const sent: string[] = auth === undefined || isSignature(auth) ? [] : [auth]
      for (const name of PARAMETERS) {
        const value = params[name]
        if (typeof value === 'string') sent.push(value)
      }
      return sorted(sent)
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
  const offered = headers.get('sec-websocket-protocol')
  if (offered === null) return []
  return offered
    .split(',')
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

function sorted(values: readonly string[]): Found {
  if (values.length === 0) return NOTHING
  return {
    jwts: values.filter((value) => JWT.test(value)),
    raws: values.filter((value) => !JWT.test(value)),
  }
}
