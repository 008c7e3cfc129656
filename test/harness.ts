/**
 * The harness: a whole server on a free port with an in-memory database and a clock that is moved by
 * hand, and clients for it. Everything is `await using`; waiting is always for a message.
 */
import { afterAll, beforeAll } from 'bun:test'
import type Server from 'pusher'
import { readConfig, type Config } from '../src/config/config'
import type { App, AppRecord } from '../src/core/app'
import { totalCounters, type Counters } from '../src/core/counters'
import type { Limits } from '../src/core/limits'
import { changeApp } from '../src/core/app-changes'
import { userOf } from '../src/core/channel'
import type { OneNodeEngine } from '../src/core/one-node'
import { FACTS } from '../src/core/facts'
import type { Fact, FactType } from '../src/core/messages'
import type { Counts, Presence } from '../src/core/presence'
import type { ChannelName } from '../src/core/types'
import { Kit, createServed, type ServeOptions } from '../kit/server'
import type { CarillonServer, ServerOptions } from '../src/server'
import { Bus, type Hold } from './two-servers/bus'
import { JoinedEngine } from './two-servers/engine'
import type { AnyPlugin, AppConfig } from '../src/plugin'
import { PATIENCE_MS } from '../kit/client'
import { twoServers, waitUntil, type MeantRedis } from './parts'
import { newSdk, PusherClient, type PusherClientOptions } from './pusher-client'

export { makePlugin, nextLook, OWN_APP, throwSecret, twoServers, waitUntil } from './parts'
export { PusherClient, type PusherClientOptions } from './pusher-client'
export { Inbox, PATIENCE_MS, PONG, RawClient, waitFor, type RawOptions } from '../kit/client'

export type StartOptions = {
  readonly config?: Partial<Omit<Config, 'limits'>>
  readonly limits?: Partial<Limits>
  readonly plugins?: readonly AnyPlugin[]
  /** In place of the published development app. */
  readonly apps?: readonly AppConfig[]
  /** Where the clock begins, in epoch milliseconds; the real time if absent. */
  readonly now?: number
  /** What turns are measured by; without, they take no time. */
  readonly meter?: () => number
}

/** Starts a server. Departures are facts at once, unless `webhookSettleMs` is set. */
export async function start(options: StartOptions = {}): Promise<TestServer> {
  const { limits, config, ...rest } = options
  const defaults = readConfig({ CARILLON_LOG_LEVEL: 'silent' }).limits
  const changed = { webhookSettleMs: 0, ...config, limits: { ...defaults, ...limits } }
  const parts = { ...rest, config: changed }
  if (twoServers.redis) return startOverRedis(parts, twoServers.redis)
  if (!twoServers.areMeant) return new TestServer(await createServed(parts))
  const bus = new Bus()
  const newEngine: ServerOptions['newEngine'] = (own) => new JoinedEngine(bus, own)
  const first = await createServed(parts, { newEngine })
  const { clock, log } = first
  return new TwoServers(first, await createServed(parts, { newEngine, clock, log }), bus)
}

/** Two servers on one Redis, where nobody else has their name. Its clock cannot be moved by hand: settling is short. */
async function startOverRedis(parts: ServeOptions, redis: MeantRedis): Promise<TestServer> {
  const webhookSettleMs = Math.min(parts.config?.webhookSettleMs ?? 0, 1000)
  const cluster = crypto.randomUUID()
  // What facts have brought is written down without a clock that stands still.
  const own = { webhookFlushMs: 0, ...parts.config }
  const config = { ...own, redisUrl: redis.url, cluster, webhookSettleMs }
  const first = await createServed({ ...parts, config })
  const { clock, log } = first
  const second = await createServed({ ...parts, config }, { clock, log })
  return new TwoServers(first, second, redis)
}

/** Starts one server for all rows of a table that leave nothing behind; it runs while they do. */
export function startCommon(options?: StartOptions): () => TestServer {
  let server: TestServer
  beforeAll(async () => {
    server = await start(options)
  })
  afterAll(() => server.stop())
  return () => server
}

/** TRAFFIC: facts that tests listen to only where they are about them. */
const TRAFFIC: ReadonlySet<string> = new Set([
  'published',
  'subscribed',
  'unsubscribed',
  'refused',
  'requested',
  'cut',
  'webhook_answered',
])

type Served = ConstructorParameters<typeof Kit>[0]

export class TestServer extends Kit {
  readonly facts: Fact[] = []

  constructor(served: Served) {
    super(served)
    this.listenTo(served.server)
  }

  protected listenTo({ core }: CarillonServer): void {
    const types = (Object.keys(FACTS) as FactType[]).filter((type) => !TRAFFIC.has(type))
    core.facts.listen({ types, receive: (fact) => this.facts.push(fact) })
  }

  /** One, or two that are one. */
  get servers(): readonly CarillonServer[] {
    return [this.server]
  }

  get presence(): Presence {
    return (this.core.engine as OneNodeEngine).presence
  }

  get core() {
    return this.server.core
  }

  /** The counters of the servers and of all apps. */
  get totals(): Counters {
    const all = this.servers.map(({ core }) => totalCounters(core))
    const names = Object.keys(this.core.counters) as (keyof Counters)[]
    const sums = names.map((name) => [name, all.reduce((sum, each) => sum + each[name], 0)])
    return Object.fromEntries(sums) as Counters
  }

