/** Dismiss: closes every connection of an app or of a user, in slices, so that many do not delay the others. */
import type { App } from './app'
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import type { Refusal } from './errors'
import { leaveChannel } from './membership'
import { workFor } from './slices'
import type { UserId } from './types'

/** Returns at once; the connections that are open now are closed in the next turns of the event loop. */
export function dismissApp(core: Core, app: App, refused: Refusal): void {
  dismiss(core, core.hub.connectionsOf(app), refused)
  endGroups(core, app)
}

/** Ends the subscriptions to the app's groups, as after a change of its slug; the connections stay. */
export function endGroups(core: Core, app: App): void {
  const end = (subscription: Subscription): void => {
    const { conn, ref, shard } = subscription
    if (conn.closed || !shard) return
    leaveChannel(core, subscription)
    conn.reply({ type: 'ended', ref, replaced: false })
  }
  core.slices.add(workFor('groups', core.groups.subscriptionsIn(app), end))
}

/** Closes connections that are signed in as the user, or about to be; those with the id on a presence channel stay (contract 5.5). */
export function dismissUser(core: Core, app: App, userId: UserId, refused: Refusal): void {
  const { users } = core
  dismiss(core, [...users.connectionsOf(app, userId), ...users.signingIn(app, userId)], refused)
}

function dismiss({ slices }: Core, leaving: readonly Connection[], refused: Refusal): void {
  slices.add(workFor('dismiss', leaving, (conn) => conn.closed || conn.refuse(refused)))
}
