/**
 * Sign-in: a connection proves its user with a signature of the app's backend. From then on it receives the
 * user's own channel, whether it subscribes to it or not, so that nothing is missed between the two.
 * Spec: contract 5.1, 5.2, 5.4.
 */
import { findKeyPair } from './app'
import { userChannel, watchChannel } from './channel'
import type { Connection, User, VerifiedSignin } from './connection'
import type { Core } from './core'
import { isRefusal, quote, refusal, type Refusal } from './errors'
import { runGates, passGates } from './hooks'
import { copyText, parseRecord } from './json'
import { scanObject, scanValue } from './json-scan'
import type { SigninCommand } from './messages'
import { userToSign } from './signature'
import { allOf, andThen, type MaybePromise } from './maybe-promise'
import type { UserId } from './types'
import { SigninReader } from './views'

/** Signs the connection in, or returns a refusal; it stays open either way. Waits only where a gate or the engine does. */
export function signin(
  core: Core,
  conn: Connection,
  command: SigninCommand,
): MaybePromise<Refusal | undefined> {
  const signed = verifySignin(conn, command)
  if (isRefusal(signed)) return signed
  const { user, data } = signed
  const gates = core.hooks.signin
  const enter = (): MaybePromise<Refusal | undefined> => enterUser(core, conn, command, signed)
  // Orders for the user reach this node from here on, whatever the gates wait for.
  const refused = andThen(core.engine.listen(command.app, userChannel(user.id)), (deaf) => {
    if (deaf || conn.closed) return deaf
    if (gates.length === 0) return enter()
    const view = new SigninReader(conn, { userId: user.id, userData: data })
    return passGates(conn, runGates(core, gates, conn, view), enter)
  })
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

function enterUser(
  core: Core,
  conn: Connection,
  command: SigninCommand,
  { user, data }: SignedUser,
): MaybePromise<Refusal | undefined> {
  if (conn.user && conn.user.id !== user.id)
    return signinRefusal('Connection already associated with a different user id')
  if (conn.user) {
    conn.reply({ type: 'signed_in', userData: command.userData })
    return undefined
  }
  const { app } = command
  const ids = (data['watchlist'] ?? []) as readonly UserId[]
  const watched = ids.slice(0, app.limits.maxWatchedUsers)
  const channel = userChannel(user.id)
  const verified: VerifiedSignin = { ...command, channel, user, watched, wanted: ids.length }
  const entry = { ...verified, kind: core.groups.kindOf(channel) }
  const heard = allOf(watched.map((id) => core.engine.listen(app, watchChannel(id))))
  return andThen(heard, (answers) => {
    const deaf = answers.find((answer) => answer !== undefined)
    return deaf ?? (conn.closed ? undefined : core.engine.enter(conn, entry, undefined, Infinity))
  })
}
