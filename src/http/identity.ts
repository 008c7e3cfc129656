/**
 * Who is asking the admin API, and may they? One function answers; everything behind it is told an
 * identity. Passwords are compared in constant time, pages of other sites refused unless their origin
 * is allowed, and a published password is good for local requests only. Plugins are asked first.
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

/** What the admin API asks of others. */
export type AdminChecks = {
  /** Asks the plugins. @throws what they refuse with */
  readonly plugged: (request: Request) => void
  readonly locality: Locality
  readonly logins: Logins
  readonly addresses: Addresses
}

/** @throws RealtimeError('admin_unauthorized' | 'login_failed' | 'admin_foreign_page' | 'not_local' | 'login_rate'), or what a plugin refuses with */
export type Identify = (request: Request) => Identity

/**
 * The one way in for admin requests. It never waits: a failure is counted before the next request is
 * looked at. Who sends no password has not tried one.
 */
export function adminIdentity(access: AdminAccess, checks: AdminChecks): Identify {
  const { locality, logins, addresses } = checks
  return (request) => {
    checks.plugged(request)
    refuseForeignPages(request.headers, access.origins)
    if (access.isPublished) locality.check(request, access.origins)
    const given = basicCredentials(request.headers.get('authorization'))
    if (!given.isBasic) throw new RealtimeError('admin_unauthorized', '')
    const attempt = { to: 'admin', address: addresses.of(request) }
    const refused = logins.refusalOf(attempt)
    if (refused) raise(refused)
    if (isAdmin(given, access)) return { name: access.username }
    logins.failed(attempt)
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
