/**
 * Sessions of the console: signed in to, shown, listed and ended. The secret of one goes into a cookie that no script
 * can read.
 */
import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { Apps } from '../core/apps'
import type { Core } from '../core/core'
import { RealtimeError, toOneLine } from '../core/errors'
import { copyText } from '../core/json'
import type { TokenRecord } from '../core/tokens'
import type { AdminChanges } from './admin-changes'
import { isGranted, onlyAppOf, type Caller } from './admin-needs'
import { DATA_ENVELOPE, respondWithList } from './lists'
import { errorDetail, NoBody, NOT_FOUND, WRITE_REFUSALS } from './refusals'
import { objectSchema } from './schemas'
import { cookieName, cookiePath, isByHttps, readSecrets, writeCookie } from './session-cookie'
import { newSession, type Session } from './sessions'

const nullable = <T extends ReturnType<typeof Type.String>>(schema: T) =>
  Type.Union([schema, Type.Null()])
const time = (description: string) =>
  Type.Union([Type.Integer(), Type.Null()], { description: `${description}, in ms since 1970` })

const Kind = Type.Union([Type.Literal('user'), Type.Literal('token')])
const WhoFields = {
  id: nullable(Type.String({ description: 'Of the session; null without one' })),
  name: Type.String({ description: 'Of the user or the token, as in the audit' }),
  kind: Kind,
  scope: Type.String({ description: 'As of a token; `all` for the user' }),
  app: Type.Union(
    [Type.Object({ id: Type.String(), slug: Type.String(), name: Type.String() }), Type.Null()],
    { description: 'The only app that is seen; null where others may be' },
  ),
  csrf: nullable(Type.String({ description: 'Goes into `x-csrf-token` of every change' })),
  expires_at: time('When it ends'),
  created_at: time('When it began'),
  address: Type.String(),
  user_agent: nullable(Type.String()),
}
const WHO = {
  id: '5f2c9a44-0d0b-4b8e-9f0b-6d2b6a3f9e10',
  name: 'admin',
  kind: 'user' as const,
  scope: 'all',
  app: null,
  csrf: 'k3T0nXl8mYV1b2c3d4e5f6g7h8i9j0kAlBmCnDoEpFq',
  expires_at: 1_700_043_200_000,
  created_at: 1_700_000_000_000,
  address: '127.0.0.1',
  user_agent: 'Mozilla/5.0',
}
const WhoAnswer = objectSchema({ data: Type.Object(WhoFields) }, { data: WHO })

const { csrf: _, ...ListedFields } = WhoFields
const SessionFields = {
  ...ListedFields,
  id: Type.String(),
  last_used_at: Type.Integer({ description: 'When a request came last, in ms since 1970' }),
  current: Type.Boolean({ description: 'True for the one that asks' }),
}
const { csrf: _secret, ...LISTED } = WHO
const SessionsAnswer = objectSchema(
  { data: Type.Array(Type.Object(SessionFields)) },
  { data: [{ ...LISTED, last_used_at: 1_700_000_100_000, current: true }] },
)

/** In JSON, as a page reads them. */
const REFUSALS = {
  401: errorDetail('The token is not one of Carillon, or has a typo'),
  403: errorDetail('Pages of another site may not use the admin API (CARILLON_ADMIN_ORIGINS)'),
  429: errorDetail(
    'Too many failed logins of one address: the limit is 10 per minute (CARILLON_MAX_FAILED_LOGINS_PER_MINUTE)',
  ),
}

