/**
 * The port: upgrades go to the codec that owns the path, everything else to the API. The socket
 * callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import type { Config } from './config'
import { Connection, newSocketId } from './core/connection'
import type { Core } from './core/core'
import { quoted, refusal, type Refusal } from './core/errors'
import { askNow } from './core/hooks'
import { maxFrameChars, maxRequestBytes } from './core/limits'
import type { ConnectRequest } from './core/plugin'
import type { MaybePromise } from './core/types'
import type { Addresses } from './http/address'
import type { Api } from './http/api'
import { REQUEST_ID, requestId } from './http/request-id'
import { pathOf, queryOf } from './http/url'
import { codecFor } from './protocols/codec'
import { isPhoenixPath, LONGPOLL_PATH } from './protocols/phoenix'
import { admitted, closed, opened, received, turnedAway, type Client } from './protocols/session'
import type { LongPolls } from './transports/longpoll'

/** A megabyte and what surrounds it: so large a frame is still answered with a refusal and not with a cut. */
const LEAST_PAYLOAD_BYTES = 1024 * 1024 + 65_536
/** A reader that is further behind is closed: a gap would be a lie. */
const BACKPRESSURE_BYTES = 1024 * 1024
const HTTP_IDLE_SECONDS = 60
/** Routes refuse what is too large in words; so many times that, the runtime refuses it without any. */
const BODY_ROOM = 2

export type Port = {
  readonly core: Core
  readonly config: Config
  readonly api: Api
  readonly addresses: Addresses
  readonly longPolls: LongPolls
}

/** @throws the system's error for the address */
export function listen(port: Port): Server<Client> {
  const { core, config, api } = port
  return Bun.serve<Client>({
    port: config.port,
    hostname: config.host,
    development: false,
    reusePort: false, // outside development it would be on: two servers would share a port in silence
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: BODY_ROOM * maxRequestBytes(config.limits),
    fetch(request, server) {
      if (request.method === 'GET' && UPGRADE.test(request.headers.get('upgrade') ?? '')) {
        return upgrade(port, request, server)
      }
      const path = pathOf(request.url).slice(config.pathPrefix.length)
      if (isPhoenixPath(path)) return refusedUpgrade(request, 400)
      if (path === LONGPOLL_PATH)
        return port.longPolls.answer(request, () => arrivalOf(port, request))
      return api.fetch(request)
    },
    error: (cause) => {
      const id = requestId(null)
      countFault(core, cause, id)
      return answer(500, `Internal server error (${id})`, id)
    },
    websocket: {
      idleTimeout: 0, // liveness is the sweep's: the native timer is reset by our own sends
      sendPings: false,
      maxPayloadLength: Math.max(LEAST_PAYLOAD_BYTES, 2 * maxFrameChars(config.limits)),
      backpressureLimit: BACKPRESSURE_BYTES,
      closeOnBackpressureLimit: true,
      open(ws) {
        ws.data.sink = ws
      },
      message({ data: conn }, message) {
        received(core, conn, typeof message === 'string' ? message : message.toString())
      },
      ping: ({ data: conn }) => seen(core, conn),
      pong: ({ data: conn }) => seen(core, conn),
      drain({ data: conn }) {
        conn.behindBytes = 0
      },
      close({ data: conn }, code) {
        if (code === CUT && conn.behindBytes > BACKPRESSURE_BYTES / 2) countSlowReader(core, conn)
        closed(core, conn)
      },
      error: (cause) => countFault(core, cause),
    },
  })
}

/** A list of protocols may name others before ours. */
const UPGRADE = /(^|,)\s*websocket\s*(,|$)/i
/** What a header may carry as a protocol's name. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** The code of a socket that ended without a close frame. */
const CUT = 1006

/**
 * Pusher's clients are told refusals after the upgrade: a refused one looks to them like a dead server,
 * and is retried for ever. Phoenix's expect 403.
 */
