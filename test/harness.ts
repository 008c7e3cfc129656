/**
 * The harness: a whole server on a free port with an in-memory database and a clock that moves only
 * when told to, and clients for it. Everything is `await using`; waiting is always for a message.
 */
import { afterAll, beforeAll } from 'bun:test'
import Server from 'pusher'
import Pusher, { type Channel, type Options } from 'pusher-js'
import { readConfig, type Config } from '../src/config/config'
import type { App } from '../src/core/app'
import { totalCounters, type Counters } from '../src/core/counters'
import type { Limits } from '../src/core/limits'
import type { OneNodeEngine } from '../src/core/engine'
import { FACTS } from '../src/core/facts'
import type { Fact, FactType } from '../src/core/messages'
import type { Counts } from '../src/core/presence'
import type { ChannelName } from '../src/core/types'
import { Inbox, within } from '../kit/client'
import { Kit, serverFor } from '../kit/server'
import { definePlugin, type AnyPlugin, type AppConfig, type Hooks } from '../src/plugin'

export { Inbox, PATIENCE_MS, PONG, RawClient, within, type RawOptions } from '../kit/client'

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

/** Departures are facts at once, unless `webhookSettleMs` is set. */
export async function start(options: StartOptions = {}): Promise<TestServer> {
  const { limits, config, ...rest } = options
  const defaults = readConfig({ CARILLON_LOG_LEVEL: 'silent' }).limits
  const changed = { webhookSettleMs: 0, ...config, limits: { ...defaults, ...limits } }
  return new TestServer(await serverFor({ ...rest, config: changed }))
}

/** An app whose secret nobody knows, for servers that are asked from afar. */
export const OWN_APP = { id: '7', key: 'k7', secret: 's7' }

/** One server for all rows of a table that leave nothing behind; it is there while they run. */
export function common(options?: StartOptions): () => TestServer {
  let server: TestServer
  beforeAll(async () => {
    server = await start(options)
  })
  afterAll(() => server.stop())
  return () => server
}

/** A plugin that is nothing but hooks. */
export const pluginOf = (name: string, hooks: Hooks): AnyPlugin =>
  definePlugin({ name, carillon: 1, setup: () => hooks })

/** A hook that is broken; nobody but the log may be told of what. */
export const fails = (): never => {
  throw new Error('secret detail')
}

/** Facts of what is sent, answered and refused: tests listen to these where they are about them. */
const TRAFFIC: ReadonlySet<string> = new Set(['published', 'refused', 'requested', 'cut'])

export class TestServer extends Kit {
  readonly facts: Fact[] = []

  constructor(served: ConstructorParameters<typeof Kit>[0]) {
    super(served)
    const types = (Object.keys(FACTS) as FactType[]).filter((type) => !TRAFFIC.has(type))
    this.core.facts.listen({ types, receive: (fact) => this.facts.push(fact) })
  }

  get core() {
    return this.server.core
  }

  /** The process's counters and those of all apps. */
  get totals(): Counters {
    return totalCounters(this.core)
  }

  /** A second tenant beside the development app: id 8, slug `other`, key `k`, secret `s`. */
  addTenant(): App {
    const base = this.core.apps.byId('1')!.record
    const keys = [{ key: 'k', secret: 's' }]
    const record = { ...base, id: '8', name: 'other', slug: 'other', keys }
    return this.core.apps.create(record, this.clock.now())
  }

  /** What the engine of one node keeps of the first app: its occupied channels. */
  get occupied(): ChannelName[] {
    const { apps, engine } = this.core
    return [...(engine as OneNodeEngine).presence.channels(apps.byId(this.app.id)!)]
  }

  /** And how many subscriptions and members a channel has. */
  countsOf(channel: string): Counts {
    const { apps, engine } = this.core
    return (engine as OneNodeEngine).presence.counts(
      apps.byId(this.app.id)!,
      channel as ChannelName,
    )
  }

  /** The facts so far, as `type channel`. */
  factNames(): string[] {
    return this.facts.map((fact) =>
      'channel' in fact ? `${fact.type} ${fact.channel}` : fact.type,
    )
  }

  /** Resolves once the server has seen so many connections end that `count` are left. */
  async connectionsDownTo(count: number): Promise<void> {
    while (this.core.hub.connectionCount > count)
      await new Promise<void>((resolve) => setImmediate(resolve))
  }

  /** Resolves once the server has read so many frames of clients, all together. */
  received(count: number): Promise<void> {
    const arrived = async (): Promise<void> => {
      while (this.totals.messagesReceived < count) await this.http('/up')
    }
    return within(`the ${count}th frame`, arrived())
  }

  /** Leaves as on a signal, the clock moved until the server has stopped. */
  async leave(): Promise<void> {
    let stopped = false
    const leaving = this.server.leave().then(() => (stopped = true))
    while (!stopped) {
      this.advance(1000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    await leaving
  }

  /** The stock server library. */
  sdk(options: Partial<Server.Options> = {}): Server {
    return new Server({
      appId: this.app.id,
      key: this.app.key,
      secret: this.app.secret,
      host: '127.0.0.1',
      port: String(this.port),
      useTLS: false,
      ...options,
    } as Server.Options)
  }

  /** The stock browser library. Private and presence channels are signed by the stock server library. */
  pusher(options: PusherClientOptions = {}): PusherClient {
    return new PusherClient(this, options)
  }
}

export type PusherClientOptions = {
  readonly options?: Partial<Options>
  /** Who the client is on presence channels. */
  readonly user?: { user_id: string; user_info?: object }
  /** Signs with another library than the app's own. */
  readonly signer?: Server
  readonly key?: string
}

/** pusher-js, with what it emits in an inbox. */
export class PusherClient {
  readonly pusher: Pusher
  readonly events = new Inbox<{ channel: string; event: string; data: unknown }>()
  readonly states = new Inbox<string>()
  readonly errors = new Inbox<{ type?: string; data?: { code: number | null; message: string } }>()

  constructor(
    server: TestServer,
    { options = {}, user, signer = server.sdk(), key = server.app.key }: PusherClientOptions,
  ) {
    this.pusher = new Pusher(key, {
      cluster: 'test',
      wsHost: '127.0.0.1',
      wsPort: server.port,
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        endpoint: '',
        transport: 'ajax',
        customHandler: ({ socketId, channelName }, callback) =>
          callback(null, signer.authorizeChannel(socketId, channelName, user) as never),
      },
      ...options,
    })
    this.pusher.connection.bind('state_change', ({ current }: { current: string }) =>
      this.states.push(current),
    )
    this.pusher.connection.bind('error', (error: never) => this.errors.push(error))
  }

  get socketId(): string {
    return this.pusher.connection.socket_id
  }

  /** Resolves once subscribed, with the channel; its events go to the inbox from then on. */
  async subscribe(name: string): Promise<Channel> {
    const channel = this.pusher.subscribe(name)
    await within(
      `pusher-js to subscribe to ${name}`,
      new Promise<void>((resolve, reject) => {
        channel.bind('pusher:subscription_succeeded', () => resolve())
        channel.bind('pusher:subscription_error', (error: object) =>
          reject(new Error(JSON.stringify(error))),
        )
      }),
    )
    channel.bind_global((event: string, data: unknown) =>
      this.events.push({ channel: name, event, data }),
    )
    return channel
  }

  async state(wanted: string): Promise<void> {
    if (this.pusher.connection.state === wanted) return
    while ((await this.states.next(`state ${wanted}`)) !== wanted);
  }

  nextEvent(): Promise<{ channel: string; event: string; data: unknown }> {
    return this.events.next('an event')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pusher.disconnect()
  }
}
