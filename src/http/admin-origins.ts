/**
 * Origins whose pages may use the admin API: those of `CARILLON_ADMIN_ORIGINS`. Their browsers get CORS
 * headers, other pages are refused.
 */
import { Elysia } from 'elysia'
import { quote, RealtimeError } from '../core/errors'

const EXPOSED_HEADERS = 'location, x-request-id, retry-after, x-carillon-node'
const PREFLIGHT_HEADERS = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': 'authorization, content-type, x-request-id',
  'access-control-max-age': '600',
}

/** CORS for dashboards on other origins. */
export function crossOrigin(origins: readonly string[]) {
  const allowedOrigin = (request: Request): string | undefined => {
    const origin = request.headers.get('origin')
    return origin !== null && origins.includes(origin) ? origin : undefined
  }
  return new Elysia()
    .onRequest(({ request, set }) => {
      set.headers['vary'] = 'Origin' // on every answer: a cache must not give one origin's to another
      const origin = allowedOrigin(request)
      if (origin === undefined) return
      set.headers['access-control-allow-origin'] = origin
      set.headers['access-control-expose-headers'] = EXPOSED_HEADERS
    })
    .options(
      '/api/admin/*',
      ({ request, set }) => {
        set.status = 204
        if (allowedOrigin(request) !== undefined) Object.assign(set.headers, PREFLIGHT_HEADERS)
        return ''
      },
      { detail: { hide: true } },
    )
}

/** @throws RealtimeError('admin_foreign_page') */
export function refuseForeignPages(headers: Headers, origins: readonly string[]): void {
  if (!isForeignPage(headers, origins)) return
  const origin = headers.get('origin')
  throw new RealtimeError(
    'admin_foreign_page',
    `Pages of ${origin === null ? 'another site' : quote(origin)} may not use the admin API (CARILLON_ADMIN_ORIGINS)`,
  )
}

/** True for a request of a page on another origin, as browsers mark it. */
export function isForeignPage(headers: Headers, origins: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (site === 'same-origin' || site === 'none') return false
  if (site === null && (origin === null || isOwnOrigin(origin, headers.get('host')))) return false
  return origin === null || !origins.includes(origin)
}

/** Browsers leave `Sec-Fetch-Site` out over plain HTTP; a proxy may have ended TLS, so only hosts are compared. */
function isOwnOrigin(origin: string, host: string | null): boolean {
  if (host === null || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const own = `${page.protocol}//${host}`
  return page.host !== '' && URL.canParse(own) && new URL(own).host === page.host
}
