/**
 * AdminChanges: the one place that decides who asks of the admin API and of plugins' routes behind `adminOnly`, and
 * whether they have what the route needs (NEEDS). It logs each change: who, what, from where; values are not logged,
 * since they may be secrets. Owns what is known of a request until it is answered.
 */
import { ElysiaCustomStatusResponse, StatusMap } from 'elysia'
import type { App } from '../core/app'
import type { Apps } from '../core/apps'
import type { Action, AuditEntry, AuditStore, Deed } from '../core/audit'
import { appNotFound, messageOf, raise, RealtimeError } from '../core/errors'
import { timingSafeEqual, sha256 } from '../core/signature'
import { isLive, type TokenRecord, type Tokens } from '../core/tokens'
import type { Clock, Log } from '../core/types'
import type { Addresses } from './address'
import { isForeignPage, refuseForeignPages } from './admin-origins'
import { isAboutApp, needOf, requireGranted, sees, type Caller } from './admin-needs'
import { basicCredentials, bearerToken, REQUEST_ID } from './headers'
import type { Locality } from './local'
import type { Logins } from './logins'
import { readSecrets } from './session-cookie'
import type { Session, Sessions } from './sessions'
import { hashOf, TOKEN_PREFIX } from './token-text'

/** Who may use the admin API, and what a request passes besides its credentials. */
export type AdminAccess = {
  readonly username: string
  readonly passwordSha256: string
  /** Everybody knows the password. */
  readonly isPublished: boolean
  readonly tokens: Tokens
  readonly sessions: Sessions
  readonly apps: Apps
  /** For changes without a transaction of ours: those of plugins' routes, and of connections. */
  readonly audit: Pick<AuditStore, 'write'>
  /** Origins whose pages may call the admin API. */
  readonly origins: readonly string[]
  /** @throws what a plugin refuses with */
  readonly authorizePlugins: (request: Request) => void
  readonly locality: Locality
  readonly logins: Logins
  readonly addresses: Addresses
  readonly clock: Clock
}

/** Ids, and names of fields. */
type ChangeDetails = { readonly appId?: string; readonly fields?: readonly string[] }

type KnownRequest = { readonly caller: Caller; readonly details: ChangeDetails }

/** What the framework knows of a request before its handler; a plugin may have nothing but the request. */
export type RoutedRequest = {
  readonly request: Request
  readonly route?: string | undefined
  readonly params?: Readonly<Record<string, string>>
  readonly set?: { readonly headers: AnswerHeaders }
}

type AnswerHeaders = Readonly<Record<string, unknown>>

type AnsweredRequest = {
  readonly request: Request
  readonly route: string
  readonly set: {
    readonly headers: AnswerHeaders
    readonly status?: number | string
  }
  readonly responseValue?: unknown
}

const PLUGINS = '/plugins/'
/** Carries `csrf` of the session. */
const CSRF_TOKEN = 'x-csrf-token'

export class AdminChanges {
  readonly #known = new WeakMap<Request, KnownRequest>()

  constructor(
    readonly access: AdminAccess,
    readonly log: Pick<Log, 'info' | 'error'>,
  ) {}

  /**
   * Plugins decide first. Pages of other sites are refused unless their origin is allowed, and a published
   * password is good for local requests only. Never waits: a failure is counted before the next request is
   * looked at. A request without credentials is no attempt.
   * @throws RealtimeError('path_not_found' | 'admin_unauthorized' | 'login_failed' | 'token_refused' | 'session_refused' | 'csrf_refused' | 'admin_foreign_page' | 'not_local' | 'login_rate' | 'admin_forbidden' | 'admin_not_found'), or what a plugin refuses with
   */
  readonly authorize = ({ request, route, params, set }: RoutedRequest): void => {
    const { username, origins, authorizePlugins, addresses } = this.access
    // For a plugin that calls this itself: which of its routes are for admins is known by their `beforeHandle`.
    if (addresses.admins && !addresses.listenerOf(request))
      throw new RealtimeError('path_not_found', 'Unknown route')
    authorizePlugins(request)
    refuseForeignPages(request.headers, origins)
    const need = needOf(request.method, route)
    const session = this.#sessionOf(request)
    const token = session ? session.token : this.#checkCredentials(request)
    const requestId = set?.headers[REQUEST_ID] as string | undefined
    const name = token?.name ?? username
    const kind = token ? 'token' : 'user'
    const by = { kind, id: token?.id, name, address: addresses.of(request), requestId } as const
    requireGranted({ token }, need)
    this.#known.set(request, { caller: { by, token, session }, details: {} })
    if (token && params?.['slug'] !== undefined && isAboutApp(need))
      this.appOf(request, params['slug'])
  }

