/**
 * Two servers that are one: an engine for each, on a bus that gives every message to both, in one order. What it
 * decides it decides in that order, so whatever a verb needs to know of another node it must have asked the engine for.
 */
import type { Bus } from './bus'
import type { App } from '../../src/core/app'
import { userChannel, userOf } from '../../src/core/channel'
import type { Connection } from '../../src/core/connection'
import type {
  Delta,
  Engine,
  EngineParts,
  Entry,
  Node,
  Order,
  Place,
  SharedCall,
} from '../../src/core/engine'
import { membersFull, refusal, type Refusal } from '../../src/core/errors'
import type {
  BackendPublication,
  DepartureFact,
  Notice,
  Publication,
} from '../../src/core/messages'
import type { Repeats } from '../../src/core/repeats'
import type { Arrival, Departure } from '../../src/core/roster'
import { NOT_KEPT, type HistoryQuery } from '../../src/core/stream'
import type { AppId, ChannelName, Position, SocketId, UserId } from '../../src/core/types'

/** A change as every node gets it, but for its own app and connection. */
type SentDelta<Change> = Change extends Delta
  ? Omit<Change, 'app' | 'isOwn' | 'conn' | 'entry'>
  : never

const ALONE = { isOwn: true, isHeard: true, hasNamesake: false, link: undefined }

export class JoinedEngine implements Engine {
  readonly isShared = true
  node!: Node
  readonly isTaken = (): boolean => false
  readonly catchUp = (): Promise<void> => this.bus.later(() => undefined)
  readonly stop = (): void => this.parts.departures.stop()
  readonly handOver = (): void => undefined
  readonly takeBack = this.handOver
  readonly keepsakes = () => []
  readonly metricsOfWorkers = () => []
  readonly figuresElsewhere = () => []
  readonly adopt = this.handOver
  readonly findElsewhere = (): undefined => undefined
  readonly share = (call: SharedCall) => this.bus.later(() => this.bus.share(call, this))
  readonly rest = this.handOver
  readonly nodes = () => [{ ...this.node.report(), ...ALONE, id: '1' }]

  constructor(
    readonly bus: Bus,
    readonly parts: EngineParts,
  ) {
    bus.add(this)
  }

