/** A real server on a free port for tests, with an in-memory database and a clock that is moved by hand. */
import { createHash, createHmac } from 'node:crypto'
import { readConfig, type Config } from '../src/config/config'
import { readApps } from '../src/config/config-file'
import type { KeyRecord } from '../src/core/app'
import { RawClient, type RawOptions, UNCHECKED } from './client'
import { ManualClock, MemoryLog } from './clock'
import type { AnyPlugin, AppConfig } from '../src/plugin'
import { findEnforced } from '../src/plugin-checks'
import { createServer, type CarillonServer, type ServerOptions } from '../src/server'

export type ServeOptions = {
  readonly plugins?: readonly AnyPlugin[]
  /** Instead of the published development app. */
  readonly apps?: readonly AppConfig[]
  /** Settings as environment variables. */
  readonly env?: Readonly<Record<string, string>>
  /** @internal Settings as the server reads them. */
  readonly config?: Partial<Config>
  /** Where the clock begins, in epoch milliseconds; the real time if absent. */
  readonly now?: number
  /** @internal The clock by which turns are measured. By default they take no time, so nothing is put off to the next. */
  readonly meter?: () => number
}

/** A server with the plugins; stops at the end of the scope (`await using`). */
export async function serve(options: ServeOptions = {}): Promise<Kit> {
  return new Kit(await createServed(options))
}

/** @internal */
type Served = {
  readonly server: CarillonServer
  readonly config: Config
  readonly clock: ManualClock
  readonly log: MemoryLog
}

/** @internal Parts that two servers share when they are one. */
type Shared = Partial<Pick<Served, 'clock' | 'log'>> & Pick<ServerOptions, 'newEngine'>

/** @internal Creates the parts of a `Kit`: a server and what it was given. */
export async function createServed(options: ServeOptions, shared: Shared = {}): Promise<Served> {
  const { plugins = [], apps = [], env = {}, now = Date.now(), meter = () => 0 } = options
  const defaults = readConfig({ PORT: '0', DATABASE_PATH: ':memory:', ...env })
  const config = { ...defaults, ...options.config }
  const { clock = new ManualClock(now), log = new MemoryLog(), newEngine } = shared
  const provided = readApps(apps, 'apps', findEnforced(plugins))
  const server = await createServer({
    config,
    clock,
    log,
    meter,
    plugins,
    apps: provided,
    ...(newEngine && { newEngine }),
  })
  return { server, config, clock, log }
}

export type EventToTrigger = {
  readonly channel: string
  readonly name: string
  readonly data: string
}

export class Kit {
  /** @internal */
  readonly server: CarillonServer
  /** @internal */
  readonly config: Config
  readonly clock: ManualClock
  readonly log: MemoryLog

  /** @internal */
  constructor({ server, config, clock, log }: Served) {
    this.server = server
    this.config = config
    this.clock = clock
    this.log = log
  }

  get port(): number {
    return this.server.port
  }

  /** @internal Where requests go: to a proxy, where there is one. */
  through: string | undefined

  /** The end of a scheme. */
  get #s(): string {
    return this.config.tlsCertFile === undefined ? '' : 's'
  }

  /** @internal The port of the next connection. */
  get socketPort(): number {
    return this.port
  }

  /** Id, key and secret of the first app. */
  get app(): KeyRecord & { readonly id: string } {
    return this.server.credentials.app
  }

  /** Moves the injected clock; runs what is due, in order. */
  advance(ms: number): void {
    this.clock.advance(ms)
  }

  /** Connects a raw client and reads its hello, unless `hello` is false. `path` replaces `/app/KEY`. */
  async raw(options: RawOptions = {}): Promise<RawClient> {
    const path = options.path ?? `/app/${this.app.key}?protocol=7&client=test&version=1`
    const client = new RawClient(`ws${this.#s}://127.0.0.1:${this.socketPort}${path}`, options)
    if (options.hello !== false) await client.hello()
    return client
  }

  /** `auth` of a subscription, as an auth endpoint signs it. */
  sign(client: { readonly socketId: string }, channel: string, channelData?: string): string {
    const text = [client.socketId, channel, channelData].filter(Boolean).join(':')
    return `${this.app.key}:${this.#hmac(text)}`
  }

  /** Subscribes a raw client to a channel that needs a signature; returns the success frame. */
  signedIn(
    client: RawClient,
    channel: string,
    user?: { readonly user_id: unknown; readonly user_info?: unknown },
  ): Promise<string> {
    const channelData = user && JSON.stringify(user)
    return client.subscribed(channel, this.sign(client, channel, channelData), channelData)
  }

  /** Signs a raw client in, with the signature of the app's backend. */
  signin(client: RawClient, userData: string): void {
    const auth = `${this.app.key}:${this.#hmac(`${client.socketId}::user::${userData}`)}`
    client.send({ event: 'pusher:signin', data: { auth, user_data: userData } })
  }

  http(path: string, init?: RequestInit): Promise<Response> {
    const at = this.through ?? `http${this.#s}://127.0.0.1:${this.port}`
    return fetch(`${at}${path}`, { ...init, ...UNCHECKED })
  }

  /** Sends a signed request to `/apps/ID` and `path`, as an SDK does. `parameters` sort after `auth_`. */
  signed(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body = '',
    parameters = '',
  ): Promise<Response> {
    const whole = `/apps/${this.app.id}${path}`
    const md5 = body && `&body_md5=${createHash('md5').update(body).digest('hex')}`
    const seconds = Math.floor(this.clock.now() / 1000)
    const query = `auth_key=${this.app.key}&auth_timestamp=${seconds}&auth_version=1.0${md5}${parameters && `&${parameters}`}`
    const signature = this.#hmac(`${method}\n${whole}\n${query}`)
    const url = `${whole}?${query}&auth_signature=${signature}`
    return this.http(url, { method, ...(body && { body }) })
  }

  trigger({ channel, name, data }: EventToTrigger): Promise<Response> {
    return this.signed('POST', '/events', JSON.stringify({ channel, name, data }))
  }

  /** Sends a request with the admin's name and password, to the address for admins where there is one. */
  admin(path: string, init: RequestInit = {}): Promise<Response> {
    const { username, password } = this.server.credentials.admin
    const authorization = `Basic ${btoa(`${username}:${password}`)}`
    return this.adminHttp(path, { ...init, headers: { authorization, ...init.headers } })
  }

  /** @internal The same without them. */
  adminHttp(path: string, init?: RequestInit): Promise<Response> {
    const at = this.server.adminAddress
    if (!at) return this.http(path, init)
    if ('path' in at) return fetch(`http://localhost${path}`, { ...init, unix: at.path })
    return fetch(`http://127.0.0.1:${at.port}${path}`, init)
  }

  async stop(): Promise<void> {
    await this.server.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #hmac(text: string): string {
    return createHmac('sha256', this.app.secret).update(text).digest('hex')
  }
}
