/**
 * Hub: this node's registry of connections, channels and subscriptions, and the fan-out to them. Both sides
 * of a subscription, and its native topic, change in one function. Everything is keyed by app and channel.
 * Nothing here loops over connections to send.
 */
import { AddressCounts } from './addresses'
import type { App } from './app'
import { Audience } from './audience'
import type { Channel, Connection, Subscription } from './connection'
import { count, type Peaks } from './counters'
import { FanOut, type FanOutContext } from './fan-out'
import type { Groups } from './groups'
import type { Limits } from './limits'
import type { Broadcast, Encoder, Notice, Publication } from './messages'
import { Subscriptions } from './subscriptions'
import type { ChannelName, Frame, Position, Sink, SocketId, Topics } from './types'
import type { Usage } from './usage'
import { WideMap } from './wide-map'

/** The member who subscribes, and the client's reference. */
export type Subscriber = Pick<Subscription, 'member' | 'meta' | 'ref'> & {
  /** Undefined for that of the connection. */
  readonly encoder: Encoder | undefined
  /** It is not to hear anything yet; see `Audience.catchUp`. */
  readonly isHeld: boolean
}

type Tenant = {
  readonly connections: WideMap<SocketId, Connection>
  /** Connections whose frames are fetched by requests. */
  pullSessions: number
  readonly channels: WideMap<ChannelName, Channel>
}

const ANONYMOUS: Subscriber = {
  member: undefined,
  meta: undefined,
  ref: undefined,
  encoder: undefined,
  isHeld: false,
}

export class Hub {
  readonly #tenants = new Map<App, Tenant>()
  /** Connections that name no app. */
  readonly #unnamed = new WideMap<SocketId, Connection>()
  #connectionCount = 0
  /** Subscriptions of each address; those of closed connections count until they have left. */
  readonly byAddress: AddressCounts
  readonly #fanOut: FanOut
  readonly #peaks: Peaks
  /** Where there are other nodes: what they have to be told. */
  usage: Usage | undefined

  constructor(
    readonly topics: Topics,
    readonly groups: Groups,
    context: FanOutContext & { readonly limits: Pick<Limits, 'maxSubscriptionsPerAddress'> },
  ) {
    this.byAddress = new AddressCounts(context.limits.maxSubscriptionsPerAddress)
    this.#fanOut = new FanOut(context)
    this.#peaks = context.peaks
  }

  get connectionCount(): number {
    return this.#connectionCount
  }

  /** Those that name no app. */
  get unnamedCount(): number {
    return this.#unnamed.size
  }

  connectionCountOf(app: App): number {
    return app.gauges.connections
  }

  pullSessionCountOf(app: App): number {
    return this.#tenants.get(app)?.pullSessions ?? 0
  }

  channelCountOf(app: App): number {
    return this.#tenants.get(app)?.channels.size ?? 0
  }

