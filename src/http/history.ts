/**
 * History: the events that a channel keeps, a page at a time, and giving them up. The same for both APIs: Pusher's,
 * and the seed's with slug and Basic.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { quote, raise } from '../core/errors'
import { jsonText } from '../core/json'
import { andThen } from '../core/maybe-promise'
import { NOT_KEPT, type HistoryPage, type HistoryQuery } from '../core/stream'
import type { ChannelName, Position } from '../core/types'
import { requireSignature, type SignedAccess } from './auth'
import { channelOf } from './channels'
import { CONTENT_TYPES } from './headers'
import { invalid } from './mistake'
import { requireLimit } from './paging'
import { errorText, readAnswers, SIGNED_REFUSALS } from './refusals'
import { EmptyAnswer, objectSchema, OPEN, textSchema } from './schemas'

const LIMIT = { usual: 100, most: 1000 }
/** A page ends before it exceeds this, of UTF-8: its text is written in a millisecond. */
const PAGE_BYTES = 512 * 1024

export const HistoryParameters = Type.Object(
  {
    limit: Type.Optional(
      textSchema(`Events at most, 1 to ${LIMIT.most}; ${LIMIT.usual} by default`, '100'),
    ),
    since: Type.Optional(
      textSchema('Only events after this one, `epoch:offset`', 'k3v9x1m20abc:41'),
    ),
    before: Type.Optional(
      textSchema('Only events before this one, `epoch:offset`', 'k3v9x1m20abc:43'),
    ),
    direction: Type.Optional(
      textSchema('`forward`, the oldest first, or `backward`, the newest first', 'forward'),
    ),
  },
  OPEN,
)

export const HistoryAnswer = objectSchema(
  {
    epoch: Type.String({
      description: 'Another one when the stream began anew; empty where no rule covers the channel',
    }),
    offset: Type.Integer({ description: 'Of the last event; 0 before the first' }),
    events: Type.Array(
      Type.Object({ offset: Type.Integer(), name: Type.String(), data: Type.String() }),
    ),
    next: Type.Union([Type.String(), Type.Null()], {
      description:
        'Where the next page begins: `since` of it, or `before` where the newest come first; null at the end',
    }),
    recovered: Type.Boolean({
      description:
        'Nothing after `since` was given up; without `since`, nothing since the beginning. Also false for an epoch or an offset that the stream does not have, which finds no events',
    }),
  },
  {
    epoch: 'k3v9x1m20abc',
    offset: 42,
    events: [{ offset: 42, name: 'my-event', data: '{"hello":"world"}' }],
    next: null,
    recovered: true,
  },
)

/** Of a durable stream, as it is told. */
export const NOT_GIVEN_UP = 'database: is locked by another process; nothing was given up'

export const SHOW_HISTORY = {
  summary: 'Read the events that a channel keeps',
  description:
    "Those of backends, where a rule of the app's `history` covers the channel. What is given up is the oldest: `recovered` and the offsets tell.",
}
export const FORGET_HISTORY = {
  summary: 'Give up the events that a channel keeps',
  description:
    'The last event of a cache channel, too. The stream begins anew, with another epoch: whoever comes back is told that it was lost.',
}

export function history(core: Core, access: SignedAccess) {
  return new Elysia({ prefix: '/apps/:appId', tags: ['channels'] })
    .use(requireSignature(core, access))
    .get(
      '/channels/:channel/history',
      ({ app, params, query }) => respondWithHistory(core, app, params.channel, query),
      {
        query: HistoryParameters,
        response: readAnswers(HistoryAnswer),
        detail: { operationId: 'showHistory', ...SHOW_HISTORY },
      },
    )
    .delete(
      '/channels/:channel/history',
      ({ app, params }) => forgetHistory(core, app, params.channel),
      {
        response: {
          ...readAnswers(EmptyAnswer),
          429: SIGNED_REFUSALS[429],
          503: errorText(NOT_GIVEN_UP),
        },
        detail: { operationId: 'forgetHistory', ...FORGET_HISTORY },
      },
    )
}

type Parameters = (typeof HistoryParameters)['static']

/** @throws RealtimeError('channel_invalid' | 'request_invalid') */
export function respondWithHistory(core: Core, app: App, name: string, parameters: Parameters) {
  const channel = channelOf(app, name)
  const query = readQuery(parameters)
  return andThen(core.engine.history(app, channel, query), (page) => respond(page, query))
}

/** @throws RealtimeError('channel_invalid'), or (or rejects with) 'history_unavailable' */
export function forgetHistory(core: Core, app: App, name: string) {
  const channel: ChannelName = channelOf(app, name)
  return andThen(core.engine.forget(app, channel), (refused) => {
    if (refused) raise(refused)
    return {}
  })
}

function readQuery({ limit, since, before, direction = 'forward' }: Parameters): HistoryQuery {
  if (direction !== 'forward' && direction !== 'backward')
    throw invalid(`direction '${quote(direction)}'; expected forward or backward`)
  return {
    limit: requireLimit(limit, LIMIT),
    since: readPosition('since', since),
    before: readPosition('before', before),
    direction,
    maxBytes: PAGE_BYTES,
  }
}

const POSITION = /^([\da-z]{1,32}):(\d{1,15})$/

function readPosition(name: string, raw: string | undefined): Position | undefined {
  if (raw === undefined) return undefined
  const [, epoch, offset] = POSITION.exec(raw) ?? []
  if (epoch === undefined) throw invalid(`${name} '${quote(raw)}'; expected epoch:offset`)
  return { epoch, offset: Number(offset) }
}

const NOTHING: HistoryPage = { position: NOT_KEPT, events: [], hasMore: false, recovered: false }
const HEADERS = { 'content-type': CONTENT_TYPES.frameworkJson }

/** The data is JSON text already, as subscribers get it. */
function respond(page: HistoryPage = NOTHING, { since }: HistoryQuery): Response {
  const { position, events, hasMore, recovered } = page
  const { epoch, offset } = position
  const items = events.map(
    ({ offset: at, publication: { event, data } }) =>
      `{"offset":${at},"name":${jsonText(event)},"data":${data}}`,
  )
  const last = events.at(-1)?.offset ?? since?.offset ?? 0
  const next = hasMore ? `"${epoch}:${last}"` : 'null'
  const text = `{"epoch":"${epoch}","offset":${offset},"events":[${items.join()}],"next":${next},"recovered":${recovered}}`
  return new Response(text, { headers: HEADERS })
}
