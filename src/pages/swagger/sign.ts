/** Puts credentials on requests, by the scheme of their route: Pusher's signature in the query, Basic, or a token. */
import type { SwaggerRequest } from 'swagger-ui-dist/swagger-ui-es-bundle.js'
import { signQuery } from '../signature'
import type { RequestScheme, Scheme } from './schemes'

/** Labels of the bar's fields. */
const LABELS = {
  appId: 'id',
  key: 'key',
  secret: 'secret',
  username: 'user',
  password: 'password',
  token: 'token',
}

export type Credentials = { readonly [Field in keyof typeof LABELS]: string }

/** The two fields that a scheme needs: a name, and a secret. */
const NEEDS: Readonly<Record<Scheme, readonly [keyof Credentials, keyof Credentials]>> = {
  signature: ['key', 'secret'],
  keyPair: ['key', 'secret'],
  password: ['username', 'password'],
}

/**
 * The request with the credentials of its scheme; without a scheme it stays as it is. Where the bar is not
 * filled in, nothing is sent. `now` is epoch milliseconds.
 */
export function authorize(
  request: SwaggerRequest,
  { scheme, path }: RequestScheme,
  credentials: Credentials,
  now: number,
): SwaggerRequest {
  if (scheme === undefined) return request
  if (scheme === 'password' && credentials.token)
    return withAuthorization(request, `Bearer ${credentials.token}`)
  const empty = NEEDS[scheme].filter((field) => !credentials[field])
  if (empty.length > 0) {
    const deed = scheme === 'signature' ? 'signed and not sent' : 'sent'
    const missing = empty.map((field) => LABELS[field]).join(' and no ')
    return withoutSending(request, `Not ${deed}: the bar has no ${missing}.`)
  }
  if (scheme === 'signature') return sign(request, credentials, { path, now })
  const pair = NEEDS[scheme].map((field) => credentials[field]).join(':')
  return withAuthorization(
    request,
    `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`,
  )
}

const withAuthorization = (request: SwaggerRequest, authorization: string): SwaggerRequest => ({
  ...request,
  headers: { ...request.headers, authorization },
})

/** A request that fails with the message instead of being sent. An error thrown here would break the page. */
function withoutSending(request: SwaggerRequest, message: string): SwaggerRequest {
  const error = Object.assign(new Error(message), { name: '' })
  return { ...request, userFetch: () => Promise.reject(error) }
}

/** Signed beside method and query: the path as the server sees it, and epoch milliseconds. */
type SignContext = { readonly path: string; readonly now: number }

function sign(request: SwaggerRequest, pair: Credentials, { path, now }: SignContext) {
  const { origin, pathname, searchParams } = new URL(request.url)
  const body = typeof request.body === 'string' ? request.body : ''
  const query = signQuery({ method: request.method, path, query: searchParams, body }, pair, now)
  return { ...request, url: `${origin}${pathname}?${query}` }
}