  readonly run = (node: Node): void => void (this.node = node)
  /** The object that all is kept under; undefined for an app that was deleted meanwhile. */
  #home(app: App): App | undefined {
    return this.bus.first.node.app(app.id)
  }

  readonly listen = (): Promise<undefined> => this.bus.later(() => undefined)

  enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): Promise<Refusal | undefined> {
    return this.bus.later(() => this.#enter(conn, entry, arrival, limit))
  }

  #enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): Refusal | undefined {
    const { bus } = this
    const { channel } = entry
    const app = this.#home(entry.app)
    if (!app) return refusal('app_not_found', `App ${entry.app.id} was deleted`)
    const { kind } = entry
    if (arrival && bus.presence.isFull(app, channel, arrival, limit))
      return membersFull(channel, limit)
    const isSeat = kind.counted || entry.type === 'signin'
    const seat = isSeat ? bus.presence.enter(app, channel, arrival) : undefined
    const last = kind.cache ? bus.cache.get(app, channel, this.parts.clock.mono()) : undefined
    const joined = seat !== undefined && (entry.type === 'signin' ? seat.occupied : seat.joined)
    const { facts } = bus.first.parts
    if (
      kind.cache &&
      !last &&
      facts.wants('cache_miss', app, channel) &&
      this.#claimMiss(app, channel)
    )
      facts.emit({ type: 'cache_miss', app, channel })
    if (seat?.occupied && kind.counted) bus.arrive({ type: 'channel_occupied', app, channel })
    if (arrival && joined)
      bus.arrive({ type: 'member_added', app, channel, userId: arrival.member.userId })
    this.#tellDelta(app, conn, entry, {
      type: 'entered',
      channel,
      kind,
      socketId: conn.id,
      arrival,
      member: seat?.member,
      joined,
      count: seat?.count ?? 0,
      members: seat?.members,
      last,
      replay:
        entry.type === 'signin'
          ? undefined
          : bus.history.replay(entry, app, conn, this.parts.clock.mono()),
    })
    return undefined
  }

  #claimMiss(app: App, channel: ChannelName): boolean {
    return this.bus.claims.claim(app, channel, 'cache_miss')
  }

  #tellDelta(
    app: App,
    conn: Connection | undefined,
    entry: Entry | undefined,
    delta: SentDelta<Delta>,
  ): void {
    this.bus.broadcast(app, (node, own, engine) => {
      const isOwn = engine === this
      const here = {
        app: own,
        isOwn,
        conn: isOwn ? conn : undefined,
        entry: isOwn ? entry : undefined,
      }
      node.apply({ ...delta, ...here } as Delta)
    })
  }

  exit(
    _conn: Connection,
    { app: leaving, name: channel, kind }: Place,
    departure: Departure | undefined,
  ): void {
    const { bus } = this
    const user = userOf(channel)
    if (!kind.counted && user === undefined) return
    void bus.later(() => {
      const app = this.#home(leaving)
      if (!app) return
      const { vacated, left, member, count } = bus.presence.exit(app, channel, departure)
      if (vacated) bus.claims.forget(app, channel, 'cache_miss')
      const isLast = user === undefined ? left : vacated
      const delta = {
        type: 'exited',
        channel,
        kind,
        departure,
        member,
        left: isLast,
        count,
      } as const
      this.#tellDelta(app, undefined, undefined, delta)
      if (user !== undefined) return
      if (left && departure)
        bus.depart({ type: 'member_removed', app, channel, userId: departure.userId })
      if (vacated) bus.depart({ type: 'channel_vacated', app, channel })
    })
  }

  publish(publication: Publication): Promise<Position> {
    return this.bus.later(() => {
      const { app } = publication
      const home = this.#home(app)
      if (home && this.bus.isTaken(home, publication)) return NOT_KEPT
      const isBackend = publication.type === 'event' && publication.origin === 'backend'
      const position = home && isBackend ? this.#keep({ ...publication, app: home }) : NOT_KEPT
      this.bus.broadcast(app, (node, own) => node.deliver({ ...publication, app: own }, position))
      return position
    })
  }

  #keep(publication: BackendPublication): Position {
    const { clock, kindOf } = this.parts
    const kind = kindOf(publication.channel)
    const position = this.bus.history.append(publication, kind, clock.mono()) as Position
    if (kind.cache) this.bus.cache.put(publication, clock.mono(), position)
    return position
  }

  announce(app: App, notice: Notice, except?: SocketId): void {
    void this.bus.later(() =>
      this.bus.broadcast(app, (node, own) => node.announce(own, notice, except)),
    )
  }

  order(order: Order): Promise<void> {
    return this.bus.later(() => {
      this.bus.carryOut(order, this)
      if (order.type !== 'app_changed' || order.change.type !== 'change') return
      const changed = this.bus.first.node.app(order.change.record.id as AppId)
      const rest = changed && this.bus.history.changeRules(changed)
      while (rest?.step());
    })
  }

  isOccupied(app: App, channel: ChannelName): boolean {
    const home = this.#home(app)
    return home !== undefined && this.bus.presence.isOccupied(home, channel)
  }

  isOnline(app: App, userId: UserId): boolean {
    return this.isOccupied(app, userChannel(userId))
  }

  connections(app: App): Promise<number> {
    let sum = 0
    return this.bus.later(() => {
      this.bus.broadcast(app, (node, own) => (sum += node.connections(own)))
      return sum
    })
  }

  counts(app: App, channel: ChannelName) {
    return this.bus.later(() => this.bus.presence.counts(this.#home(app)!, channel))
  }

  channels(app: App) {
    return this.bus.later(() => {
      const { presence } = this.bus
      const home = this.#home(app)!
      const names = [...presence.channels(home)].filter((name) => userOf(name) === undefined)
      return { names, countsOf: (name: ChannelName) => presence.counts(home, name) }
    })
  }

  members(app: App, channel: ChannelName) {
    return this.bus.later(() => this.bus.presence.members(this.#home(app)!, channel))
  }

  last(app: App, channel: ChannelName) {
    const { cache } = this.bus
    return this.bus.later(() => cache.get(this.#home(app)!, channel, this.parts.clock.mono()))
  }

  history(app: App, channel: ChannelName, query: HistoryQuery) {
    const streamOf = () =>
      this.bus.history.stream(this.#home(app)!, channel, this.parts.clock.mono())
    return this.bus.later(() => streamOf()?.page(query))
  }

  forget(app: App, channel: ChannelName): Promise<undefined> {
    const { history, cache } = this.bus
    return this.bus.later(() => {
      for (const kept of [history, cache]) kept.forget(this.#home(app)!, channel)
      return undefined
    })
  }

  get repeats(): Repeats {
    const { bus } = this
    const at = <Result>(app: App, run: (home: App) => Result): Promise<Result | undefined> =>
      bus.later(() => (this.#home(app) ? run(this.#home(app)!) : undefined))
    return {
      claim: (app, key, fingerprint) =>
        at(app, (home) => bus.repeats.claim(home, key, fingerprint)),
      keep: (app, key, answer) => void at(app, (home) => bus.repeats.keep(home, key, answer)),
      release: (app, key) => void at(app, (home) => bus.repeats.release(home, key)),
    }
  }

  claim(app: App, channel: ChannelName, key: string): Promise<boolean> {
    return this.bus.later(() => this.bus.claims.claim(this.#home(app)!, channel, key))
  }

  addEarlier(fact: DepartureFact): void {
    const app = this.#home(fact.app)
    if (app) this.bus.first.parts.departures.addEarlier({ ...fact, app })
  }

  start(): void {
    if (this.bus.first === this) this.parts.departures.start()
  }

  sweep(): void {
    this.bus.sweep(this.parts.clock.mono())
  }
}
