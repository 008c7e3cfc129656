/**
 * MetricsAccess: who may read the metrics: the admin, tokens of the admin API that may read, whoever has the token of
 * the settings, and everybody on a port of their own that the settings open. Owns which requests came by that port.
 */
import { raise, RealtimeError, type ErrorCode } from '../core/errors'
import { sha256, timingSafeEqual } from '../core/signature'
import type { AdminChanges, RoutedRequest } from './admin-changes'
import { bearerToken } from './headers'
import { hashOf } from './token-text'

/** For answers that are empty on the admin API, as the seed's are. */
export const WORDS = {
  admin_unauthorized:
    'Expected Authorization: Basic with user and password of the admin, or Bearer with CARILLON_METRICS_TOKEN or a token that may read',
  login_failed: 'The password or token is wrong',
} as const satisfies { readonly [Code in ErrorCode]?: string }

export class MetricsAccess {
  readonly #open = new WeakSet<Request>()
  readonly #tokenSha256: string | undefined

  constructor(
    readonly changes: AdminChanges,
    token: string | undefined,
  ) {
    this.#tokenSha256 = token === undefined ? undefined : sha256(token)
  }

  /** Called for a request by a port that needs no credentials. */
  admit(request: Request): void {
    this.#open.add(request)
  }

  /**
   * Never waits. Passes on no more than the request: the framework reads its text, and would parse cookies, query and
   * headers of every request of the server for a context. Wrong tokens cost as wrong passwords do.
   * @throws what `AdminChanges.authorize` throws, in words
   */
  readonly authorize = ({ request, route }: RoutedRequest): void => {
    if (this.#open.has(request)) return
    try {
      const token = bearerToken(request.headers.get('authorization'))
      const hash = hashOf(token)
      // The one of the settings may look like one of ours: another server has made it.
      const isOfSettings =
        hash === this.#tokenSha256 && !this.changes.access.tokens.byHash(hash ?? '')
      const isOfAdmins = token === '' || (hash !== undefined && !isOfSettings)
      if (isOfAdmins || !this.#tokenSha256) this.changes.authorize({ request, route })
      else this.#checkToken(request, token, this.#tokenSha256)
    } catch (cause) {
      throw cause instanceof RealtimeError ? inWords(cause) : cause
    }
  }

  /** Plugins may refuse whoever has it, as they may refuse the admin. */
  #checkToken(request: Request, token: string, right: string): void {
    const { authorizePlugins, logins, addresses } = this.changes.access
    authorizePlugins(request)
    const attempt = { to: 'metrics', address: addresses.of(request) }
    const refused = logins.check(attempt)
    if (refused) raise(refused)
    if (timingSafeEqual(right, sha256(token))) return
    logins.recordFailure(attempt)
    throw new RealtimeError('login_failed', '')
  }
}

const inWords = (refused: RealtimeError): RealtimeError =>
  refused.code in WORDS
    ? new RealtimeError(refused.code, WORDS[refused.code as keyof typeof WORDS])
    : refused
