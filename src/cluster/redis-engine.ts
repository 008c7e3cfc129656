/**
 * The engine of N nodes: what they keep together is in Redis, and each hears of the channels that its connections are
 * in. The files in `scripts/` decide, in one order per channel; `replicas.ts` has what this node knows of each.
 */
import type { App } from '../core/app'
import type { CachedEvent } from '../core/cache'
import { userChannel } from '../core/channel'
import type { Connection } from '../core/connection'
import type { Core } from '../core/core'
import type {
  Engine,
  EngineParts,
  Entry,
  Node,
  OccupiedChannels,
  Order,
  Place,
  SharedCall,
} from '../core/engine'
import { REFUSE, type Refusal } from '../core/errors'
import type { MaybePromise } from '../core/maybe-promise'
import type { Mirror } from '../core/mirror'
import type { DepartureFact, Publication } from '../core/messages'
import type { NodeReport } from '../core/node-report'
import type { Counts } from '../core/presence'
import type { Arrival } from '../core/roster'
import type { HistoryPage, HistoryQuery } from '../core/stream'
import type { ChannelName, Member, Position, SocketId, UserId } from '../core/types'
import { Beats } from './beats'
import { ChannelOrders, isChannelOrder } from './channel-orders'
import { ClusterRepeats } from './cluster-repeats'
import { runOn, tellLater, type Context } from './context'
import { Counting } from './counting'
import { ignoreAway, RedisAway, refuseAway } from './link/away'
import { History } from './history'
import { Joins } from './joins'
import { Lasts } from './lasts'
import type { LinkEvents } from './link/link'
import { fullNameOf } from './names'
import type { Nodes } from './nodes/nodes'
import { Publications } from './publications'
import { Queries } from './queries'
import { NodeRecords } from './records/node'
import type { Replica } from './replica'
import { dismissBlind, Replays } from './replays'
import { Refusing } from './link/refusing'
import { Replicas } from './replicas'
import { SCRIPTS } from './scripts'
import { Seats } from './seats'
import { partitionOfFacts, Writer } from './writer'

/** How often connections that wait, and channels that nobody is in, are looked at. */
const SWEEP_MS = 1000

export class RedisEngine implements Engine {
  readonly isShared = true
  readonly #context: Context
  readonly #replicas: Replicas
  readonly #seats: Seats
  readonly #counting: Counting
  readonly #beats: Beats
  readonly #queries: Queries
  readonly #publications: Publications
  readonly #lasts: Lasts
  readonly #orders: ChannelOrders
  readonly #history: History
  readonly #joins: Joins
  readonly repeats: ClusterRepeats
  readonly #writer: Writer
  readonly records: NodeRecords
  /** The link tells of its first connection before anybody can use it. */
  #hasBegun = false
  #stopSweep: (() => void) | undefined

