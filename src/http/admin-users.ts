/** The signed-in users of an app on this node, for its operators, and the end of one's connections. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { FieldErrors } from '../apps/fields'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { andThen } from '../core/maybe-promise'
import { selectUsers, type UserQuery } from '../core/people'
import type { UserId } from '../core/types'
import type { AdminChanges } from './admin-changes'
import { respondWithList } from './lists'
import { sayNodeOf } from './nodes'
import {
  infoOrNull,
  limitMistake,
  Next,
  pageEnvelope,
  pageFields,
  raiseMistakes,
  readLimit,
} from './paging'
import { fieldErrors, NoBody, NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { count, objectSchema, OPEN, textSchema } from './schemas'

const LIMIT = { usual: 100, most: 500 }
/** Of one user; `connections` tells of more. */
const MOST_SOCKETS = 20

const ListQuery = Type.Object(
  {
    filter_by_prefix: Type.Optional(textSchema('How the ids begin', 'team-')),
    ...pageFields(LIMIT, '7'),
  },
  OPEN,
)

const UsersAnswer = objectSchema(
  {
    data: Type.Array(
      Type.Object({
        id: Type.String(),
        user_info: infoOrNull('As it was signed'),
        connections: count('How many are signed in as the user'),
        socket_ids: Type.Array(Type.String(), { description: `The first ${MOST_SOCKETS}` }),
      }),
    ),
    next: Next,
  },
  {
    data: [{ id: '7', user_info: { name: 'Ada' }, connections: 1, socket_ids: ['123.456'] }],
    next: null,
  },
)

export function adminUsers(core: Core, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(sayNodeOf(core))
    .onAfterHandle(changes.record)
    .get(
      '/:slug/users',
      ({ request, params, query }) =>
        respondWithUsers(core, readQuery(changes.appOf(request, params.slug), query)),
      {
        query: ListQuery,
        response: {
          200: UsersAnswer,
          404: NOT_FOUND,
          422: fieldErrors({ limit: [limitMistake('x', LIMIT.most)] }),
        },
        detail: {
          operationId: 'listSignedInUsers',
          summary: 'List the signed-in users of an app, by id',
          description: 'Those of connections of this process.',
        },
      },
    )
    .delete(
      '/:slug/users/:userId',
      ({ request, params, set }) => {
        const app = changes.appOf(request, params.slug)
        const userId = params.userId as UserId
        const about = { appId: app.id, target: userId, before: undefined }
        changes.audit(request, 'user.terminated', about)
        return andThen(core.engine.order({ type: 'terminate_user', app, userId }), () => {
          set.status = 204
          return ''
        })
      },
      {
        response: { ...WRITE_REFUSALS, 204: NoBody, 404: NOT_FOUND },
        detail: {
          operationId: 'terminateSignedInUser',
          summary: 'Close every connection that is signed in as a user',
          description: 'As `terminate_connections` does, on every node, and audited.',
        },
      },
    )
}

/** @throws FieldError */
function readQuery(app: App, given: (typeof ListQuery)['static']): UserQuery {
  const errors: FieldErrors = {}
  const limit = readLimit(errors, given.limit, LIMIT)
  raiseMistakes(errors)
  return { app, prefix: given.filter_by_prefix ?? '', after: given.cursor, limit }
}

async function respondWithUsers(core: Core, query: UserQuery): Promise<Response> {
  const { items, hasMore } = await selectUsers(core, query)
  return respondWithList(core, {
    items,
    envelope: pageEnvelope(hasMore ? items.at(-1) : undefined),
    jsonOf: (id) => describe(core, query.app, id),
  })
}

/** As JSON, the info as it was written; undefined for a user who has left meanwhile. */
function describe({ users }: Core, app: App, id: UserId): string | undefined {
  const own = [...users.connectionsOf(app, id)]
  const user = own[0]?.user
  if (!user) return undefined
  const socketIds = JSON.stringify(own.slice(0, MOST_SOCKETS).map((conn) => conn.id))
  const info = user.info?.text ?? 'null'
  return `{"id":${JSON.stringify(id)},"user_info":${info},"connections":${own.length},"socket_ids":${socketIds}}`
}
