/**
 * Tokens for the admin API: made, listed and revoked. A token is shown once, in the answer to its making; the server
 * keeps its hash only.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import { matching, text, type Reading } from '../apps/reading'
import type { FieldErrors } from '../apps/fields'
import { createToken, revokeToken } from '../core/app-changes'
import type { Core } from '../core/core'
import { quote, RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import { MAX_TOKENS, type Grant, type TokenRecord } from '../core/tokens'
import type { AdminChanges } from './admin-changes'
import type { Caller } from './admin-needs'
import { FieldError } from './errors'
import { readBody } from './form'
import { DATA_ENVELOPE, respondWithList } from './lists'
import {
  BAD_REQUEST,
  BODY_REFUSALS,
  fieldErrors,
  NoBody,
  NOT_FOUND,
  WRITE_REFUSALS,
} from './refusals'
import { documentForms, objectSchema } from './schemas'
import { newToken } from './token-text'

const time = (description: string) =>
  Type.Integer({ description: `${description}, in milliseconds since 1970` })
const timeOrNull = (description: string) => Type.Union([time(description), Type.Null()])

const SCOPES =
  '`read`: sees everything, without secrets. `app:<id>`: sees and changes that app. `create`: makes apps, and sees, changes and deletes those that it made. `all`: everything'
const TokenFields = {
  id: Type.String(),
  name: Type.String(),
  scope: Type.String({ description: SCOPES }),
  created_at: time('When it was made'),
  created_by: Type.String({ description: 'The name of who made it' }),
  expires_at: timeOrNull('When it ends'),
  revoked_at: timeOrNull('When it was revoked'),
  last_used_at: timeOrNull('When it was last used, to five minutes'),
}
const TOKEN = {
  id: '0b51c2f4-3a0e-4f6e-9d0a-5c1d2e3f4a5b',
  name: 'ci',
  scope: 'create',
  created_at: 1_700_000_000_000,
  created_by: 'admin',
  expires_at: 1_800_000_000_000,
  revoked_at: null,
  last_used_at: 1_700_000_100_000,
}
const TokensAnswer = objectSchema({ data: Type.Array(Type.Object(TokenFields)) }, { data: [TOKEN] })
const NewTokenAnswer = objectSchema(
  {
    data: Type.Object({
      ...TokenFields,
      token: Type.String({ description: 'Shown this once; goes into `Authorization: Bearer`' }),
    }),
  },
  {
    data: {
      ...TOKEN,
      last_used_at: null,
      token: 'carillon_0123456789ABCDEFGHIJKLMNOPQRSTUV2GM5cZ',
    },
  },
)
const NewToken = Type.Object({
  name: Type.String({ description: 'In the audit and the log; 1 to 100 characters, its own' }),
  scope: Type.String({ description: SCOPES }),
  expires_at: Type.Optional(time('When it ends; never where it is absent')),
})
const NEW_TOKEN_BODY = documentForms(
  objectSchema({ token: NewToken }, { token: { name: 'ci', scope: 'create' } }),
  Type.Object(
    {
      'token[name]': Type.String({ examples: ['ci'] }),
      'token[scope]': Type.String({ examples: ['create'] }),
    },
    { additionalProperties: Type.String() },
  ),
)

export function tokens(core: Core, changes: AdminChanges) {
  return new Elysia({ prefix: '/api/admin/tokens', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onAfterHandle(changes.record)
    .get('', () => respondWithTokens(core), {
      response: TokensAnswer,
      detail: {
        operationId: 'listTokens',
        summary: 'List the tokens for the admin API',
        description: 'Also those that have expired or were revoked; never the secret.',
      },
    })
    .post(
      '',
      async ({ request, set }) => {
        const { record, token } = await createTokenFrom(core, request, changes)
        set.status = 201
        return { data: { ...resourceOf(record), token } }
      },
      {
        parse: 'none',
        response: {
          ...WRITE_REFUSALS,
          201: NewTokenAnswer,
          400: BAD_REQUEST,
          413: BODY_REFUSALS[413],
          422: fieldErrors({ scope: [SCOPE_MISTAKE] }),
        },
        detail: {
          operationId: 'createToken',
          summary: 'Make a token; it is shown this once',
          description: 'A token makes none that may more, or for longer, than itself.',
          ...NEW_TOKEN_BODY,
        },
      },
    )
    .delete(
      '/:id',
      async ({ request, params, set }) => {
        const token =
          core.tokens.byId(params.id) ?? core.tokens.liveByName(params.id, core.clock.now())
        if (!token) throw new RealtimeError('admin_not_found', 'Not Found')
        await revokeToken(core, token, changes.deedOf(request, 'token.revoked'))
        set.status = 204
        return ''
      },
      {
        response: { ...WRITE_REFUSALS, 204: NoBody, 404: NOT_FOUND },
        detail: {
          operationId: 'revokeToken',
          summary: 'Revoke a token; it is refused at once',
          description: 'What it has made stays. It is listed, and told that it was revoked.',
        },
      },
    )
}

const respondWithTokens = (core: Core): Promise<Response> =>
  respondWithList(core, {
    items: core.tokens.all(),
    envelope: DATA_ENVELOPE,
    jsonOf: (token) => JSON.stringify(resourceOf(token)),
  })

async function createTokenFrom(core: Core, request: Request, changes: AdminChanges) {
  const { value } = await readBody(core.uploads, request)
  const given = isRecord(value) ? value['token'] : undefined
  if (!isRecord(given)) throw new RealtimeError('admin_bad_request', 'Bad Request')
  const caller = changes.callerOf(request)
  const now = core.clock.now()
  const fields = readFields(core, given, { caller, now })
  if (isTaken(core, fields.name, { now, admin: changes.access.username }))
    throw new FieldError({ name: ['has already been taken'] })
  if (core.tokens.countLive(now) >= MAX_TOKENS)
    throw new FieldError({ token: [`are ${MAX_TOKENS} already; revoke one first`] })
  const { token, hash } = newToken()
  const record: TokenRecord = {
    id: crypto.randomUUID(),
    ...fields,
    hash,
    createdAt: now,
    createdBy: caller.by.name,
    revokedAt: undefined,
    lastUsedAt: undefined,
  }
  await createToken(core, record, changes.deedOf(request, 'token.created'))
  return { record, token }
}

/** An id, too: a token is revoked by either. As the admin's it would pass for them in the audit. */
const isTaken = (
  { tokens }: Core,
  name: string,
  { now, admin }: { readonly now: number; readonly admin: string },
): boolean => name === admin || [tokens.byId(name), tokens.liveByName(name, now)].some(Boolean)

