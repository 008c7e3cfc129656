/**
 * The port: upgrades go to the codec that owns the path, requests of the HTTP fallback to its
 * sessions, everything else to the API. The socket callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import type { Config } from './config/config'
import type { Core } from './core/core'
import { CUT_SLOW, type Ending } from './core/disconnect'
import { countersOf } from './core/counters'
import { REFUSE, type Refusal } from './core/errors'
import { countFault } from './core/faults'
import { maxPayloadBytes, maxPostBytes, maxRequestBytes } from './core/limits'
import { noteHttpRefusal } from './core/refusals'
import { reportSlowReader, unreadLimitOf } from './core/slow-reader'
import type { MaybePromise } from './core/maybe-promise'
import { codecFor, isPhoenixPath, isPolledPath } from './dialects/codecs'
import {
  requestsUpgrade,
  chooseProtocol,
  hasUpgradeConnection,
  refuseHandshake,
  respondToPage,
} from './http/handshake'
import type { Addresses } from './http/address'
import type { AppRequests } from './http/app-requests'
import type { HttpApi } from './http/api'
import { decodeUtf8 } from './http/bytes'
import { REQUEST_ID, requestIdFrom } from './http/headers'
import type { InFlight } from './http/in-flight'
import type { Locality } from './http/local'
import { outsidePrefix, pathOf, placeOf, queryOf, route, type Place } from './http/place'
import type { Client } from './protocols/codec'
import { isSocketPath } from './protocols/pusher'
import { noteRefusedRequest } from './protocols/refuse'
import {
  authorize,
  accept,
  closeSession,
  openSession,
  receiveFrame,
  turnAway,
  countPing,
  type IncomingRequest,
} from './protocols/session'
import type { LongPolls } from './transports/longpoll'
import { xhrCall, type XhrSessions } from './transports/xhr'

/**
 * Idle time of HTTP connections. Longer than proxies and balancers keep one for reuse (60 s): if we
 * closed it first, a request could be under way. Waiting requests of the fallback are silent for a third
 * of it; without a limit their connections would outlive them.
 */
const HTTP_IDLE_SECONDS = 75
export type Port = {
  readonly core: Core
  readonly config: Config
  readonly api: HttpApi
  readonly addresses: Addresses
  readonly locality: Locality
  readonly xhr: XhrSessions
  readonly longPolls: LongPolls
  readonly inFlight: InFlight
  readonly appRequests: AppRequests
}

/** @throws the system's error for the address */
export function listen(port: Port): Server<Client> {
  const { core, config } = port
  return Bun.serve<Client>({
    port: config.port,
    hostname: config.host,
    development: false,
    reusePort: false, // outside development it would be on: two servers would share a port in silence
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: maxBodyBytes(config),
    fetch(request, server) {
      if (request.method === 'GET' && requestsUpgrade(request.headers))
        return upgradeInTurn(port, request, server)
      const place = placeIn(port, request)
      return respondToFallback(port, request, place) ?? respondToApi(port, route(request, place))
    },
    error: (cause) => {
      const id = requestIdFrom(null)
      countFault(core, cause, { requestId: id })
      return new Response(`Internal server error (${id})\n`, {
        status: 500,
        headers: { [REQUEST_ID]: id },
      })
    },
    websocket: {
      idleTimeout: 0, // liveness is the sweep's: the native timer is reset by our own sends
      sendPings: false,
      maxPayloadLength: maxPayloadBytes(config.limits),
      backpressureLimit: config.limits.maxUnreadBytes, // of an app: `Connection.noteUnread`
      closeOnBackpressureLimit: true,
      open(ws) {
        ws.data.sink = ws
        openSession(core, ws.data, opening.decide())
      },
      message({ data: conn }, message) {
        const isText = typeof message === 'string'
        receiveFrame(
          core,
          conn,
          isText || conn.codec.decodeBytes ? message : (decodeUtf8(message) ?? ''),
        )
      },
      ping: ({ data: conn }) => countPing(core, conn),
      pong: ({ data: conn }) => countPing(core, conn),
      drain({ data: conn }) {
        conn.behindBytes = 0
      },
      close({ data: conn }, code, reason) {
        closeSession(core, conn, endingOf(core, conn, code, reason))
      },
      error: (cause) => countFault(core, cause),
    },
  })
}

