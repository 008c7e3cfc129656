/**
 * The engine: the one door through which everything passes that more than one connection sees. What one node
 * keeps by itself, N nodes keep together: members, counts, last events, who is online. Verbs call the engine and
 * do not know how many nodes there are; the engine calls the `Node` of each process that is concerned.
 *
 * What every engine guarantees:
 *
 * - One order per channel. All nodes see the events, arrivals, departures and notices of a channel in the order in
 *   which the engine accepted them; a connection that joins sees what comes after its own arrival, nothing before.
 * - Each transition is decided once, where the truth is: the first subscription of a channel and its last, the
 *   first connection of a member or user and the last, the member limit, the first description of a member. Its
 *   fact is emitted on one node, once.
 * - An answer that is there at once is no promise. The engine of one node never makes one.
 * - Whoever waits for a seat gets it, though the connection has closed meanwhile or its user has given up: the node
 *   then leaves it. Commands of one connection come one after the other.
 * - A refusal leaves no trace.
 *
 * | call                                     | what it is for                                                       |
 * | ---------------------------------------- | -------------------------------------------------------------------- |
 * | `listen`                                 | somebody on this node is about to join a channel                      |
 * | `enter`, `exit`                          | a connection takes a seat in a channel, and leaves it                 |
 * | `publish`                                | an event for the subscribers of a channel                             |
 * | `announce`                               | a notice for them that no arrival and no departure causes             |
 * | `order`                                  | something that every node has to do                                   |
 * | `catchUp`                                | what every node has done before the call is done here                 |
 * | `isOccupied`, `isOnline`                 | what verbs ask: this node knows it of all that it listens to          |
 * | `counts`, `connections`, `channels`, `members`, `last` | what the HTTP API asks                                  |
 * | `findElsewhere`, `metricsOfWorkers`      | a connection of another node, and what its neighbours have counted   |
 * | `figuresElsewhere`                       | what the other nodes have, and have counted                          |
 * | `nodes`                                  | which nodes there are                                                |
 * | `history`, `forget`                      | the events that a channel keeps, and giving them up                  |
 * | `share`                                  | what plugins keep for all nodes                                      |
 * | `claim`                                  | whether something is the first of its kind for a while                |
 * | `repeats`, `isTaken`                     | the answers to requests that may come again, and what they published  |
 * | `run`, `addEarlier`, `start`, `sweep`, `rest`, `stop` | the life of the engine itself                            |
 * | `handOver`, `takeBack`, `keepsakes`, `adopt` | another process is to go on with what this one has               |
 */
import type { App } from './app'
import type { AppChange } from './apps'
import type { CachedEvent } from './cache'
import type { ChannelKind } from './channel'
import type { ConnectionView } from './connection-view'
import type { Channel, Connection, VerifiedSignin } from './connection'
import type { Departures } from './departures'
import type { Refusal } from './errors'
import type { Facts } from './facts'
import type { NodeFigures } from './figures'
import type { HistoryStore } from './history-log'
import type { Limits } from './limits'
import type { MaybePromise } from './maybe-promise'
import type { NodeReport, OwnReport } from './node-report'
import type {
  BackendPublication,
  DepartureFact,
  Notice,
  Publication,
  Replay,
  SubscribeCommand,
} from './messages'
import type { PushView } from './plugin'
import type { PluginStore, SharedStore } from './plugin-means'
import type { Counts } from './presence'
import type { Arrival, Departure, Members } from './roster'
import type { HistoryPage, HistoryQuery } from './stream'
import type { KeptAnswer, Repeats } from './repeats'
import type { Slices } from './slices'
import type { TokenChange } from './tokens'
import type { AppId, ChannelName, Clock, Member, Position, SocketId, UserId } from './types'
import type { Users } from './users'

/** What a connection enters a channel for: a subscription, or a sign-in, whose channel is that of the user. */
export type Entry = (SubscribeCommand | VerifiedSignin) & { readonly kind: ChannelKind }

/** The occupied channels of an app. One that was left meanwhile has no subscriptions. */
export type OccupiedChannels = {
  readonly names: Iterable<ChannelName>
  readonly countsOf: (name: ChannelName) => Counts
}

/** A channel that a connection leaves. */
export type Place = Pick<Channel, 'app' | 'name' | 'kind'>

/** A connection has entered a channel. */
export type Entered = {
  readonly type: 'entered'
  readonly app: App
  readonly channel: ChannelName
  readonly kind: ChannelKind
  /** It entered on this node: plugins and facts are notified here. */
  readonly isOwn: boolean
  /** The connection and what it asked for, on its own node. It may have closed meanwhile. */
  readonly conn: Connection | undefined
  readonly entry: Entry | undefined
  /** The socket id of the connection, on every node. */
  readonly socketId: SocketId
  /** As this connection describes the member; undefined without presence. */
  readonly arrival: Arrival | undefined
  /** As their first connection described them. */
  readonly member: Member | undefined
  /** The member, or the user, was not there before. */
  readonly joined: boolean
  /** Subscriptions, this one included. */
  readonly count: number
  /** To be written at once; undefined without presence. */
  readonly members: Members | undefined
  /** The last event of a cache channel. */
  readonly last: CachedEvent | undefined
  /** What the connection gets of the events that the channel keeps. */
  readonly replay: Replay | undefined
}

