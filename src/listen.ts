/**
 * The port: upgrades go to the codec that owns the path, requests of the HTTP fallback to its
 * sessions, everything else to the API. The socket callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import type { Config } from './config/config'
import type { Core } from './core/core'
import { REFUSE, type Refusal } from './core/errors'
import { countFault } from './core/faults'
import { maxPayloadBytes, maxPostBytes, maxRequestBytes } from './core/limits'
import { MAX_BEHIND_BYTES, reportSlowReader } from './core/slow-reader'
import type { MaybePromise } from './core/types'
import { codecFor, isPhoenixPath, isPolledPath } from './dialects/codecs'
import {
  asksToUpgrade,
  chooseProtocol,
  isToUpgrade,
  refuseHandshake,
  respondToPage,
} from './http/handshake'
import type { Addresses } from './http/address'
import type { HttpApi } from './http/api'
import { decodeUtf8 } from './http/bytes'
import { REQUEST_ID, requestIdFrom } from './http/headers'
import type { InFlight } from './http/in-flight'
import type { Locality } from './http/local'
import { outsidePrefix, placeOf, route, type Place } from './http/place'
import { pathOf, queryOf } from './http/url'
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
  type ConnectAttempt,
  type IncomingRequest,
} from './protocols/session'
import type { LongPolls } from './transports/longpoll'
import { xhrCall, type XhrSessions } from './transports/xhr'

/**
 * Longer than proxies and balancers keep a connection that they may use again (60 s): the one that ends
 * first must not be us, or a request may be on its way then. Requests of the fallback that wait are
 * silent for a third of it; without a limit, their connections would outlive them.
 */
const HTTP_IDLE_SECONDS = 75
/** Routes refuse what is too large in words, unread; so many times that, and from so much on, the runtime does it without any. */
const BODY_ROOM = { factor: 2, least: 4 * 1024 * 1024 }

export type Port = {
  readonly core: Core
  readonly config: Config
  readonly api: HttpApi
  readonly addresses: Addresses
  readonly locality: Locality
  readonly xhr: XhrSessions
  readonly longPolls: LongPolls
  readonly inFlight: InFlight
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
      // The URL is read as text: a parser throws for a Host header that is none.
      const place = placeOf(pathOf(request.url), config.pathPrefix)
      if (request.method === 'GET' && asksToUpgrade(request.headers))
        return upgradeInTime(port, request, place, server)
      return fallback(port, request, place) ?? routes(port, route(request, place))
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
      backpressureLimit: MAX_BEHIND_BYTES,
      closeOnBackpressureLimit: true,
      open(ws) {
        ws.data.sink = ws
        openSession(core, ws.data, opening.answer())
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
        if (reason === TOO_BIG) tooBig(core, conn)
        if (code === CUT && conn.behindBytes > MAX_BEHIND_BYTES / 2) reportSlowReader(core, conn)
        closeSession(core, conn)
      },
      error: (cause) => countFault(core, cause),
    },
  })
}

function maxBodyBytes({ limits }: Config): number {
  const { factor, least } = BODY_ROOM
  return Math.max(least, factor * maxRequestBytes(limits), factor * maxPostBytes(limits))
}

/** What the runtime says of a message beyond `maxPayloadLength`. */
const TOO_BIG = 'Received too big message'

function tooBig(core: Core, { remoteAddress, app, id: socketId }: Client): void {
  core.counters.messagesTooBig++
  core.refusalLog.note(REFUSE.messageTooLarge, { remoteAddress, appId: app?.id, socketId })
}

/** The code of a socket that ended without a close frame. */
const CUT = 1006

/** Requests and handshakes that may wait for a turn; some kilobytes each. */
const MAX_WAITING = 16_384
/** To whom has left meanwhile. */
const UNREAD = 499

/** In this turn, or, where a crowd comes at once, in one of the next, in order. */
function upgradeInTime(
  port: Port,
  request: Request,
  place: Place,
  server: Server<Client>,
): MaybePromise<Response | undefined> {
  const { slices, counters } = port.core
  if (!isToUpgrade(request.headers)) {
    note(port, request, REFUSE.upgradeMissing)
    return refuseHandshake(request)
  }
  if (slices.waiting < MAX_WAITING)
    return slices.runOrDefer(() => upgrade(port, request, place, server))
  counters.connectionsRefused++
  return tooBusy(port, request)
}

function tooBusy(port: Port, request: Request): Response {
  note(port, request, REFUSE.crowdedOut)
  return withId(new Response(null, { status: 503, headers: { 'retry-after': '1' } }), request)
}

/** Tells the log of somebody who is refused before anybody has looked for whom they want. */
function note({ core, addresses }: Port, request: Request, refused: Refusal): void {
  core.refusalLog.note(refused, { remoteAddress: addresses.of(request) })
}

/**
 * In this turn, or in one of the next where what came before has taken long enough: a socket may bring
 * thousands of requests in one read. The runtime cuts one off that sends another while its first waits.
 */
function inTurn(
  port: Port,
  request: Request,
  ask: () => MaybePromise<Response>,
): MaybePromise<Response> {
  const { requests, counters } = port.core
  if (!requests.mustWait()) return ask()
  if (requests.size >= MAX_WAITING) {
    counters.requestsRefused++
    return tooBusy(port, request)
  }
  const { signal } = request // asked for later it would not know of an end before
  return requests.defer(() => (signal.aborted ? new Response(null, { status: UNREAD }) : ask()))
}

