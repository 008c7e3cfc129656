/**
 * Node: what the engine does on one node. Nothing else gives events and notices to sockets, lets connections into
 * channels, or carries out orders.
 */
import { checkActive, type AppChange } from './apps'
import type { Core } from './core'
import { dismissApp, dismissUser, endGroups } from './dismiss'
import type { Node } from './engine'
import { REFUSE, refusal } from './errors'
import { apply } from './membership'

export function newNode(core: Core): Node {
  const { hub } = core
  const node: Node = {
    deliver: (publication) => hub.deliver(publication),
    announce: (app, notice, except) => hub.announce(app, notice, except),
    apply: (delta) => apply(core, node, delta),
    carryOut: (order) => {
      if (order.type === 'app_changed') changeApp(core, order.change)
      else dismissUser(core, order.app, order.userId, REFUSE.terminated)
    },
  }
  return node
}

/**
 * Connections follow the change: those of an app that was deleted or is not active any more are closed, those in
 * its groups leave them with its slug. @throws AppConflict, StoreError
 */
function changeApp(core: Core, change: AppChange): void {
  const { apps, clock, facts } = core
  const before = change.type === 'change' ? apps.byId(change.record.id)?.record.slug : undefined
  const app = apps.apply(change, clock.now())
  if (!app) return
  if (before !== undefined && before !== app.record.slug) endGroups(core, app)
  if (facts.wants('app_changed', app)) facts.emit({ type: 'app_changed', app })
  const refused =
    change.type === 'remove'
      ? refusal('app_not_found', `App ${app.id} was deleted`)
      : checkActive(app)
  if (refused) dismissApp(core, app, refused)
}
