/**
 * What one hook costs with one plugin that does nothing there, and with none: the call as the server makes it, and
 * the view that it makes for it.
 */
import { Connection } from '../../src/core/connection'
import type { Core } from '../../src/core/core'
import { emitPublished } from '../../src/core/facts'
import { notify, runFilters, runGates, runGatesNow } from '../../src/core/hooks'
import { jsonText } from '../../src/core/json'
import type { SubscribeCommand } from '../../src/core/messages'
import { HOOKS, type HookName, type Hooks, type WaitingFilter } from '../../src/core/plugin'
import { filterEvent } from '../../src/core/publish'
import type { ChannelName, SocketId } from '../../src/core/types'
import {
  appView,
  ConnectReader,
  EventReader,
  SigninReader,
  SubscribeReader,
} from '../../src/core/views'
import { codecFor } from '../../src/dialects/codecs'
import { Addresses } from '../../src/http/address'
import { ApiHooks, NO_BODY, type ReceivedRequest } from '../../src/http/hooks'
import { definePlugin } from '../../src/plugin'
import { serve } from '../../kit/plugin-kit'
import { viewOfFact } from '../../src/webhooks/events'

const CHANNEL = 'private-room' as ChannelName
const FRAME = '{"event":"client-typing","channel":"private-room","data":"x"}'

type HookStep = () => unknown

/** Who has the hook: a plugin, one that has declared that it may wait there, or nobody. */
type Use = 'used' | 'declared' | 'unused'

/** A step for the hook, on a server with such a plugin: what the server does where the hook is called. */
export async function hookStep({ name, use }: HookCase): Promise<HookStep> {
  const idle = definePlugin({
    name: 'idle',
    carillon: 1,
    waits: use === 'declared' ? WAITING : [],
    setup: (): Hooks => ({ [name]: () => undefined }),
  })
  const { server, app: credentials } = await serve({ plugins: use === 'unused' ? [] : [idle] })
  const step = stepsOf(server.core, credentials.key)[name]
  const hooks = server.core.hooks[name]
  return LOOKING.has(name) ? step : () => hooks.length > 0 && step()
}

/** Hooks whose steps look themselves whether there is a plugin. */
const LOOKING: ReadonlySet<HookName> = new Set([
  'request',
  'apiRequested',
  'apiProcessed',
  'publish',
  'published',
  'requestRefused',
  'response',
])

