/**
 * The connections of an app on this node, for its operators: a page at a time, one with its channels, and the end of
 * one.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { FieldErrors } from '../apps/fields'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { ConnectionSummary, ConnectionView } from '../core/connection-view'
import { quote, RealtimeError } from '../core/errors'
import {
  findConnection,
  MOST_CHANNELS,
  selectConnections,
  summaryOf,
  viewOf,
  type ConnectionPlace,
  type ConnectionQuery,
} from '../core/people'
import type { ChannelName, UserId } from '../core/types'
import type { AdminChanges } from './admin-changes'
import { FieldError } from './errors'
import { CONTENT_TYPES } from './headers'
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

const ListQuery = Type.Object(
  {
    channel: Type.Optional(textSchema('Only subscribers of this channel', 'my-channel')),
    user: Type.Optional(textSchema('Only this signed-in user, by id', '7')),
    ...pageFields(LIMIT, '60000:123.456'),
  },
  OPEN,
)
const EndQuery = Type.Object(
  {
    reconnect: Type.Optional(
      textSchema('`true`: its client is to come back at once; else it stays away', 'false'),
    ),
  },
  OPEN,
)

const textOrNull = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description })

const Fields = {
  socket_id: Type.String(),
  since: Type.Integer({ description: 'In milliseconds since 1970' }),
  address: Type.String({ description: 'Of the client, behind trusted proxies' }),
  transport: Type.Union([Type.Literal('websocket'), Type.Literal('http')]),
  protocol: Type.String({ description: 'As it is called in the live stream' }),
  client: textOrNull('The library, as it calls itself'),
  client_version: textOrNull('Of the library'),
  user_agent: textOrNull('Of the request, its first 256 characters'),
  user_id: textOrNull('The signed-in user'),
  channel_count: count('Channels of this app that it is in'),
  waiting_bytes: count('Sent, and not yet read by the client'),
  node: Type.String({ description: 'The name of the server that has it, where several are one' }),
}
const CONNECTION = {
  socket_id: '123.456',
  since: 1_700_000_000_000,
  address: '192.0.2.7',
  transport: 'websocket' as const,
  protocol: 'pusher',
  client: 'js',
  client_version: '8.4.0',
  user_agent: 'Mozilla/5.0',
  user_id: '7',
  channel_count: 1,
  waiting_bytes: 0,
  node: 'push-1',
}
const ConnectionsAnswer = objectSchema(
  { data: Type.Array(Type.Object(Fields)), next: Next },
  { data: [CONNECTION], next: null },
)
const ConnectionAnswer = objectSchema(
  {
    data: Type.Object({
      ...Fields,
      user_info: infoOrNull('Of the user, as it was signed'),
      channels: Type.Array(
        Type.Object({ name: Type.String(), user_id: textOrNull('As whom; presence only') }),
        { description: `The first ${MOST_CHANNELS}, the oldest first` },
      ),
    }),
  },
  {
    data: {
      ...CONNECTION,
      user_info: { name: 'Ada' },
      channels: [{ name: 'presence-room', user_id: '7' }],
    },
  },
)

export function adminConnections(core: Core, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(sayNodeOf(core))
    .onAfterHandle(changes.record)
    .get(
      '/:slug/connections',
      ({ request, params, query }) =>
        respondWithConnections(core, readQuery(changes.appOf(request, params.slug), query)),
      {
        query: ListQuery,
        response: {
          200: ConnectionsAnswer,
          404: NOT_FOUND,
          422: fieldErrors({ limit: [limitMistake('x', LIMIT.most)] }),
        },
        detail: {
          operationId: 'listConnections',
          summary: 'List the connections of an app, the newest first',
          description:
            'Those of the node that answers, which name the app or are in a channel of it. One is shown and closed wherever it is.',
        },
      },
    )
    .get(
      '/:slug/connections/:socketId',
      async ({ request, params }) => {
        const app = changes.appOf(request, params.slug)
        const view = await requireOpen(core, app, params.socketId)
        return new Response(`{"data":${textOf(view)}}`, { headers: HEADERS })
      },
      {
        response: { 200: ConnectionAnswer, 404: NOT_FOUND },
        detail: {
          operationId: 'showConnection',
          summary: 'Tell what is known of a connection',
          description: 'Where it is from, what its client is, as whom, and in which channels.',
        },
      },
    )
    .delete(
      '/:slug/connections/:socketId',
      async ({ request, params, query, set }) => {
        const app = changes.appOf(request, params.slug)
        const isToReconnect = readEnd(query.reconnect)
        const { socketId, address, userId } = await requireOpen(core, app, params.socketId)
        const about = { appId: app.id, target: socketId, before: { address, user_id: userId } }
        changes.audit(request, 'connection.closed', about)
        await core.engine.order({ type: 'close_connection', app, socketId, isToReconnect })
        set.status = 204
        return ''
      },
      {
        query: EndQuery,
        response: {
          ...WRITE_REFUSALS,
          204: NoBody,
          404: NOT_FOUND,
          422: fieldErrors({ reconnect: [reconnectMistake('x')] }),
        },
        detail: {
          operationId: 'closeConnection',
          summary: 'Close a connection',
          description:
            'With 4009: its client stays away until its program connects again. To reconnect: 4200.',
        },
      },
    )
}

const HEADERS = { 'content-type': CONTENT_TYPES.frameworkJson }

/** On whichever node it is. @throws (rejects with) RealtimeError('admin_not_found') */
async function requireOpen(core: Core, app: App, socketId: string): Promise<ConnectionView> {
  const own = findConnection(core, app, socketId)
  const view = own ? viewOf(core, app, own) : await core.engine.findElsewhere(app, socketId)
  if (!view) throw new RealtimeError('admin_not_found', 'Not Found')
  return view
}

