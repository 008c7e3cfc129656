/**
 * People: who is connected to this node, a page at a time: the connections of an app, the newest first, and its
 * signed-in users, by id. Both orders are of what never changes, so a place in them stays right while others come
 * and go.
 */
import type { App } from './app'
import type { Connection, Subscription } from './connection'
import type { ConnectionSummary, ConnectionView } from './connection-view'
import type { Core } from './core'
import { select, type Selected } from './selection'
import type { ChannelName, SocketId, UserId } from './types'

/** Where a connection is in the order, whether it is there or not. */
export type ConnectionPlace = { readonly establishedAt: number; readonly id: string }

export type ConnectionQuery = {
  readonly app: App
  /** Only those that are subscribed to it. */
  readonly channel: ChannelName | undefined
  /** Only those that are signed in as this user. */
  readonly userId: UserId | undefined
  readonly after: ConnectionPlace | undefined
  readonly limit: number
}

/**
 * Lists connections that name the app or are in a channel of it. Some may have closed when the page is there.
 */
export function selectConnections(
  core: Core,
  query: ConnectionQuery,
): Promise<Selected<Connection>> {
  const { app, channel, userId, after, limit } = query
  const place = channel === undefined ? undefined : core.hub.channel(app, channel)
  const isThere = (conn: Connection): boolean =>
    channel === undefined || conn.subscription(place) !== undefined
  return select(core.slices, {
    items: candidatesFor(core, query),
    accepts: (conn) =>
      !conn.closed &&
      (after === undefined || compareConnections(conn, after) > 0) &&
      (userId === undefined || conn.user?.id === userId) &&
      isOf(conn, app) &&
      isThere(conn),
    compare: compareConnections,
    limit,
  })
}

/** The fewest that hold all that are meant. */
function candidatesFor(
  { hub, users }: Core,
  { app, channel, userId }: ConnectionQuery,
): Iterable<Connection> {
  if (userId !== undefined) return users.connectionsOf(app, userId)
  if (channel === undefined) return hub.connectionsNear(app)
  return copyLater(() => hub.subscribersOf(app, channel))
}

/** A copy that is made in the first step of a walk, on its account: of a hundred thousand it takes 3 ms. */
function* copyLater<T>(copy: () => readonly T[]): IterableIterator<T> {
  yield* copy()
}

/** True for a connection that names the app, or names none and is in a channel of it. */
const isOf = (conn: Connection, app: App): boolean =>
  conn.app ? conn.app === app : subscriptionsIn(conn, app).length > 0

/** The newest first. */
const compareConnections = (a: ConnectionPlace, b: ConnectionPlace): number =>
  b.establishedAt - a.establishedAt || compareTexts(a.id, b.id)

const compareTexts = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** An open connection of the app; undefined for one of another, and one that has closed. */
export function findConnection({ hub }: Core, app: App, id: string): Connection | undefined {
  const conn = hub.connection(app, id as SocketId)
  return conn && !conn.closed && isOf(conn, app) ? conn : undefined
}

/** The subscriptions of a connection to channels of the app, the oldest first; without those that a sign-in makes. */
export const subscriptionsIn = (conn: Connection, app: App): readonly Subscription[] =>
  conn.subscriptions
    ?.all()
    .filter(({ channel }) => channel.app === app && channel.kind.auth !== 'user') ?? []

/** Of one connection. */
export const MOST_CHANNELS = 1000

export function summaryOf({ clock, about }: Core, app: App, conn: Connection): ConnectionSummary {
  const { software, sink } = conn
  return {
    socketId: conn.id,
    since: Math.round(clock.now() - (clock.mono() - conn.establishedAt)),
    address: conn.remoteAddress,
    transport: sink.queued ? 'http' : 'websocket',
    protocol: conn.codec.name,
    client: software?.library ?? null,
    clientVersion: software?.version ?? null,
    userAgent: software?.userAgent ?? null,
    userId: conn.user?.id ?? null,
    channelCount: subscriptionsIn(conn, app).length,
    waitingBytes: sink.getBufferedAmount(),
    node: about.name,
  }
}

export const viewOf = (core: Core, app: App, conn: Connection): ConnectionView => ({
  ...summaryOf(core, app, conn),
  userInfo: conn.user?.info?.text ?? null,
  channels: subscriptionsIn(conn, app)
    .slice(0, MOST_CHANNELS)
    .map((subscription) => channelOf(core, subscription)),
})

const channelOf = ({ groups }: Core, { channel, member }: Subscription) => ({
  name: groups.nameOf(channel.name),
  userId: member?.userId ?? null,
})

export type UserQuery = {
  readonly app: App
  /** How their ids begin. */
  readonly prefix: string
  /** The id of the last one before the page. */
  readonly after: string | undefined
  readonly limit: number
}

/** Lists the ids of signed-in users. Some may have left when the page is there. */
export function selectUsers(
  { slices, users }: Core,
  { app, prefix, after, limit }: UserQuery,
): Promise<Selected<UserId>> {
  return select(slices, {
    items: copyLater(() => users.ids(app)),
    accepts: (id) => id.startsWith(prefix) && (after === undefined || id > after),
    compare: compareTexts,
    limit,
  })
}
