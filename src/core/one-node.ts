/**
 * The engine of one node: everything is decided and carried out at once.
 * Owns members, last events, streams, claims, and the answers to requests that may come again.
 */
import type { App } from './app'
import { Cache, Claims, type CachedEvent } from './cache'
import { userOf } from './channel'
import type { Connection } from './connection'
import type {
  Engine,
  EngineParts,
  Entry,
  Keepsake,
  Node,
  OccupiedChannels,
  Order,
  Place,
  SharedCall,
} from './engine'
import { isRefusal, membersFull, type Refusal } from './errors'
import { History } from './history'
import { HistoryLog } from './history-log'
import type { MaybePromise } from './maybe-promise'
import type {
  ArrivalFact,
  BackendPublication,
  DepartureFact,
  Notice,
  Publication,
  Replay,
} from './messages'
import type { NodeReport } from './node-report'
import { Presence, type Counts } from './presence'
import { KEPT_MS, KeptRepeats } from './repeats'
import type { Arrival, Departure } from './roster'
import { callShared } from './shared'
import { Pass } from './slices'
import { NOT_KEPT, type HistoryPage, type HistoryQuery } from './stream'
import type { AppId, ChannelName, Member, Position, SocketId, UserId } from './types'

/** The claim of the first subscriber that finds a cache channel empty. */
const CACHE_MISS = 'cache_miss'

export class OneNodeEngine implements Engine {
  readonly isShared = false
  readonly presence = new Presence()
  readonly repeats: KeptRepeats
  readonly #cache: Cache
  readonly #cacheSweep: Pass<App>
  readonly #history: History
  readonly #claims: Claims
  readonly #parts: EngineParts
  readonly #id = crypto.randomUUID().slice(0, 8)
  #node!: Node
  #isHandedOver = false

