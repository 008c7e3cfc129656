/** Routes for events of webhooks that were given up: listed in pages, and sent again, all or chosen. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { maskWholeUrl } from '../apps/masks'
import type { FieldErrors } from '../apps/fields'
import type { Core } from '../core/core'
import { MAX_CHOSEN, type Deliveries, type ReplayChoice } from '../core/deliveries'
import { quote, RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import type { AdminChanges } from './admin-changes'
import { FieldError } from './errors'
import { readBody } from './form'
import { BODY_REFUSALS, fieldErrors, NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { count, documentBody, EXAMPLE_ENDPOINT, objectSchema, OPEN, textSchema } from './schemas'
import {
  DEAD_LETTER,
  DeadLetterFields,
  endpointOf,
  orNull,
  sayNode,
  showDeadLetter,
  urlsFor,
} from './webhook-schemas'

/** A page may be replayed as a whole. */
const LIMIT = { usual: 50, most: MAX_CHOSEN }

const Parameters = Type.Object(
  {
    endpoint: Type.Optional(
      textSchema('Only those of this endpoint: its id, or its url', EXAMPLE_ENDPOINT),
    ),
    limit: Type.Optional(textSchema(`Rows at most, 1 to ${LIMIT.most}; else ${LIMIT.usual}`, '50')),
    cursor: Type.Optional(textSchema('`next` of the page before', '8')),
  },
  OPEN,
)

const DeadAnswer = objectSchema(
  {
    data: Type.Array(DeadLetterFields),
    next: orNull(
      Type.String({
        description: '`cursor` of the next page; null at the end. A page may be short',
      }),
    ),
  },
  { data: [DEAD_LETTER], next: null },
)
const ReplayAnswer = objectSchema(
  {
    data: Type.Object({
      replayed: count('How many are pending again, of those of the server that answers'),
    }),
  },
  { data: { replayed: 1 } },
)
const ReplayBody = objectSchema(
  {
    ids: Type.Optional(
      Type.Array(Type.Integer(), {
        maxItems: MAX_CHOSEN,
        description: `Of these, at most ${MAX_CHOSEN}; those that are none are passed over`,
      }),
    ),
    endpoint: Type.Optional(Type.String({ description: 'Of this one, by its id or url' })),
  },
  { ids: [7] },
)
const REPLAY_BODY = {
  requestBody: { ...documentBody(ReplayBody).requestBody, required: false },
}

export function deadLetters(core: Core, source: Deliveries, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/apps', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onBeforeHandle(({ set }) => sayNode(source, set))
    .onAfterHandle(changes.record)
    .get(
      '/:slug/webhooks/dead',
      ({ request, params, query }) => {
        const app = changes.appOf(request, params.slug)
        const show = urlsFor(changes.callerOf(request))
        const { endpoint, ...page } = readQuery(query)
        const name = endpoint && endpointOf(source, app, endpoint, show)
        const { letters, next } = source.deadLetters(app, name, page)
        return {
          data: letters.map(showDeadLetter(show)),
          next: next === undefined ? null : String(next),
        }
      },
      {
        query: Parameters,
        response: {
          200: DeadAnswer,
          404: NOT_FOUND,
          422: fieldErrors({ limit: [`is x; expected a number from 1 to ${LIMIT.most}`] }),
        },
        detail: {
          operationId: 'listDeadLetters',
          summary: 'The events of webhooks that were given up',
          description: 'The newest first; those of endpoints that were removed are gone.',
        },
      },
    )
    .post(
      '/:slug/webhooks/replay',
      async ({ request, params }) => {
        const { value } = await readBody(core.uploads, request)
        // Looked up after the wait: it may have been deleted meanwhile.
        const app = changes.appOf(request, params.slug)
        changes.describe(request, { appId: app.id })
        const show = urlsFor(changes.callerOf(request))
        const choice = readChoice(value, (given) => endpointOf(source, app, given, show))
        const target = choice.of === 'endpoint' ? maskWholeUrl(choice.endpoint) : undefined
        const deed = { ...changes.deedOf(request, 'webhooks.replayed'), target }
        return { data: { replayed: await source.replay(app, choice, deed) } }
      },
      {
        parse: 'none',
        response: {
          ...WRITE_REFUSALS,
          200: ReplayAnswer,
          400: BODY_REFUSALS[400],
          404: NOT_FOUND,
          413: BODY_REFUSALS[413],
          422: fieldErrors({ body: [unknownField('app')] }),
        },
        detail: {
          operationId: 'replayWebhooks',
          summary: "Send an app's dead letters again",
          description: 'In new bodies, with a new time and signature. Without a body, all of them.',
          ...REPLAY_BODY,
        },
      },
    )
}

/** @throws FieldError */
function readQuery({ endpoint, limit, cursor }: typeof Parameters.static) {
  const errors: FieldErrors = {}
  const read = (name: string, raw: string | undefined, usual: number, most: number): number => {
    const value = raw === undefined ? usual : /^\d{1,16}$/.test(raw) ? Number(raw) : 0
    if (value < 1 || value > most)
      errors[name] = [`is ${quote(raw!)}; expected a number from 1 to ${most}`]
    return value
  }
  const page = {
    endpoint,
    limit: read('limit', limit, LIMIT.usual, LIMIT.most),
    before: read('cursor', cursor, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  }
  if (Object.keys(errors).length > 0) throw new FieldError(errors)
  return page
}

const KNOWN = ['ids', 'endpoint']
const unknownField = (name: string): string =>
  `has the unknown field ${quote(name)}; known are ${KNOWN.join(', ')}`

/** @throws FieldError, RealtimeError('admin_bad_request'), or what `find` throws */
function readChoice(value: unknown, find: (endpoint: string) => string): ReplayChoice {
  if (!isRecord(value)) throw new RealtimeError('admin_bad_request', 'Bad Request')
  const unknown = Object.keys(value).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined) throw new FieldError({ body: [unknownField(unknown)] })
  const { ids, endpoint } = value
  if (ids === undefined && endpoint === undefined) return { of: 'all' }
  if (ids !== undefined && endpoint !== undefined)
    throw new FieldError({ ids: ['stand beside endpoint; expected one of them'] })
  if (ids === undefined) {
    if (typeof endpoint !== 'string') throw new FieldError({ endpoint: ['is no text'] })
    return { of: 'endpoint', endpoint: find(endpoint) }
  }
  if (!isIdList(ids))
    throw new FieldError({ ids: [`are no list of 1 to ${MAX_CHOSEN} ids of dead letters`] })
  return { of: 'ids', ids: ids.map(Number) }
}

const isId = (id: unknown): boolean =>
  Number.isSafeInteger(typeof id === 'string' && /^\d{1,16}$/.test(id) ? Number(id) : id)

/** Forms have texts. */
const isIdList = (ids: unknown): ids is readonly (number | string)[] =>
  Array.isArray(ids) && ids.length >= 1 && ids.length <= MAX_CHOSEN && ids.every(isId)
