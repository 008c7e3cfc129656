/**
 * COUNTERS, TALLIES, GAUGES and PEAKS: what is counted, in plain numbers that a hot path can afford (`++`).
 *
 * A counter that says something about a tenant is kept on its `App`, any other by the process; so is what happens to
 * connections that name no app. Each event is counted in one place only: a total is the process's own number
 * and those of the apps. When an app ends, the process takes over its numbers.
 */
import type { ErrorCode } from './errors'

type CounterRow = {
  readonly about: string
  /** Kept by each app. */
  readonly byApp: boolean
}

const byApp = (about: string) => ({ about, byApp: true }) as const
const ofProcess = (about: string) => ({ about, byApp: false }) as const

export const COUNTERS = {
  connectionsAccepted: byApp('connections that were told hello'),
  connectionsRefused: byApp('connections refused at connect'),
  requestsRefused: ofProcess(
    'requests refused because too many of their address, or of all, were in flight',
  ),
  messagesReceived: byApp('frames received from clients'),
  bytesReceived: byApp('bytes of those, in UTF-8, without what WebSocket or HTTP adds'),
  messagesRefused: byApp('frames answered with a refusal'),
  messagesSent: byApp('frames handed to the sockets and sessions of clients'),
  bytesSent: byApp('bytes of those, in UTF-8, without what WebSocket or HTTP adds'),
  requestsAccepted: byApp('requests to the API of an app, with its credentials'),
  bodyBytesReceived: byApp(
    'bytes of the bodies of requests to the API of an app, with its credentials',
  ),
  subscriptionsAccepted: byApp(
    'subscriptions to channels; without those to users, watchlists and groups',
  ),
  publications: byApp('events accepted over HTTP, one per channel'),
  repeatsAnswered: byApp(
    'requests and events that were answered as their first ones were, and not published',
  ),
  clientEvents: byApp('client events accepted'),
  deliveries: byApp(
    'events on their way to subscribers, one for each subscriber of the channel when it was published',
  ),
  eventsReplayed: byApp('kept events sent to those who subscribed later'),
  historyHits: byApp('subscribers that said what they had last, and got all that they had missed'),
  historyMisses: byApp(
    'subscribers that said what they had last, and more was missing than is kept',
  ),
  cacheHits: byApp('subscribers of cache channels that got the last event'),
  cacheMisses: byApp('subscribers of cache channels for which there was none'),
  clientEventsLimited: byApp('client events refused by their rate limit'),
  framesQueued: byApp(
    'frames that waited for their turn of the fan-out, one per channel and format',
  ),
  fanOutLagMs: byApp(
    'milliseconds after which those had reached the last subscriber, all together',
  ),
  messagesTooBig: byApp('connections closed because a message was larger than the transport takes'),
  slowReadersClosed: byApp('connections closed because they read too slowly'),
  silentClosed: byApp('connections closed because they did not answer a ping'),
  unfinishedClosed: byApp(
    'connections closed because a message of theirs had not ended after ten seconds',
  ),
  unauthorizedClosed: byApp('connections closed because they did not show in time who they are'),
  queueOverflowsClosed: byApp('connections closed because too many of their commands waited'),
  webhookEvents: byApp('webhook events written down, one for each endpoint'),
  webhookEventsDelivered: byApp('webhook events that an endpoint accepted'),
  webhookEventsDead: byApp('webhook events given up after five minutes, kept as dead letters'),
  webhookEventsDropped: byApp(
    'webhook events lost: no room, no disk, or their endpoint was removed',
  ),
  webhookEventsCancelled: byApp(
    'webhook events of who left before anybody was told that they had come, neither of them sent',
  ),
  webhookEventsRefused: byApp('webhook events that a plugin refused'),
  webhookRequests: byApp('webhook requests made'),
  webhookRequestsAccepted: byApp('webhook requests that were answered with 2xx'),
  webhookRequestsFailed: byApp('webhook requests that were not'),
  takeovers: ofProcess('1 where this process has taken the place of another one'),
  takeoversFailed: ofProcess('takeovers that failed, after which this process went on'),
  takeoverResets: ofProcess(
    'connections that the process before had not accepted when it stopped listening',
  ),
  backupsMade: ofProcess('backups of the database, made by the schedule'),
  backupsFailed: ofProcess('scheduled backups that failed'),
  statisticsRefused: ofProcess(
    'writes of statistics that the database refused; what they had is in later ones',
  ),
  faults: ofProcess('unexpected errors of ours'),
} as const satisfies Record<string, CounterRow>

type Rows = typeof COUNTERS
type CounterName = keyof Rows
type AppCounterName = {
  [Name in CounterName]: Rows[Name]['byApp'] extends true ? Name : never
}[CounterName]

/** The process's own numbers, or totals. */
export type Counters = Record<CounterName, number>
/** The numbers of one app. */
export type AppCounters = Record<AppCounterName, number>

/** Counters with a label, whose values a table of the code or the list of plugins has. */
export const TALLIES = {
  publicationsByApi: 'the events in `publications`, by the API that they came by',
  clientEventsByProtocol: 'the events in `clientEvents`, by the protocol of their sender',
  refusalsByCode: 'refusals of connections, frames and requests, by their code',
  refusalsByPlugin: 'those of plugins among them, by the plugin',
} as const satisfies Record<string, string>