/** How a socket has ended; what the runtime has refused or cut is reported. */
function endingOf(core: Core, conn: Client, code: number, reason: string): Ending {
  if (reason === TOO_BIG) {
    countersOf(core, conn.app).messagesTooBig++
    noteRefusedRequest(core, conn, 'message_too_large')
    return { code, reason, by: 'server', refusal: 'message_too_large' }
  }
  if (code !== CUT) return { code, reason, by: 'client' }
  if (conn.behindBytes <= unreadLimitOf(core, conn.app) / 2) return { code, reason, by: 'network' }
  reportSlowReader(core, conn)
  return CUT_SLOW
}

/** The URL is read as text: a parser throws for an invalid Host header. */
const placeIn = ({ config }: Port, request: Request): Place =>
  placeOf(pathOf(request.url), config.pathPrefix)

/** Routes refuse a body that is too large with a message, unread. The runtime has none: it refuses twice that, from 4 MB on. */
const maxBodyBytes = ({ limits }: Config): number =>
  Math.max(4 * 1024 * 1024, 2 * maxRequestBytes(limits), 2 * maxPostBytes(limits))

/** The runtime's close reason for a message beyond `maxPayloadLength`. */
const TOO_BIG = 'Received too big message'

/** The code of a socket that ended without a close frame. */
const CUT = 1006

/** Requests and handshakes that may wait for a turn; some kilobytes each. */
const MAX_WAITING = 16_384
/** The status for a client that has left meanwhile. */
const CLIENT_GONE = 499

/** Upgrades in this turn of the event loop, or, where a crowd connects at once, in one of the next, in order. */
function upgradeInTurn(
  port: Port,
  request: Request,
  server: Server<Client>,
): MaybePromise<Response | undefined> {
  const { slices, counters } = port.core
  if (slices.waiting < MAX_WAITING) return slices.runOrDefer(() => upgrade(port, request, server))
  counters.connectionsRefused++
  return respondTooBusy(port, request)
}

function respondTooBusy(port: Port, request: Request): Response {
  logRefusal(port, request, REFUSE.crowdedOut)
  return withId(new Response(null, { status: 503, headers: { 'retry-after': '1' } }), request)
}

/** Notes a refusal from before the request's app is known. */
function logRefusal({ core, addresses }: Port, request: Request, refusal: Refusal): void {
  const [remoteAddress, path] = [addresses.of(request), pathOf(request.url)]
  noteHttpRefusal(core, refusal, { remoteAddress, app: undefined, requestId: undefined, path })
}

/** Responds in this turn of the event loop, or in one of the next where the requests before have used it up. */
function respondInTurn(
  port: Port,
  request: Request,
  respond: () => MaybePromise<Response>,
): MaybePromise<Response> {
  const { requests, counters } = port.core
  if (!requests.mustWait()) return respond()
  if (requests.size >= MAX_WAITING) {
    counters.requestsRefused++
    return respondTooBusy(port, request)
  }
  const { signal } = request // read later, it would miss an abort of before
  return requests.defer(() =>
    signal.aborted ? new Response(null, { status: CLIENT_GONE }) : respond(),
  )
}

/** Upgrades a request to a socket, or refuses it in the way of its codec. */
function upgrade(
  port: Port,
  request: Request,
  server: Server<Client>,
): MaybePromise<Response | undefined> {
  const { core, config } = port
  if (!hasUpgradeConnection(request.headers)) {
    logRefusal(port, request, REFUSE.upgradeMissing)
    return refuseHandshake(request)
  }
  const { path, isBelow } = placeIn(port, request)
  const incoming = readRequest(port, request)
  const codec = codecFor(path, incoming.query)
  const handshake = isBelow
    ? codec.handshake(core, path, incoming.query)
    : { app: undefined, refused: outsidePrefix(path, config.pathPrefix) }
  const attempt = accept(core, codec, handshake, incoming)
  const { conn } = attempt
  const open = (decide: typeof opening.decide): Response | undefined => {
    opening.decide = decide
    if (server.upgrade(request, { data: conn, headers: protocolHeaders(request) })) return undefined
    noteRefusedRequest(core, conn, 'upgrade_missing')
    closeSession(core, conn)
    return refuseHandshake(request)
  }
  if (!codec.refusesUpgrades) return open(() => authorize(core, attempt))
  const finish = (verdict: Refusal | undefined): Response | undefined => {
    if (!verdict) return open(() => undefined)
    turnAway(core, conn, verdict)
    return withId(new Response(null, { status: 403 }), request)
  }
  const verdict = authorize(core, attempt)
  if (!(verdict instanceof Promise)) return finish(verdict)
  return verdict.then((refusal) => core.slices.runOrDefer(() => finish(refusal)))
}