  /** Who has sent an authorized request. @throws RealtimeError('token_refused' | 'session_refused') where that has ended since */
  callerOf(request: Request): Caller {
    const { caller } = this.#knownOf(request)
    if (caller.token) this.#requireLive(caller.token)
    if (caller.session && !this.access.sessions.isLive(caller.session)) throw sessionHasEnded()
    return caller
  }

  /**
   * The app by its slug, or by its id, which the seed's `location` holds. For whoever may not see it there is none.
   * @throws RealtimeError('admin_not_found'), or as `callerOf`
   */
  appOf(request: Request, slug: string): App {
    const { apps } = this.access
    const app = apps.bySlug(slug) ?? apps.byId(slug)
    if (!app || !sees(this.callerOf(request), app))
      throw new RealtimeError('admin_not_found', 'Not Found')
    return app
  }

  /**
   * The app of a request to its own API, where a session or a token has what is needed. Undefined for a request
   * with neither, or beside the address for admins: it may be signed.
   * @throws RealtimeError('app_not_found' | 'admin_forbidden'), or as `authorize`
   */
  vouch(request: Request, appId: string, need: 'see_app' | 'change_app'): App | undefined {
    const { headers } = request
    const { addresses, apps, origins } = this.access
    if (addresses.admins && !addresses.listenerOf(request)) return undefined
    const given = bearerToken(headers.get('authorization'))
    const isOurs = given.startsWith(TOKEN_PREFIX) // others are for plugins
    if (isOurs) refuseForeignPages(headers, origins)
    const session = isOurs ? undefined : this.#sessionOf(request)
    if (!isOurs && !session) return undefined
    const token = session ? session.token : this.#checkToken(request, given)
    const app = apps.byId(appId)
    if (!app || !sees({ token }, app)) raise(appNotFound(appId))
    requireGranted({ token }, need)
    return app
  }

  /** The change that an authorized request is about to make, for the audit. @throws as `callerOf` */
  deedOf(request: Request, action: Action): Deed {
    return { by: this.callerOf(request).by, action }
  }

  /**
   * Writes the row of a change that is none of the database: call it before the change.
   * @throws RealtimeError('store_unavailable'), and as `callerOf`
   */
  audit(
    request: Request,
    action: Action,
    about: { readonly appId: string; readonly target: string } & Pick<AuditEntry, 'before'>,
  ): void {
    const { audit, clock } = this.access
    this.describe(request, { appId: about.appId })
    audit.write({ ...this.deedOf(request, action), at: clock.now(), ...about, after: undefined })
  }

  /** Adds to the log line of an authorized request. */
  describe(request: Request, details: ChangeDetails): void {
    const { caller } = this.#knownOf(request)
    this.#known.set(request, { caller, details })
  }

  /** Logs a request that was answered without an error; audits it where it was a plugin's. */
  readonly record = ({ request, route, set, responseValue }: AnsweredRequest): void => {
    const { method } = request
    const known = this.#known.get(request)
    if (!known || isRead(request)) return
    const { by } = known.caller
    const requestId = set.headers[REQUEST_ID]
    const who = { admin: by.name, ...(by.id !== undefined && { tokenId: by.id }) }
    const line = { ...who, method, route, ...known.details, remoteAddress: by.address, requestId }
    this.log.info(line, 'admin change')
    if (route.startsWith(PLUGINS) && statusOf(set.status, responseValue) < 400)
      this.#auditPlugin({ by, action: 'plugin.requested' }, `${method} ${route}`)
  }

