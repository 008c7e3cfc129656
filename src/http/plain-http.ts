/** Answers to requests without TLS where the settings ask for it (`CARILLON_PLAIN_HTTP`). */
import { REFUSE } from '../core/errors'
import { hostWithoutPort, type Addresses } from './address'
import { CONTENT_TYPES, REQUEST_ID, requestIdFrom } from './headers'
import { pathOf, placeOf, queryOf, sentUrl } from './place'

/** What probes ask, which know no certificate. */
const PROBES = ['/up', '/ready', '/accept-traffic']

export type PlainOptions = {
  readonly plainHttp: 'allow' | 'redirect' | 'refuse'
  readonly pathPrefix: string
  /** Of the redirects, where it is not the usual one. */
  readonly tlsPort: number
  readonly publicUrl: string | undefined
}

/** Undefined for a request that may be answered. */
export function respondToPlain(
  request: Request,
  addresses: Addresses,
  { plainHttp, pathPrefix, tlsPort, publicUrl }: PlainOptions,
): Response | undefined {
  if (plainHttp === 'allow' || addresses.isEncrypted(request)) return undefined
  const path = pathOf(request.url)
  if (PROBES.includes(placeOf(path, pathPrefix).path)) return undefined
  const id = { [REQUEST_ID]: requestIdFrom(request.headers.get(REQUEST_ID)) }
  const isSafe = request.method === 'GET' || request.method === 'HEAD'
  const origin =
    isSafe && plainHttp === 'redirect'
      ? originOf(addresses.hostOf(request), publicUrl, tlsPort)
      : undefined
  if (origin === undefined)
    return new Response(`${REFUSE.tlsRequired.message}\n`, {
      status: 403,
      headers: { ...id, 'content-type': CONTENT_TYPES.text },
    })
  const query = queryOf(request.url)
  const location = `${origin}${pathOf(sentUrl(request))}${query && `?${query}`}`
  return new Response(null, {
    status: 308,
    headers: { ...id, location, 'cache-control': 'no-store' },
  })
}

/** Undefined for a host that is none. */
function originOf(
  host: string,
  publicUrl: string | undefined,
  tlsPort: number,
): string | undefined {
  if (publicUrl !== undefined) return new URL(publicUrl).origin.replace(/^http:/, 'https:')
  const name = hostWithoutPort(host)
  return name === undefined ? undefined : `https://${name}${tlsPort === 443 ? '' : `:${tlsPort}`}`
}