  /** A second tenant beside the development app: id 8, slug `other`, key `k`, secret `s`. */
  addTenant(): App {
    const base = this.core.apps.byId('1')!.record
    const keys = [{ key: 'k', secret: 's' }]
    const record = { ...base, id: '8', name: 'other', slug: 'other', keys }
    return this.core.apps.create(record, this.clock.now())
  }

  /** The occupied channels of the first app. */
  get occupied(): ChannelName[] {
    const channels = this.presence.channels(this.core.apps.byId(this.app.id)!)
    return [...channels].filter((name) => userOf(name) === undefined)
  }

  /** How many subscriptions and members a channel of the first app has. */
  countsOf(channel: string): Counts {
    return this.presence.counts(this.core.apps.byId(this.app.id)!, channel as ChannelName)
  }

  /** The same, as every server says it. */
  async askCounts(channel: string): Promise<Counts> {
    const asked: Counts[] = []
    for (const { core } of [...this.servers, this.server])
      asked.push(await core.engine.counts(core.apps.byId(this.app.id)!, channel as ChannelName))
    return asked.at(-1)!
  }

  /** The occupied channels, as every server says it. */
  async askOccupied(): Promise<ChannelName[]> {
    let names: ChannelName[] = []
    for (const { core } of [...this.servers, this.server])
      names = [...(await core.engine.channels(core.apps.byId(this.app.id)!)).names]
    return names.filter((name) => userOf(name) === undefined)
  }

  /** Changes fields of the first app, as the admin API does; other servers have it a moment later. */
  async change(fields: Partial<AppRecord>): Promise<void> {
    await changeApp(this.core, { ...this.core.apps.byId(this.app.id)!.record, ...fields })
    const recordOf = ({ core }: CarillonServer) => core.apps.byId(this.app.id)?.record
    const hasIt = (each: CarillonServer) => Bun.deepEquals(recordOf(each), recordOf(this.server))
    await waitUntil('all servers have it', () => this.servers.every(hasIt))
  }

  get connectionCount(): number {
    return this.servers.reduce((sum, { core }) => sum + core.hub.connectionCount, 0)
  }

  /** Resolves once all messages that the servers have sent each other so far have arrived. */
  async settle(_what?: 'messages'): Promise<void> {}

  /** Time passes: on the clock that is moved by hand, and for what is kept elsewhere. */
  async pass(ms: number): Promise<void> {
    this.advance(ms)
  }

  /** Real time that may have passed, too, from one look at what is kept to the next. */
  get slackMs(): number {
    return 0
  }

  /** Holds messages between the servers, where there are two. */
  hold(): Hold {
    return { next: async () => {}, release: () => {} }
  }

  /** The facts so far, as `type channel`. */
  listFactNames(): string[] {
    return this.facts.map((fact) =>
      'channel' in fact ? `${fact.type} ${fact.channel}` : fact.type,
    )
  }

  /** Resolves once the server has seen so many connections end that `count` are left. */
  async waitForConnections(count: number): Promise<void> {
    await waitUntil(`${count} connections are left`, () => this.connectionCount <= count)
  }

  /** Resolves once the server has read so many frames of clients, all together. */
  waitForReceived(count: number): Promise<void> {
    return waitUntil(`${count} frames were read`, () => this.totals.messagesReceived >= count)
  }

  /** Leaves as on a signal, the clock moved until the server has stopped. */
  async leave(): Promise<void> {
    let isStopped = false
    const leaving = this.server.leave().then(() => (isStopped = true))
    while (!isStopped) {
      this.advance(1000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await leaving
  }

  /** The stock server library. */
  sdk(options: Partial<Server.Options> = {}): Server {
    return newSdk(this, options)
  }

  /** The stock browser library. Private and presence channels are signed by the stock server library. */
  pusher(options: PusherClientOptions = {}): PusherClient {
    return new PusherClient(this, options)
  }
}

/** Two servers that are one. Every other connection, and every other request, is to the second. */
export class TwoServers extends TestServer {
  #connections = 0
  #requests = 0

  constructor(
    first: Served,
    readonly second: Served,
    /** What is between them. */
    readonly between: Bus | MeantRedis,
  ) {
    super(first)
    this.listenTo(second.server)
  }

  override get socketPort(): number {
    return this.servers[this.#connections++ % 2]!.port
  }

  override get port(): number {
    return this.servers[this.#requests++ % 2]!.port
  }

  override get servers(): readonly CarillonServer[] {
    return [this.server, this.second.server]
  }

  override get presence(): Presence {
    if (this.between instanceof Bus) return this.between.presence
    throw new Error('what these servers keep together is in Redis')
  }

  override addTenant(): App {
    const app = super.addTenant()
    this.second.server.core.apps.create(app.record, this.clock.now())
    return app
  }

  override hold(): Hold {
    return this.between.hold()
  }

  override async pass(ms: number): Promise<void> {
    await super.pass(ms)
    if (!(this.between instanceof Bus)) await this.between.age(this.config.cluster, ms)
  }

  override get slackMs(): number {
    return this.between instanceof Bus ? 0 : PATIENCE_MS
  }

  /** Done when all that was said has arrived, and all facts are told, unless `what` has only the messages. */
  override async settle(what?: 'messages'): Promise<void> {
    if (this.between instanceof Bus) return this.between.later(() => undefined)
    await this.between.waitForMessages(this)
    if (what === undefined) await this.between.waitForFacts(this.config.cluster)
  }

  override async stop(): Promise<void> {
    await this.second.server.stop()
    await super.stop()
    if (!(this.between instanceof Bus)) await this.between.clear(this.config.cluster)
  }
}