/** A connection has left a channel. */
export type Exited = {
  readonly type: 'exited'
  readonly app: App
  readonly channel: ChannelName
  readonly kind: ChannelKind
  /** It left on this node: plugins and facts are notified here. */
  readonly isOwn: boolean
  readonly departure: Departure | undefined
  /** As their first connection described them, where it was their last one. */
  readonly member: Member | undefined
  /** The member, or the user, is not there any more. */
  readonly left: boolean
  /** Subscriptions that are left. */
  readonly count: number
  /** The connection that it is about, if that may be there still: it is not told of itself. */
  readonly except?: SocketId
}

/** Other nodes have another number of subscriptions to a channel. */
export type Counted = {
  readonly type: 'counted'
  readonly app: App
  readonly channel: ChannelName
  readonly kind: ChannelKind
  /** Those of all nodes. */
  readonly count: number
}

export type Delta = Entered | Exited | Counted

/** A call of `SharedStore`, as it may be sent to whoever holds the values. */
export type SharedCall = {
  readonly plugin: string
  readonly method: keyof SharedStore
  readonly args: readonly unknown[]
}

/** The connection is closed, on whichever node it is. */
export type CloseOrder = {
  readonly type: 'close_connection'
  readonly app: App
  readonly socketId: string
  /** Its client is to come back at once; else it stays away. */
  readonly isToReconnect: boolean
}

/** What every node has to do. */
export type Order =
  | { readonly type: 'terminate_user'; readonly app: App; readonly userId: UserId }
  /** The user's subscriptions to the channel are ended. */
  | {
      readonly type: 'unsubscribe_user'
      readonly app: App
      readonly channel: ChannelName
      readonly userId: UserId
      /** For their clients. */
      readonly message: string
    }
  /** Plugins are notified of each subscriber of the channel. */
  | {
      readonly type: 'push_delivered'
      readonly app: App
      readonly channel: ChannelName
      readonly push: PushView
    }
  | CloseOrder
  | { readonly type: 'app_changed'; readonly change: AppChange }
  | { readonly type: 'token_changed'; readonly change: TokenChange }
  /** A plugin is notified of what it shares; undefined for a value that was deleted. */
  | {
      readonly type: 'shared_changed'
      readonly plugin: string
      readonly key: string
      readonly value: unknown
    }

/** The last event of a cache channel, or the answer to a request that may come again. */
export type Keepsake =
  | (Pick<CachedEvent, 'publication' | 'position'> & {
      readonly type: 'cached'
      readonly leftMs: number
    })
  | (KeptAnswer & { readonly type: 'answer' })

/** What an engine calls on each node. All of it is synchronous. */
export interface Node {
  /** The node's object for an app; undefined where it was deleted. Messages between nodes name apps by id. */
  app(id: AppId): App | undefined
  /** Its connections that name the app. */
  connections(app: App): number
  /** One of its connections; undefined where it has none of that id. */
  describe(app: App, socketId: string): ConnectionView | undefined
  /** What `/metrics` says of this process alone; undefined before there is one. */
  readonly readMetrics: (() => Promise<string>) | undefined
  /** What it says of itself. */
  report(): OwnReport
  /** Sends an event to this node's subscribers; `NOT_KEPT` is the position of one that nothing keeps. */
  deliver(publication: Publication, position: Position): void
  /** Sends a notice to them, but to one connection. */
  announce(app: App, notice: Notice, except?: SocketId): void
  /** True where somebody on this node is in the channel. */
  hasSubscribers(app: App, channel: ChannelName): boolean
  /** Shows an arrival or departure to this node's connections. Called in the same order on every node. */
  apply(delta: Delta): void
  /** @throws AppConflict, StoreError for an app or a token that cannot be changed */
  carryOut(order: Order): void
}

export interface Engine {
  /** Several processes are one: each hears what is published on another. */
  readonly isShared: boolean

  /** Called once, before everything else. */
  run(node: Node): void

  /**
   * Called before a connection of this node joins a channel of any kind; done when its messages reach this node.
   * A connection that is refused afterwards, or has closed, neither enters nor exits.
   */
  listen(app: App, channel: ChannelName): MaybePromise<Refusal | undefined>

