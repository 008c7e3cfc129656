/**
 * Identities of the admin API: one function decides who may use it. Plugins decide first. Passwords are
 * compared in constant time, pages of other sites refused unless their origin is allowed, and a published
 * password is good for local requests only.
 */
import { raise, RealtimeError } from '../core/errors'
import { timingSafeEqual, sha256 } from '../core/signature'
import type { Addresses } from './address'
import { basicCredentials } from './basic'
import { refuseForeignPages } from './admin-origins'
import type { Locality } from './local'
import type { Logins } from './logins'

/** Somebody who may use the admin API. */
export type Identity = { readonly name: string }

export type AdminAccess = {
  readonly username: string
  readonly passwordSha256: string
  /** Everybody knows the password. */
  readonly isPublished: boolean
  /** Origins whose pages may call the admin API. */
  readonly origins: readonly string[]
}

/** What an admin request passes besides its password. */
export type AdminChecks = {
  /** @throws what a plugin refuses with */
  readonly authorizePlugins: (request: Request) => void
  readonly locality: Locality
  readonly logins: Logins
  readonly addresses: Addresses
}

/** @throws RealtimeError('admin_unauthorized' | 'login_failed' | 'admin_foreign_page' | 'not_local' | 'login_rate'), or what a plugin refuses with */
export type Identify = (request: Request) => Identity

/**
 * Identifies whoever sends an admin request. Never waits: a failure is counted before the next request is
 * looked at. A request without a password is no attempt.
 */
export function adminIdentity(access: AdminAccess, checks: AdminChecks): Identify {
  const { locality, logins, addresses } = checks
  return (request) => {
    checks.authorizePlugins(request)
    refuseForeignPages(request.headers, access.origins)
    if (access.isPublished) locality.requireLocal(request, access.origins)
    const given = basicCredentials(request.headers.get('authorization'))
    if (!given.isBasic) throw new RealtimeError('admin_unauthorized', '')
    const attempt = { to: 'admin', address: addresses.of(request) }
    const refused = logins.check(attempt)
    if (refused) raise(refused)
    if (isAdmin(given, access)) return { name: access.username }
    logins.recordFailure(attempt)
    throw new RealtimeError('login_failed', '')
  }
}

function isAdmin({ user, password }: ReturnType<typeof basicCredentials>, access: AdminAccess) {
  const right = [
    timingSafeEqual(access.username, user),
    timingSafeEqual(access.passwordSha256, sha256(password)),
  ]
  return !right.includes(false)
}
