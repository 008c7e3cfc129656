/**
 * ExPusherLite's API: publishes events to scopes of an app; and, as its author planned, lists its channels
 * and their users.
 * Spec: phoenix contract 2.1, 2.2, 2.4, 2.10, 4.2.
 */
import { Elysia } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { App } from '../../core/app'
import { requireRoom, whenRoom } from '../../core/backlog'
import type { Core } from '../../core/core'
import { raise, raiseIfRefused, RealtimeError } from '../../core/errors'
import { firstRefusal } from '../../core/groups'
import { requireJsonAccepted } from '../../http/headers'
import { isReserved, isReservedByPusher } from '../../protocols/event-names'
import { isRecord, jsonOf, jsonText, MAX_LEVELS } from '../../core/json'
import { scanValue, type JsonSlice } from '../../core/json-scan'
import type { BackendPublication } from '../../core/messages'
import { andThen, type MaybePromise } from '../../core/maybe-promise'
import {
  chargeRate,
  checkData,
  checkName,
  checkRate,
  filterEvent,
  noteAnswer,
  requireApp,
} from '../../core/publish'
import { answerOneOnce, claimOf } from '../../core/repeats'
import type { Counts } from '../../core/presence'
import type { ChannelName } from '../../core/types'
import type { DialectAccess } from '../../http/routes'
import { appByPath } from '../../http/app-requests'
import { FieldError } from '../../http/errors'
import { bodyLimitsOf, readBody, sliceOf, type Body } from '../../http/form'
import { NO_BODY } from '../../http/hooks'
import { KEY_PARAMETER, KEY_REFUSALS_AS_DETAIL, keyIn, keyOf } from '../../http/idempotency'
import { isForeignPage } from '../../http/admin-origins'
import {
  FORGET_HISTORY,
  forgetHistory,
  NOT_GIVEN_UP,
  HistoryAnswer,
  HistoryParameters,
  respondWithHistory,
  SHOW_HISTORY,
} from '../../http/history'
import { DATA_ENVELOPE } from '../../http/lists'
import {
  errorDetail,
  fieldErrors,
  JSON_REFUSALS,
  NoBody,
  NOT_FOUND,
  PUBLISH_REFUSALS,
} from '../../http/refusals'
import { documentForms, EmptyAnswer, objectSchema, textSchema } from '../../http/schemas'
import { respondWithAppStats, STATS_REFUSALS } from '../../http/stats'
import { AppStatsAnswer, StatsParameters } from '../../http/stats-schemas'
import { respondWithChannels, respondWithUsers } from '../../http/channels'
import { channelOfScope, scopeChannel } from './scopes'

const EventBody: object = objectSchema(
  {
    scope: textSchema('`public`, `private`, or another part of the app', 'public'),
    topic: textSchema('A channel, or `#general` for all who are in the scope', 'foo-topic'),
    event: textSchema('Members hear `topic:event`; of `#general` the event alone', 'msg'),
    payload: Type.Optional(textSchema('A JSON object as text, or as it is', '{"name":"Joe"}')),
  },
  { scope: 'public', topic: 'foo-topic', event: 'msg', payload: '{"name":"Joe"}' },
)

const Channels = objectSchema(
  { data: Type.Array(Type.Object({ name: Type.String(), subscription_count: Type.Integer() })) },
  { data: [{ name: 'my-channel', subscription_count: 3 }] },
)
const Users = objectSchema(
  { data: Type.Array(Type.Object({ id: Type.String() })) },
  { data: [{ id: '7' }] },
)

const FOREIGN_PAGE = 'Pages of other sites may not use this API'
const BLANK = ["can't be blank"]
const INVALID = ['is invalid']

const SCOPE_REFUSALS = {
  ...JSON_REFUSALS,
  401: NoBody,
  403: errorDetail(FOREIGN_PAGE),
  404: NOT_FOUND,
}

const INVALID_CHANNEL = errorDetail(
  "Invalid channel name: 'a:b' (allowed are letters, digits and _-=@,.;)",
)

const CHANNELS = {
  envelope: DATA_ENVELOPE,
  jsonOf: (name: ChannelName, { subscriptions }: Counts) =>
    JSON.stringify({ name, subscription_count: subscriptions }),
}

/** Finds the app whose slug a path has. */
export const findScopeApp = appByPath(/^\/api\/apps\/([^/]+)/, ({ apps }, slug) =>
  apps.bySlug(slug),
)