  constructor(
    readonly parts: EngineParts,
    context: Context,
    readonly others: Nodes,
    lagMs?: number,
  ) {
    this.#context = context
    const partsOfBeat = () => ({
      replicas: this.#replicas,
      seats: this.#seats,
      counting: this.#counting,
      writer: this.#writer,
    })
    this.#beats = new Beats(context, partsOfBeat, parts.departures.settleMs)
    this.#writer = new Writer(context, parts)
    const renew = (partition: number): Promise<void> => this.#beats.renew(partition)
    this.#replicas = new Replicas(context, {
      published: (replica, message) => this.#publications.deliver(replica, message),
      ordered: (replica, message) => this.#orders.carryOut(replica, message),
      forgotten: (replica, message) => this.#publications.forget(replica, message),
      adopted: (replica, snapshot, heard) => {
        dismissBlind(replica)
        this.#publications.adopt(replica, snapshot, heard)
      },
      expired: renew,
      fetched: (replica, missing) => this.#enterAgain(replica, missing),
    })
    this.#seats = new Seats(context, this.#replicas, renew, parts.departures.settleMs)
    this.#counting = new Counting(context, renew, lagMs)
    this.#queries = new Queries(context)
    this.#orders = new ChannelOrders(context, (name) => this.#replicas.get(name))
    this.#lasts = new Lasts(context, parts, this.#queries)
    this.#publications = new Publications(context, parts, this.#lasts, this.#orders)
    this.#history = new History(context)
    this.#joins = new Joins(context, {
      replicas: this.#replicas,
      seats: this.#seats,
      counting: this.#counting,
      lasts: this.#lasts,
      replays: new Replays(context, this.#history, (replica) => this.#replicas.revive(replica)),
    })
    this.repeats = new ClusterRepeats(context)
    this.records = new NodeRecords(context, parts.sharedOf)
  }

  run(node: Node): void {
    this.#context.node = node
    this.#beats.start()
    this.#stopSweep = this.#context.clock.every(SWEEP_MS, () => {
      this.#seats.sweep()
      this.#replicas.sweep()
      this.#replicas.retry()
    })
  }

  /** What the link says. */
  readonly events: LinkEvents = {
    message: (bus, text) => {
      const partition = partitionOfFacts(bus)
      if (partition !== undefined) this.#writer.hear(partition)
      else if (!this.records.receive(bus, text)) this.#replicas.receive(bus, text)
    },
    // Leases come first: what follows is refused without.
    connected: () => void (this.#hasBegun && this.#comeBack()),
    lost: () => undefined,
    deaf: (ms) => void this.#catchUp(ms),
  }

  async #catchUp(ms: number): Promise<void> {
    void this.records.comeBack()
    await this.#replicas.catchUp(this.#context.clock.mono() - ms)
  }

  /** Called once the link is open. Done when this node has its leases, where Redis is there. */
  async begin(core: Core, mirror: Mirror): Promise<void> {
    this.#hasBegun = true
    this.parts.historyStore?.endEpochs() // a server that is alone again has missed what is kept in Redis
    this.#beats.refusing = new Refusing(core.log, core.readiness)
    await this.records.begin(core, mirror)
    await this.#beginHere()
  }

  async #beginHere(): Promise<void> {
    void this.records.comeBack()
    await this.#beats.beat()
    await this.#writer.earlier.give()
  }

  /** After the connection was lost: what is heard, and what is held, may be another. */
  async #comeBack(): Promise<void> {
    await this.#beginHere()
    this.repeats.tellAgain()
    await this.#replicas.refetchDeaf()
    await this.#beats.compareAll()
  }

  /** What this node has in a channel, and Redis does not know. */
  #enterAgain(replica: Replica, missing: readonly SocketId[]): void {
    const later = tellLater(this.#context, replica.partition)
    for (const socketId of missing) this.#seats.retake(replica, socketId).catch(later)
    if (replica.own !== (replica.told ?? 0)) this.#counting.tell(replica).catch(ignoreAway)
  }

  listen(app: App, channel: ChannelName): Promise<undefined> | undefined {
    const { ready } = this.#writer.earlier
    return ready ? ready.then(() => this.#listen(app, channel)) : this.#listen(app, channel)
  }

  #listen(app: App, channel: ChannelName): Promise<undefined> | undefined {
    const heard = this.#replicas.hear(fullNameOf(app, channel), this.parts.kindOf(channel))
    return heard instanceof Promise ? heard.then(() => undefined) : undefined
  }

  enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): Promise<Refusal | undefined> | undefined {
    return this.#joins.enter(conn, entry, arrival, limit)
  }

  exit(conn: Connection, place: Place): void {
    this.#joins.exit(conn, place)
  }

  publish(publication: Publication): Promise<Position | Refusal> {
    return this.#publications.publish(publication)
  }

  /** Watchers are told by each node, as the users' own channels say; nothing else is announced. */
  announce(): void {}

  catchUp(): Promise<void> {
    return this.records.catchUp()
  }

  order(order: Order): MaybePromise<void> {
    if (order.type === 'app_changed' && order.change.type === 'remove')
      return this.#removeApp(order)
    if (order.type === 'app_changed' || order.type === 'token_changed')
      return this.records.order(order)
    if (order.type === 'close_connection') return this.others.questions.close(order)
    if (isChannelOrder(order)) return this.#orders.give(order)
    return this.#context.node.carryOut(order)
  }

  /** Where Redis is away meanwhile, what the app kept is there until its time. */
  async #removeApp(order: Order & { readonly type: 'app_changed' }): Promise<void> {
    await this.records.order(order)
    if (order.change.type === 'remove')
      await this.#history.forgetApp(order.change.id).catch(ignoreAway)
  }

  isOccupied(app: App, channel: ChannelName): boolean {
    return (this.#replicas.get(fullNameOf(app, channel))?.count ?? 0) > 0
  }

  isOnline(app: App, userId: UserId): boolean {
    return this.isOccupied(app, userChannel(userId))
  }

  counts(app: App, channel: ChannelName): Promise<Counts> {
    this.#counting.flush()
    return this.#queries.counts(app, channel).catch(refuseAway)
  }

  readonly nodes = (): readonly NodeReport[] => this.others.list()
  readonly figuresElsewhere = (ids: readonly string[]) => this.others.figuresElsewhere(ids)
  readonly metricsOfWorkers = () => this.others.metricsOfWorkers()
  readonly findElsewhere = (app: App, socketId: string) =>
    this.others.questions.findConnection(app, socketId)

  connections(app: App): number {
    return this.#context.node.connections(app) + this.others.connectionsElsewhere(app)
  }

  channels(app: App): Promise<OccupiedChannels> {
    this.#counting.flush()
    return this.#queries.channels(app).catch(refuseAway)
  }

  members(app: App, channel: ChannelName): Promise<readonly Member[]> {
    return this.#queries.members(app, channel).catch(refuseAway)
  }

  last(app: App, channel: ChannelName): Promise<CachedEvent | undefined> {
    return this.#lasts.ask(app, channel).catch(refuseAway)
  }

  history(app: App, channel: ChannelName, query: HistoryQuery): Promise<HistoryPage | undefined> {
    return this.#history.page(app, channel, query).catch(refuseAway)
  }

  async forget(app: App, channel: ChannelName): Promise<Refusal | undefined> {
    try {
      await runOn(this.#context, SCRIPTS.forget, fullNameOf(app, channel))
      return undefined
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      return REFUSE.engineAway
    }
  }

  claim(app: App, channel: ChannelName, key: string): Promise<boolean> {
    return this.#queries.claim(app, channel, key)
  }

  isTaken(): boolean {
    return false
  }

  share(call: SharedCall): Promise<unknown> {
    return this.records.share(call)
  }

  addEarlier(fact: DepartureFact, onTaken: () => void): void {
    this.#writer.earlier.add(fact, onTaken)
  }

  start(): void {
    this.#writer.wake()
    this.#writer.earlier.begin()
    void this.#beats.beat()
    void this.others.beat() // with where this node listens
  }

  async rest(isSucceeded: boolean): Promise<void> {
    await this.#writer.rest(isSucceeded).catch(ignoreAway)
  }

  sweep(): void {
    this.repeats.tellAgain()
  }

  handOver(): void {
    this.records.pause()
  }

  takeBack(): void {
    this.records.resume()
    this.#writer.wake()
  }

  keepsakes(): readonly never[] {
    return []
  }

  adopt(): void {}

  /** Ends what this node has, after `stop`. */
  async leave(): Promise<void> {
    await this.#writer.streams.leave()
    await this.#beats.leave()
  }

  stop(): void {
    this.#stopSweep?.()
    this.#beats.stop()
    this.#counting.stop()
    this.records.stop()
    this.#writer.streams.stop()
  }
}
