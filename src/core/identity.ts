/**
 * Identity: the user of a connection, on the way from a text to the engine. A backend has signed it (`signin`), or
 * a plugin names it (`connect`); the limits, the gates and the channels that are listened to are the same.
 * Spec: contract 5.1, 5.3.
 */
import type { App } from './app'
import { userChannel, watchChannel } from './channel'
import type { Connection, User, VerifiedSignin } from './connection'
import type { Core } from './core'
import { refusal, type Refusal } from './errors'
import { passGates, runGates } from './hooks'
import { copyText, parseRecord } from './json'
import { scanObject, scanValue } from './json-scan'
import { allOf, andThen, type MaybePromise } from './maybe-promise'
import type { UserId } from './types'
import { SigninReader } from './views'

/** A user, and all that the backend signed. */
export type SignedUser = {
  readonly user: User
  readonly data: Readonly<Record<string, unknown>>
}

/** Reads `user_data`: the id and the watchlist are valid in the app. */
export function readUser(app: App, userData: string): SignedUser | Refusal {
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

export const signinRefusal = (message: string): Refusal => refusal('signin_refused', message)

/** Continues where the `signin` gates let the user pass. Orders for the user reach this node before they are asked. */
export function passSignin(
  core: Core,
  conn: Connection,
  app: App,
  { user, data }: SignedUser,
  next: () => MaybePromise<Refusal | undefined>,
): MaybePromise<Refusal | undefined> {
  const gates = core.hooks.signin
  return andThen(core.engine.listen(app, userChannel(user.id)), (deaf) => {
    if (deaf || conn.closed) return deaf
    if (gates.length === 0) return next()
    const view = new SigninReader(conn, { userId: user.id, userData: data })
    return passGates(conn, runGates(core, gates, conn, view), next)
  })
}

/** The sign-in as the engine gets it; `userData` is for the reply to the client, where there is one. */
export function verifiedSignin(
  app: App,
  { user, data }: SignedUser,
  userData: string | undefined,
): VerifiedSignin {
  const ids = (data['watchlist'] ?? []) as readonly UserId[]
  const watched = ids.slice(0, app.limits.maxWatchedUsers)
  const channel = userChannel(user.id)
  return { type: 'signin', app, userData, channel, user, watched, wanted: ids.length }
}

/** Listens to the users that the connection will watch. */
export function listenToWatched(
  { engine }: Core,
  { app, watched }: VerifiedSignin,
): MaybePromise<Refusal | undefined> {
  const heard = allOf(watched.map((id) => engine.listen(app, watchChannel(id))))
  return andThen(heard, (answers) => answers.find((answer) => answer !== undefined))
}

/** Signs the connection in, whose user's channel and watched users are listened to. */
export function enterUser(
  core: Core,
  conn: Connection,
  signin: VerifiedSignin,
): MaybePromise<Refusal | undefined> {
  const entry = { ...signin, kind: core.groups.kindOf(signin.channel) }
  return core.engine.enter(conn, entry, undefined, Infinity)
}