export function expusherliteRoutes(core: Core, access: DialectAccess) {
  const bodyLimits = bodyLimitsOf(core.limits)
  return new Elysia({ prefix: '/api/apps/:appSlug', tags: ['ExPusherLite'] })
    .derive(async ({ request, params }) => {
      const app = await authenticate(core, access, { request, slug: params.appSlug })
      app.counters.requestsAccepted++
      return { app }
    })
    .post(
      '/events',
      async ({ app, request }) => {
        const body = await readBody(core.uploads, request, bodyLimits)
        app.counters.bodyBytesReceived += body.bytes
        const event = readEvent(body, app)
        const key = keyOf(app, request, keyIn(body))
        const once = key === undefined ? undefined : claimOfEvent(key, event)
        const publish = (): MaybePromise<string> =>
          andThen(publishToScope(core, app, { ...event, once }), (reached) =>
            whenRoom(core.hub, app, reached, () => ''),
          )
        const published =
          once === undefined ? publish() : answerOneOnce(core.engine, app, once, publish)
        return andThen(published, () => ({}))
      },
      {
        parse: 'none',
        response: {
          ...SCOPE_REFUSALS,
          200: EmptyAnswer,
          ...PUBLISH_REFUSALS,
          ...KEY_REFUSALS_AS_DETAIL,
          400: fieldErrors({ scope: BLANK, topic: BLANK, event: BLANK }),
          422: fieldErrors({ payload: INVALID }),
        },
        detail: {
          parameters: [KEY_PARAMETER],
          operationId: 'publishToScope',
          summary: 'Tell the members of a scope an event',
          description:
            'Those who joined `scope:slug` hear it, and the subscribers of the channel: `topic`, `private-topic` or `presence-topic`.',
          ...documentForms(EventBody),
        },
      },
    )
    .get('/channels', ({ app }) => respondWithChannels(core, app, CHANNELS), {
      response: { ...SCOPE_REFUSALS, 200: Channels },
      detail: {
        operationId: 'listChannelsOfApp',
        summary: 'List the occupied channels of an app',
        description: 'On every protocol.',
      },
    })
    .get(
      '/channels/:name/users',
      ({ app, params }) => respondWithUsers(core, app, params.name as ChannelName, DATA_ENVELOPE),
      {
        response: { ...SCOPE_REFUSALS, 200: Users },
        detail: {
          operationId: 'listUsersOfChannel',
          summary: 'List the users who are in a channel',
          description: 'Who they are is known on presence channels; elsewhere the list is empty.',
        },
      },
    )
    .get(
      '/channels/:name/history',
      ({ app, params, query }) => respondWithHistory(core, app, params.name, query),
      {
        query: HistoryParameters,
        response: { ...SCOPE_REFUSALS, 200: HistoryAnswer, 400: INVALID_CHANNEL },
        detail: { operationId: 'showHistoryOfChannel', ...SHOW_HISTORY },
      },
    )
    .delete('/channels/:name/history', ({ app, params }) => forgetHistory(core, app, params.name), {
      response: {
        ...SCOPE_REFUSALS,
        200: EmptyAnswer,
        400: INVALID_CHANNEL,
        503: errorDetail(NOT_GIVEN_UP),
      },
      detail: { operationId: 'forgetHistoryOfChannel', ...FORGET_HISTORY },
    })
    .get('/stats', ({ app, query }) => respondWithAppStats(core, access.statistics, app, query), {
      query: StatsParameters,
      response: { ...SCOPE_REFUSALS, 200: AppStatsAnswer, ...STATS_REFUSALS },
      detail: {
        operationId: 'showStatsOfApp',
        summary: 'Statistics of an app: now, since the start, and in time',
        description:
          'Bytes are those of frames and bodies in UTF-8, without what WebSocket and HTTP add.',
      },
    })
}

type ScopeRequest = { readonly request: Request; readonly slug: string }

/** The app with the slug, whose key and secret the request shows or for which a plugin vouches. */
async function authenticate(
  core: Core,
  { hooks, secrets }: DialectAccess,
  { request, slug }: ScopeRequest,
): Promise<App> {
  requireJsonAccepted(request)
  // A browser that knows the credentials sends them with forms of any site.
  if (isForeignPage(request.headers, [])) throw new RealtimeError('request_refused', FOREIGN_PAGE)
  const found = core.apps.bySlug(slug)
  const app = found?.record.active ? found : undefined
  const received = { request, area: 'trigger', app, body: NO_BODY } as const
  const secret = secrets.verify(request, app, 'basic')
  if (!app) throw new RealtimeError('admin_not_found', 'Not Found')
  const isVouchedFor = core.hooks.authenticate.length > 0 && (await hooks.authenticate(received))
  if (isVouchedFor) secrets.forgive(secret)
  else if (secret.refusal) raise(secret.refusal)
  else if (!secret.isValid)
    throw new RealtimeError(secret.failedAttempt ? 'login_failed' : 'admin_unauthorized', '')
  hooks.authorize(received)
  return app
}

