/**
 * A query as it was signed: `key=value`, sorted by key, joined, without the signature itself.
 * Spec: contract 6.2.
 */
import { percentDecode } from '../core/errors'
import { invalid } from './mistake'

export type Pair = readonly [key: string, value: string]

/** Parameters of a signed query, which is decoded several ways before a signature is known to be wrong. */
const MAX_PAIRS = 50

/**
 * Splits a query without decoding: `a=1&b=%20` is `[['a', '1'], ['b', '%20']]`.
 * @throws RealtimeError('request_invalid') for too many
 */
export function splitQuery(url: string): Pair[] {
  const pairs: Pair[] = []
  let at = url.indexOf('?') + 1
  if (at === 0) return pairs
  while (at < url.length) {
    if (pairs.length === MAX_PAIRS) throw invalid(`More than ${MAX_PAIRS} parameters in the query`)
    const ampersand = url.indexOf('&', at)
    const end = ampersand === -1 ? url.length : ampersand
    const equals = url.indexOf('=', at)
    const split = equals === -1 || equals > end ? end : equals
    pairs.push([url.slice(at, split), url.slice(split + 1, end)])
    at = end + 1
  }
  return pairs
}

/** Parameters that belong to the signature and to no route. */
const CREDENTIALS = [
  'auth_key',
  'auth_timestamp',
  'auth_version',
  'auth_signature',
  'body_md5',
] as const
type Credentials = { readonly [Name in (typeof CREDENTIALS)[number]]: string | undefined }

export type SignedQuery = {
  /** The text that the signature covers. */
  readonly text: string
  readonly credentials: Credentials
  /** True where there is more than credentials. */
  readonly hasParameters: boolean
}

/** How an SDK may decode a value before it signs it. */
export type Decode = (value: string) => string

export function parseSignedQuery(url: string): SignedQuery {
  return parsePlainQuery(url) ?? canonicalQuery(splitQuery(url), percentDecode)
}

/** `a[]=1&a[]=2&b=3` as `{ a: ['1', '2'], b: '3' }`, without credentials. */
export function parseParameters(url: string): Record<string, string | string[]> {
  // A parameter may be called __proto__.
  const parameters: Record<string, string | string[]> = Object.create(null)
  for (const [rawKey, rawValue] of splitQuery(url)) {
    if (isCredential(rawKey)) continue
    const key = percentDecode(rawKey)
    const value = percentDecode(rawValue) // a plus is a plus: that is what was signed
    if (!key.endsWith('[]')) parameters[key] = value
    else {
      const name = key.slice(0, -2)
      const list = parameters[name]
      if (Array.isArray(list)) list.push(value)
      else parameters[name] = [value]
    }
  }
  return parameters
}

const isCredential = (key: string): key is keyof Credentials =>
  (CREDENTIALS as readonly string[]).includes(key)

/** The query of nearly every SDK: sorted, nothing encoded, no parameters, the signature appended. */
const PLAIN =
  /^[^?]*\?(auth_key=([^&%]*)&auth_timestamp=(\d+)&auth_version=([\d.]+)(?:&body_md5=([\da-f]{32}))?)&auth_signature=([\da-f]{64})$/

/** Undefined for a query that is not plain. 0.7 µs, where `canonicalQuery` takes 3.5. */
function parsePlainQuery(url: string): SignedQuery | undefined {
  const match = PLAIN.exec(url)
  if (!match) return undefined
  const [, text = '', auth_key, auth_timestamp, auth_version, body_md5, auth_signature] = match
  const credentials = { auth_key, auth_timestamp, auth_version, body_md5, auth_signature }
  return { text, credentials, hasParameters: false }
}

/** Keys are in lower case. The last of a repeated key counts; a list (`key[]`) keeps its values, in order. */
export function canonicalQuery(pairs: readonly Pair[], read: Decode): SignedQuery {
  const query = new Map<string, string>()
  for (const [rawKey, rawValue] of pairs) {
    const key = read(rawKey).toLowerCase()
    const value = read(rawValue)
    const before = key.endsWith('[]') ? query.get(key) : undefined
    query.set(key, before === undefined ? value : `${before}&${key}=${value}`)
  }
  const credentials = Object.fromEntries(CREDENTIALS.map((name) => [name, query.get(name)]))
  query.delete('auth_signature')
  const keys = [...query.keys()].sort()
  return {
    text: keys.map((key) => `${key}=${query.get(key)}`).join('&'),
    credentials: credentials as Credentials,
    hasParameters: keys.some((key) => !isCredential(key)),
  }
}
