/**
 * Node: what the engine does on one node. Nothing else gives events and notices to sockets, lets connections into
 * channels, or carries out orders.
 */
import type { App } from './app'
import { checkActive, type AppChange } from './apps'
import type { Connection } from './connection'
import type { Core } from './core'
import {
  dismissApp,
  dismissConnection,
  dismissFromChannel,
  dismissUser,
  endGroups,
} from './dismiss'
import type { CloseOrder, Node, Order } from './engine'
import { REFUSE, refusal } from './errors'
import { notify } from './hooks'
import { apply } from './membership'
import type { OwnReport } from './node-report'
import { findConnection, viewOf } from './people'
import type { AppChangeView, PushView } from './plugin'
import type { Publication } from './messages'
import { notifyShared } from './shared'
import { workFor } from './slices'
import type { ChannelName, Position } from './types'
import { appView } from './views'

export function newNode(core: Core): Node {
  const { hub } = core
  const node: Node = {
    app: (id) => core.apps.byId(id),
    connections: (app) => hub.connectionCountOf(app),
    describe: (app, socketId) => {
      const conn = findConnection(core, app, socketId)
      return conn && viewOf(core, app, conn)
    },
    get readMetrics() {
      return core.state.readMetrics
    },
    report: () => reportOf(core),
    deliver: (publication, position) => {
      hub.deliver(publication, position)
      if (core.state.twin) core.state.twin.deliver(publication, position)
    },
    announce: (app, notice, except) => hub.announce(app, notice, except),
    hasSubscribers: (app, channel) => hub.channel(app, channel) !== undefined,
    apply: (delta) => apply(core, node, delta),
    carryOut: (order) => {
      carryOut(core, order)
      if (core.state.twin) core.state.twin.order(order)
    },
  }
  return node
}

/** Closes it where it is here. */
function closeConnection(core: Core, { app, socketId, isToReconnect }: CloseOrder): void {
  const conn = findConnection(core, app, socketId)
  if (conn) dismissConnection(core, app, conn, isToReconnect ? TO_RECONNECT : REFUSE.terminated)
}

const TO_RECONNECT = refusal('reconnect_requested', 'Please reconnect')

/** O(apps). */
function reportOf({ about, apps, hub, readiness, state }: Core): OwnReport {
  let subscriptions = 0
  for (const { gauges } of apps.all()) subscriptions += gauges.subscriptions
  return {
    ...about,
    port: state.port,
    isReady: !state.draining && readiness.parts().length === 0,
    connections: hub.connectionCount,
    subscriptions,
  }
}

/** Delivers here what the twin has delivered. */
export const deliverAsTwin = (core: Core, publication: Publication, position: Position): void =>
  core.hub.deliver(publication, position)

/** Carries out here what the twin has carried out. */
export const orderAsTwin = (core: Core, order: Order): void => carryOut(core, order)

function carryOut(core: Core, order: Order): void {
  switch (order.type) {
    case 'terminate_user':
      return dismissUser(core, order.app, order.userId, REFUSE.terminated)
    case 'unsubscribe_user':
      return dismissFromChannel(core, order.app, order)
    case 'push_delivered':
      return notifyDelivered(core, order.app, order.channel, order.push)
    case 'close_connection':
      return closeConnection(core, order)
    case 'app_changed':
      return changeApp(core, order.change)
    case 'token_changed':
      return core.tokens.apply(order.change, core.clock.now())
    case 'shared_changed':
      return notifyShared(core, order)
  }
}

/** Notifies plugins of each subscriber that a push was sent to, in slices. */
function notifyDelivered(core: Core, app: App, channel: ChannelName, push: PushView): void {
  const { pushDelivered } = core.hooks
  const notifyOf = (conn: Connection) => conn.closed || notify(core, pushDelivered, conn, push)
  core.slices.add(workFor('push', core.hub.subscribersOf(app, channel), notifyOf))
}

const CHANGE_VIEWS: Readonly<Record<AppChange['type'], AppChangeView>> = {
  create: Object.freeze({ type: 'created' }),
  change: Object.freeze({ type: 'changed' }),
  remove: Object.freeze({ type: 'deleted' }),
}

/**
 * Connections follow the change: those of an app that was deleted or is not active any more are closed, those in
 * its groups leave them with its slug. @throws AppConflict, StoreError
 */
function changeApp(core: Core, change: AppChange): void {
  const { apps, clock, facts } = core
  const before = change.type === 'change' ? apps.byId(change.record.id)?.record.slug : undefined
  const now = clock.now()
  const app = apps.apply(change, now)
  if (!app) return
  if (change.type !== 'change') core.tokens.endOf(app.id, now)
  if (before !== undefined && before !== app.record.slug) endGroups(core, app)
  if (facts.wants('app_changed', app)) facts.emit({ type: 'app_changed', app })
  notify(core, core.hooks.appChanged, appView(app), CHANGE_VIEWS[change.type])
  const refused =
    change.type === 'remove'
      ? refusal('app_not_found', `App ${app.id} was deleted`)
      : checkActive(app)
  if (refused) dismissApp(core, app, refused)
}