/** `hours` is how long a session lasts. */
export function sessions(core: Core, changes: AdminChanges, hours: number) {
  const { sessions: all } = changes.access
  const see = (caller: Caller) => (session: Session) =>
    isGranted(caller, 'all') || session.token?.id === caller.token?.id
  return new Elysia({ prefix: '/api/admin', tags: ['admin'] })
    .onBeforeHandle(changes.authorize)
    .onAfterHandle(changes.record)
    .get(
      '/session',
      ({ request, set }) => {
        set.headers['cache-control'] = 'no-store'
        return { data: whoIs(core.apps, changes.callerOf(request)) }
      },
      {
        response: { ...REFUSALS, 200: WhoAnswer },
        detail: {
          operationId: 'showSession',
          summary: 'Who asks, and what they may',
          description: 'With the token against forged requests, where a session asks.',
        },
      },
    )
    .get(
      '/sessions',
      ({ request }) => {
        const caller = changes.callerOf(request)
        return respondWithList(core, {
          items: all.live().filter(see(caller)),
          envelope: DATA_ENVELOPE,
          jsonOf: (session) => JSON.stringify(listed(changes, caller, session)),
        })
      },
      {
        response: { ...REFUSALS, 200: SessionsAnswer },
        detail: {
          operationId: 'listSessions',
          summary: 'List who is signed in',
          description: 'All of them for the admin and `all`; for other tokens their own.',
        },
      },
    )
    .post(
      '/sessions',
      ({ request, set }) => {
        const caller = changes.callerOf(request)
        const { session, cookie } = signIn(changes, caller, { request, hours })
        set.status = 201
        set.headers['cache-control'] = 'no-store'
        set.headers['set-cookie'] = cookie
        return { data: whoIs(core.apps, { ...caller, session }) }
      },
      {
        response: {
          ...REFUSALS,
          201: WhoAnswer,
          503: errorDetail('Too many sessions of tokens: the limit is 2000'),
        },
        detail: {
          operationId: 'signIn',
          summary: 'Sign in: a cookie in place of credentials',
          description: 'With Basic or Bearer. Changes by the cookie need `x-csrf-token`.',
        },
      },
    )
    .delete(
      '/sessions/:id',
      ({ request, params, set }) => {
        const caller = changes.callerOf(request)
        const session = all.byId(params.id)
        if (!session || !see(caller)(session))
          throw new RealtimeError('admin_not_found', 'Not Found')
        if (session.token?.id !== caller.token?.id) auditEnd(changes, request, session)
        if (session === caller.session) {
          const terms = cookieTerms(changes.access, request, session)
          set.headers['set-cookie'] = writeCookie(terms, '', 0)
        }
        all.end(session)
        set.status = 204
        return ''
      },
      {
        response: { ...REFUSALS, ...WRITE_REFUSALS, 204: NoBody, 404: NOT_FOUND },
        detail: {
          operationId: 'endSession',
          summary: 'Sign out, or end the session of another',
          description: "Others' need the admin or `all`, and are audited.",
        },
      },
    )
}

const USER_AGENT_CHARS = 200

type SignIn = { readonly request: Request; readonly hours: number }

/**
 * Ends what the browser had a cookie of: nobody uses it any more, or somebody has planted it.
 * @throws RealtimeError('admin_unauthorized') for one who has nothing but a session, which would never end so
 */
function signIn({ access }: AdminChanges, caller: Caller, { request, hours }: SignIn) {
  if (caller.session) throw new RealtimeError('admin_unauthorized', '')
  const { sessions: all, addresses, clock } = access
  const { token, by } = caller
  const now = clock.now()
  const expiresAt = Math.min(now + hours * HOUR_MS, token?.expiresAt ?? Infinity)
  const userAgent = toOneLine(request.headers.get('user-agent') ?? '', USER_AGENT_CHARS)
  const terms = {
    name: by.name,
    token,
    address: by.address,
    userAgent: copyText(userAgent),
    path: cookiePath(request),
    createdAt: now,
    expiresAt,
  }
  const { session, secret } = newSession(terms, all.owns)
  for (const earlier of all.findAll(readSecrets(request, addresses))) all.end(earlier)
  all.add(session)
  const seconds = Math.ceil((expiresAt - now) / 1000)
  const cookie = writeCookie(cookieTerms(access, request, session), secret, seconds)
  return { session, cookie }
}

const HOUR_MS = 3_600_000

type Access = AdminChanges['access']

const cookieTerms = ({ addresses }: Access, request: Request, { path }: Session) => ({
  name: cookieName(request, addresses),
  path,
  isSecure: isByHttps(request, addresses),
})

/** @throws StoreError; then nothing has changed */
function auditEnd(changes: AdminChanges, request: Request, session: Session): void {
  const { audit, clock } = changes.access
  const { id: target, name, address, createdAt } = session
  audit.write({
    ...changes.deedOf(request, 'session.ended'),
    at: clock.now(),
    appId: undefined,
    target,
    before: { name, address, created_at: createdAt },
    after: undefined,
  })
}

function whoIs(apps: Apps, { by, token, session }: Caller) {
  return {
    id: session?.id ?? null,
    name: by.name,
    kind: by.kind,
    ...scopeOf(apps, token),
    csrf: session?.csrf ?? null,
    expires_at: session?.expiresAt ?? token?.expiresAt ?? null,
    created_at: session?.createdAt ?? null,
    address: by.address,
    user_agent: session?.userAgent ?? null,
  }
}

function listed({ access }: AdminChanges, caller: Caller, session: Session) {
  return {
    id: session.id,
    name: session.name,
    kind: session.token ? ('token' as const) : ('user' as const),
    ...scopeOf(access.apps, session.token),
    expires_at: session.expiresAt,
    created_at: session.createdAt,
    address: session.address,
    user_agent: session.userAgent,
    last_used_at: access.sessions.usedAt(session) ?? session.createdAt,
    current: session === caller.session,
  }
}

/** What somebody may, in words, and the only app that they see. */
function scopeOf(apps: Apps, token: TokenRecord | undefined) {
  const id = onlyAppOf({ token })
  const app = id === undefined ? undefined : apps.byId(id)
  const shown = app ? { id: app.id, slug: app.record.slug, name: app.record.name } : null
  return { scope: token?.grant ?? 'all', app: shown }
}
