/**
 * Credentials put on a request, as its route asks for them: Pusher's signature in the query, or
 * Basic. Synchronous, which the browser's own cryptography is not; it has no MD5 either.
 * Spec: contract 6.2.
 */
import { hmac } from '@noble/hashes/hmac.js'
import { md5 } from '@noble/hashes/legacy.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { SwaggerRequest } from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import type { Asked, Way } from './ways'

export type Credentials = {
  readonly appId: string
  readonly key: string
  readonly secret: string
  readonly username: string
  readonly password: string
}

/** What the bar calls its fields. */
const LABELS: Readonly<Record<keyof Credentials, string>> = {
  appId: 'id',
  key: 'key',
  secret: 'secret',
  username: 'user',
  password: 'password',
}

type Authorize = {
  readonly needs: readonly (keyof Credentials)[]
  readonly put: (request: SwaggerRequest, credentials: Credentials, as: Signed) => SwaggerRequest
}

/** What is signed beside method and query: the path as the server sees it, and epoch milliseconds. */
type Signed = { readonly path: string; readonly now: number }

const AUTHORIZE: Readonly<Record<Way, Authorize>> = {
  signature: { needs: ['key', 'secret'], put: signed },
  keyPair: {
    needs: ['key', 'secret'],
    put: (request, { key, secret }) => withBasic(request, `${key}:${secret}`),
  },
  password: {
    needs: ['username', 'password'],
    put: (request, { username, password }) => withBasic(request, `${username}:${password}`),
  },
}

/**
 * `now` is epoch milliseconds. What asks for no credentials stays as it is; where the bar is not filled
 * in nothing is sent, since what is empty signs nothing.
 */
export function authorized(
  request: SwaggerRequest,
  { way, path }: Asked,
  credentials: Credentials,
  now: number,
): SwaggerRequest {
  if (way === undefined) return request
  const { needs, put } = AUTHORIZE[way]
  const empty = needs.filter((field) => !credentials[field])
  if (empty.length === 0) return put(request, credentials, { path, now })
  const deed = way === 'signature' ? 'signed and not sent' : 'sent'
  const missing = empty.map((field) => LABELS[field]).join(' and no ')
  return unsent(request, `Not ${deed}: the bar has no ${missing}.`)
}

/** The page shows a request's error with its name, unless that is empty; one thrown here would break it. */
function unsent(request: SwaggerRequest, message: string): SwaggerRequest {
  const error = Object.assign(new Error(message), { name: '' })
  return { ...request, userFetch: () => Promise.reject(error) }
}

function withBasic(request: SwaggerRequest, credentials: string) {
  const bytes = utf8ToBytes(credentials)
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`
  return { ...request, headers: { ...request.headers, authorization } }
}

function signed(request: SwaggerRequest, { key, secret }: Credentials, { path, now }: Signed) {
  const { origin, pathname, searchParams } = new URL(request.url)
  const query = new Map([...searchParams].map(([name, value]) => [name.toLowerCase(), value]))
  query.set('auth_key', key)
  query.set('auth_timestamp', String(Math.floor(now / 1000)))
  query.set('auth_version', '1.0')
  if (typeof request.body === 'string' && request.body !== '')
    query.set('body_md5', bytesToHex(md5(utf8ToBytes(request.body))))

  const pairs = [...query].sort(([a], [b]) => (a < b ? -1 : 1))
  const text = `${request.method.toUpperCase()}\n${path}\n${pairs.map((pair) => pair.join('=')).join('&')}`
  const signature = bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(text)))
  const wire = [...pairs, ['auth_signature', signature]]
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&')
  return { ...request, url: `${origin}${pathname}?${wire}` }
}
