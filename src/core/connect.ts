/**
 * Connect: may this connection stay? App quota, node capacity, the `connect` hooks; then the hello, and the user,
 * where a plugin has named one. The codec has read the app and the protocol version before; contract 1.6 has the
 * order.
 */
import { quotaKeyOf } from './addresses'
import type { App } from './app'
import { checkActive } from './apps'
import type { Connection, VerifiedSignin } from './connection'
import type { Core } from './core'
import { countersOf } from './counters'
import { isRefusal, REFUSE, refusal, type ErrorCode, type Refusal } from './errors'
import { runGates, passGates, notify } from './hooks'
import { enterUser, listenToWatched, passSignin, readUser, verifiedSignin } from './identity'
import type { ConnectRequest } from './plugin'
import { andThen, type MaybePromise } from './maybe-promise'

/** Counts the connection for its address, whether it is refused or not. Returns a refusal where the address has too many. */
export function countAddress({ addresses }: Core, conn: Connection): Refusal | undefined {
  const key = quotaKeyOf(conn.remoteAddress)
  if (key === undefined) return undefined
  const isFull = addresses.isFull(key)
  addresses.add(key)
  conn.quotaKey = key
  if (!isFull) return undefined
  const limit = `${addresses.most} connections (CARILLON_MAX_CONNECTIONS_PER_ADDRESS)`
  return refusal('address_over_quota', `Address ${key} is over its limit of ${limit}`)
}

/** Checks whether the connection may stay. May wait for hooks. Changes nothing. */
export function admit(
  core: Core,
  conn: Connection,
  request: ConnectRequest,
): MaybePromise<Refusal | undefined> {
  const gates = core.hooks.connect
  if (gates.length === 0) return checkAdmission(core, conn)
  return passGates(conn, runGates(core, gates, conn, request), (allowed) =>
    allowed?.userData === undefined
      ? checkAdmission(core, conn)
      : admitUser(core, conn, allowed.userData),
  )
}

/**
 * Registers the connection and sends the hello, or returns a refusal. Waits only where a plugin has named its user
 * and another node takes the user in: a quota that only other nodes can tell was asked for in `admit`.
 */
export function establish(core: Core, conn: Connection): MaybePromise<Refusal | undefined> {
  const given = core.hooks.connect.length > 0 ? core.users.givenTo(conn) : undefined
  // Its user was terminated while it waited for this turn.
  if (given && conn.pendingRefusal) return conn.pendingRefusal
  const answer = checkAdmission(core, conn)
  const refused = answer instanceof Promise ? checkOwn(core, conn) : answer
  if (refused) return refused
  conn.seenTick = core.state.tick
  conn.establishedAt = core.clock.mono()
  core.hub.add(conn)
  core.unauthorized.add(conn)
  conn.established = true
  countersOf(core, conn.app).connectionsAccepted++
  const { activityTimeoutSeconds } = core.timing
  conn.reply({ type: 'established', socketId: conn.id, activityTimeoutSeconds })
  if (conn.app && core.facts.wants('connected', conn.app))
    core.facts.emit({
      type: 'connected',
      app: conn.app,
      socketId: conn.id,
      remoteAddress: conn.remoteAddress,
      protocol: conn.codec.name,
      software: conn.software,
    })
  if (given) return enterGiven(core, conn, given)
  if (core.hooks.connected.length > 0) notify(core, core.hooks.connected, conn)
  return undefined
}

/** Checks the user that a plugin gives the connection, as a sign-in is checked, and keeps it until the hello. */
function admitUser(
  core: Core,
  conn: Connection,
  userData: string,
): MaybePromise<Refusal | undefined> {
  const { app } = conn
  if (!app)
    return refusal('connection_refused', 'No user before a message names the app of the connection')
  const signed = readUser(app, userData)
  if (isRefusal(signed)) return refuseUser(signed)
  const given = verifiedSignin(app, signed, undefined)
  core.users.give(conn, given) // terminating the user closes the connection from here on
  const refused = passSignin(core, conn, app, signed, () =>
    andThen(listenToWatched(core, given), (deaf) => deaf ?? checkAdmission(core, conn)),
  )
  return andThen(refused, (answer) => answer && refuseUser(answer))
}

/** The refusal of a connection whose user is refused: it does not stay as somebody else. */
function refuseUser(refused: Refusal): Refusal {
  const code = CONNECT_CODES[refused.code]
  return code ? { ...refused, code } : refused
}

const CONNECT_CODES: { readonly [Code in ErrorCode]?: ErrorCode } = {
  signin_refused: 'connection_refused',
  too_often: 'connection_throttled',
  internal: 'connect_failed',
}

/** Signs the connection in, without a reply to the client, and notifies plugins, who see its user. */
const enterGiven = (
  core: Core,
  conn: Connection,
  given: VerifiedSignin,
): MaybePromise<Refusal | undefined> =>
  andThen(enterUser(core, conn, given), (refused) => {
    core.users.takeBack(conn)
    if (!refused && !conn.closed) notify(core, core.hooks.connected, conn)
    return refused
  })

function checkAdmission(core: Core, conn: Connection): MaybePromise<Refusal | undefined> {
  const refused = checkApp(core, conn)
  if (refused) return refused
  const quota = checkQuota(core, conn.app)
  if (quota instanceof Promise) return checkLater(core, conn, quota)
  return quota ?? checkCapacity(core, conn)
}

const checkLater = async (
  core: Core,
  conn: Connection,
  quota: Promise<Refusal | undefined>,
): Promise<Refusal | undefined> => (await quota) ?? checkOwn(core, conn)

/** What this node decides by itself. */
const checkOwn = (core: Core, conn: Connection): Refusal | undefined =>
  checkApp(core, conn) ?? checkCapacity(core, conn)

/** The app may have been disabled or deleted while a gate waited. */
function checkApp({ apps, state }: Core, { app }: Connection): Refusal | undefined {
  if (app && apps.byId(app.id) !== app) return refusal('app_not_found', `App ${app.id} was deleted`)
  const inactive = app && checkActive(app)
  if (inactive || !state.draining) return inactive
  // Where another process serves already, the next connection reaches it.
  return state.hasMoved ? REFUSE.shuttingDown : REFUSE.draining
}

/** The connections of an app are those of all nodes. */
function checkQuota({ engine }: Core, app: App | undefined): MaybePromise<Refusal | undefined> {
  const quota = app?.limits.maxConnectionsPerApp ?? 0
  if (!app || quota === 0) return undefined
  return andThen(engine.connections(app), (count) =>
    count < quota
      ? undefined
      : refusal(
          'app_over_quota',
          `App is over its limit of ${quota} connections (maxConnectionsPerApp)`,
        ),
  )
}

function checkCapacity({ hub, timing }: Core, conn: Connection): Refusal | undefined {
  const { app } = conn
  if (app && conn.sink.queued && hub.pullSessionCountOf(app) >= app.limits.maxPullSessionsPerApp)
    return refusal(
      'node_over_capacity', // clients retry later, which they do not for an app's own quota
      `App is over its limit of ${app.limits.maxPullSessionsPerApp} sessions over HTTP (maxPullSessionsPerApp)`,
    )
  const { maxConnections } = timing
  if (maxConnections > 0 && hub.connectionCount >= maxConnections)
    return refusal(
      'node_over_capacity',
      `Server is over its capacity of ${maxConnections} connections (CARILLON_MAX_CONNECTIONS)`,
    )
  return undefined
}
