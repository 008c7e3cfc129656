/**
 * NEEDS: what each route for admins needs of who asks. A route without a row stops the start, so none is open by
 * oversight; routes of plugins behind `adminOnly` have none, and need `all`.
 */
import type { AnyElysia } from 'elysia'

/** Needs that are about an app are about the one that `:slug` in the path names. */
export type Need =
  /** Nothing but credentials: the route shows what is the caller's. */
  | 'any'
  | 'see_app'
  | 'change_app'
  | 'delete_app'
  | 'create_app'
  /** To see what is of the whole server. */
  | 'read'
  /** To change what is of the whole server. */
  | 'all'

/** By method and path as the route is written. */
export const NEEDS: Readonly<Record<string, Need>> = {
  'GET /api/admin/apps': 'any',
  'POST /api/admin/apps': 'create_app',
  'GET /api/admin/apps/:slug': 'see_app',
  'PATCH /api/admin/apps/:slug': 'change_app',
  'PUT /api/admin/apps/:slug': 'change_app',
  'DELETE /api/admin/apps/:slug': 'delete_app',
  'POST /api/admin/apps/:slug/keys': 'change_app',
  'DELETE /api/admin/apps/:slug/keys/:key': 'change_app',
  'GET /api/admin/apps/:slug/webhooks/deliveries': 'see_app',
  'POST /api/admin/apps/:slug/webhooks/replay': 'change_app',
  'GET /api/admin/plugins': 'read',
  'GET /api/admin/stats': 'read',
  'GET /metrics': 'read',
  'GET /usage': 'read',
}

type Hooks = AnyElysia['routes'][number]['hooks']

const ADMIN_PATH = '/api/admin/'

/** True for a route behind `authorize`, the hook that decides. */
export const isGuarded = ({ beforeHandle }: Hooks = {}, authorize: unknown): boolean =>
  Boolean(beforeHandle?.some(({ fn }: { readonly fn: unknown }) => fn === authorize)) // the framework wraps hooks in objects

/** `authorize` is the hook that decides; preflights of browsers carry no credentials. @throws Error that names the route */
export function requireDeclared(routes: AnyElysia['routes'], authorize: unknown): void {
  for (const { method, path, hooks } of routes) {
    const name = `${method} ${path}`
    if (!isGuarded(hooks, authorize) && path.startsWith(ADMIN_PATH) && method !== 'OPTIONS')
      throw new Error(`${name} is open to all: it lacks onBeforeHandle(changes.authorize)`)
    if (isGuarded(hooks, authorize) && !(name in NEEDS))
      throw new Error(`${name} has no row in NEEDS`)
  }
}
