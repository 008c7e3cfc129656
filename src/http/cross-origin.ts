/**
 * Cross-origin answers for dashboards on other origins: those that `CARILLON_ADMIN_ORIGINS` names.
 */
import { Elysia } from 'elysia'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'
const ACCEPTED = 'authorization, content-type, x-request-id'
const EXPOSED = 'location, x-request-id, retry-after'
const MAX_AGE_SECONDS = '600'

export function crossOrigin(origins: readonly string[]) {
  const allowed = (request: Request): string | undefined => {
    const origin = request.headers.get('origin')
    return origin !== null && origins.includes(origin) ? origin : undefined
  }
  return new Elysia()
    .onRequest(({ request, set }) => {
      set.headers['vary'] = 'Origin' // on every answer: a cache must not give one origin's to another
      const origin = allowed(request)
      if (origin === undefined) return
      set.headers['access-control-allow-origin'] = origin
      set.headers['access-control-expose-headers'] = EXPOSED
    })
    .options(
      '/api/admin/*',
      ({ request, set }) => {
        set.status = 204
        if (allowed(request) !== undefined) {
          set.headers['access-control-allow-methods'] = METHODS
          set.headers['access-control-allow-headers'] = ACCEPTED
          set.headers['access-control-max-age'] = MAX_AGE_SECONDS
        }
        return ''
      },
      { detail: { hide: true } },
    )
}
