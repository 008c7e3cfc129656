/**
 * PushEx's API: pushes an event to one or more channels. Requests are authorized before they are read;
 * plugins are notified of each request, each push to a channel, each subscriber and each processed request.
 * Spec: phoenix contract 3.1, 3.2.
 */
import { Elysia, type Context } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { App } from '../../core/app'
import { whenRoom } from '../../core/backlog'
import type { Core } from '../../core/core'
import {
  isRefusal,
  raise,
  RealtimeError,
  refusal,
  type ErrorCode,
  type Refusal,
} from '../../core/errors'
import { once } from '../../core/faults'
import { notify } from '../../core/hooks'
import { isRecord, jsonText, parseJson } from '../../core/json'
import type { JsonSlice } from '../../core/json-scan'
import type { PushView } from '../../core/plugin'
import { checkData, publish, textOfData, channelCountError, type Api } from '../../core/publish'
import type { Claim } from '../../core/messages'
import { answerOneOnce, claimOf } from '../../core/repeats'
import { allOf, andThen, type MaybePromise } from '../../core/maybe-promise'
import type { ChannelName } from '../../core/types'
import { appView } from '../../core/views'
import {
  basicCredentials,
  requireJsonAccepted,
  CONTENT_TYPES,
  REQUEST_ID,
} from '../../http/headers'
import { WIRE_ERRORS } from '../../protocols/errors'
import { isReservedByPusher } from '../../protocols/event-names'
import { channelOfTopic } from '../../protocols/phoenix-topics'
import { isForeignPage } from '../../http/admin-origins'
import type { DialectAccess } from '../../http/routes'
import type { FindApp } from '../../http/app-requests'
import type { SecretVerdict } from '../../http/app-secrets'
import { logRefusal } from '../../http/errors'
import { bodyLimitsOf, readBody, sliceOf, type Body } from '../../http/form'
import { KEY_PARAMETER, KEY_REFUSALS_AS_DETAIL, keyIn, keyOf } from '../../http/idempotency'
import { NO_BODY, type ApiHooks, type PushVerdict, type ReceivedRequest } from '../../http/hooks'
import { BAD_REQUEST, errorDetail, JSON_REFUSALS, PUBLISH_REFUSALS } from '../../http/refusals'
import { documentForms, objectSchema, textSchema } from '../../http/schemas'
import { pathOf, queryOf } from '../../http/place'

const PUSH_PATH = '/api/push'

const EXAMPLE = { channel: ['test', 'test2'], data: 'data', event: 'woohoo' }
const PushBody: object = objectSchema(
  {
    channel: Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'One channel, or several',
      examples: ['test'],
    }),
    data: Type.Any({ description: 'Any JSON value', examples: ['data'] }),
    event: textSchema('The name of the event', 'woohoo'),
  },
  EXAMPLE,
)
const PushAnswer = objectSchema(
  { channel: Type.Array(Type.String()), data: Type.Any(), event: Type.String() },
  EXAMPLE,
)

/** Read by hand: a schema would refuse one that is given twice. */
const APP_KEY = {
  in: 'query',
  name: 'app_key',
  description: 'Key of the app, where there are several and no Basic authentication says it',
  example: 'test-app-fake-key',
  required: false,
  schema: { type: 'string' as const },
}

const FORBIDDEN = 'Access forbidden'
/** Refusals of plugins, of requests that are not local and of keys have their reason in `errors`. */
const failure = (error: string) =>
  objectSchema(
    {
      error: Type.Optional(Type.String()),
      errors: Type.Optional(Type.Object({ detail: Type.String() })),
    },
    { error },
  )
const INVALID = 'Invalid push arguments: channel, data, event are required.'
const DRAINING_HEADERS = { 'retry-after': '1', connection: 'close' }
const HEADERS = {
  server: 'Carillon',
  'content-type': CONTENT_TYPES.json,
  'cache-control': 'max-age=0, private, must-revalidate',
}

type PushContext = Pick<Context, 'request' | 'set'>