type TallyName = keyof typeof TALLIES
/** A count for each value of a label that there was. */
export type Tally = { [label: string]: number }
export type Tallies = { readonly [Name in TallyName]: Tally }

const TALLY_NAMES = Object.keys(TALLIES) as TallyName[]

/** Without a prototype: plugins may have any name. */
export const newTally = (): Tally => Object.create(null) as Tally
export const newTallies = (): Tallies =>
  Object.fromEntries(TALLY_NAMES.map((name) => [name, newTally()])) as Tallies

/** Adds to the count of a label: 3 ns, Bun 1.4.5. */
export function count(tally: Tally, label: string, by = 1): void {
  tally[label] = (tally[label] ?? 0) + by
}

/** Counts a refusal, and for its plugin where there is one. */
export function countRefusal(
  { refusalsByCode, refusalsByPlugin }: Tallies,
  code: ErrorCode,
  plugin: string | undefined,
): void {
  count(refusalsByCode, code)
  if (plugin !== undefined) count(refusalsByPlugin, plugin)
}

/** Of a frame or a message, as it is sent: 15 ns for text, Bun 1.4.5. */
export const bytesOf = (frame: string | Uint8Array): number =>
  typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length

const NAMES = Object.keys(COUNTERS) as CounterName[]
const APP_NAMES = NAMES.filter((name) => COUNTERS[name].byApp) as AppCounterName[]

export const newCounters = (): Counters => zeros(NAMES)
export const newAppCounters = (): AppCounters => zeros(APP_NAMES)

const zeros = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>

/** Whoever has numbers of its own: the process, or an app. */
export type Counting<Numbers = AppCounters> = {
  readonly counters: Numbers
  readonly tallies: Tallies
}

/** Where what happens to an app is counted, or what happens before it is known. */
export const countersOf = (
  core: Pick<Counting<Counters>, 'counters'>,
  app: Pick<Counting, 'counters'> | undefined,
): AppCounters => (app ?? core).counters

/** Adds the numbers of an app. Like those below it gives all that it has added, as one number. */
export function addCounters(sum: Counters, { counters }: Pick<Counting, 'counters'>): number {
  let all = 0
  for (const name of APP_NAMES) {
    const value = counters[name]
    if (value === 0) continue
    sum[name] += value
    all += value
  }
  return all
}

/** Adds the tallies of an app. */
export function addTallies(sum: Tallies, { tallies }: Pick<Counting, 'tallies'>): number {
  let all = 0
  for (const name of TALLY_NAMES) all += addTally(sum[name], tallies[name])
  return all
}

/** Adds a tally to another one. */
export function addTally(sum: Tally, tally: Tally): number {
  let all = 0
  for (const label in tally) {
    count(sum, label, tally[label]!)
    all += tally[label]!
  }
  return all
}

type CountingCore<Part extends keyof Counting> = Pick<Counting<Counters>, Part> & {
  readonly apps: { all(): Iterable<Pick<Counting, Part>> }
}

/** The process's own numbers and those of all apps: for reports, in O(apps). */
export function totalCounters({ counters, apps }: CountingCore<'counters'>): Counters {
  const sum = { ...counters }
  for (const app of apps.all()) addCounters(sum, app)
  sum.fanOutLagMs = Math.round(sum.fanOutLagMs)
  return sum
}

/** The process's own tallies and those of all apps, in O(apps). */
export function totalTallies({ tallies, apps }: CountingCore<'tallies'>): Tallies {
  const sum = newTallies()
  addTallies(sum, { tallies })
  for (const app of apps.all()) addTallies(sum, app)
  return sum
}

/** GAUGES: what an app has at the moment, on this node. */
export const GAUGES = {
  connections: 'connections that name the app',
  channels: 'channels with a subscriber; without those of users, watchlists and groups',
  subscriptions: 'subscriptions to those',
  users: 'signed-in users',
  members: 'members of presence channels, once in each that they are in',
} as const satisfies Record<string, string>

export type Gauges = Record<keyof typeof GAUGES, number>

export const newGauges = (): Gauges => zeros(Object.keys(GAUGES) as (keyof Gauges)[])

/** PEAKS: the most of something at a time, of the process and of each app, on this node. */
export const PEAKS = {
  connections: 'connections at once',
  fanOutLagMs: 'milliseconds after which a frame had reached its last subscriber',
} as const satisfies Record<string, string>

export type Peaks = { readonly [Name in keyof typeof PEAKS]: HighWater }

/** HighWater: the most there was, since the start and since it was last taken. */
export class HighWater {
  ever = 0
  recent = 0

  note(value: number): void {
    if (value <= this.recent) return
    this.recent = value
    if (value > this.ever) this.ever = value
  }

  /** Returns the most since the last time, and begins anew with what there is now. */
  take(now: number): number {
    const { recent } = this
    this.recent = now
    return recent
  }
}

export const newPeaks = (): Peaks => ({
  connections: new HighWater(),
  fanOutLagMs: new HighWater(),
})
