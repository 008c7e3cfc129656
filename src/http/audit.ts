/** The audit, a page at a time: what was changed from the admin's side, by whom, from where; secrets are masked. */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { FieldErrors } from '../apps/fields'
import { ACTIONS, type AuditQuery, type AuditRow, type AuditStore } from '../core/audit'
import type { Core } from '../core/core'
import { quote } from '../core/errors'
import type { AdminChanges } from './admin-changes'
import { onlyAppOf } from './admin-needs'
import { FieldError } from './errors'
import { CONTENT_TYPES } from './headers'
import { fieldErrors } from './refusals'
import { objectSchema, OPEN, textSchema } from './schemas'

const LIMIT = { usual: 100, most: 500 }
const PAGE_BYTES = 512 * 1024

const Parameters = Type.Object(
  {
    app: Type.Optional(textSchema('Only of this app: its id, or its slug', '1')),
    actor: Type.Optional(textSchema('Only by this name, or token of this id', 'ci')),
    action: Type.Optional(textSchema('Only of this kind', 'app.changed')),
    from: Type.Optional(textSchema('Only since then, in ms since 1970', '0')),
    to: Type.Optional(textSchema('Only before then', '1900000000000')),
    limit: Type.Optional(
      textSchema(`Rows at most, 1 to ${LIMIT.most}; else ${LIMIT.usual}`, '100'),
    ),
    cursor: Type.Optional(textSchema('`next` of the page before', '8')),
  },
  OPEN,
)

const orNull = <T extends ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()])
const Changed = (description: string) =>
  Type.Union([Type.Object({}, { additionalProperties: true }), Type.Null()], { description })

const AuditAnswer = objectSchema(
  {
    data: Type.Array(
      Type.Object({
        id: Type.Integer(),
        at: Type.Integer({ description: 'In milliseconds since 1970' }),
        action: Type.String({ description: Object.keys(ACTIONS).join(', ') }),
        actor: Type.Object({
          kind: Type.Union([Type.Literal('user'), Type.Literal('token')]),
          id: orNull(Type.String({ description: 'Of the token; null for the user' })),
          name: Type.String(),
        }),
        address: Type.String(),
        request_id: orNull(Type.String({ description: '`x-request-id` of the answer' })),
        app_id: orNull(Type.String()),
        target: orNull(Type.String({ description: 'The id of a token, or the route of a plugin' })),
        before: Changed('The fields that have changed; null for what is new'),
        after: Changed('The same, as they are now; null for what was deleted'),
      }),
    ),
    next: orNull(
      Type.String({
        description: '`cursor` of the next page; null at the end. A page may be short',
      }),
    ),
  },
  {
    data: [
      {
        id: 8,
        at: 1_700_000_000_123,
        action: 'app.changed',
        actor: { kind: 'token', id: '0b51c2f4-3a0e-4f6e-9d0a-5c1d2e3f4a5b', name: 'ci' },
        address: '192.0.2.7',
        request_id: '5b0f5c1e-1f0c-4a52-9a3e-0c1d2e3f4a5b',
        app_id: '1',
        target: null,
        before: { client_events: false },
        after: { client_events: true },
      },
    ],
    next: null,
  },
)

export function audit(core: Core, store: Pick<AuditStore, 'page'>, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/audit', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .get(
      '',
      ({ request, query }) => {
        const read = readQuery(core, query)
        const only = onlyAppOf(changes.callerOf(request))
        if (only === undefined) return collect(store, read)
        const isOther = read.appId !== undefined && read.appId !== only
        if (isOther) return respond([], undefined)
        return collect(store, { ...read, appId: only, ofThisLife: true })
      },
      {
        query: Parameters,
        response: {
          200: AuditAnswer,
          422: fieldErrors({ limit: [`is x; expected a number from 1 to ${LIMIT.most}`] }),
        },
        detail: {
          operationId: 'listAudit',
          summary: 'Who changed what, the newest first',
          description:
            'Secrets are `***`. A token of one app gets the rows of that app, since it was created.',
        },
      },
    )
}

/** Rows that one turn of the event loop reads: a millisecond, Bun 1.4.5. */
const TURN_ROWS = 100

/** Reads on, a turn of the event loop each, until the page is full. */
async function collect(store: Pick<AuditStore, 'page'>, query: AuditQuery) {
  const rows: AuditRow[] = []
  let { before, maxBytes } = query
  for (;;) {
    const limit = Math.min(TURN_ROWS, query.limit - rows.length)
    const page = store.page({ ...query, before, maxBytes, limit })
    rows.push(...page.rows)
    maxBytes -= page.bytes
    const { next, isFull } = page
    if (next === undefined || isFull || maxBytes <= 0 || rows.length === query.limit)
      return respond(rows, next)
    before = next
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

const HEADERS = { 'content-type': CONTENT_TYPES.frameworkJson }

function respond(rows: readonly AuditRow[], next: number | undefined): Response {
  const answer = { data: rows.map(resourceOf), next: next === undefined ? null : String(next) }
  return new Response(JSON.stringify(answer), { headers: HEADERS })
}

type Given = (typeof Parameters)['static']

/** @throws FieldError */
function readQuery({ apps }: Core, given: Given): AuditQuery {
  const errors: FieldErrors = {}
  const number = (name: 'from' | 'to' | 'limit' | 'cursor', least: number, most: number) => {
    const raw = given[name]
    if (raw === undefined) return undefined
    const value = /^-?\d{1,16}$/.test(raw) ? Number(raw) : NaN
    if (!(value >= least && value <= most))
      errors[name] = [`is ${quote(raw)}; expected a number from ${least} to ${most}`]
    return value
  }
  const limit = number('limit', 1, LIMIT.most) ?? LIMIT.usual
  const before =
    number('cursor', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? Number.MAX_SAFE_INTEGER
  const [from, to] = [number('from', 0, MOST_MS), number('to', 0, MOST_MS)]
  const { action, actor, app } = given
  if (action !== undefined && !Object.hasOwn(ACTIONS, action))
    errors['action'] = [`is ${quote(action)}; known are ${Object.keys(ACTIONS).join(', ')}`]
  if (Object.keys(errors).length > 0) throw new FieldError(errors)
  const appId = app === undefined ? undefined : (apps.byId(app)?.id ?? apps.bySlug(app)?.id ?? app)
  const terms = { limit, before, maxBytes: PAGE_BYTES, ofThisLife: false }
  return { appId, actor, action, from, to, ...terms }
}

/** The last time that there is. */
const MOST_MS = 8_640_000_000_000_000

function resourceOf({ by, ...row }: AuditRow) {
  return {
    id: row.id,
    at: row.at,
    action: row.action,
    actor: { kind: by.kind, id: by.id ?? null, name: by.name },
    address: by.address,
    request_id: by.requestId ?? null,
    app_id: row.appId ?? null,
    target: row.target ?? null,
    before: row.before ?? null,
    after: row.after ?? null,
  }
}