/**
 * Pusher's clients are told refusals after the upgrade: a refused one looks to them like a dead server,
 * and is retried for ever. Phoenix's expect 403.
 */
function upgrade(
  port: Port,
  request: Request,
  { path, isBelow }: Place,
  server: Server<Client>,
): MaybePromise<Response | undefined> {
  const { core, config } = port
  const arrival = arrivalOf(port, request)
  const codec = codecFor(path, arrival.query)
  const handshake = isBelow
    ? codec.handshake(core, path, arrival.query)
    : { app: undefined, refused: outsidePrefix(path, config.pathPrefix) }
  const attempt = accept(core, codec, handshake, arrival)
  if (!codec.refusesUpgrades)
    return open(core, attempt, { request, server, answer: () => authorize(core, attempt) })
  const settle = (verdict: Refusal | undefined): Response | undefined => {
    if (!verdict) return open(core, attempt, { request, server, answer: () => undefined })
    turnAway(core, attempt.conn, verdict)
    return withId(emptyAnswer(403), request)
  }
  const verdict = authorize(core, attempt)
  if (!(verdict instanceof Promise)) return settle(verdict)
  return verdict.then((answer) => core.slices.runOrDefer(() => settle(answer)))
}

type Opening = {
  readonly request: Request
  readonly server: Server<Client>
  /** Asked once the socket is open. */
  readonly answer: () => MaybePromise<Refusal | undefined>
}

/**
 * Whose socket is being opened: its callback runs inside `upgrade`, and what is sent in there leaves with
 * the handshake in one system call.
 */
const opening: { answer: Opening['answer'] } = { answer: () => undefined }

function open(core: Core, { conn }: ConnectAttempt, { request, server, answer: ask }: Opening) {
  const protocol = chooseProtocol(request.headers.get('sec-websocket-protocol'))
  const headers: Record<string, string> =
    protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }
  opening.answer = ask
  if (server.upgrade(request, { data: conn, headers })) return undefined
  noteRefusedRequest(core, conn, 'upgrade_missing')
  closeSession(core, conn)
  return refuseHandshake(request)
}

const routes = (port: Port, request: Request): MaybePromise<Response> =>
  port.inFlight.answer(request, () => inTurn(port, request, () => port.api.fetch(request)))

/** Requests of the transports that are no upgrade; undefined for those of any other kind. */
function fallback(
  port: Port,
  request: Request,
  { path, isBelow }: Place,
): MaybePromise<Response> | undefined {
  if (!isBelow) return undefined
  if (isPhoenixPath(path)) {
    note(port, request, REFUSE.upgradeMissing)
    return withId(emptyAnswer(400), request)
  }
  const arrival = () => arrivalOf(port, request)
  if (isPolledPath(path))
    return counted(port, request, request.method === 'POST', () =>
      port.longPolls.respond(request, arrival),
    )
  const call = xhrCall(request.method, path)
  if (!call) {
    if (!isSocketPath(path) || request.method !== 'GET') return undefined
    note(port, request, REFUSE.upgradeMissing)
    return respondToPage(request)
  }
  return counted(port, request, call.verb === 'xhr_send', () =>
    port.xhr.respond(call, request, arrival),
  )
}

/** What brings messages is a request like any other; what waits for them is not. */
function counted(
  port: Port,
  request: Request,
  brings: boolean,
  ask: () => MaybePromise<Response>,
): Promise<Response> {
  const { inFlight, addresses } = port
  const answer = () => inTurn(port, request, ask)
  if (!brings) return identified(answer(), request)
  return identified(inFlight.answer(request, answer), request).finally(() =>
    addresses.limitUnreadBody(request),
  )
}

const identified = async (answering: MaybePromise<Response>, request: Request) =>
  withId(await answering, request)

function withId(response: Response, request: Request): Response {
  response.headers.set(REQUEST_ID, requestIdFrom(request.headers.get(REQUEST_ID)))
  return response
}

/** As Phoenix answers. */
const emptyAnswer = (status: number): Response => new Response(null, { status })

const arrivalOf = ({ addresses, locality }: Port, request: Request): IncomingRequest => ({
  headers: request.headers,
  url: request.url,
  query: new URLSearchParams(queryOf(request.url)),
  remoteAddress: addresses.of(request),
  nonLocalRefusal: () => locality.checkConnect(request),
})

/** What the system says of an address, by its code. */
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

/** Ports below it are for whom the system trusts. */
const FIRST_FREE_PORT = 1024
const REMEDY = `: ports below ${FIRST_FREE_PORT} do. Set PORT to a higher one and put a proxy in front, or grant CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE)`

/** Why the server cannot listen where it was told to, in one line; undefined for what is no matter of the address. */
export function unusableAddress(
  cause: unknown,
  { host, port }: Pick<Config, 'host' | 'port'>,
): string | undefined {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const reason = REASONS[code]
  if (reason === undefined) return undefined
  const name = host.includes(':') ? `[${host}]` : host
  return `${name}:${port} ${reason}${code === 'EACCES' && port < FIRST_FREE_PORT ? REMEDY : ''}`
}
