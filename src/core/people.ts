/**
 * People: who is connected to this node, a page at a time: the connections of an app, the newest first, and its
 * signed-in users, by id. Both orders are of what never changes, so a place in them stays right while others come
 * and go.
 */
import type { App } from './app'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import { select, type Selected } from './selection'
import type { ChannelName, SocketId, UserId } from './types'

/** A place between connections, which need not be there any more: when one was established, by the clock's `mono`. */
export type ConnectionPlace = { readonly at: number; readonly id: string }

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
  const { after, limit } = query
  return select(core.slices, {
    items: candidatesFor(core, query),
    accepts: (conn) =>
      isMeant(conn, query) && (after === undefined || compareConnections(conn, after) > 0),
    compare: compareConnections,
    limit,
  })
}

/** The fewest that hold all that are meant. */
function candidatesFor(
  { hub, users }: Core,
  { app, channel, userId }: ConnectionQuery,
): Iterable<Connection> {
  if (channel !== undefined) return hub.subscribersOf(app, channel)
  return userId === undefined ? hub.connectionsNear(app) : users.connectionsOf(app, userId)
}

function isMeant(conn: Connection, { app, userId }: ConnectionQuery): boolean {
  if (conn.closed || (userId !== undefined && conn.user?.id !== userId)) return false
  return isOf(conn, app)
}

/** True for a connection that names the app, or names none and is in a channel of it. */
const isOf = (conn: Connection, app: App): boolean =>
  conn.app ? conn.app === app : subscriptionsIn(conn, app).length > 0

/** The newest first. */
const compareConnections = (
  a: Connection | ConnectionPlace,
  b: Connection | ConnectionPlace,
): number => timeOf(b) - timeOf(a) || (a.id < b.id ? -1 : Number(a.id > b.id))

const timeOf = (place: Connection | ConnectionPlace): number =>
  'at' in place ? place.at : place.establishedAt

/** The place of a connection. */
export const placeOf = ({ establishedAt, id }: Connection): ConnectionPlace => ({
  at: establishedAt,
  id,
})

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
    items: users.ids(app),
    accepts: (id) => id.startsWith(prefix) && (after === undefined || id > after),
    compare: (a, b) => (a < b ? -1 : Number(a > b)),
    limit,
  })
}