export function pushexRoutes(core: Core, access: DialectAccess) {
  const { hooks } = access
  const bodyLimits = bodyLimitsOf(core.limits)
  const refuse = ({ request, set }: PushContext, refused: Refusal, body: object): Response => {
    const status = (set.status = WIRE_ERRORS[refused.code].http)
    const requestId = String(set.headers[REQUEST_ID])
    const app = appOf(core, request)
    const { addresses } = hooks
    logRefusal(core, refused, { request, requestId, addresses, app })
    return new Response(JSON.stringify(body), { status })
  }
  return new Elysia({ tags: ['PushEx'] }).post(
    PUSH_PATH,
    async ({ request, set }) => {
      Object.assign(set.headers, HEADERS)
      requireJsonAccepted(request)
      const app = appOf(core, request)
      const received = { request, area: 'trigger', app, body: NO_BODY } as const
      hooks.notify('apiRequested', received)
      const body = once(() => readBody(core.uploads, request, bodyLimits))
      const grant = await authorize(core, access, received, async () => (await body()).value)
      if (isRefusal(grant)) {
        hooks.addresses.limitUnreadBody(request)
        return refuse({ request, set }, grant, { error: FORBIDDEN })
      }
      hooks.authorize(received)
      grant.app.counters.requestsAccepted++
      const read = await pushBodyOf(grant, body)
      const push = readPush(grant.app, read)
      if (!push) return refuse({ request, set }, refusal('app_invalid', ''), { error: INVALID })
      if (core.state.draining) {
        Object.assign(set.headers, DRAINING_HEADERS)
        return refuse({ request, set }, refusal('node_draining', ''), {
          errors: { detail: 'Service Unavailable' },
        })
      }
      const { channels, event } = push
      const key = keyOf(grant.app, request, keyIn(read))
      const pushed = { channels, event, data: dataText(grant.app, push) }
      await (key === undefined
        ? publishPush(core, grant.app, pushed, undefined)
        : publishPushOnce(core, grant.app, pushed, key))
      hooks.notify('apiProcessed', received)
      return new Response(responseOf(push))
    },
    {
      parse: 'none',
      response: {
        200: PushAnswer,
        ...JSON_REFUSALS,
        ...PUBLISH_REFUSALS,
        400: BAD_REQUEST,
        403: failure(FORBIDDEN),
        ...KEY_REFUSALS_AS_DETAIL,
        422: failure(INVALID),
        503: errorDetail('Service Unavailable'),
      },
      detail: {
        operationId: 'push',
        summary: 'Push an event to one or more channels',
        description:
          'The answer is what was made of the request: channels once each, in their order. 200 means accepted, whether somebody listens or not. On a server with nothing but the published development credentials it needs none.',
        parameters: [APP_KEY, KEY_PARAMETER],
        ...documentForms(PushBody),
      },
    },
  )
}

// ---------------------------------------------------------------- access
// An app shows its secret, by Basic or Bearer, or a plugin vouches for it; with the published credentials
// every request of this machine may push (`local.ts`).

/** Finds the app of a push. */
export const findPushApp: FindApp = (core, request) =>
  pathOf(request.url) === PUSH_PATH ? { app: appOf(core, request) } : undefined

/** A permission to push; `params` is what a plugin put in the place of the body, if anything. */
type Grant = { readonly app: App; readonly params: unknown }

/** The app whose key a request names, or the default app. */
function appOf({ apps }: Core, { headers, url }: Request): App | undefined {
  const { isBasic, user } = basicCredentials(headers.get('authorization'))
  const key = isBasic ? user : new URLSearchParams(queryOf(url)).get('app_key')
  return key === null ? apps.defaultApp() : apps.byKey(key)
}

/**
 * A refusal where the request is forbidden. Calls `body` only for plugins.
 * @throws RealtimeError past a rate, for a fault of a plugin, or where published credentials are not enough
 */
async function authorize(
  core: Core,
  access: DialectAccess,
  received: ReceivedRequest,
  body: () => Promise<unknown>,
): Promise<Grant | Refusal> {
  const { request, app } = received
  if (!app?.record.active || isForeignPage(request.headers, [])) return NOT_ALLOWED
  const { hooks, secrets } = access
  const secret = verifySecret(access, request, app)
  const isVouchedFor =
    core.hooks.authenticate.length > 0 &&
    !secret.isValid &&
    (await refusalIn(() => hooks.authenticate(received))) === true
  if (isVouchedFor) secrets.forgive(secret)
  const isKnown = secret.isValid || isVouchedFor
  const verdict =
    core.hooks.authorizePush.length > 0
      ? await askAboutPush(hooks, received, await body())
      : UNASKED
  if (isRefusal(verdict)) return verdict
  if (isKnown || verdict.isAllowed) return { app, params: verdict.params }
  return secret.refusal ? raise(secret.refusal) : NOT_ALLOWED
}

const NOT_ALLOWED = refusal('request_refused', '')

function verifySecret(
  { secrets, openAppId }: DialectAccess,
  request: Request,
  app: App,
): SecretVerdict {
  const isOpen = app.id === openAppId && !request.headers.has('authorization')
  return isOpen ? secrets.verifyPublished(request) : secrets.verify(request, app, 'any')
}

/** No plugin decides: the body is not read for one. */
const UNASKED: PushVerdict = { isAllowed: false, params: undefined }

const askAboutPush = (hooks: ApiHooks, received: ReceivedRequest, params: unknown) =>
  refusalIn(() => hooks.authorizePush(received, params))

const PLUGIN_REFUSALS: readonly ErrorCode[] = ['request_unauthorized', 'request_refused']

/** The refusal of a plugin, for which this API has an answer of its own. @throws RealtimeError for any other */
async function refusalIn<T>(ask: () => MaybePromise<T>): Promise<T | Refusal> {
  try {
    return await ask()
  } catch (cause) {
    if (cause instanceof RealtimeError && PLUGIN_REFUSALS.includes(cause.code))
      return refusalOf(cause)
    throw cause // too often, or a fault
  }
}

