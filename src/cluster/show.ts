/**
 * Show: what has become of a channel, told to this node. A replica is changed and its connections are told in one
 * step, in the order in which Redis has numbered it.
 */
import { userOf, watchChannel } from '../core/channel'
import type { App } from '../core/app'
import { REFUSE } from '../core/errors'
import type { Member, SocketId } from '../core/types'
import type { Context } from './context'
import { splitName } from './names'
import { NO_PAST, type Replica } from './replica'
import type { Seat } from './snapshot'

/**
 * A seat is a connection's. The same one may only have moved to another id of its node; another one of a connection that
 * had one has come in the place of that, whose end was not heard.
 */
export function showSeat(context: Context, replica: Replica, socketId: SocketId, seat: Seat): void {
  const known = replica.seats.get(socketId)
  if (known && known.meta?.id === seat.meta?.id) {
    known.node = seat.node
    return
  }
  if (known) showLeft(context, replica, socketId)
  showTaken(context, replica, socketId, seat)
}

/** A connection has taken a seat; one that waited for it joins the channel. */
function showTaken(context: Context, replica: Replica, socketId: SocketId, given: Seat): void {
  const { appId, channel } = splitName(replica.name)
  const waiting = replica.waiting.get(socketId)
  replica.waiting.delete(socketId)
  const own = waiting?.arrival
  const seat = own ? { node: given.node, ...own } : given
  const { member, meta } = seat
  const app = context.node.app(appId)
  // What this node has told counts, which may be more than Redis knows.
  const joined = isNew(replica, member)
  const first = replica.take(socketId, seat)
  if (waiting && app && replica.hold(socketId, own)) waiting.entry.app.gauges.members++
  if (app)
    context.node.apply({
      type: 'entered',
      app,
      channel,
      kind: context.kindOf(channel),
      isOwn: waiting !== undefined || context.incarnations.isOwn(seat.node),
      conn: waiting?.conn,
      entry: waiting?.entry,
      socketId,
      arrival: member && meta && { member, meta },
      member: first,
      joined,
      count: replica.count,
      members: replica.roster,
      ...(waiting?.past?.() ?? NO_PAST),
    })
  if (app && joined) announceStatus(context, app, replica, true, socketId)
  waiting?.done(app ? undefined : REFUSE.topicUnmatched)
}

/** A seat is over. Its connection, if it is here still, is not told of itself. */
export function showLeft(context: Context, replica: Replica, socketId: SocketId): void {
  const ended = replica.leave(socketId)
  if (!ended) return
  const { appId, channel } = splitName(replica.name)
  const app = context.node.app(appId)
  if (!app) return
  const { member, meta, node } = ended.seat
  const left = isNew(replica, member)
  context.node.apply({
    type: 'exited',
    app,
    channel,
    kind: context.kindOf(channel),
    isOwn: context.incarnations.isOwn(node),
    departure: member && meta && { userId: member.userId, meta },
    member: ended.last,
    left,
    count: replica.count,
    except: socketId,
  })
  if (left) announceStatus(context, app, replica, false, socketId)
}

/** Other nodes have another number of subscriptions. */
export function showCount(context: Context, replica: Replica): void {
  const { appId, channel } = splitName(replica.name)
  const app = context.node.app(appId)
  if (!app) return
  const kind = context.kindOf(channel)
  context.node.apply({ type: 'counted', app, channel, kind, count: replica.count })
}

/** Those who watch a user are told by each node, since it hears the user's own channel for them. */
function announceStatus(
  { node }: Context,
  app: App,
  replica: Replica,
  online: boolean,
  except: SocketId,
): void {
  const userId = userOf(splitName(replica.name).channel)
  if (userId === undefined) return
  const channel = watchChannel(userId)
  node.announce(app, { type: 'user_status', channel, userId, online }, except)
}

/** True where the member, or the user whose own channel it is, has no seat. */
const isNew = ({ seats, roster }: Replica, member: Member | undefined): boolean =>
  member ? roster?.has(member.userId) !== true : seats.size === 0
