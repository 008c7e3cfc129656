/**
 * Sign-in: a connection proves its user with a signature of the app's backend. From then on it receives the
 * user's own channel, whether it subscribes to it or not, so that nothing is missed between the two.
 * Spec: contract 5.1, 5.2, 5.4.
 */
import { findKeyPair } from './app'
import type { Connection } from './connection'
import type { Core } from './core'
import { isRefusal, quote, type Refusal } from './errors'
import {
  enterUser,
  listenToWatched,
  passSignin,
  readUser,
  signinRefusal,
  verifiedSignin,
  type SignedUser,
} from './identity'
import { andThen, type MaybePromise } from './maybe-promise'
import type { SigninCommand } from './messages'
import { userToSign } from './signature'

/** Signs the connection in, or returns a refusal; it stays open either way. Waits only where a gate or the engine does. */
export function signin(
  core: Core,
  conn: Connection,
  command: SigninCommand,
): MaybePromise<Refusal | undefined> {
  const signed = verifySignin(conn, command)
  if (isRefusal(signed)) return signed
  const { app } = command
  const refused = passSignin(core, conn, app, signed, () => signInAs(core, conn, command, signed))
  if (!(refused instanceof Promise)) return refused
  // Terminating the user meanwhile closes this connection, too.
  return refused.finally(core.users.beginSignin(conn, app, signed.user.id))
}

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
  const signature = auth.slice(colon + 1)
  if (!pair.verify(text, signature)) {
    const message = `Invalid signature: Expected HMAC SHA256 hex digest of ${quote(text)}, but got ${quote(signature)}`
    const wrongSignature = { of: 'signin', key: pair.key, text, signature } as const
    return { ...signinRefusal(message), wrongSignature }
  }
  return readUser(app, userData)
}

/** A connection has one user for life; who signs in again as the same is told so again. */
function signInAs(
  core: Core,
  conn: Connection,
  { app, userData }: SigninCommand,
  signed: SignedUser,
): MaybePromise<Refusal | undefined> {
  if (conn.user && conn.user.id !== signed.user.id)
    return signinRefusal('Connection already associated with a different user id')
  if (conn.user) {
    conn.reply({ type: 'signed_in', userData })
    return undefined
  }
  const verified = verifiedSignin(app, signed, userData)
  return andThen(listenToWatched(core, verified), (deaf) =>
    deaf || conn.closed ? deaf : enterUser(core, conn, verified),
  )
}
