/**
 * Responds to requests of an API: in this turn of the event loop, or in one of the next. What all ports have
 * in common.
 */
import type { Config } from './config/config'
import type { Core } from './core/core'
import { REFUSE, type Refusal } from './core/errors'
import { countFault } from './core/faults'
import type { Entrance } from './entrance'
import { maxPostBytes, maxRequestBytes } from './core/limits'
import type { MaybePromise } from './core/maybe-promise'
import { noteHttpRefusal } from './core/refusals'
import type { Addresses } from './http/address'
import type { HttpApi } from './http/api'
import type { AppRequests } from './http/app-requests'
import { REQUEST_ID, requestIdFrom } from './http/headers'
import type { InFlight } from './http/in-flight'
import { pathOf } from './http/place'
import type { Peers } from './workers/peers'

/** Who responds. */
export type Responder = {
  readonly core: Core
  readonly config: Config
  readonly api: HttpApi
  readonly addresses: Addresses
  readonly inFlight: InFlight
  readonly appRequests: AppRequests
  readonly entrance: Entrance
  /** Undefined where this is the only process. */
  readonly peers: Peers | undefined
}

/**
 * Idle time of HTTP connections. Longer than proxies and balancers keep one for reuse (60 s): if we
 * closed it first, a request could be under way. Waiting requests of the fallback are silent for a third
 * of it; without a limit their connections would outlive them.
 */
const HTTP_IDLE_SECONDS = 75

/** What the runtime is told of every port. */
export const portOptions = ({ core, config }: Pick<Responder, 'core' | 'config'>) => ({
  development: false,
  idleTimeout: HTTP_IDLE_SECONDS,
  maxRequestBodySize: maxBodyBytes(config),
  error: (cause: unknown) => {
    const id = requestIdFrom(null)
    countFault(core, cause, { requestId: id })
    return new Response(`Internal server error (${id})\n`, {
      status: 500,
      headers: { [REQUEST_ID]: id },
    })
  },
})

/** Routes refuse a body that is too large with a message, unread. The runtime has none: it refuses twice that, from 4 MB on. */
const maxBodyBytes = ({ limits }: Config): number =>
  Math.max(4 * 1024 * 1024, 2 * maxRequestBytes(limits), 2 * maxPostBytes(limits))

/** Requests and handshakes that may wait for a turn; some kilobytes each. */
export const MAX_WAITING = 16_384
/** The status for a client that has left meanwhile. */
const CLIENT_GONE = 499

/** The answer of the API. */
export const respondToApi = (to: Responder, request: Request): MaybePromise<Response> =>
  to.core.facts.hears('requested')
    ? to.appRequests.answer(request, () => respondUnheard(to, request))
    : respondUnheard(to, request)

const respondUnheard = (to: Responder, request: Request): MaybePromise<Response> =>
  to.inFlight.answer(request, () => respondInTurn(to, request, () => fetchAnswer(to, request)))

const ADMIN = '/api/admin'

/** Over several nodes whoever asks the admin API finds what was changed before, on whichever node that was. */
const fetchAnswer = ({ core, api }: Responder, request: Request): MaybePromise<Response> =>
  core.engine.isShared && pathOf(request.url).includes(ADMIN)
    ? fetchAgreed(core, api, request)
    : api.fetch(request)

async function fetchAgreed({ engine }: Core, api: HttpApi, request: Request): Promise<Response> {
  await engine.catchUp()
  const response = await api.fetch(request)
  if (request.method !== 'GET') await engine.catchUp()
  return response
}

/** Responds in this turn of the event loop, or in one of the next where the requests before have used it up. */
export function respondInTurn(
  to: Responder,
  request: Request,
  respond: () => MaybePromise<Response>,
): MaybePromise<Response> {
  const { requests, counters } = to.core
  if (!requests.mustWait()) return respond()
  if (requests.size >= MAX_WAITING) {
    counters.requestsRefused++
    return respondTooBusy(to, request)
  }
  const { signal } = request // read later, it would miss an abort of before
  return requests.defer(() =>
    signal.aborted ? new Response(null, { status: CLIENT_GONE }) : respond(),
  )
}

export function respondTooBusy(to: Responder, request: Request): Response {
  logRefusal(to, request, REFUSE.crowdedOut)
  return withId(new Response(null, { status: 503, headers: { 'retry-after': '1' } }), request)
}

/** Notes a refusal from before the request's app is known. */
export function logRefusal(
  { core, addresses }: Responder,
  request: Request,
  refusal: Refusal,
): void {
  const [remoteAddress, path] = [addresses.of(request), pathOf(request.url)]
  noteHttpRefusal(core, refusal, { remoteAddress, app: undefined, requestId: undefined, path })
}

/** Puts the request's id on an answer that no route has made. */
export function withId(response: Response, request: Request): Response {
  response.headers.set(REQUEST_ID, requestIdFrom(request.headers.get(REQUEST_ID)))
  return response
}