  /** Live: connections that close meanwhile are skipped. */
  *connections(): IterableIterator<Connection> {
    for (const { connections } of this.#tenants.values()) yield* connections.values()
    yield* this.#unnamed.values()
  }

  /** Those that name the app, and those that name none and may be in channels of it; live. */
  *connectionsNear(app: App): IterableIterator<Connection> {
    yield* this.#tenants.get(app)?.connections.values() ?? []
    yield* this.#unnamed.values()
  }

  /** A copy of the current connections that name the app. */
  connectionsOf(app: App): readonly Connection[] {
    return [...(this.#tenants.get(app)?.connections.values() ?? [])]
  }

  /** Of the connections that name the app; live, the oldest first. */
  *socketIdsOf(app: App): IterableIterator<SocketId> {
    yield* this.#tenants.get(app)?.connections.keys() ?? []
  }

  add(conn: Connection): void {
    const tenant = conn.app && this.#tenant(conn.app)
    if (tenant && conn.sink.queued) tenant.pullSessions++
    const connections = tenant?.connections ?? this.#unnamed
    connections.set(conn.id, conn)
    if (conn.app) conn.app.peaks.connections.note(++conn.app.gauges.connections)
    if (conn.app) this.usage?.noteConnections(conn.app)
    this.#peaks.connections.note(++this.#connectionCount)
  }

  /** False where the connection was not registered. Its subscriptions may leave later. */
  remove({ app, id, sink }: Connection): boolean {
    const tenant = app && this.#tenants.get(app)
    const connections = app ? tenant?.connections : this.#unnamed
    if (!connections?.delete(id)) return false
    if (tenant && sink.queued) tenant.pullSessions--
    this.#connectionCount--
    if (!app) return true
    app.gauges.connections--
    this.usage?.noteConnections(app)
    this.#forgetIfEmpty(app)
    return true
  }

  /** A connection that may be in channels of the app. */
  connection(app: App, id: SocketId): Connection | undefined {
    return this.#tenants.get(app)?.connections.get(id) ?? this.#unnamed.get(id)
  }

  channel(app: App, name: ChannelName): Channel | undefined {
    return this.#tenants.get(app)?.channels.get(name)
  }

  /** The caller has checked that the connection is not in the channel, and has sent the reply. */
  join(
    conn: Connection,
    app: App,
    name: ChannelName,
    { member, meta, ref, encoder = conn.codec, isHeld }: Subscriber = ANONYMOUS,
  ): Subscription {
    const channel = this.channel(app, name) ?? this.#newChannel(app, name)
    const audience =
      channel.audiences.find((known) => known.accepts(encoder, conn.sink)) ??
      this.#newAudience(channel, encoder, conn.sink)
    const subscription: Subscription = {
      conn,
      channel,
      audience,
      member,
      meta,
      ref,
      shard: undefined,
      slot: 0,
    }
    if (isHeld) audience.joinHeld(subscription)
    else audience.join(subscription)
    conn.subscriptions ??= new Subscriptions()
    conn.subscriptions.add(subscription)
    const { counted, label } = channel.kind
    count(app.subscriptionsByKind, label)
    if (counted) {
      app.gauges.subscriptions++
      app.counters.subscriptionsAccepted++
    }
    if (conn.quotaKey !== undefined) this.byAddress.add(conn.quotaKey)
    return subscription
  }

  leave(subscription: Subscription): void {
    const { conn, channel, audience } = subscription
    audience.leave(subscription)
    conn.subscriptions?.delete(subscription)
    const { app, kind } = channel
    count(app.subscriptionsByKind, kind.label, -1)
    if (kind.counted) app.gauges.subscriptions--
    if (conn.quotaKey !== undefined) this.byAddress.remove(conn.quotaKey)
    if (audience.size > 0) return
    channel.audiences.splice(channel.audiences.indexOf(audience), 1)
    if (channel.audiences.length > 0) return
    this.#tenant(app).channels.delete(channel.name)
    if (kind.counted) app.gauges.channels--
    if (kind.group) this.groups.delete(channel)
    this.#forgetIfEmpty(app)
  }

  /** The channel's subscribers on this node. Never used to publish. */
  subscribersOf(app: App, name: ChannelName): Connection[] {
    const audiences = this.channel(app, name)?.audiences ?? []
    return audiences.flatMap((audience) => audience.subscriptions()).map(({ conn }) => conn)
  }

  /** True where some channel is crowded; see `backlog`. */
  get isCrowded(): boolean {
    return this.#fanOut.crowded.size > 0
  }

  /** Has the latency of the next delivery measured; see `FanOut`. */
  sampleNextDelivery(): void {
    this.#fanOut.sampleNext()
  }

  crowdedAudiences(app: App, name: ChannelName): readonly Audience<Subscription>[] {
    const { crowded } = this.#fanOut
    return this.channel(app, name)?.audiences.filter((audience) => crowded.has(audience)) ?? []
  }

  /** Fans an event out on this node: one encode per codec that is present. */
  deliver(publication: Publication, position: Position): void {
    const channel = this.channel(publication.app, publication.channel)
    if (!channel) return
    const deliveries = this.#fanOutTo(channel, publication, publication.except, position)
    channel.app.counters.deliveries += deliveries
  }

  announce(app: App, notice: Notice, except?: SocketId): void {
    const channel = this.channel(app, notice.channel)
    if (channel) this.#fanOutTo(channel, notice, except, undefined)
  }

  /** Returns for how many subscribers it is. */
  #fanOutTo(
    channel: Channel,
    broadcast: Broadcast,
    exceptId: SocketId | undefined,
    position: Position | undefined,
  ): number {
    const left = exceptId && this.connection(channel.app, exceptId)?.subscription(channel)
    let receivers = 0
    let encoder: Encoder | undefined
    let frame: Frame | undefined
    for (const audience of channel.audiences) {
      if (audience.encoder !== encoder) {
        encoder = audience.encoder
        frame = encoder.broadcast(broadcast, position)
      }
      if (frame === undefined) continue
      const except = left && left.audience === audience ? left : undefined
      receivers += except ? audience.size - 1 : audience.size
      audience.deliver(frame, except)
    }
    return receivers
  }

  #newChannel(app: App, name: ChannelName): Channel {
    const channel: Channel = { app, name, kind: this.groups.kindOf(name), audiences: [] }
    this.#tenant(app).channels.set(name, channel)
    if (channel.kind.counted) app.gauges.channels++
    if (channel.kind.group) this.groups.add(channel)
    return channel
  }

  #newAudience(
    { app, name, audiences }: Channel,
    encoder: Encoder,
    sink: Sink,
  ): Audience<Subscription> {
    const listeners = { encoder, queued: sink.queued === true }
    const place = { app, name }
    const audience = new Audience<Subscription>(listeners, place, this.topics, this.#fanOut)
    const twin = audiences.findIndex((known) => known.encoder === encoder)
    audiences.splice(Math.max(twin, 0), 0, audience)
    return audience
  }

  #tenant(app: App): Tenant {
    return this.#tenants.getOrInsertComputed(app, () => ({
      connections: new WideMap(),
      pullSessions: 0,
      channels: new WideMap(),
    }))
  }

  #forgetIfEmpty(app: App): void {
    const tenant = this.#tenants.get(app)
    if (tenant && tenant.connections.size === 0 && tenant.channels.size === 0)
      this.#tenants.delete(app)
  }
}
