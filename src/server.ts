/**
 * The composition root: builds core and ties it to `Bun.serve`. Upgrades go to the codec that owns
 * the path, everything else to the API. The socket callbacks are raw and synchronous.
 */
import type { Server } from 'bun'
import type { Config } from './config'
import { Apps, type ProvidedApp } from './core/apps'
import { LocalBroker } from './core/broker'
import { Connection, newSocketId } from './core/connection'
import type { Core } from './core/core'
import { newCounters } from './core/counters'
import { drain } from './core/drain'
import { quoted, refusal, type Refusal } from './core/errors'
import { Facts } from './core/facts'
import { compileHooks, type ConnectRequest, type Plugin } from './core/hooks'
import { Hub } from './core/hub'
import { maxFrameChars, type Limits } from './core/limits'
import { Presence } from './core/presence'
import { Rates } from './core/rates'
import { sweep } from './core/sweep'
import type { Clock, Log, NodeId } from './core/types'
import { publishedCredentials, resolveCredentials, type Credentials } from './credentials'
import { createApi, type Api } from './http/api'
import { openFilesLimit } from './open-files'
import swaggerPage from './pages/swagger/index.html'
import { codecFor } from './protocols/codec'
import { closed, opened, received, type Client } from './protocols/session'
import { REQUEST_ID, requestId } from './http/request-id'
import { pathOf, queryOf } from './http/url'
import { appStore, type SqliteAppStore } from './store/apps'
import { guarded, openDatabase } from './store/sqlite'

export type ServerOptions = {
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
  readonly plugins?: readonly Plugin[]
  /** From the configuration file. */
  readonly apps?: readonly ProvidedApp[]
}

export type CarillonServer = {
  readonly core: Core
  readonly api: Api
  readonly credentials: Credentials
  readonly port: number
  /** Refuses newcomers, spreads the goodbyes over the drain time, lets requests finish, stops. */
  leave(): Promise<void>
  /** Stops at once. */
  stop(): Promise<void>
}

/** Silence is looked for four times within the shorter of its two limits, but not all the time. */
const SWEEP_INTERVAL_MS = { most: 5000, perLimit: 4 }
/** Files that are not sockets of clients: the database, logs, requests of the API. */
const RESERVED_FILES = 256
/** A megabyte and what surrounds it: so large a frame is still answered with a refusal and not with a cut. */
const LEAST_PAYLOAD_BYTES = 1024 * 1024 + 65_536
/** A reader that is further behind is closed: a gap would be a lie. */
const BACKPRESSURE_BYTES = 1024 * 1024
const HTTP_IDLE_SECONDS = 60
/** How long goodbyes and what was sent before them may take to reach their clients. */
const GOODBYE_MS = 1000
/** How long a leaving server waits for requests in flight. */
const REQUEST_GRACE_MS = 5000

/** @throws StoreError for the database, or the system's error for the address */
export function createServer(options: ServerOptions): CarillonServer {
  const { config, clock } = options
  const db = openDatabase(config.databasePath)
  const { store, credentials, apps } = guarded(config.databasePath, () => {
    const store = appStore(db)
    const credentials = resolveCredentials(config, store, options.apps)
    return { store, credentials, apps: new Apps(store, config.limits, credentials.provided) }
  })
  const core = createCore(options, apps, (topic, frame) => server.publish(topic, frame))
  const admin = { ...credentials.admin, origins: config.adminOrigins }
  const published = publishedCredentials(credentials)
  const { pathPrefix } = config
  const api = createApi(core, { pathPrefix, admin, published, swaggerPage })
  const server = listen(core, config, api)
  api.server = server // for the addresses of callers
  guarded(config.databasePath, () => keepGenerated(credentials, store, apps, clock.now()))
  const stopSweeping = clock.every(core.timing.sweepIntervalMs, () => sweep(core))

  const stop = async (): Promise<void> => {
    stopSweeping()
    await server.stop(true)
    db.close()
  }
  return {
    core,
    api,
    credentials,
    port: server.port ?? config.port,
    stop,
    leave: async () => {
      if (await drain(core, config.drainSeconds * 1000)) await waited(clock, GOODBYE_MS)
      await Promise.race([server.stop(false), waited(clock, REQUEST_GRACE_MS)])
      await stop()
    },
  }
}