function upgrade(
  port: Port,
  request: Request,
  server: Server<Client>,
): MaybePromise<Response | undefined> {
  const { core, config } = port
  const { pathPrefix } = config
  // The URL is read as text: a parser throws for a Host header that is none.
  const whole = pathOf(request.url)
  const path = whole.slice(pathPrefix.length)
  const asked = arrivalOf(port, request)
  const codec = codecFor(path, asked.query)
  const { app, refused } = whole.startsWith(`${pathPrefix}/`)
    ? codec.handshake(core, path, asked.query)
    : { app: undefined, refused: outside(whole, pathPrefix) }
  const arrival = { ...asked, appComesLater: !app && !refused }
  const conn: Client = new Connection(newSocketId(), codec, app, arrival.remoteAddress)
  const gates = core.hooks.upgrade
  const unwanted = gates.length > 0 ? askNow(core, gates, conn, arrival) : undefined
  const found = unwanted ?? refused
  if (!codec.refusesUpgrades)
    return open(core, conn, { request, server, answer: () => admitted(core, conn, arrival, found) })
  const settle = (verdict: Refusal | undefined): Response | undefined => {
    if (!verdict) return open(core, conn, { request, server, answer: () => undefined })
    turnedAway(core, conn, verdict)
    return refusedUpgrade(request, 403)
  }
  const verdict = admitted(core, conn, arrival, found)
  return verdict instanceof Promise ? verdict.then(settle) : settle(verdict)
}

const arrivalOf = ({ addresses }: Port, request: Request): ConnectRequest => ({
  headers: request.headers,
  url: request.url,
  query: new URLSearchParams(queryOf(request.url)),
  remoteAddress: addresses.of(request),
  appComesLater: false,
})

type Opening = {
  readonly request: Request
  readonly server: Server<Client>
  /** Asked once the socket is open. */
  readonly answer: () => MaybePromise<Refusal | undefined>
}

function open(core: Core, conn: Client, { request, server, answer: ask }: Opening) {
  const protocol = chosenProtocol(request.headers.get('sec-websocket-protocol'))
  const headers = protocol === undefined ? {} : { 'sec-websocket-protocol': protocol }
  // `open` of the socket runs inside `upgrade`, so the sink is there when it returns.
  if (!server.upgrade(request, { data: conn, headers })) {
    closed(core, conn)
    return answer(400, 'Expected a WebSocket handshake', requestId(request.headers.get(REQUEST_ID)))
  }
  opened(core, conn, ask())
  return undefined
}

/**
 * Browsers fail when the protocols that they offer get no answer; device libraries offer `arduino`.
 * phoenix.js offers its token beside `phoenix`, and a token must not be sent back.
 */
function chosenProtocol(header: string | null): string | undefined {
  const offered = header?.split(',').map((name) => name.trim()) ?? []
  if (offered.includes('phoenix')) return 'phoenix'
  return offered.find((name) => TOKEN.test(name) && !name.startsWith('base64url.bearer.'))
}

/** Without a body, as Phoenix answers. */
const refusedUpgrade = (request: Request, status: number): Response =>
  new Response(null, {
    status,
    headers: { [REQUEST_ID]: requestId(request.headers.get(REQUEST_ID)) },
  })

const outside = (path: string, pathPrefix: string): Refusal =>
  refusal('path_not_found', `Path ${quoted(path)} is not below ${pathPrefix}`)

function seen(core: Core, conn: Client): void {
  conn.seenTick = core.state.tick
}

/** What neither catch has caught; without this the process would end. */
function countFault({ counters, log }: Core, cause: unknown, requestId?: string): void {
  counters.faults++
  log.error({ err: cause, requestId }, 'fault')
}

/** An answer that the API does not make. */
const answer = (status: number, text: string, id: string): Response =>
  new Response(`${text}\n`, { status, headers: { [REQUEST_ID]: id } })

function countSlowReader({ counters, log }: Core, conn: Client): void {
  counters.slowReadersClosed++
  log.warn(
    { socketId: conn.id, appId: conn.app?.id, limitBytes: BACKPRESSURE_BYTES },
    'slow reader closed',
  )
}
