/**
 * AdminChanges: authorizes requests to the admin API and to routes of plugins behind `adminOnly`, and logs
 * each change: who, what, from where. Values are not logged, since they may be secrets. Owns the admin of
 * each request until it is answered.
 */
import type { Log } from '../core/types'
import type { Addresses } from './address'
import { REQUEST_ID } from './headers'
import type { Identify } from './identity'

/** Ids, and names of fields. */
type ChangeDetails = { readonly appId?: string; readonly fields?: readonly string[] }

type AnsweredRequest = {
  readonly request: Request
  readonly route: string
  readonly set: { readonly headers: Readonly<Record<string, unknown>> }
}

export class AdminChanges {
  readonly #requests = new WeakMap<Request, { readonly admin: string; about: ChangeDetails }>()

  constructor(
    readonly identify: Identify,
    readonly addresses: Addresses,
    readonly log: Pick<Log, 'info'>,
  ) {}

  /** @throws as `Identify` */
  readonly authorize = ({ request }: { readonly request: Request }): void => {
    this.#requests.set(request, { admin: this.identify(request).name, about: {} })
  }

  describe(request: Request, about: ChangeDetails): void {
    const entry = this.#requests.get(request)
    if (entry) entry.about = about
  }

  /** Logs a request that was answered without an error. */
  readonly record = ({ request, route, set }: AnsweredRequest): void => {
    const { method } = request
    const entry = this.#requests.get(request)
    if (!entry || method === 'GET' || method === 'HEAD') return
    const { admin, about } = entry
    const remoteAddress = this.addresses.of(request)
    const requestId = set.headers[REQUEST_ID]
    this.log.info({ admin, method, route, ...about, remoteAddress, requestId }, 'admin change')
  }
}