  constructor(parts: EngineParts) {
    this.#parts = parts
    const { cacheTtlMs, clock, historyStore, kindOf, limits, slices } = parts
    const cache = new Cache(cacheTtlMs)
    this.#cache = cache
    this.#cacheSweep = new Pass(
      slices,
      'cache',
      () => cache.dropExpired(clock.mono()),
      () => undefined,
    )
    const durable = historyStore && { log: new HistoryLog(historyStore), clock }
    this.#history = new History(limits, kindOf, durable)
    this.#claims = new Claims(parts.clock)
    this.repeats = new KeptRepeats(parts)
  }

  run(node: Node): void {
    this.#node = node
    const now = this.#parts.clock.mono()
    this.#history.load(
      (id) => node.app(id),
      now,
      (app, claim, channel, ageMs) =>
        this.repeats.earlier.add(app, claim, channel, now - ageMs + KEPT_MS),
    )
    for (const { publication, at, epoch, offset } of this.#history.lasts())
      this.#cache.put(publication, at, { epoch, offset })
  }

  listen(): undefined {
    return undefined
  }

  enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): Refusal | undefined {
    const { app, channel, kind } = entry
    if (arrival && this.presence.isFull(app, channel, arrival, limit))
      return membersFull(channel, limit)
    const seat = kind.counted ? this.presence.enter(app, channel, arrival) : undefined
    const last = kind.cache ? this.last(app, channel) : undefined
    const joined = seat
      ? seat.joined
      : entry.type === 'signin' && !this.isOnline(app, entry.user.id)
    if (kind.cache && !last) this.#emitMiss(app, channel)
    if (seat?.occupied) this.#emitArrival({ type: 'channel_occupied', app, channel })
    if (arrival && joined)
      this.#emitArrival({ type: 'member_added', app, channel, userId: arrival.member.userId })
    this.#node.apply({
      type: 'entered',
      app,
      channel,
      kind,
      isOwn: true,
      conn,
      entry,
      socketId: conn.id,
      arrival,
      member: seat?.member,
      joined,
      count: seat ? seat.count : 0,
      members: seat?.members,
      last,
      replay: this.#replay(conn, entry),
    })
    return undefined
  }

  #replay(conn: Connection, entry: Entry): Replay | undefined {
    if (entry.type === 'signin' || entry.app.record.history.length === 0) return undefined
    return this.#history.replay(entry, entry.app, conn, this.#parts.clock.mono())
  }

  exit(conn: Connection, place: Place, departure: Departure | undefined): void {
    const { app, name: channel, kind } = place
    if (!kind.counted) return this.#exitUncounted(place)
    const { vacated, left, member, count } = this.presence.exit(app, channel, departure)
    if (vacated) this.#claims.forget(app, channel, CACHE_MISS)
    const isOwn = true
    // Before the taps of plugins, which may end another connection in the channel.
    if (left && departure)
      this.#emitDeparture({ type: 'member_removed', app, channel, userId: departure.userId })
    this.#node.apply({ type: 'exited', app, channel, kind, isOwn, departure, member, left, count })
    if (vacated) this.#emitDeparture({ type: 'channel_vacated', app, channel })
  }

  /** Only the user of the channel, if it has one, is somebody's business. */
  #exitUncounted({ app, name: channel, kind }: Place): void {
    const userId = userOf(channel)
    if (userId === undefined || this.isOnline(app, userId)) return
    const nobody = { departure: undefined, member: undefined, count: 0 }
    this.#node.apply({ type: 'exited', app, channel, kind, isOwn: true, left: true, ...nobody })
  }

  publish(publication: Publication): MaybePromise<Position | Refusal> {
    const isBackend = publication.type === 'event' && publication.origin === 'backend'
    const position = isBackend && !this.#isHandedOver ? this.#keep(publication) : NOT_KEPT
    if (position !== NOT_KEPT) return this.#publishKept(publication, position)
    this.#node.deliver(publication, NOT_KEPT)
    return NOT_KEPT
  }

  #publishKept(
    publication: Publication,
    position: Position | Refusal,
  ): MaybePromise<Position | Refusal> {
    if (isRefusal(position)) return position
    const { isDurable } = this.#history
    this.#node.deliver(publication, position)
    return isDurable ? this.#whenCommitted(position) : position
  }

  #whenCommitted(position: Position): Promise<Position | Refusal> {
    return this.#history.committed().then((refused) => refused ?? position)
  }

  #keep(publication: BackendPublication): Position | Refusal {
    const { clock, kindOf } = this.#parts
    const kind = kindOf(publication.channel)
    const hasRules = publication.app.record.history.length > 0
    if (!kind.cache && !hasRules) return NOT_KEPT
    const now = clock.mono()
    const position = hasRules ? this.#history.append(publication, kind, now) : NOT_KEPT
    if (kind.cache && !isRefusal(position)) this.#cache.put(publication, now, position)
    return position
  }

  announce(app: App, notice: Notice, except?: SocketId): void {
    this.#node.announce(app, notice, except)
  }

  catchUp(): void {}

  order(order: Order): void {
    if (order.type !== 'app_changed') return this.#node.carryOut(order)
    const { change } = order
    const removed = change.type === 'remove' ? this.#node.app(change.id as AppId) : undefined
    this.#node.carryOut(order)
    const changed = change.type === 'change' ? this.#node.app(change.record.id as AppId) : undefined
    const rest =
      (removed && this.#history.forgetApp(removed)) ??
      (changed && this.#history.changeRules(changed))
    if (rest) this.#parts.slices.add(rest)
  }

  isOccupied(app: App, channel: ChannelName): boolean {
    return this.presence.isOccupied(app, channel)
  }

  isOnline(app: App, userId: UserId): boolean {
    return this.#parts.users.isOnline(app, userId)
  }

  metricsOfWorkers(): readonly string[] {
    return []
  }

  figuresElsewhere(): readonly never[] {
    return []
  }

  findElsewhere(): undefined {
    return undefined
  }

  nodes(): readonly NodeReport[] {
    return [
      {
        ...this.#node.report(),
        id: this.#id,
        isOwn: true,
        isHeard: true,
        hasNamesake: false,
        link: undefined,
      },
    ]
  }

  connections(app: App): number {
    return this.#node.connections(app)
  }

  counts(app: App, channel: ChannelName): Counts {
    return this.presence.counts(app, channel)
  }

  channels(app: App): OccupiedChannels {
    const presence = this.presence
    return { names: presence.channels(app), countsOf: (name) => presence.counts(app, name) }
  }

  members(app: App, channel: ChannelName): readonly Member[] {
    return this.presence.members(app, channel)
  }

  last(app: App, channel: ChannelName): CachedEvent | undefined {
    return this.#cache.get(app, channel, this.#parts.clock.mono())
  }

  history(app: App, channel: ChannelName, query: HistoryQuery): HistoryPage | undefined {
    return this.#history.stream(app, channel, this.#parts.clock.mono())?.page(query)
  }

  forget(app: App, channel: ChannelName): Refusal | undefined {
    const refused = this.#history.forget(app, channel)
    if (!refused) this.#cache.forget(app, channel)
    return refused
  }

  claim(app: App, channel: ChannelName, key: string): boolean {
    return this.#claims.claim(app, channel, key)
  }

  isTaken(publication: Pick<BackendPublication, 'app' | 'channel' | 'once'>): boolean {
    return this.repeats.earlier.isTaken(publication)
  }

  share(call: SharedCall): unknown {
    const store = this.#parts.sharedOf(call.plugin)
    return callShared(store, call, (order) => this.#node.carryOut(order))
  }

  addEarlier(fact: DepartureFact): void {
    this.#parts.departures.addEarlier(fact)
  }

  start(): void {
    this.#parts.departures.start()
  }

  sweep(): void {
    this.#cacheSweep.begin()
    if (!this.#isHandedOver) this.#history.sweep(this.#parts.clock.mono())
    this.#claims.sweep()
    this.repeats.sweep()
  }

  rest(): void {}

  stop(): void {
    this.#parts.departures.stop()
    if (!this.#isHandedOver) this.#history.close()
  }

  handOver(): void {
    this.#history.close()
    this.#isHandedOver = true
  }

  *keepsakes(): IterableIterator<Keepsake> {
    const now = this.#parts.clock.mono()
    for (const { publication, position, expiresAt } of this.#cache.all(now))
      yield { type: 'cached', publication, position, leftMs: expiresAt - now }
    for (const kept of this.repeats.answers()) yield { type: 'answer', ...kept }
  }

  adopt(keepsake: Keepsake): void {
    if (keepsake.type === 'answer') return this.repeats.adopt(keepsake)
    const { publication, position, leftMs } = keepsake
    const { cacheTtlMs, clock } = this.#parts
    this.#cache.put(publication, clock.mono() + leftMs - cacheTtlMs, position)
  }

  takeBack(): void {
    this.#isHandedOver = false
    this.#parts.departures.goOn()
  }

  /** Several subscribers that find the same cache empty are one fact (contract 7.3). */
  #emitMiss(app: App, channel: ChannelName): void {
    const { facts } = this.#parts
    if (facts.wants('cache_miss', app, channel) && this.claim(app, channel, CACHE_MISS))
      facts.emit({ type: 'cache_miss', app, channel })
  }

  #emitArrival(fact: ArrivalFact): void {
    const { departures, facts } = this.#parts
    if (!departures.cancel(fact) && facts.wants(fact.type, fact.app, fact.channel)) facts.emit(fact)
  }

  #emitDeparture(fact: DepartureFact): void {
    const { departures, facts } = this.#parts
    if (facts.wants(fact.type, fact.app, fact.channel)) departures.add(fact)
  }
}
