/**
 * The port: upgrades go to the codec that owns the path, requests of the HTTP fallback to its
 * sessions, everything else to the API. The socket callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import type { Config } from './config'
import type { Core } from './core/core'
import { quoted, refusal, type Refusal } from './core/errors'
import { maxPayloadBytes, maxRequestBytes } from './core/limits'
import type { ConnectRequest } from './core/plugin'
import type { MaybePromise } from './core/types'
import type { Addresses } from './http/address'
import type { Api } from './http/api'
import { REQUEST_ID, requestId } from './http/request-id'
import { pathOf, queryOf } from './http/url'
import { codecFor } from './protocols/codec'
import {
  arrived,
  closed,
  MAX_BEHIND_BYTES,
  opened,
  received,
  seen,
  tooSlow,
  type Client,
} from './protocols/session'
import { xhrCall, type XhrSessions } from './transports/xhr'

/** Requests of the fallback that wait are silent for half of it; without a limit, their connections would outlive them. */
const HTTP_IDLE_SECONDS = 60
/** Routes refuse what is too large in words; so many times that, the runtime refuses it without any. */
const BODY_ROOM = 2

export type Port = {
  readonly core: Core
  readonly config: Config
  readonly api: Api
  readonly addresses: Addresses
  readonly xhr: XhrSessions
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
      return fallback(port, request) ?? api.fetch(request)
    },
    error: (cause) => {
      const id = requestId(null)
      countFault(core, cause, id)
      return answer(500, `Internal server error (${id})`, id)
    },
    websocket: {
      idleTimeout: 0, // liveness is the sweep's: the native timer is reset by our own sends
      sendPings: false,
      maxPayloadLength: maxPayloadBytes(config.limits),
      backpressureLimit: MAX_BEHIND_BYTES,
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
        if (code === CUT && conn.behindBytes > MAX_BEHIND_BYTES / 2) tooSlow(core, conn)
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

/** Refusals are told after the upgrade: a refused upgrade looks like a dead server, and is retried for ever. */
function upgrade(port: Port, request: Request, server: Server<Client>): Response | undefined {
  const { core, config } = port
  const { pathPrefix } = config
  // The URL is read as text: a parser throws for a Host header that is none.
  const whole = pathOf(request.url)
  const path = whole.slice(pathPrefix.length)
  const codec = codecFor(path)
  const arrival = arrivalOf(port, request)
  const handshake = whole.startsWith(`${pathPrefix}/`)
    ? codec.handshake(core, path, arrival.query)
    : { app: undefined, refused: outside(whole, pathPrefix) }
  const { conn, refused } = arrived(core, codec, handshake, arrival)
  // Browsers fail when the protocols that they offer get no answer; device libraries offer `arduino`.
  const offered = request.headers.get('sec-websocket-protocol')?.split(',')[0]?.trim()
  const headers: Record<string, string> =
    offered && TOKEN.test(offered) ? { 'sec-websocket-protocol': offered } : {}
  // `open` runs inside `upgrade`, so the sink is there when it returns.
  if (!server.upgrade(request, { data: conn, headers })) {
    closed(core, conn)
    return answer(400, 'Expected a WebSocket handshake', requestId(request.headers.get(REQUEST_ID)))
  }
  opened(core, conn, arrival, refused)
  return undefined
}

/** The HTTP fallback; undefined for requests of any other kind. */
function fallback(port: Port, request: Request): Promise<Response> | undefined {
  const { pathPrefix } = port.config
  const path = pathOf(request.url)
  const call = path.startsWith(pathPrefix)
    ? xhrCall(request.method, path.slice(pathPrefix.length))
    : undefined
  if (!call) return undefined
  return withId(
    port.xhr.answer(call, request, () => arrivalOf(port, request)),
    request,
  )
}

async function withId(answering: MaybePromise<Response>, request: Request): Promise<Response> {
  const response = await answering
  response.headers.set(REQUEST_ID, requestId(request.headers.get(REQUEST_ID)))
  return response
}

const arrivalOf = ({ addresses }: Port, request: Request): ConnectRequest => ({
  headers: request.headers,
  url: request.url,
  query: new URLSearchParams(queryOf(request.url)),
  remoteAddress: addresses.of(request),
})

const outside = (path: string, pathPrefix: string): Refusal =>
  refusal('path_not_found', `Path ${quoted(path)} is not below ${pathPrefix}`)

/** What neither catch has caught; without this the process would end. */
function countFault({ counters, log }: Core, cause: unknown, requestId?: string): void {
  counters.faults++
  log.error({ err: cause, requestId }, 'fault')
}

/** An answer that the API does not make. */
const answer = (status: number, text: string, id: string): Response =>
  new Response(`${text}\n`, { status, headers: { [REQUEST_ID]: id } })