function stepsOf(core: Core, key: string): Record<HookName, HookStep> {
  const { hooks } = core
  const app = core.apps.byKey(key)!
  const conn = new Connection('1.1' as SocketId, codecOf(key), app, '127.0.0.1', app)
  const data = jsonText('text')
  const userId = 'ada'
  const membership = () => Object.freeze({ channel: CHANNEL, userId })
  const push = () => Object.freeze({ channel: CHANNEL, event: 'e', data, at: 0 })
  const request = new Request(`http://127.0.0.1/app/${key}?token=x`)
  const sent = {
    headers: request.headers,
    url: request.url,
    query: new URLSearchParams('token=x'),
    remoteAddress: '127.0.0.1',
  }
  const makeReader = () => new ConnectReader(conn, sent, false)
  const api = new ApiHooks(core, new Addresses([], core.log))
  const received: ReceivedRequest = { request, area: 'trigger', app, body: NO_BODY }
  api.authorize(received) // `response` is for requests that were
  const fact = { type: 'channel_occupied', app, channel: CHANNEL } as const
  const refused = { code: 'message_invalid', message: 'x', plugin: undefined } as const
  const closing = { code: 1000, reason: '', by: 'client', refusal: undefined } as const
  const nowhere = { channel: undefined, event: undefined }
  const requestRefused = {
    ...refused,
    wrongSignature: undefined,
    type: 'refused',
    where: 'http',
    app,
    remoteAddress: '127.0.0.1',
    requestId: 'x',
    path: '/apps/1/events',
  } as const
  const userData = Object.freeze({ id: userId })
  const command: SubscribeCommand = {
    type: 'subscribe',
    history: undefined,
    app,
    channel: CHANNEL,
    auth: 'x',
    channelData: undefined,
    params: () => ({}),
    ref: undefined,
    replaces: undefined,
    grant: undefined,
  }
  const subscribe = () => new SubscribeReader(conn, command, CHANNEL)
  const publication = {
    type: 'event',
    origin: 'backend',
    once: undefined,
    app,
    channel: CHANNEL,
    event: 'e',
    data,
    sender: undefined,
    except: undefined,
  } as const
  return {
    start: () => hooks.start[0]?.run(),
    upgrade: () => runGatesNow(core, hooks.upgrade, conn, makeReader()),
    connect: () => runGates(core, hooks.connect, conn, makeReader()),
    connected: () => notify(core, hooks.connected, conn),
    frame: () => runGatesNow(core, hooks.frame, conn, FRAME),
    signin: () => runGates(core, hooks.signin, conn, new SigninReader(conn, { userId, userData })),
    subscribe: () => runGates(core, hooks.subscribe, conn, subscribe()),
    authorize: () => runGates(core, hooks.authorize, conn, subscribe()),
    subscribed: () => notify(core, hooks.subscribed, conn, membership()),
    clientEvent: () =>
      runFilters(
        core,
        hooks.clientEvent,
        app,
        conn,
        new EventReader(CHANNEL, 'client-e', data, conn, userId),
      ),
    unsubscribed: () => notify(core, hooks.unsubscribed, conn, membership()),
    presence: () =>
      notify(
        core,
        hooks.presence,
        appView(app),
        Object.freeze({ type: 'member_added', channel: CHANNEL, userId }),
      ),
    refused: () => notify(core, hooks.refused, conn, Object.freeze({ ...refused, ...nowhere })),
    requestRefused: () => core.facts.wants('refused', app) && core.facts.emit(requestRefused),
    disconnected: () => notify(core, hooks.disconnected, conn, Object.freeze({ ...closing })),
    authenticate: () => api.authenticate(received),
    request: () => api.authorize(received),
    apiRequested: () => api.notify('apiRequested', received),
    authorizePush: () => api.authorizePush(received, undefined),
    pushRequested: () => notify(core, hooks.pushRequested, appView(app), push()),
    pushDelivered: () => notify(core, hooks.pushDelivered, conn, push()),
    apiProcessed: () => api.notify('apiProcessed', received),
    appChanged: () =>
      notify(core, hooks.appChanged, appView(app), Object.freeze({ type: 'changed' })),
    sharedChanged: () =>
      notify(core, hooks.sharedChanged, Object.freeze({ key: 'key', value: data })),
    publish: () => filterEvent(core, publication),
    published: () => emitPublished(core.facts, publication, undefined, 'pusher'),
    webhook: () => runGatesNow(core, hooks.webhook, appView(app), viewOfFact(fact)),
    response: () => api.addHeaders(request, 200, {}),
    stop: () => hooks.stop[0]?.run(),
  }
}

const codecOf = (key: string) => codecFor(`/app/${key}`, new URLSearchParams())

const WAITING: readonly WaitingFilter[] = ['clientEvent', 'publish']

const USES: readonly Use[] = ['used', 'declared', 'unused']

const NAMES: ReadonlySet<string> = new Set(Object.keys(HOOKS))

type HookCase = { readonly name: HookName; readonly use: Use }

/** The hook in the name of a step, if it is about one: `hook subscribe`, `unused hook subscribe`. */
export function hookIn(step: string): HookCase | undefined {
  const [, said = 'used', name = ''] = /^(?:(\w+) )?hook (\w+)$/.exec(step) ?? []
  const use = USES.find((each) => each === said)
  return use && NAMES.has(name) ? { name: name as HookName, use } : undefined
}
