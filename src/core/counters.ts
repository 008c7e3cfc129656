/**
 * COUNTERS and GAUGES: what is counted, in plain numbers that a hot path can afford (`++`).
 *
 * A counter that says something about a tenant is kept on its `App`, any other by the process; so is what happens to
 * connections that name no app. Each event is counted in one place only: a total is the process's own number
 * and those of the apps. When an app ends, the process takes over its numbers.
 */

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
  messagesRefused: byApp('frames answered with a refusal'),
  publications: byApp('events accepted over HTTP, one per channel'),
  repeatsAnswered: byApp(
    'requests and events that were answered as their first ones were, and not published',
  ),
  clientEvents: byApp('client events accepted'),
  clientEventsLimited: byApp('client events refused by their rate limit'),
  framesQueued: ofProcess(
    'frames that waited for their turn of the fan-out, one per channel and format',
  ),
  fanOutLagMs: ofProcess(
    'milliseconds after which those had reached the last subscriber, all together',
  ),
  messagesTooBig: byApp('connections closed because a message was larger than the transport takes'),
  slowReadersClosed: byApp('connections closed because they read too slowly'),
  silentClosed: byApp('connections closed because they did not answer a ping'),
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

const NAMES = Object.keys(COUNTERS) as CounterName[]
const APP_NAMES = NAMES.filter((name) => COUNTERS[name].byApp) as AppCounterName[]

export const newCounters = (): Counters => zeros(NAMES)
export const newAppCounters = (): AppCounters => zeros(APP_NAMES)

const zeros = <Name extends string>(names: readonly Name[]): Record<Name, number> =>
  Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>

type Counting<Numbers> = { readonly counters: Numbers }

/** Where what happens to an app is counted, or what happens before it is known. */
export const countersOf = (
  core: Counting<Counters>,
  app: Counting<AppCounters> | undefined,
): AppCounters => (app ?? core).counters

/** Adds the numbers of an app. */
export function addCounters(sum: Counters, { counters }: Counting<AppCounters>): void {
  for (const name of APP_NAMES) sum[name] += counters[name]
}

/** The process's own numbers and those of all apps: for reports, in O(apps). */
export function totalCounters({
  counters,
  apps,
}: Counting<Counters> & {
  readonly apps: { all(): Iterable<Counting<AppCounters>> }
}): Counters {
  const sum = { ...counters }
  for (const app of apps.all()) addCounters(sum, app)
  return sum
}

/** GAUGES: what an app has at the moment, on this node. */
export const GAUGES = {
  connections: 'connections that name the app',
  channels: 'channels with a subscriber; without those of users, watchlists and groups',
  subscriptions: 'subscriptions to those',
  users: 'signed-in users',
} as const satisfies Record<string, string>

export type Gauges = Record<keyof typeof GAUGES, number>

export const newGauges = (): Gauges => zeros(Object.keys(GAUGES) as (keyof Gauges)[])
