/**
 * Who is asking the admin API, and may they? One function answers; everything behind it is told an
 * identity. Passwords are compared in constant time, pages of other sites refused unless their origin
 * is allowed. How often somebody may fail is for plugins to say, who are asked first.
 */
import { RealtimeError } from '../core/errors'
import { equalInConstantTime } from '../core/signature'
import { basicCredentials, sha256 } from './basic'

/** Somebody who may use the admin API. */
export type Identity = { readonly name: string }

export type AdminAccess = {
  readonly username: string
  readonly passwordSha256: string
  /** Origins whose pages may call the admin API. */
  readonly origins: readonly string[]
}

/** @throws RealtimeError('admin_unauthorized' | 'admin_foreign_page'), or what a plugin refuses with */
export type Identify = (request: Request) => Identity

/**
 * The one way in for admin requests. `check` asks the plugins. It never waits: whatever they count of
 * an answer is counted before the next request is looked at.
 */
export function adminIdentity(access: AdminAccess, check: (request: Request) => void): Identify {
  return (request) => {
    check(request)
    refuseForeignPages(request.headers, access.origins)
    const identity = authenticated(request.headers.get('authorization'), access)
    if (identity) return identity
    throw new RealtimeError('admin_unauthorized', '')
  }
}

function authenticated(header: string | null, access: AdminAccess): Identity | undefined {
  const { isBasic, user, password } = basicCredentials(header)
  const right = [
    isBasic,
    equalInConstantTime(access.username, user),
    equalInConstantTime(access.passwordSha256, sha256(password)),
  ]
  return right.includes(false) ? undefined : { name: access.username }
}

/** Browsers say where a request comes from; what a browser may reach must not serve another site. */
export function isForeignPage(headers: Headers, origins: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  const origin = headers.get('origin')
  if (site === 'same-origin' || site === 'none') return false
  if (site === null && (origin === null || isOwn(origin, headers.get('host')))) return false
  return origin === null || !origins.includes(origin)
}

function refuseForeignPages(headers: Headers, origins: readonly string[]): void {
  if (!isForeignPage(headers, origins)) return
  const origin = headers.get('origin')
  throw new RealtimeError(
    'admin_foreign_page',
    `Pages of ${origin ?? 'another site'} may not use the admin API (CARILLON_ADMIN_ORIGINS)`,
  )
}

/** Browsers leave `Sec-Fetch-Site` out over plain HTTP; a proxy may have ended TLS, so only hosts are compared. */
function isOwn(origin: string, host: string | null): boolean {
  if (host === null || !URL.canParse(origin)) return false
  const page = new URL(origin)
  const own = `${page.protocol}//${host}`
  return page.host !== '' && URL.canParse(own) && new URL(own).host === page.host
}
