/**
 * Development: the endpoints that a backend has, for a browser on this machine before there is one. `/pusher/auth`
 * and `/pusher/user-auth`, the defaults of pusher-js, sign for whoever asks: they are there where the app has the
 * published credentials, for local requests, and for pages of this machine alone.
 */
import { Elysia } from 'elysia'
import type { App } from '../core/app'
import { channelKind, isEncrypted, parseChannelName } from '../core/channel'
import type { Core } from '../core/core'
import { quote, raise, RealtimeError } from '../core/errors'
import { isRecord } from '../core/json'
import { subscriptionToSign, userToSign } from '../core/signature'
import type { SocketId } from '../core/types'
import { bodyLimitsOf, readBody } from './form'
import { isLocalHost, type Locality } from './local'

export type DevelopmentOptions = {
  /** The app with the published credentials; without one there are no such endpoints. */
  readonly openAppId: string | undefined
  readonly locality: Locality
}

type Asked = {
  readonly request: Request
  readonly set: { readonly headers: Record<string, unknown>; status?: number | string }
}

export function development(core: Core, { openAppId, locality }: DevelopmentOptions) {
  const routes = new Elysia({ detail: { hide: true } })
  if (openAppId === undefined) return routes
  /** The origin of a page of this machine, which may read the answer; undefined for what is no page. */
  const allow = ({ request, set }: Asked): string | undefined => {
    const origin = request.headers.get('origin')
    set.headers['vary'] = 'Origin'
    if (origin === null || !URL.canParse(origin) || !isLocalHost(new URL(origin).host, []))
      return undefined
    set.headers['access-control-allow-origin'] = origin
    return origin
  }
  const preflight = (asked: Asked) => {
    if (allow(asked) !== undefined)
      Object.assign(asked.set.headers, {
        'access-control-allow-methods': 'POST',
        'access-control-allow-headers':
          asked.request.headers.get('access-control-request-headers') ?? 'content-type',
      })
    asked.set.status = 204
    return ''
  }
  const readFields = async (asked: Asked): Promise<Fields> => {
    const origin = allow(asked)
    locality.requireLocal(asked.request, origin === undefined ? [] : [origin])
    const { value } = await readBody(core.uploads, asked.request, bodyLimitsOf(core.limits))
    if (!isRecord(value)) throw refuse('Expected a form or a JSON object with socket_id')
    return fieldsOf(value)
  }
  /** The app that the socket is connected to, else the published one. */
  const appOf = (socketId: SocketId): App => {
    for (const app of core.apps.all())
      if (core.hub.connection(app, socketId)?.app === app) return app
    return core.apps.byId(openAppId) ?? refuseWith('There is no app')
  }
  return routes
    .options('/pusher/auth', ({ request, set }) => preflight({ request, set }))
    .options('/pusher/user-auth', ({ request, set }) => preflight({ request, set }))
    .post(
      '/pusher/auth',
      async ({ request, set }) => {
        const { socketId, channelName, user } = await readFields({ request, set })
        const app = appOf(socketId)
        const channel = parseChannelName(channelName, app.limits)
        if (typeof channel !== 'string') raise(channel)
        if (isEncrypted(channel))
          throw refuse(
            'Encrypted channels need the master key of a backend, which is not known here',
          )
        const { auth: kind, presence } = channelKind(channel)
        if (kind !== 'signature')
          throw refuse(`Everybody may subscribe to ${quote(channel)}, without a signature`)
        const data = presence
          ? JSON.stringify({ user_id: user.id, user_info: user.info })
          : undefined
        const auth = sign(app, subscriptionToSign(socketId, channel, data))
        return data === undefined ? { auth } : { auth, channel_data: data }
      },
      { parse: 'none' },
    )
    .post(
      '/pusher/user-auth',
      async ({ request, set }) => {
        const { socketId, user } = await readFields({ request, set })
        const data = JSON.stringify({ id: user.id, user_info: user.info })
        return { auth: sign(appOf(socketId), userToSign(socketId, data)), user_data: data }
      },
      { parse: 'none' },
    )
}

const refuse = (message: string): RealtimeError => new RealtimeError('request_invalid', message)

const refuseWith = (message: string): never => {
  throw refuse(message)
}

function sign({ keys }: App, text: string): string {
  const pair = keys.at(-1)!
  return `${pair.key}:${pair.sign(text)}`
}

type Fields = {
  readonly socketId: SocketId
  readonly channelName: unknown
  readonly user: { readonly id: string; readonly info: object }
}

const SOCKET_ID = /^\d+\.\d+$/

/** A page may say who it is; else it is a guest, another one in each tab. */
function fieldsOf(given: Readonly<Record<string, unknown>>): Fields {
  const { socket_id: socketId, channel_name: channelName, user_id: id, user_info: info } = given
  if (typeof socketId !== 'string' || !SOCKET_ID.test(socketId) || socketId.length > 40)
    throw refuse('socket_id must be that of the connection, like 1234.5678')
  const own = typeof id === 'string' && id !== '' ? id.slice(0, 128) : `guest-${socketId.slice(-4)}`
  return {
    socketId: socketId as SocketId,
    channelName,
    user: { id: own, info: isRecord(info) ? info : { name: own } },
  }
}
