/**
 * Cross-origin answers for dashboards on other origins: those that `CARILLON_ADMIN_ORIGINS` names.
 */
import { Elysia } from 'elysia'

const METHODS = 'GET, POST, PUT, PATCH, DELETE'
const MAX_AGE_SECONDS = '600'

export function crossOrigin(origins: readonly string[]) {
  const allowed = (request: Request): string | undefined => {
    const origin = request.headers.get('origin')
    return origin !== null && origins.includes(origin) ? origin : undefined
  }
  return new Elysia()
    .onRequest(({ request, set }) => {
      const origin = allowed(request)
      if (origin === undefined) return
      set.headers['access-control-allow-origin'] = origin
      set.headers['vary'] = 'Origin'
    })
    .options(
      '/api/admin/*',
      ({ request, set }) => {
        set.status = 204
        if (allowed(request) !== undefined) {
          set.headers['access-control-allow-methods'] = METHODS
          set.headers['access-control-allow-headers'] = 'authorization, content-type'
          set.headers['access-control-max-age'] = MAX_AGE_SECONDS
        }
        return ''
      },
      { detail: { hide: true } },
    )
}
