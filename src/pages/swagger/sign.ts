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

export type Credentials = {
  readonly appId: string
  readonly key: string
  readonly secret: string
  readonly username: string
  readonly password: string
}

type Authorize = (request: SwaggerRequest, credentials: Credentials, now: number) => SwaggerRequest

/** The first row that fits. An app in the admin API is in a path like those of the signed routes. */
const ROUTES: readonly (readonly [path: RegExp, authorize: Authorize])[] = [
  [/\/(api\/admin|plugins)\//, withPassword],
  [/\/api\/(apps\/|push$)/, withKeyPair],
  [/\/apps\/[^/]+\//, signed],
]

/** `now` is epoch milliseconds. What nothing asks credentials for stays as it is. */
export function authorized(
  request: SwaggerRequest,
  credentials: Credentials,
  now: number,
): SwaggerRequest {
  const { pathname } = new URL(request.url)
  const route = ROUTES.find(([path]) => path.test(pathname))
  return route ? route[1](request, credentials, now) : request
}

function withPassword(request: SwaggerRequest, { username, password }: Credentials) {
  return withBasic(request, `${username}:${password}`)
}

function withKeyPair(request: SwaggerRequest, { key, secret }: Credentials) {
  return withBasic(request, `${key}:${secret}`)
}

function withBasic(request: SwaggerRequest, credentials: string) {
  const bytes = utf8ToBytes(credentials)
  const authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`
  return { ...request, headers: { ...request.headers, authorization } }
}

/** Where a signed path begins: a proxy may take off what is in front, so that the server would not see it. */
const SIGNED_PATH = /\/apps\/[^/]+\/(?:events|batch_events|channels|users)(?:\/.*)?$/

function signed(request: SwaggerRequest, { key, secret }: Credentials, now: number) {
  const { origin, pathname, searchParams } = new URL(request.url)
  const query = new Map([...searchParams].map(([name, value]) => [name.toLowerCase(), value]))
  query.set('auth_key', key)
  query.set('auth_timestamp', String(Math.floor(now / 1000)))
  query.set('auth_version', '1.0')
  if (typeof request.body === 'string' && request.body !== '')
    query.set('body_md5', bytesToHex(md5(utf8ToBytes(request.body))))

  const pairs = [...query].sort(([a], [b]) => (a < b ? -1 : 1))
  const [path] = SIGNED_PATH.exec(pathname) ?? [pathname]
  const text = `${request.method.toUpperCase()}\n${path}\n${pairs.map((pair) => pair.join('=')).join('&')}`
  const signature = bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(text)))
  const wire = [...pairs, ['auth_signature', signature]]
    .map((pair) => pair.map(encodeURIComponent).join('='))
    .join('&')
  return { ...request, url: `${origin}${pathname}?${wire}` }
}