  /** What the plugin has done is done: a row that cannot be written is a line in the log. */
  #auditPlugin(deed: Deed, target: string): void {
    const { audit, clock } = this.access
    const nothing = { appId: undefined, before: undefined, after: undefined }
    try {
      audit.write({ ...deed, at: clock.now(), target, ...nothing })
    } catch (cause) {
      this.log.error({ ...deed, target, reason: messageOf(cause) }, 'audit: a row was lost')
    }
  }

  #knownOf(request: Request): KnownRequest {
    const known = this.#known.get(request)
    if (!known) throw new Error('the request was not authorized')
    return known
  }

  /**
   * The session whose cookie a page of this server has sent; undefined where there is none, or other credentials. What
   * a page of another origin sends along is none, also where it may use the admin API: it has not signed in.
   * @throws RealtimeError
   */
  #sessionOf(request: Request): Session | undefined {
    const { headers } = request
    const { sessions, addresses, isPublished, locality } = this.access
    if (headers.get('authorization') !== null || isForeignPage(headers, [])) return undefined
    const secrets = readSecrets(request, addresses)
    if (secrets.length === 0) return undefined
    const session = sessions.find(secrets)
    if (!session) throw sessionHasEnded()
    const { token, csrf } = session
    if (!token && isPublished) locality.requireLocal(request)
    if (!isRead(request) && !timingSafeEqual(csrf, headers.get(CSRF_TOKEN) ?? ''))
      throw new RealtimeError('csrf_refused', `Expected ${CSRF_TOKEN} with csrf of the session`)
    if (token) this.access.tokens.use(token, this.access.clock.now())
    return session
  }

  /** @throws RealtimeError; undefined is the admin */
  #checkCredentials(request: Request): TokenRecord | undefined {
    const given = bearerToken(request.headers.get('authorization'))
    return given === '' ? this.#checkPassword(request) : this.#checkToken(request, given)
  }

  /** @throws RealtimeError; undefined is the admin */
  #checkPassword(request: Request): undefined {
    const { isPublished, locality, logins, addresses, origins } = this.access
    if (isPublished) locality.requireLocal(request, origins)
    const given = basicCredentials(request.headers.get('authorization'))
    if (!given.isBasic) throw new RealtimeError('admin_unauthorized', '')
    const attempt = { to: 'admin', address: addresses.of(request) }
    const refused = logins.check(attempt)
    if (refused) raise(refused)
    if (this.#isAdmin(given)) return undefined
    logins.recordFailure(attempt)
    throw new RealtimeError('login_failed', '')
  }

  /** One that has ended is no guess, and not counted: its holder is told. @throws RealtimeError */
  #checkToken(request: Request, given: string): TokenRecord {
    const { logins, addresses, tokens, clock } = this.access
    const attempt = { to: 'token', address: addresses.of(request) }
    const refused = logins.check(attempt)
    if (refused) raise(refused)
    const hash = hashOf(given)
    const token = hash === undefined ? undefined : tokens.byHash(hash)
    if (!token) {
      logins.recordFailure(attempt)
      const reason = hash === undefined ? 'is not one of Carillon, or has a typo' : 'is unknown'
      throw new RealtimeError('token_refused', `The token ${reason}`)
    }
    this.#requireLive(token)
    tokens.use(token, clock.now())
    return token
  }

  #requireLive(token: TokenRecord): void {
    if (isLive(token, this.access.clock.now())) return
    const { name, revokedAt, expiresAt = 0 } = token
    const [what, at] = revokedAt === undefined ? ['expired', expiresAt] : ['was revoked', revokedAt]
    const time = new Date(at).toISOString()
    throw new RealtimeError('token_refused', `The token ${name} ${what} at ${time}`)
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

const isRead = ({ method }: Request): boolean => method === 'GET' || method === 'HEAD'

const sessionHasEnded = (): RealtimeError =>
  new RealtimeError('session_refused', 'The session has ended; sign in again')

/** Plugins answer with a response, or with the framework's status, by number or name. */
function statusOf(set: number | string = 200, answer: unknown): number {
  if (answer instanceof Response) return answer.status
  const status = answer instanceof ElysiaCustomStatusResponse ? answer.code : set
  return typeof status === 'number' ? status : (StatusMap[status as keyof typeof StatusMap] ?? 200)
}
