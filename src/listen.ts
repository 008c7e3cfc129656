/**
 * The port: upgrades go to the codec that owns the path, requests of the HTTP fallback to its
 * sessions, everything else to the API. The socket callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import { bind, type Binding } from './bind'
import type { Certificate } from './certificate'
import { publicAddress } from './config/admin-settings'
import { SETTINGS } from './config/config'
import type { Core } from './core/core'
import { CUT_SLOW, type Ending } from './core/disconnect'
import { countersOf } from './core/counters'
import { REFUSE, type Refusal } from './core/errors'
import { countFault } from './core/faults'
import { Intake } from './core/intake'
import { maxPayloadBytes } from './core/limits'
import { reportSlowReader, unreadLimitOf } from './core/slow-reader'
import type { Way } from './entrance'
import type { MaybePromise } from './core/maybe-promise'
import { codecFor, isPhoenixPath, isPolledPath } from './dialects/codecs'
import {
  requestsUpgrade,
  chooseProtocol,
  hasUpgradeConnection,
  refuseHandshake,
  respondToPage,
} from './http/handshake'
import { decodeUtf8 } from './http/bytes'
import type { Locality } from './http/local'
import { respondToPlain } from './http/plain-http'
import { outsidePrefix, placeIn, readQuery, route, withoutTls, type Place } from './http/place'
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
import type { PublicListeners, PublicServer } from './public-listeners'
import {
  logRefusal,
  MAX_WAITING,
  portOptions,
  respondInTurn,
  respondToApi,
  respondTooBusy,
  withId,
  type Responder,
} from './respond'
import { tokenIn, type LongPolls } from './transports/longpoll'
import { xhrCall, type XhrCall, type XhrSessions } from './transports/xhr'

export type Port = Responder & {
  readonly locality: Locality
  readonly xhr: XhrSessions
  readonly longPolls: LongPolls
  readonly listeners: PublicListeners
  /** Undefined where the public port is not encrypted. */
  readonly certificate: Certificate | undefined
}

/** @throws AddressError, or the system's error where it is none of the address */
export async function listen(port: Port): Promise<void> {
  const { config, listeners } = port
  const address = publicAddress(config)
  const setting = 'path' in address ? SETTINGS.host.env : SETTINGS.port.env
  const place = { address, setting, isForAll: true, isShared: port.entrance.shares(address) }
  listeners.open(await bind(place, (at) => serve(port, at)))
}

/**
 * Listens without TLS beside the public port: for redirects, and for sockets that are told to use TLS.
 * @throws as `listen` does
 */
export function listenPlain(port: Port, number: number): Promise<PublicServer> {
  const address = { host: port.config.host, port: number }
  const setting = SETTINGS.plainPort.env
  const place = { address, setting, isShared: port.entrance.shares(address) }
  return bind(place, (at) => serve(port, at, true))
}

/** Listens at the same address with the certificate as it is now; the server before keeps its sockets. */
export function listenAnew(port: Port): void {
  const { config, listeners } = port
  const at = { hostname: config.host, port: listeners.port, reusePort: true }
  listeners.replace(serve(port, at))
}

/** Responds to a request that is no upgrade, whichever process has its socket. */
export function respondIn(port: Port, isPlain: boolean) {
  const { config, listeners, addresses, entrance, peers } = port
  const mayBePlain = config.plainHttp === 'allow' && !isPlain
  const plain = {
    plainHttp: config.plainHttp === 'allow' ? ('refuse' as const) : config.plainHttp,
    pathPrefix: config.pathPrefix,
    publicUrl: config.publicUrl,
    get tlsPort() {
      return port.certificate ? listeners.port : 443
    },
  }
  const way = isPlain ? 'plain' : 'public'
  return (request: Request): MaybePromise<Response> => {
    const place = placeIn(request, config.pathPrefix)
    const redirected = mayBePlain ? undefined : respondToPlain(request, addresses, plain)
    if (redirected) return entrance.markLast(redirected)
    const polled = place.isBelow ? respondToFallback(port, request, place, way) : undefined
    if (polled) return polled
    const forward = peers?.forwardOfBrowser(request)
    if (forward) return port.inFlight.answer(request, () => forward(request, way))
    if (entrance.isOpen) return respondToApi(port, route(request, place))
    return answerLater(port, request, place, way)
  }
}

const answerLater = (
  port: Port,
  request: Request,
  place: Place,
  way: Way,
): MaybePromise<Response> =>
  port.entrance.answer(request, way, () => respondToApi(port, route(request, place)))

