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
    find: ({ query }: ConnectRequest): Found =>
      sorted(PARAMETERS.flatMap((name) => query.getAll(name))),
  },
  subscribe: {
    find: ({ auth }: SubscribeRequest): Found =>
      auth === undefined || isSignature(auth) ? NOTHING : sorted([auth]),
    /** The forms of the name; a pattern may match any. */
    names: ({ channel }: SubscribeRequest): readonly string[] => [channel],
  },
}

/** `key:signature`; no token has a colon. */
export const isSignature = (auth: string | undefined): boolean => auth?.includes(':') === true

const NOTHING: Found = { jwts: [], raws: [] }

/**
 * Anything with two dots: what is unsigned, encrypted or broken must be refused and not overlooked.
 * Raw values are base64 and have none.
 */
const JWT = /\.[^]*\./

const sorted = (values: readonly string[]): Found => ({
  jwts: values.filter((value) => JWT.test(value)),
  raws: values.filter((value) => !JWT.test(value)),
})
