/**
 * Pusher's signatures, made in the browser, where the secret stays. Synchronous, which the browser's own
 * cryptography is not; that has no MD5 either, and is absent on pages without TLS. Spec: contract 6.2.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { md5 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** A key of an app, and its secret. */
export type KeyPair = { readonly key: string; readonly secret: string }

/** What is signed of a request: its path as the server sees it, without a prefix that a proxy takes off. */
export type SignedParts = {
  readonly method: string
  readonly path: string
  readonly query?: Iterable<readonly [name: string, value: string]>
  /** An empty one is no body. */
  readonly body?: string | undefined
}

/** Signs a request; the query to send, without a question mark. `now` is epoch milliseconds. */
export function signQuery(parts: SignedParts, { key, secret }: KeyPair, now: number): string {
  const { method, path, query: asked = [], body = '' } = parts
  const query = new Map([...asked].map(([name, value]) => [name.toLowerCase(), value]))
  query.set('auth_key', key)
  query.set('auth_timestamp', String(Math.floor(now / 1000)))
  query.set('auth_version', '1.0')
  if (body !== '') query.set('body_md5', bytesToHex(md5(utf8ToBytes(body))))

  const pairs = [...query].sort(([a], [b]) => (a < b ? -1 : 1))
  const signedQuery = pairs.map((pair) => pair.join('=')).join('&')
  const signature = signText(`${method.toUpperCase()}\n${path}\n${signedQuery}`, secret)
  return [...pairs, ['auth_signature', signature]]
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&')
}

/** Signs a text: HMAC-SHA256 in hexadecimal digits. */
export const signText = (text: string, secret: string): string =>
  bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(text)))