const refusalOf = ({ code, message, plugin }: RealtimeError): Refusal => ({ code, message, plugin })

// ---------------------------------------------------------------- requests

/** What a plugin has put in the place of the body, or the body. @throws RealtimeError where it can't be parsed */
async function pushBodyOf({ app, params }: Grant, read: () => Promise<Body>): Promise<Body> {
  if (params !== undefined && params !== null) return { value: params, json: undefined, bytes: 0 }
  const body = await read()
  app.counters.bodyBytesReceived += body.bytes
  if (body.value === undefined) throw new RealtimeError('admin_bad_request', 'Bad Request')
  return body
}

type PushRequest = {
  readonly channels: readonly ChannelName[]
  readonly data: unknown
  /** As `data` was written, where it was JSON. */
  readonly written: JsonSlice | undefined
  readonly event: string
}

function readPush(app: App, { value: body, json }: Body): PushRequest | undefined {
  if (!isRecord(body) || !Object.hasOwn(body, 'data')) return undefined
  const { channel, data, event } = body
  if (typeof event !== 'string') return undefined
  const names = new Set<string>()
  const given: readonly unknown[] = Array.isArray(channel) ? channel : [channel]
  for (const name of given) {
    if (typeof name !== 'string') return undefined
    names.add(name)
    if (names.size > app.limits.maxChannelsPerTrigger) throw channelCountError(app, given.length)
  }
  const written = sliceOf(json, 'data')
  return { channels: Array.from(names, parseChannel), data, written, event }
}

/** @throws RealtimeError('request_invalid') */
function parseChannel(raw: string): ChannelName {
  const channel = channelOfTopic(raw)
  if (channel) return channel
  throw new RealtimeError(
    'request_invalid',
    'A channel has 1 to 255 bytes, begins with no #, and is neither `phoenix` nor encrypted',
  )
}

/** Channels are parsed already, and an event needs no name. */
const PUSHEX: Api = {
  label: 'pushex',
  channelOf: (_, name) => name as ChannelName,
  namesEvents: false,
  isReserved: isReservedByPusher,
}

/** `data` is the text that Pusher's subscribers get. */
type PushedEvent = Pick<PushRequest, 'channels' | 'event'> & {
  readonly data: string
}

const publishPushOnce = (core: Core, app: App, pushed: PushedEvent, key: string) => {
  const { channels, event: name, data } = pushed
  const claim = claimOf(key, { name, data, channels, socketId: undefined })
  return answerOneOnce(core.engine, app, claim, () =>
    andThen(publishPush(core, app, pushed, claim), () => ''),
  )
}

function publishPush(
  core: Core,
  app: App,
  pushed: PushedEvent,
  once: Claim | undefined,
): MaybePromise<void> {
  const { channels, event, data } = pushed
  if (channels.length === 0) return
  const request = { name: event, data, channels, socketId: undefined, once }
  const open = once
    ? { ...pushed, channels: channels.filter((name) => !isTaken(core, app, name, once)) }
    : pushed
  return andThen(publish(core, app, [request], PUSHEX), () => {
    return andThen(notifyPushed(core, app, open), () =>
      whenRoom(core.hub, app, channels, () => undefined),
    )
  })
}

const isTaken = ({ engine }: Core, app: App, name: string, once: Claim): boolean =>
  engine.isTaken({ app, channel: name as ChannelName, once })

/** Notifies plugins of a push, on every node of its deliveries. Without plugins it is two length checks. */
function notifyPushed(
  core: Core,
  app: App,
  { channels, event, data }: PushedEvent,
): MaybePromise<unknown> {
  const { pushRequested, pushDelivered } = core.hooks
  if (pushRequested.length === 0 && pushDelivered.length === 0) return
  const notified = channels.map((channel) => {
    const at = core.clock.now()
    const push: PushView = Object.freeze({ channel, event, data: jsonText(data), at })
    notify(core, pushRequested, appView(app), push)
    return pushDelivered.length > 0
      ? core.engine.order({ type: 'push_delivered', app, channel, push })
      : undefined
  })
  return allOf(notified)
}

/** Text that is not JSON goes out as it is; text that is JSON is quoted, or it would be read as another value. */
function dataText(app: App, { data, written }: PushRequest): string {
  if (typeof data !== 'string') return textOfData(app, data, () => written)
  checkData(app, data) // before it is parsed
  return parseJson(data) === undefined ? data : textOfData(app, data, () => written)
}

/** The push as it was understood, with the data as it was written. */
function responseOf({ channels, data, written, event }: PushRequest): string {
  const dataJson = written ? written.text : JSON.stringify(data)
  return `{"channel":${JSON.stringify(channels)},"data":${dataJson},"event":${jsonText(event)}}`
}
