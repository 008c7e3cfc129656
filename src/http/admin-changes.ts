/**
 * AdminChanges: the way into the admin API, and to routes of plugins behind `adminOnly`; whatever somebody
 * has changed by it is a line in the log: who, what, from where. Values are none of it, since they may be
 * secrets. Owns who is asking, for as long as a request is answered.
 */
import type { Log } from '../core/types'
import type { Addresses } from './address'
import { REQUEST_ID } from './headers'
import type { Identify } from './identity'

/** What was changed: ids, and names of fields. */
type About = { readonly appId?: string; readonly fields?: readonly string[] }

/** A request that was answered. */
type Answered = {
  readonly request: Request
  readonly route: string
  readonly set: { readonly headers: Readonly<Record<string, unknown>> }
}

export class AdminChanges {
  readonly #asking = new WeakMap<Request, { readonly admin: string; about: About }>()

  constructor(
    readonly identify: Identify,
    readonly addresses: Addresses,
    readonly log: Pick<Log, 'info'>,
  ) {}

  /** Who may not is refused. @throws as `Identify` */
  readonly enter = ({ request }: { readonly request: Request }): void => {
    this.#asking.set(request, { admin: this.identify(request).name, about: {} })
  }

  about(request: Request, about: About): void {
    const asking = this.#asking.get(request)
    if (asking) asking.about = about
  }

  /** It was answered, and not refused. */
  readonly done = ({ request, route, set }: Answered): void => {
    const { method } = request
    const asking = this.#asking.get(request)
    if (!asking || method === 'GET' || method === 'HEAD') return
    const { admin, about } = asking
    const remoteAddress = this.addresses.of(request)
    const requestId = set.headers[REQUEST_ID]
    this.log.info({ admin, method, route, ...about, remoteAddress, requestId }, 'admin change')
  }
}
