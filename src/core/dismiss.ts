/**
 * Dismiss: tells every connection of an app, or of a user, that it is over. In slices, one per turn of
 * the event loop, so that the end of many does not hold up the others.
 */
import type { App } from './apps'
import type { Connection } from './connection'
import type { Core } from './core'
import type { Refusal } from './errors'
import { survives } from './faults'
import { leaveChannel } from './membership'
import type { UserId } from './types'

const SLICE = 200

/** Returns at once; the connections that were open now are closed within the next turns of the loop. */
export function dismissApp(core: Core, app: App, refused: Refusal): void {
  const leaving: Connection[] = []
  for (const conn of core.hub.connections()) if (conn.app === app) leaving.push(conn)
  dismiss(core, leaving, refused)
  endScopes(core, app)
}

/** Ends what is subscribed under the app's slug, as when it has another one; the connections stay. */
export function endScopes(core: Core, app: App): void {
  for (const conn of core.hub.connections()) {
    if (!conn.subscriptions || conn.closed) continue
    for (const subscription of conn.subscriptions.all()) {
      const { channel, ref } = subscription
      if (channel.app !== app || channel.kind.scope === undefined) continue
      leaveChannel(core, subscription)
      conn.reply({ type: 'ended', ref, replaced: false })
    }
  }
}

/** Those that are signed in as the user, or about to be; who merely uses the id on a presence channel stays (contract 5.5). */
export function dismissUser(core: Core, app: App, userId: UserId, refused: Refusal): void {
  const { users } = core
  dismiss(core, [...users.connectionsOf(app, userId), ...users.arriving(app, userId)], refused)
}

function dismiss(core: Core, leaving: Connection[], refused: Refusal): void {
  const closeSlice = (): void => {
    for (const conn of leaving.splice(0, SLICE))
      if (!conn.closed) survives(core, 'dismiss', () => conn.refuse(refused))
    if (leaving.length > 0) setImmediate(closeSlice)
  }
  closeSlice()
}
