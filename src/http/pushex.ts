/**
 * PushEx's API: one event to one or more channels, answered with what was made of it. Who asks is
 * looked at before what is asked. With nothing but the published development credentials no
 * credentials are needed, so that the guide's curl works as it is printed.
 * Spec: phoenix contract 3.1.
 */
import { Elysia } from 'elysia'
import { Type } from '@sinclair/typebox'
import type { App } from '../core/apps'
import { channelOfTopic } from '../core/channel'
import type { Core } from '../core/core'
import { RealtimeError } from '../core/errors'
import { isRecord, jsonOf, parseJson } from '../core/json'
import { publish } from '../core/publish'
import type { ChannelName } from '../core/types'
import { mustTakeJson } from './accept'
import { basicCredentials, isKeyPairOf } from './basic'
import { readBody } from './form'
import type { ApiHooks } from './hooks'
import { isForeignPage } from './identity'
import { FieldErrorsAnswer } from './schemas'

const Push: object = Type.Object(
  {
    channel: Type.Union([Type.String(), Type.Array(Type.String())]),
    data: Type.Any({ description: 'Any JSON value' }),
    event: Type.String(),
  },
  { examples: [{ channel: ['test', 'test2'], data: 'data', event: 'woohoo' }] },
)
const Pushed = Type.Object(
  { channel: Type.Array(Type.String()), data: Type.Any(), event: Type.String() },
  { examples: [{ channel: ['test', 'test2'], data: 'data', event: 'woohoo' }] },
)
const failure = (error: string) => Type.Object({ error: Type.String() }, { examples: [{ error }] })

const FORBIDDEN = 'Access forbidden'
const INVALID = 'Invalid push arguments: channel, data, event are required.'
const RETRY_AFTER_SECONDS = '1'
const HEADERS = {
  'content-type': 'application/json; charset=utf-8',
  'cache-control': 'max-age=0, private, must-revalidate',
}

type Answer = { status?: number | string; headers: Record<string, string | number> }

/** `openAppId` names the app that needs no credentials, if there is one. */
export function pushex(core: Core, hooks: ApiHooks, openAppId: string | undefined) {
  const refuse = <T>(set: Answer, status: number, body: T): T => {
    set.status = status
    return body
  }
  return new Elysia({ tags: ['PushEx'] }).post(
    '/api/push',
    async ({ request, set }) => {
      Object.assign(set.headers, HEADERS)
      mustTakeJson(request)
      const app = appOf(core, request, openAppId) ?? (await vouchedApp(core, hooks, request))
      if (!app) return refuse(set, 403, { error: FORBIDDEN })
      hooks.check({ request, area: 'trigger', app, body: NOTHING })
      const body = await readBody(request)
      if (body === undefined) throw new RealtimeError('admin_bad_request', 'Bad Request')
      const push = readPush(body)
      if (!push) return refuse(set, 422, { error: INVALID })
      if (core.state.draining) {
        Object.assign(set.headers, { 'retry-after': RETRY_AFTER_SECONDS, connection: 'close' })
        return refuse(set, 503, { errors: { detail: 'Service Unavailable' } })
      }
      return send(core, app, push)
    },
    {
      parse: 'none',
      response: {
        200: Pushed,
        400: FieldErrorsAnswer,
        403: failure(FORBIDDEN),
        406: FieldErrorsAnswer,
        413: FieldErrorsAnswer,
        422: failure(INVALID),
        429: FieldErrorsAnswer,
        503: FieldErrorsAnswer,
      },
      detail: {
        operationId: 'push',
        summary: 'Push an event to one or more channels',
        description:
          'The answer is what was made of the request: channels once each, in their order. 200 means accepted, whether somebody listens or not. On a server with nothing but the published development credentials it needs none.',
        requestBody: {
          required: true,
          content: Object.fromEntries(
            ['application/json', 'application/x-www-form-urlencoded', 'multipart/form-data'].map(
              (type) => [type, { schema: Push }],
            ),
          ),
        },
      },
    },
  )
}

/** Bodies are read by the route. */
const NOTHING = new Uint8Array()

// ---------------------------------------------------------------- who asks

function appOf(core: Core, request: Request, openAppId: string | undefined): App | undefined {
  const { headers } = request
  if (isForeignPage(headers, [])) return undefined
  const authorization = headers.get('authorization')
  const app =
    authorization === null
      ? openAppId !== undefined && isLocal(headers)
        ? core.apps.byId(openAppId)
        : undefined
      : owner(core, authorization)
  return app?.record.active ? app : undefined
}

/** A plugin's word (`authenticate`), for the app whose key was sent, else for the only one. */
async function vouchedApp(core: Core, hooks: ApiHooks, request: Request): Promise<App | undefined> {
  if (core.hooks.authenticate.length === 0 || isForeignPage(request.headers, [])) return undefined
  const [only, ...others] = core.apps.all()
  const { user } = basicCredentials(request.headers.get('authorization'))
  const app = core.apps.byKey(user) ?? (others.length === 0 ? only : undefined)
  if (!app?.record.active) return undefined
  const asked = { request, area: 'trigger', app, body: NOTHING } as const
  try {
    return (await hooks.authenticate(asked)) ? app : undefined
  } catch (cause) {
    if (cause instanceof RealtimeError && cause.retryAfterSeconds === undefined) return undefined
    throw cause // too often, or a fault
  }
}

function owner({ apps }: Core, authorization: string): App | undefined {
  const app = apps.byKey(basicCredentials(authorization).user)
  return isKeyPairOf(app, authorization) ? app : undefined
}

const LOCAL = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i

/** Neither through a proxy nor by a name that somebody has pointed here. */
const isLocal = (headers: Headers): boolean =>
  LOCAL.test(headers.get('host') ?? '') && !headers.has('x-forwarded-for')

// ---------------------------------------------------------------- what is asked

type PushRequest = {
  readonly channels: readonly ChannelName[]
  readonly data: unknown
  readonly event: string
}

function readPush(body: unknown): PushRequest | undefined {
  if (!isRecord(body) || !Object.hasOwn(body, 'data')) return undefined
  const { channel, data, event } = body
  const channels = Array.isArray(channel) ? channel : [channel]
  if (typeof event !== 'string' || !channels.every((name) => typeof name === 'string'))
    return undefined
  return { channels: Array.from(new Set<string>(channels), mustName), data, event }
}

/** @throws RealtimeError for what is no channel's name */
function mustName(raw: string): ChannelName {
  const channel = channelOfTopic(raw)
  if (channel) return channel
  throw new RealtimeError('request_invalid', 'A channel has 1 to 255 bytes and begins with no #')
}

function send(core: Core, app: App, { channels, data, event }: PushRequest) {
  if (channels.length > 0)
    publish(
      core,
      app,
      [{ name: event, data: dataText(data), channels, socketId: undefined }],
      PUSHEX,
    )
  return { channel: [...channels], data, event }
}

/** Its channels are read, and an event needs no name. */
const PUSHEX = { channelOf: (_: App, name: string) => name as ChannelName, namesEvents: false }

/** Text that is not JSON goes out as it is; what is would be taken for the value that it writes down. */
function dataText(data: unknown): string {
  if (typeof data === 'string' && parseJson(data) === undefined) return data
  const text = jsonOf(data)
  if (text === undefined) throw new RealtimeError('request_invalid', 'data is nested too deep')
  return text
}
