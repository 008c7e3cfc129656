/**
 * Sign-in: a connection proves its user with a signature of the app's backend. From then on it receives the
 * user's own channel, whether it subscribes to it or not, so that nothing is missed between the two.
 * Spec: contract 5.1, 5.2, 5.4.
 */
import { findKeyPair, type App } from './app'
import { userChannel } from './channel'
import type { Connection, User } from './connection'
import type { Core } from './core'
import { isRefusal, quote, refusal, type Refusal } from './errors'
import { runGates, passGates, refuseAndNotify } from './hooks'
import { copyText, parseRecord } from './json'
import { scanObject, scanValue } from './json-scan'
import type { SigninCommand } from './messages'
import { userToSign } from './signature'
import type { MaybePromise, UserId } from './types'
import { announceUser, watch } from './watchlist'

/** Signs the connection in, or returns a refusal; it stays open either way. Waits only where a gate does. */
export function signin(
  core: Core,
  conn: Connection,
  command: SigninCommand,
): MaybePromise<Refusal | undefined> {
  const signed = verifySignin(conn, command)
  if (isRefusal(signed)) return signed
  const { user, data } = signed
  const gates = core.hooks.signin
  if (gates.length === 0) return completeSignin(core, conn, command, signed)
  const verdict = runGates(core, gates, conn, { userId: user.id, userData: data })
  const refused = passGates(conn, verdict, () => completeSignin(core, conn, command, signed))
  if (!(refused instanceof Promise)) return refused
  // Terminating the user meanwhile closes this connection, too.
  return refused.finally(core.users.beginSignin(conn, command.app, user.id))
}

/** The user of the connection, and all that the backend signed. */
type SignedUser = { readonly user: User; readonly data: Readonly<Record<string, unknown>> }

function verifySignin(
  { id: socketId }: Connection,
  { app, auth, userData }: SigninCommand,
): SignedUser | Refusal {
  const colon = auth.indexOf(':')
  const pair = findKeyPair(app, auth.slice(0, Math.max(0, colon)))
  if (colon === -1 || !pair)
    return signinRefusal(
      `Invalid auth: '${quote(auth)}' is not the key of this app, a colon and a signature`,
    )
  const text = userToSign(socketId, userData)
  if (!pair.verify(text, auth.slice(colon + 1)))
    return signinRefusal(
      `Invalid signature: Expected HMAC SHA256 hex digest of ${quote(text)}, but got ${quote(auth.slice(colon + 1))}`,
    )
  const data = parseRecord(userData)
  const id = data?.['id']
  if (!data || typeof id !== 'string' || id === '' || !id.isWellFormed())
    return signinRefusal('Invalid user_data: expected a JSON object with an id, a non-empty string')
  if (id === '.' || id === '..')
    return signinRefusal('Invalid user_data: an id of dots alone cannot stand in a URL')
  const { maxUserIdChars } = app.limits
  if (id.length > maxUserIdChars)
    return signinRefusal(
      `Invalid user_data: an id of ${id.length} characters exceeds the limit of ${maxUserIdChars} (maxUserIdChars)`,
    )
  if (!isWatchlist(data['watchlist']))
    return signinRefusal('Invalid user_data: expected watchlist to be a list of non-empty strings')
  const [info] = scanObject(userData, ['user_info']) ?? []
  return { user: { id: id as UserId, info: info && scanValue(copyText(info.text)) }, data }
}

const isWatchlist = (raw: unknown): raw is readonly UserId[] | null | undefined =>
  raw === undefined ||
  raw === null ||
  (Array.isArray(raw) &&
    raw.every((id) => typeof id === 'string' && id !== '' && id.isWellFormed()))

const signinRefusal = (message: string): Refusal => refusal('signin_refused', message)

/** Contract 5.4 has the order of replies and notices. */
function completeSignin(
  core: Core,
  conn: Connection,
  { app, userData }: SigninCommand,
  { user, data }: SignedUser,
): Refusal | undefined {
  if (conn.user && conn.user.id !== user.id)
    return signinRefusal('Connection already associated with a different user id')
  conn.reply({ type: 'signed_in', userData })
  if (conn.user) return undefined
  const before = conn.subscriptions?.size ?? 0
  const first = core.users.add(conn, app, user)
  core.unauthorized.authorize(conn)
  core.hub.join(conn, app, userChannel(user.id))
  watchOthers(core, conn, app, data)
  conn.signinSubscriptions = (conn.subscriptions?.size ?? 0) - before
  if (first) announceUser(core.hub, app, { userId: user.id, online: true, except: conn })
  return undefined
}

function watchOthers(core: Core, conn: Connection, app: App, data: SignedUser['data']): void {
  const { maxWatchedUsers } = app.limits
  const ids = (data['watchlist'] ?? []) as readonly UserId[]
  if (maxWatchedUsers === 0) return
  const accepted = ids.slice(0, maxWatchedUsers)
  if (ids.length > maxWatchedUsers)
    refuseAndNotify(
      core,
      conn,
      refusal(
        'watchlist_too_long',
        `Watchlist of ${ids.length} users exceeds the limit of ${maxWatchedUsers} (maxWatchedUsers); watched are ${accepted.join(', ')}`,
      ),
    )
  watch(core, conn, app, accepted)
}
