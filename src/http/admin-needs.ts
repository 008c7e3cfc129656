/**
 * NEEDS: what each route for admins needs of who asks, and who has it. A route without a row stops the start, so none
 * is open by oversight; routes of plugins behind `adminOnly` have none, and need `all`.
 */
import type { AnyElysia } from 'elysia'
import type { App } from '../core/app'
import type { Actor } from '../core/audit'
import { RealtimeError } from '../core/errors'
import type { TokenRecord } from '../core/tokens'
import type { Session } from './sessions'

/** Who asks: the admin, where there is no token; by a session, or by credentials with the request. */
export type Caller = {
  readonly by: Actor
  readonly token: TokenRecord | undefined
  readonly session: Session | undefined
}

/** What tells who may do what. */
type Grantee = Pick<Caller, 'token'>

/** Needs that are about an app are about the one that `:slug` in the path names. */
export type Need =
  /** Nothing but credentials: the route shows what is the caller's. */
  | 'any'
  | 'see_app'
  | 'change_app'
  | 'delete_app'
  | 'create_app'
  /** To see what was changed: of one app, or of all. */
  | 'audit'
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
  'GET /api/admin/apps/:slug/webhooks/endpoints/:endpoint/requests': 'see_app',
  'POST /api/admin/apps/:slug/webhooks/endpoints/:endpoint/test': 'change_app',
  'POST /api/admin/apps/:slug/webhooks/endpoints/:endpoint/pause': 'change_app',
  'POST /api/admin/apps/:slug/webhooks/endpoints/:endpoint/resume': 'change_app',
  'GET /api/admin/apps/:slug/webhooks/dead': 'see_app',
  'POST /api/admin/apps/:slug/webhooks/replay': 'change_app',
  'GET /api/admin/apps/:slug/live': 'see_app',
  'GET /api/admin/apps/:slug/connections': 'see_app',
  'GET /api/admin/apps/:slug/connections/:socketId': 'see_app',
  'DELETE /api/admin/apps/:slug/connections/:socketId': 'change_app',
  'GET /api/admin/apps/:slug/users': 'see_app',
  'DELETE /api/admin/apps/:slug/users/:userId': 'change_app',
  'GET /api/admin/plugins': 'read',
  'GET /api/admin/stats': 'read',
  'GET /api/admin/stats/apps': 'any',
  'GET /api/admin/problems': 'any',
  'GET /api/admin/nodes': 'read',
  'GET /api/admin/apps/:slug/stats': 'see_app',
  'GET /metrics': 'read',
  'GET /usage': 'read',
  'GET /api/admin/tokens': 'read',
  'POST /api/admin/tokens': 'all',
  'DELETE /api/admin/tokens/:id': 'all',
  'GET /api/admin/audit': 'audit',
  'POST /api/admin/sessions': 'any',
  'GET /api/admin/session': 'any',
  'GET /api/admin/sessions': 'any',
  'DELETE /api/admin/sessions/:id': 'any',
}

type Hooks = AnyElysia['routes'][number]['hooks']

/** GRANTS: what a token has, by its scope. Whether it sees an app is asked besides. */
const GRANTS = {
  all: ['any', 'see_app', 'change_app', 'delete_app', 'create_app', 'audit', 'read', 'all'],
  read: ['any', 'see_app', 'audit', 'read'],
  create: ['any', 'see_app', 'change_app', 'delete_app', 'create_app'],
  app: ['any', 'see_app', 'change_app', 'audit'],
} as const satisfies Readonly<Record<string, readonly Need[]>>

const APP = 'app:'

/** The id of the only app that the caller sees; undefined where it may see others. */
export const onlyAppOf = ({ token }: Grantee): string | undefined =>
  token?.grant.startsWith(APP) ? token.grant.slice(APP.length) : undefined

/** True where secrets are masked: whoever cannot change them needs none. */
export const isBlinded = ({ token }: Grantee): boolean => token?.grant === 'read'

export const seesAllApps = ({ token }: Grantee): boolean =>
  !token || token.grant === 'all' || token.grant === 'read'

export function sees(caller: Grantee, app: App): boolean {
  const { token } = caller
  if (!token || seesAllApps(caller)) return true
  return token.grant === 'create' ? app.record.createdBy === token.id : onlyAppOf(caller) === app.id
}

/** Whether it has what is needed; whether it sees an app is asked besides. */
export function isGranted(caller: Grantee, need: Need): boolean {
  const { token } = caller
  if (!token) return true
  const scope = onlyAppOf(caller) === undefined ? (token.grant as keyof typeof GRANTS) : 'app'
  const granted: readonly Need[] = GRANTS[scope]
  return granted.includes(need)
}

/** @throws RealtimeError('admin_forbidden') */
export function requireGranted(caller: Grantee, need: Need): void {
  const { token } = caller
  if (token && !isGranted(caller, need))
    throw new RealtimeError(
      'admin_forbidden',
      `The token ${token.name} may not do this: its scope is ${token.grant}`,
    )
}

/** Of a route as it is written; `HEAD` needs what `GET` does. */
export const needOf = (method: string, route = ''): Need =>
  NEEDS[`${method === 'HEAD' ? 'GET' : method} ${route}`] ?? 'all'

export const isAboutApp = (need: Need): boolean => need.endsWith('_app')

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
