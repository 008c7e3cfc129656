/**
 * Dismiss: tells every connection of an app, or of a user, that it is over. In slices, so that the end
 * of many does not hold up the others.
 */
import type { App } from './app'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import type { Refusal } from './errors'
import { leaveChannel } from './membership'
import { each } from './slices'
import type { UserId } from './types'

/** Returns at once; the connections that are open now are closed within the next turns of the loop. */
export function dismissApp(core: Core, app: App, refused: Refusal): void {
  dismiss(core, core.hub.connectionsTo(app), refused)
  endScopes(core, app)
}

/** Ends what is subscribed under the app's slug, as when it has another one; the connections stay. */
export function endScopes(core: Core, app: App): void {
  const end = (subscription: Subscription): void => {
    const { conn, ref, shard } = subscription
    if (conn.closed || !shard) return
    leaveChannel(core, subscription)
    conn.reply({ type: 'ended', ref, replaced: false })
  }
  core.slices.add(each('scopes', core.hub.inScopes(app), end))
}

/** Those that are signed in as the user, or about to be; who merely uses the id on a presence channel stays (contract 5.5). */
export function dismissUser(core: Core, app: App, userId: UserId, refused: Refusal): void {
  const { users } = core
  dismiss(core, [...users.connectionsOf(app, userId), ...users.arriving(app, userId)], refused)
}

function dismiss({ slices }: Core, leaving: readonly Connection[], refused: Refusal): void {
  slices.add(each('dismiss', leaving, (conn) => conn.closed || conn.refuse(refused)))
}