/**
 * The refusal of the socket that is being opened, if any. Its `open` callback runs inside `upgrade`; frames
 * sent there leave with the handshake in one system call.
 */
const opening = { decide: (): MaybePromise<Refusal | undefined> => undefined }

function protocolHeaders({ headers }: Request): Record<string, string> {
  const protocol = chooseProtocol(headers.get('sec-websocket-protocol'))
  return protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }
}

const respondToApi = (port: Port, request: Request): MaybePromise<Response> =>
  port.core.facts.hears('requested')
    ? port.appRequests.answer(request, () => respondUnheard(port, request))
    : respondUnheard(port, request)

const respondUnheard = (port: Port, request: Request): MaybePromise<Response> =>
  port.inFlight.answer(request, () => respondInTurn(port, request, () => port.api.fetch(request)))

/** Responds to requests for a socket that are no upgrade; undefined for all other requests. */
function respondToFallback(
  port: Port,
  request: Request,
  { path, isBelow }: Place,
): MaybePromise<Response> | undefined {
  if (!isBelow) return undefined
  if (isPhoenixPath(path)) {
    logRefusal(port, request, REFUSE.upgradeMissing)
    return withId(new Response(null, { status: 400 }), request)
  }
  const incoming = () => readRequest(port, request)
  if (isPolledPath(path))
    return respondAndCount(port, request, request.method === 'POST', () =>
      port.longPolls.respond(request, incoming),
    )
  const call = xhrCall(request.method, path)
  if (!call) {
    if (!isSocketPath(path) || request.method !== 'GET') return undefined
    logRefusal(port, request, REFUSE.upgradeMissing)
    return respondToPage(request)
  }
  return respondAndCount(port, request, call.verb === 'xhr_send', () =>
    port.xhr.respond(call, request, incoming),
  )
}

/** Counts a request that sends messages as in flight; one that waits for messages is not. */
async function respondAndCount(
  port: Port,
  request: Request,
  sends: boolean,
  respond: () => MaybePromise<Response>,
): Promise<Response> {
  const { inFlight, addresses } = port
  const answer = () => respondInTurn(port, request, respond)
  if (!sends) return withId(await answer(), request)
  try {
    return withId(await inFlight.answer(request, answer), request)
  } finally {
    addresses.limitUnreadBody(request)
  }
}

function withId(response: Response, request: Request): Response {
  response.headers.set(REQUEST_ID, requestIdFrom(request.headers.get(REQUEST_ID)))
  return response
}

const readRequest = ({ addresses, locality }: Port, request: Request): IncomingRequest => ({
  headers: request.headers,
  url: request.url,
  query: new URLSearchParams(queryOf(request.url)),
  remoteAddress: addresses.of(request),
  nonLocalRefusal: () => locality.checkConnect(request),
})

/** What is wrong with an address, by the system's error code. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process (set PORT to another one)',
  EACCES: 'needs rights that this user does not have',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EAFNOSUPPORT: 'is of a kind that this machine does not have',
  EINVAL: 'is not an address of this machine, nor a host that is known',
  ENOTFOUND: 'is not a host that is known',
  ERR_INVALID_ARG_TYPE: 'is not an address that the runtime can listen on',
  EAGAIN: 'could not be looked up: no name server answers',
}

/** Ports below it need rights. */
const FIRST_FREE_PORT = 1024
const REMEDY = `: ports below ${FIRST_FREE_PORT} do. Set PORT to a higher one and put a proxy in front, or grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)`

/** Why the server cannot listen on its address, in one line; undefined for any other error. */
export function describeAddressError(
  cause: unknown,
  { host, port }: Pick<Config, 'host' | 'port'>,
): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = REASONS[code]
  if (reason === undefined) return undefined
  const name = host.includes(':') ? `[${host}]` : host
  return `${name}:${port} ${reason}${code === 'EACCES' && port < FIRST_FREE_PORT ? REMEDY : ''}`
}