const KNOWN = ['name', 'scope', 'expires_at']
const KNOWN_FIELDS = `known are ${KNOWN.join(', ')}`
const readName = text(1, 100)
const readScope = matching(/^(?:read|create|all|app:.+)$/, 300, 'read, create, all or app:<id>')
const SCOPE_MISTAKE = 'is not one of read, create, all and app:<id of an app>'

type Terms = { readonly caller: Caller; readonly now: number }
type Fields = Pick<TokenRecord, 'name' | 'grant' | 'expiresAt'>

/** @throws FieldError with every mistake */
function readFields(core: Core, given: Readonly<Record<string, unknown>>, terms: Terms): Fields {
  const errors: FieldErrors = {}
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name))
  if (unknown !== undefined)
    throw new FieldError({ token: [`has the unknown field ${quote(unknown)}; ${KNOWN_FIELDS}`] })
  const take = <T>(name: string, read: Reading<T>): T | undefined => {
    if ('value' in read) return read.value
    errors[name] = [read.mistake]
    return undefined
  }
  const name = take('name', readName(given['name']))
  const grant = take('scope', readGrant(core, given['scope']))
  const expiresAt = take('expires_at', readExpiry(given['expires_at'], terms))
  if (Object.keys(errors).length > 0 || name === undefined || grant === undefined)
    throw new FieldError(errors)
  return { name, grant, expiresAt }
}

/** An app is named by its id or its slug. */
function readGrant({ apps }: Core, raw: unknown): Reading<Grant> {
  const read = readScope(raw)
  if ('mistake' in read) return { mistake: SCOPE_MISTAKE }
  if (!read.value.startsWith('app:')) return { value: read.value as Grant }
  const name = read.value.slice('app:'.length)
  const app = apps.byId(name) ?? apps.bySlug(name)
  return app ? { value: `app:${app.id}` } : { mistake: 'is of an app that does not exist' }
}

/** Of those that a date can be. */
const LAST_TIME = 8.64e15

function readExpiry(raw: unknown, { caller, now }: Terms): Reading<number | undefined> {
  const most = caller.token?.expiresAt
  const isAbsent = raw === undefined || raw === null || raw === ''
  const at = typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw
  const isTime = Number.isSafeInteger(at) && (at as number) > now && (at as number) <= LAST_TIME
  if (!isAbsent && !isTime) return { mistake: 'is not a time to come, in milliseconds since 1970' }
  const expiresAt = isAbsent ? undefined : (at as number)
  if (most !== undefined && (expiresAt ?? Infinity) > most)
    return { mistake: `is later than ${most}, when the token ends that makes it` }
  return { value: expiresAt }
}

function resourceOf(token: TokenRecord) {
  return {
    id: token.id,
    name: token.name,
    scope: token.grant,
    created_at: token.createdAt,
    created_by: token.createdBy,
    expires_at: token.expiresAt ?? null,
    revoked_at: token.revokedAt ?? null,
    last_used_at: token.lastUsedAt ?? null,
  }
}
