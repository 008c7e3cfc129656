/**
 * AdminChanges: decides who asks of the admin API and of plugins' routes behind `adminOnly`, and whether they may
 * have what the route needs (NEEDS); logs each change: who, what, from where. Values are not logged, since they may
 * be secrets. Owns what is known of a request until it is answered.
 */
import { raise, RealtimeError } from '../core/errors'
import { timingSafeEqual, sha256 } from '../core/signature'
import type { Log } from '../core/types'
import type { Addresses } from './address'
import { refuseForeignPages } from './admin-origins'
import { basicCredentials, REQUEST_ID } from './headers'
import type { Locality } from './local'
import type { Logins } from './logins'

/** Who may use the admin API, and what a request passes besides its password. */
export type AdminAccess = {
  readonly username: string
  readonly passwordSha256: string
  /** Everybody knows the password. */
  readonly isPublished: boolean
  /** Origins whose pages may call the admin API. */
  readonly origins: readonly string[]
  /** @throws what a plugin refuses with */
  readonly authorizePlugins: (request: Request) => void
  readonly locality: Locality
  readonly logins: Logins
  readonly addresses: Addresses
}

/** Ids, and names of fields. */
type ChangeDetails = { readonly appId?: string; readonly fields?: readonly string[] }

type AnsweredRequest = {
  readonly request: Request
  readonly route: string
  readonly set: { readonly headers: Readonly<Record<string, unknown>> }
}

export class AdminChanges {
  readonly #details = new WeakMap<Request, ChangeDetails>()

  constructor(
    readonly access: AdminAccess,
    readonly log: Pick<Log, 'info'>,
  ) {}

  /**
   * Plugins decide first. Pages of other sites are refused unless their origin is allowed, and a published
   * password is good for local requests only. Never waits: a failure is counted before the next request is
   * looked at. A request without a password is no attempt.
   * @throws RealtimeError('path_not_found' | 'admin_unauthorized' | 'login_failed' | 'admin_foreign_page' | 'not_local' | 'login_rate'), or what a plugin refuses with
   */
  readonly authorize = ({ request }: { readonly request: Request }): void => {
    const { origins, isPublished, authorizePlugins, locality, logins, addresses } = this.access
    // For a plugin that calls this itself: which of its routes are for admins is known by their `beforeHandle`.
    if (addresses.admins && !addresses.listenerOf(request))
      throw new RealtimeError('path_not_found', 'Unknown route')
    authorizePlugins(request)
    refuseForeignPages(request.headers, origins)
    if (isPublished) locality.requireLocal(request, origins)
    const given = basicCredentials(request.headers.get('authorization'))
    if (!given.isBasic) throw new RealtimeError('admin_unauthorized', '')
    const attempt = { to: 'admin', address: addresses.of(request) }
    const refused = logins.check(attempt)
    if (refused) raise(refused)
    if (!this.#isAdmin(given)) {
      logins.recordFailure(attempt)
      throw new RealtimeError('login_failed', '')
    }
    this.#details.set(request, {})
  }

  /** Adds to the log line of an authorized request. */
  describe(request: Request, details: ChangeDetails): void {
    this.#details.set(request, details)
  }

  /** Logs a request that was answered without an error. */
  readonly record = ({ request, route, set }: AnsweredRequest): void => {
    const { method } = request
    const details = this.#details.get(request)
    if (!details || method === 'GET' || method === 'HEAD') return
    const admin = this.access.username
    const remoteAddress = this.access.addresses.of(request)
    const requestId = set.headers[REQUEST_ID]
    this.log.info({ admin, method, route, ...details, remoteAddress, requestId }, 'admin change')
  }

  /** In constant time. */
  #isAdmin({ user, password }: ReturnType<typeof basicCredentials>): boolean {
    const right = [
      timingSafeEqual(this.access.username, user),
      timingSafeEqual(this.access.passwordSha256, sha256(password)),
    ]
    return !right.includes(false)
  }
}
