/**
 * Connections: how many an app has. No part of Pusher's API, but of Reverb's: Laravel Pulse asks for it.
 */
import { Elysia } from 'elysia'
import type { Core } from '../core/core'
import { signed, type SignedAccess } from './auth'
import { ASKING_REFUSALS } from './refusals'
import { ConnectionsAnswer } from './schemas'

export function connections(core: Core, access: SignedAccess) {
  return new Elysia({ prefix: `${access.pathPrefix}/apps/:appId`, tags: ['channels'] })
    .use(signed(core, access))
    .get('/connections', ({ app }) => ({ connections: core.hub.connectionsOf(app) }), {
      response: { 200: ConnectionsAnswer, ...ASKING_REFUSALS },
      detail: {
        operationId: 'countConnections',
        summary: 'Count the connections of an app',
        description:
          'Those that name the app when they connect, in channels or not: those of Pusher, over HTTP too, and of Phoenix with an `app_key`.',
      },
    })
}