function serve(port: Port, at: Binding, isPlain = false): PublicServer {
  const { core, config, listeners, addresses, entrance } = port
  const certificate = isPlain ? undefined : port.certificate
  const respond = respondIn(port, isPlain)
  const own: PublicServer = Bun.serve<Client>({
    ...portOptions(port),
    ...at,
    ...(certificate && { tls: certificate.pair.tls }),
    fetch(received, server) {
      const request = certificate ? withoutTls(received) : received
      if (isPlain) addresses.markPlain(request)
      if (request.method !== 'GET' || !requestsUpgrade(request.headers)) return respond(request)
      return entrance.isOpen
        ? upgradeInTurn(port, request, server)
        : upgradeLater(port, request, server)
    },
    websocket: {
      idleTimeout: 0, // liveness is the sweep's: the native timer is reset by our own sends
      sendPings: false,
      maxPayloadLength: maxPayloadBytes(config.limits),
      backpressureLimit: config.limits.maxUnreadBytes, // of an app: `Connection.noteUnread`
      closeOnBackpressureLimit: true,
      open(ws) {
        ws.data.sink = ws
        listeners.note(own, ws)
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
      ping: ({ data: conn }, data) => countPing(core, conn, data.byteLength),
      pong: ({ data: conn }, data) => countPing(core, conn, data.byteLength),
      drain({ data: conn }) {
        conn.behindBytes = 0
      },
      close({ data: conn }, code, reason) {
        closeSession(core, conn, endingOf(core, conn, code, reason))
      },
      error: (cause) => countFault(core, cause),
    },
  })
  return own
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

/** The runtime's close reason for a message beyond `maxPayloadLength`. */
const TOO_BIG = 'Received too big message'

/** The code of a socket that ended without a close frame. */
const CUT = 1006

/** Upgrades once it is known which process serves. */
const upgradeLater = (
  port: Port,
  request: Request,
  server: Server<Client>,
): MaybePromise<Response | undefined> =>
  port.entrance.whenSettled(() => upgradeInTurn(port, request, server))

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
  const { path, isBelow } = placeIn(request, config.pathPrefix)
  const peer = port.addresses.peerOf(request)
  const incoming = readRequest(port, request, peer)
  const codec = codecFor(path, incoming.query)
  const handshake = isBelow
    ? codec.handshake(core, path, incoming.query)
    : { app: undefined, refused: outsidePrefix(path, config.pathPrefix) }
  const attempt = accept(core, codec, handshake, incoming)
  const { conn } = attempt
  const open = (decide: typeof opening.decide): Response | undefined => {
    opening.decide = decide
    const socket = core.sockets.of(peer, server.protocol === 'https')
    if (socket) conn.intake = new Intake(socket)
    if (server.upgrade(request, { data: conn, ...protocolHeaders(request) })) return undefined
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

function protocolHeaders({ headers }: Request): { readonly headers?: Record<string, string> } {
  const protocol = chooseProtocol(headers.get('sec-websocket-protocol'))
  return protocol === undefined ? {} : { headers: { 'sec-websocket-protocol': protocol } }
}

/**
 * Responds to requests for a socket that are no upgrade; undefined for all other requests. Where another process serves,
 * those come by connections that a proxy has kept open.
 */
function respondToFallback(
  port: Port,
  request: Request,
  { path }: Place,
  way: Way,
): MaybePromise<Response> | undefined {
  if (isPhoenixPath(path)) {
    logRefusal(port, request, REFUSE.upgradeMissing)
    return withId(new Response(null, { status: 400 }), request)
  }
  if (isPolledPath(path)) return respondToPoll(port, request, way)
  const call = xhrCall(request.method, path)
  if (call) return respondToXhr(port, request, call, way)
  if (!isSocketPath(path) || request.method !== 'GET') return undefined
  logRefusal(port, request, REFUSE.upgradeMissing)
  return respondToPage(request)
}

function respondToPoll(port: Port, request: Request, way: Way): MaybePromise<Response> {
  const { entrance, longPolls, peers } = port
  const incoming = () => readRequest(port, request)
  const token = peers ? tokenIn(request, incoming()) : ''
  const forward = token === '' ? undefined : peers?.forwardOf(request, token)
  const sends = request.method === 'POST'
  if (forward) return respondAndCount(port, request, sends, () => forward(request, way))
  if (entrance.hasMoved && longPolls.isElsewhere(request, incoming()))
    return passOn(port, request, way)
  return respondAndCount(port, request, sends, () => longPolls.respond(request, incoming))
}

function respondToXhr(
  port: Port,
  request: Request,
  call: XhrCall,
  way: Way,
): MaybePromise<Response> {
  const { xhr, peers } = port
  const sends = call.verb === 'xhr_send'
  const forward = call.verb === 'OPTIONS' ? undefined : peers?.forwardOf(request, call.session)
  if (forward) return respondAndCount(port, request, sends, () => forward(request, way))
  if (xhr.isElsewhere(call)) return passOn(port, request, way)
  return respondAndCount(port, request, sends, () =>
    xhr.respond(call, request, () => readRequest(port, request)),
  )
}

/** Where this process does serve after all, the session is nowhere. */
const passOn = (port: Port, request: Request, way: Way): MaybePromise<Response> =>
  port.entrance.answer(request, way, () => new Response(null, { status: 503 }))

/** Counts a request that sends messages as in flight; one that waits for messages is not. */
async function respondAndCount(
  port: Port,
  request: Request,
  sends: boolean,
  respond: () => MaybePromise<Response>,
): Promise<Response> {
  const { inFlight, addresses, entrance } = port
  const answer = async (): Promise<Response> =>
    entrance.markLast(await respondInTurn(port, request, respond))
  if (!sends) return withId(await answer(), request)
  try {
    return withId(await inFlight.answer(request, answer), request)
  } finally {
    addresses.limitUnreadBody(request)
  }
}

const readRequest = (
  { addresses, locality, config }: Port,
  request: Request,
  peer = addresses.peerOf(request),
): IncomingRequest => ({
  headers: request.headers,
  url: request.url,
  query: readQuery(request.url),
  remoteAddress: addresses.of(request, peer),
  nonLocalRefusal: () => locality.checkConnect(request),
  isEncrypted: () => addresses.isEncrypted(request),
  needsTls: config.plainHttp !== 'allow' || config.plainPort !== undefined,
})