/** True where the client is to come back at once. @throws FieldError */
function readEnd(raw = 'false'): boolean {
  if (raw === 'true' || raw === 'false') return raw === 'true'
  throw new FieldError({ reconnect: [reconnectMistake(raw)] })
}

const reconnectMistake = (raw: string): string => `is ${quote(raw)}; expected true or false`

// ---------------------------------------------------------------- a page

async function respondWithConnections(core: Core, query: ConnectionQuery): Promise<Response> {
  const { items, hasMore } = await selectConnections(core, query)
  const last = items.at(-1)
  const next = hasMore && last ? writePlace(last) : undefined
  return respondWithList(core, {
    items,
    envelope: pageEnvelope(next),
    jsonOf: (conn) =>
      conn.closed ? undefined : JSON.stringify(fieldsOf(summaryOf(core, query.app, conn))),
  })
}

/** @throws FieldError */
function readQuery(app: App, given: (typeof ListQuery)['static']): ConnectionQuery {
  const errors: FieldErrors = {}
  const limit = readLimit(errors, given.limit, LIMIT)
  const after = readPlace(errors, given.cursor)
  raiseMistakes(errors)
  // A name that no channel can have finds nobody.
  const [channel, userId] = [given.channel as ChannelName, given.user as UserId]
  return { app, channel, userId, after, limit }
}

const PLACE = /^(-?\d{1,15}(?:\.\d{1,20})?):(\d{1,10}\.\d{1,10})$/

const writePlace = ({ establishedAt, id }: ConnectionPlace): string => `${establishedAt}:${id}`

function readPlace(errors: FieldErrors, raw: string | undefined): ConnectionPlace | undefined {
  if (raw === undefined) return undefined
  const [, at, id] = PLACE.exec(raw) ?? []
  if (id !== undefined) return { establishedAt: Number(at), id }
  errors['cursor'] = [`is ${quote(raw)}; expected the next of a page`]
  return undefined
}

// ---------------------------------------------------------------- one

const fieldsOf = ({ socketId, clientVersion, userAgent, ...more }: ConnectionSummary) => ({
  socket_id: socketId,
  since: more.since,
  address: more.address,
  transport: more.transport,
  protocol: more.protocol,
  client: more.client,
  client_version: clientVersion,
  user_agent: userAgent,
  user_id: more.userId,
  channel_count: more.channelCount,
  waiting_bytes: more.waitingBytes,
  node: more.node,
})

/** As JSON; the user's info as it was written. */
function textOf({ userInfo, channels, ...summary }: ConnectionView): string {
  const shown = channels.map(({ name, userId }) => ({ name, user_id: userId }))
  const fields = JSON.stringify({ ...fieldsOf(summary), channels: shown })
  return `${fields.slice(0, -1)},"user_info":${userInfo ?? 'null'}}`
}
