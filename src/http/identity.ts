/**
 * Who is asking the admin API, and may they? One function answers; everything behind it is told an
 * identity. Passwords are compared in constant time, failed logins throttled per address, pages of
 * other sites refused unless their origin is allowed.
 */
import { RealtimeError } from '../core/errors'
import { equalInConstantTime } from '../core/signature'
import type { Clock } from '../core/types'
import type { Addresses } from './address'
import { basicCredentials, sha256 } from './basic'

/** Somebody who may use the admin API. */
export type Identity = { readonly name: string }

export type AdminAccess = {
  readonly username: string
  readonly passwordSha256: string
  /** Origins whose pages may call the admin API. */
  readonly origins: readonly string[]
}

/** @throws RealtimeError('admin_unauthorized' | 'admin_throttled' | 'admin_foreign_page') */
export type Identify = (request: Request) => Identity

export function adminIdentity(access: AdminAccess, clock: Clock, addresses: Addresses): Identify {
  const failures = new FailedLogins(clock)
  return (request) => {
    const address = addresses.of(request)
    refuseForeignPages(request.headers, access.origins)
    failures.check(address)
    const identity = authenticated(request.headers.get('authorization'), access)
    if (identity) return identity
    failures.count(address)
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

const MAX_FAILURES = 10
const WINDOW_MS = 60_000
/** So many addresses are remembered; past it the oldest is forgotten. */
const MAX_ADDRESSES = 10_000

/** Failed logins by address, forgotten a minute after the first. */
class FailedLogins {
  readonly #byAddress = new Map<string, { count: number; since: number }>()

  constructor(readonly clock: Clock) {}

  /** @throws RealtimeError('admin_throttled') for an address that failed too often */
  check(address: string): void {
    const failed = this.#byAddress.get(address)
    if (!failed) return
    const waitMs = failed.since + WINDOW_MS - this.clock.now()
    if (waitMs <= 0) this.#byAddress.delete(address)
    else if (failed.count >= MAX_FAILURES)
      throw new RealtimeError(
        'admin_throttled',
        `${failed.count} failed logins from this address; the limit is ${MAX_FAILURES} a minute`,
        { retryAfterSeconds: Math.ceil(waitMs / 1000) },
      )
  }

  count(address: string): void {
    const failed = this.#byAddress.get(address)
    if (failed) failed.count++
    else this.#byAddress.set(address, { count: 1, since: this.clock.now() })
    if (this.#byAddress.size <= MAX_ADDRESSES) return
    for (const oldest of this.#byAddress.keys()) {
      this.#byAddress.delete(oldest)
      return
    }
  }
}