/** Once the server listens: a start that fails must not use up what is shown only once. */
function keepGenerated(
  { newApp, admin }: Credentials,
  store: SqliteAppStore,
  apps: Apps,
  now: number,
): void {
  if (newApp) apps.create(newApp, now)
  if (admin.origin === 'generated') store.insertAdmin(admin.username, admin.passwordSha256, now)
}

const waited = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => clock.after(ms, resolve))

function createCore(
  { config, clock, log, plugins = [] }: ServerOptions,
  apps: Apps,
  publish: (topic: string, frame: string) => number,
): Core {
  const hub = new Hub({ publish })
  return {
    node: crypto.randomUUID() as string as NodeId,
    clock,
    log,
    limits: config.limits,
    apps,
    hub,
    presence: new Presence(),
    rates: new Rates(),
    broker: new LocalBroker((publication) => hub.deliver(publication)),
    hooks: compileHooks(plugins),
    facts: new Facts(),
    counters: newCounters(),
    timing: {
      activityTimeoutSeconds: config.activityTimeoutSeconds,
      pongTimeoutSeconds: config.pongTimeoutSeconds,
      sweepIntervalMs: sweepIntervalMs(config),
      gateTimeoutMs: config.gateTimeoutMs,
      maxConnections: config.maxConnections || socketsAllowed(),
    },
    state: { tick: 0, draining: false },
  }
}

function sweepIntervalMs({ activityTimeoutSeconds, pongTimeoutSeconds }: Config): number {
  const { most, perLimit } = SWEEP_INTERVAL_MS
  return Math.min(most, (Math.min(activityTimeoutSeconds, pongTimeoutSeconds) * 1000) / perLimit)
}

/** 0 where the system does not say. */
function socketsAllowed(): number {
  const files = openFilesLimit()
  return files === undefined ? 0 : files - Math.min(RESERVED_FILES, Math.floor(files / 4))
}

function listen(core: Core, config: Config, api: Api): Server<Client> {
  return Bun.serve<Client>({
    port: config.port,
    hostname: config.host,
    development: false,
    reusePort: false, // outside development it would be on: two servers would share a port in silence
    idleTimeout: HTTP_IDLE_SECONDS,
    maxRequestBodySize: requestBytesLimit(config.limits),
    fetch(request, server) {
      if (request.method === 'GET' && UPGRADE.test(request.headers.get('upgrade') ?? '')) {
        return upgrade(core, config.pathPrefix, request, server)
      }
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

/** Refusals are told after the upgrade: a refused upgrade looks like a dead server, and is retried for ever. */
function upgrade(
  core: Core,
  pathPrefix: string,
  request: Request,
  server: Server<Client>,
): Response | undefined {
  // The URL is read as text: a parser throws for a Host header that is none.
  const whole = pathOf(request.url)
  const path = whole.slice(pathPrefix.length)
  const codec = codecFor(path)
  const { app, refused } = whole.startsWith(`${pathPrefix}/`)
    ? codec.handshake(core, path, new URLSearchParams(queryOf(request.url)))
    : { app: undefined, refused: outside(whole, pathPrefix) }
  const conn: Client = new Connection(newSocketId(), codec, app)
  const remoteAddress = server.requestIP(request)?.address ?? ''
  const arrival: ConnectRequest = { headers: request.headers, url: request.url, remoteAddress }
  // Browsers fail when the protocols that they offer get no answer; device libraries offer `arduino`.
  const offered = request.headers.get('sec-websocket-protocol')?.split(',')[0]?.trim()
  const headers = offered && TOKEN.test(offered) ? { 'sec-websocket-protocol': offered } : {}
  // `open` runs inside `upgrade`, so the sink is there when it returns.
  if (!server.upgrade(request, { data: conn, headers })) {
    return answer(400, 'Expected a WebSocket handshake', requestId(request.headers.get(REQUEST_ID)))
  }
  opened(core, conn, arrival, refused)
  return undefined
}

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

/** A whole batch, with the room that JSON escaping takes. */
function requestBytesLimit({ maxEventsPerBatch, maxEventDataBytes }: Limits): number {
  return Math.max(4 * 1024 * 1024, 2 * maxEventsPerBatch * maxEventDataBytes + 65_536)
}