/** The topic that stands for the whole scope. */
const GENERAL = '#general'
const REQUIRED = ['scope', 'topic', 'event'] as const

/** Names of channels that a public event must not reach. */
const OTHER_KIND = /^(?:public:)?(?:private|presence)-/

/** `topic` is undefined for the whole scope. @throws FieldError, or RealtimeError for a body that can't be read */
function readEvent({ value: body, json }: Body, app: App) {
  if (!isRecord(body)) throw new RealtimeError('admin_bad_request', 'Bad Request')
  const missing = REQUIRED.filter((name) => typeof body[name] !== 'string' || body[name] === '')
  if (missing.length > 0)
    throw new FieldError(Object.fromEntries(missing.map((name) => [name, BLANK])), 400)
  const { scope, topic, event } = body as Record<(typeof REQUIRED)[number], string>
  if (!/^[\w-]{1,64}$/.test(scope)) throw new FieldError({ scope: INVALID })
  if (topic.length > app.limits.maxChannelNameChars) throw new FieldError({ topic: INVALID })
  if (scope === 'public' && OTHER_KIND.test(topic)) throw new FieldError({ topic: INVALID })
  if (topic === GENERAL && isReserved(event)) throw new FieldError({ event: ['is reserved'] })
  return {
    scope,
    topic: topic === GENERAL ? undefined : topic,
    event,
    data: payloadOf(app, body['payload'] ?? '{}', () => sliceOf(json, 'payload')),
  }
}

/** The claim of an event. No channel of Pusher's has a name with a colon. */
const claimOfEvent = (
  key: string,
  { scope, topic = GENERAL, event, data }: ReturnType<typeof readEvent>,
) => claimOf(key, { name: event, data, channels: [`${scope}:${topic}`], socketId: undefined })

/** The JSON of an object, from text or the object itself, as it was written where that is known. */
function payloadOf(app: App, given: unknown, written: () => JsonSlice | undefined): string {
  if (given === '') return '{}'
  if (typeof given === 'string') checkData(app, given) // before it is parsed
  const slice = typeof given === 'string' ? scanValue(given) : written()
  const text = slice ? objectIn(slice) : isRecord(given) ? jsonOf(given) : undefined
  if (text === undefined) throw new FieldError({ payload: INVALID })
  return text
}

const objectIn = (slice: JsonSlice): string | undefined =>
  slice.isObject && slice.depth <= MAX_LEVELS ? slice.text : undefined

/**
 * Publishes to the members of a scope, under `topic:event`, and to the channel that the topic names.
 * Without a topic to the members only, under the event's own name. Returns the channels that were reached.
 * @throws RealtimeError for the first mistake, and for what the engine refuses (or rejects with it)
 */
function publishToScope(
  core: Core,
  app: App,
  {
    scope,
    topic,
    event,
    data: text,
    once,
  }: ReturnType<typeof readEvent> & Pick<BackendPublication, 'once'>,
): MaybePromise<readonly ChannelName[]> {
  checkName(app, event, isReservedByPusher)
  checkData(app, text)
  const group = scopeChannel(`${scope}:${app.record.slug}`)
  const channel = topic === undefined ? undefined : channelOfScope(scope, topic)
  const reached = channel ? [channel, group] : [group]
  checkScope(core, app, reached)
  const rest = { app, data: jsonText(text), sender: undefined, except: undefined, once }
  const original: BackendPublication = {
    ...rest,
    type: 'event',
    origin: 'backend',
    channel: channel ?? group,
    event,
  }
  if (core.engine.isTaken(original)) {
    app.counters.repeatsAnswered++
    return reached
  }
  const inGroup = { channel: group, event: topic === undefined ? event : `${topic}:${event}` }
  const send = (publication: BackendPublication): MaybePromise<readonly ChannelName[]> => {
    chargeRate(core, app, 1)
    const toGroup = core.engine.publish({ ...publication, ...inGroup })
    const answers = channel ? [toGroup, core.engine.publish(publication)] : [toGroup]
    return andThen(firstRefusal(answers), (answer) => {
      raiseIfRefused(noteAnswer(core, publication, answer, 'expusherlite'))
      return reached
    })
  }
  const filtered = filterEvent(core, original)
  if (!(filtered instanceof Promise)) return send(filtered)
  return filtered.then((publication) => {
    requireApp(core, app)
    checkScope(core, app, reached)
    return send(publication)
  })
}

/** @throws RealtimeError where there is no room, or too many events were published */
function checkScope(core: Core, app: App, reached: readonly ChannelName[]): void {
  for (const each of reached) requireRoom(core.hub, app, each)
  checkRate(core, app, 1)
}