  /**
   * Takes a seat. Done when `apply` has been called on this node, or with the refusal where a presence channel
   * has `limit` members already, or the app is gone.
   */
  enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): MaybePromise<Refusal | undefined>

  /**
   * Leaves a seat in a channel of any kind, or one of a watchlist, which is only listened to. The connection
   * receives nothing of the channel any more.
   */
  exit(conn: Connection, place: Place, departure: Departure | undefined): void

  /**
   * Gives an event to the subscribers on all nodes, and keeps it where the channel keeps events. Never throws:
   * what it fails at rejects.
   */
  publish(publication: Publication): MaybePromise<Position | Refusal>

  /** Gives a notice to the subscribers on all nodes, but to one connection. */
  announce(app: App, notice: Notice, except?: SocketId): void

  /** Done when this node has carried it out. @throws (or rejects) as `Node.carryOut` */
  order(order: Order): MaybePromise<void>

  /**
   * Done when this node has what was changed of apps, tokens and the audit on others before the call, and they can
   * have what was changed here; or when that cannot be known.
   */
  catchUp(): MaybePromise<void>

  /** True where somebody is in the channel. */
  isOccupied(app: App, channel: ChannelName): boolean
  /** True where a connection is signed in as the user, on any node. */
  isOnline(app: App, userId: UserId): boolean

  counts(app: App, channel: ChannelName): MaybePromise<Counts>
  /** The connections that name the app. */
  connections(app: App): MaybePromise<number>
  /** A connection of another node. Undefined where none has it. */
  findElsewhere(app: App, socketId: string): MaybePromise<ConnectionView | undefined>
  /** What `/metrics` says of each of the other workers of this machine. */
  metricsOfWorkers(): MaybePromise<readonly string[]>
  /** What the other nodes have of some apps, by id, or in all (`WHOLE_NODE`). */
  figuresElsewhere(ids: readonly string[]): MaybePromise<readonly NodeFigures[]>
  /** This node, and those of the others that were heard of lately. */
  nodes(): readonly NodeReport[]
  channels(app: App): MaybePromise<OccupiedChannels>
  members(app: App, channel: ChannelName): MaybePromise<readonly Member[]>
  /** The last event of a cache channel. */
  last(app: App, channel: ChannelName): MaybePromise<CachedEvent | undefined>

  /** Events that the channel keeps; undefined where no rule of the app covers it. */
  history(
    app: App,
    channel: ChannelName,
    query: HistoryQuery,
  ): MaybePromise<HistoryPage | undefined>
  /** Gives up all that is kept of a channel, its last event included; nothing of it where that is refused. */
  forget(app: App, channel: ChannelName): MaybePromise<Refusal | undefined>

  /** True for the first who claims this of the channel in ten seconds, or since the channel was vacated. */
  claim(app: App, channel: ChannelName, key: string): MaybePromise<boolean>

  /** The answers to requests with idempotency keys, which any node may get again. */
  readonly repeats: Repeats

  /**
   * True where this node knows that the channel has taken an event with its key: plugins and rates are then spared.
   * Otherwise `publish` may still find that it has.
   */
  isTaken(publication: Pick<BackendPublication, 'app' | 'channel' | 'once'>): boolean

  /**
   * Makes a call to the values that the nodes of a plugin share. A write is done when this node has carried out
   * `shared_changed`, as every node does. @throws (or rejects with) what the store throws
   */
  share(call: SharedCall): MaybePromise<unknown>

  /**
   * Adds a departure from before the start: it is due unless the arrival comes in time. `onTaken` is called where
   * others see to it from then on, whatever becomes of this node.
   */
  addEarlier(fact: DepartureFact, onTaken: () => void): void
  /** Connections may come from now on. */
  start(): void
  /** Drops what has expired. */
  sweep(): void
  /**
   * This node is about to leave: others do from now on what it does for all. `isSucceeded` where another process goes
   * on with its database. Done when it has finished.
   */
  rest(isSucceeded: boolean): MaybePromise<void>
  stop(): void

  /** Writes all that is to be stored: another process reads it now. What is published is delivered only. */
  handOver(): void
  /** What is in memory only, and the other process should have, the oldest first. */
  keepsakes(): Iterable<Keepsake>
  /** Takes what another process had in memory, before anybody connects. */
  adopt(keepsake: Keepsake): void
  /** Goes on after `handOver`: the other process did not start. */
  takeBack(): void
}

/** What the engine of one node is given. */
export type EngineParts = {
  readonly clock: Clock
  readonly facts: Facts
  readonly departures: Departures
  /** The connections of this node's users. */
  readonly users: Users
  readonly slices: Slices
  readonly kindOf: (channel: ChannelName) => ChannelKind
  readonly cacheTtlMs: number
  readonly limits: Pick<Limits, 'maxHistoryBytes'>
  /** Where durable streams are kept; without, they are not durable. */
  readonly historyStore?: HistoryStore
  /** Where this node keeps what a plugin shares. */
  readonly sharedOf: (plugin: string) => PluginStore
}
