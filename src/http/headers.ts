/** Headers that several parts read or write: content types, request ids, `authorization`, `accept`. */
import { RealtimeError } from '../core/errors'

/** Content types as we write them: API, handshakes, transports. */
export const CONTENT_TYPES = {
  json: 'application/json; charset=utf-8',
  /** As the framework writes it for objects that handlers return. */
  frameworkJson: 'application/json;charset=utf-8',
  text: 'text/plain; charset=utf-8',
  html: 'text/html; charset=utf-8',
  script: 'application/javascript; charset=utf-8',
} as const

/** Every answer carries it, so that a caller's report finds its line in the log. Spec: phoenix contract 3.1. */
export const REQUEST_ID = 'x-request-id'

/** The caller's own, where it is of 20 to 200 printable characters; else a new one. */
export function requestIdFrom(given: string | null): string {
  return given !== null && /^[\x21-\x7e]{20,200}$/.test(given) ? given : crypto.randomUUID()
}

/** User and password; empty where the header can't be parsed. The scheme's case does not matter. */
export function basicCredentials(header: string | null) {
  const [scheme = '', encoded = ''] = (header ?? '').split(' ')
  const credentials = Buffer.from(encoded, 'base64').toString()
  const colon = credentials.indexOf(':')
  return {
    isBasic: scheme.toLowerCase() === 'basic' && colon !== -1,
    user: credentials.slice(0, Math.max(0, colon)),
    password: credentials.slice(colon + 1),
  }
}

/** The token; empty for another scheme. */
export function bearerToken(header: string | null): string {
  const [scheme = '', token = ''] = (header ?? '').split(' ')
  return scheme.toLowerCase() === 'bearer' ? token : ''
}

const JSON_RANGES = ['*/*', 'application/*', 'application/json']

/** Spec: phoenix contract 2.1. @throws RealtimeError('not_acceptable') where JSON is excluded */
export function requireJsonAccepted({ headers }: Request): void {
  const accept = headers.get('accept')
  if (!accept) return
  const ranges = accept.split(',').map((range) => range.split(';')[0]!.trim().toLowerCase())
  if (!ranges.some((range) => JSON_RANGES.includes(range)))
    throw new RealtimeError('not_acceptable', 'Not Acceptable')
}
