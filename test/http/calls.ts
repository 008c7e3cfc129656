/** Calls that succeed, one for each operation of the document, and bodies for them. */
import type { Claim } from '../../src/core/messages'
import { MAX_OF_TOKENS } from '../../src/http/sessions'
import { newToken } from '../../src/http/token-text'
import { SOCKET_ID } from '../connections'
import { makeSession } from '../sessions'
import { bearer, makeTokenRecord, NOBODY } from '../tokens'
import { claimOf, claimOfAll } from '../../src/core/repeats'
import type { TestServer } from '../harness'

export type Call = {
  readonly method: string
  readonly path: string
  readonly query?: Record<string, string>
  readonly body?: string
  readonly headers?: Record<string, string>
}

export const REVOCATIONS = '/plugins/guardian/revocations'
/** Made of what is revoked. */
export const REVOCATION_ID = 'YsW2-vicmjoGUAKVMCv06y'
export const REVOCATION = JSON.stringify({ app: '1', jti: 'a' })
const TOKEN = JSON.stringify({ token: { name: 'ci', scope: 'create' } })
/** Nothing listens there. */
export const ENDPOINT = 'http://127.0.0.1:1/hook'
const ENDPOINT_PATH = `/api/admin/apps/own/webhooks/endpoints/${encodeURIComponent(ENDPOINT)}`
const APP = JSON.stringify({ app: { name: 'some name' } })

export const CALLS: Readonly<Record<string, Call>> = {
  'POST /apps/{appId}/events': { method: 'POST', path: '/apps/1/events', body: makeEvent('x') },
  'POST /apps/{appId}/batch_events': {
    method: 'POST',
    path: '/apps/1/batch_events',
    body: makeBatch('x'),
  },
  'POST /apps/{appId}/channels/{channel}/events': {
    method: 'POST',
    path: '/apps/1/channels/room/events',
    query: { name: 'e' },
    body: 'x',
  },
  'GET /apps/{appId}/channels': { method: 'GET', path: '/apps/1/channels' },
  'GET /apps/{appId}/channels/{channel}': { method: 'GET', path: '/apps/1/channels/room' },
  'GET /apps/{appId}/channels/{channel}/stats': {
    method: 'GET',
    path: '/apps/1/channels/room/stats',
  },
  'GET /apps/{appId}/channels/{channel}/users': {
    method: 'GET',
    path: '/apps/1/channels/presence-room/users',
  },
  'GET /apps/{appId}/channels/{channel}/history': {
    method: 'GET',
    path: '/apps/1/channels/room/history',
  },
  'DELETE /apps/{appId}/channels/{channel}/history': {
    method: 'DELETE',
    path: '/apps/1/channels/room/history',
  },
  'GET /apps/{appId}/connections': { method: 'GET', path: '/apps/1/connections' },
  'POST /apps/{appId}/users/{userId}/terminate_connections': {
    method: 'POST',
    path: '/apps/1/users/ada/terminate_connections',
    body: '{}',
  },
  'GET /metrics': { method: 'GET', path: '/metrics' },
  'GET /usage': { method: 'GET', path: '/usage' },
  'GET /api/admin/problems': { method: 'GET', path: '/api/admin/problems' },
  'GET /api/admin/nodes': { method: 'GET', path: '/api/admin/nodes' },
  'GET /api/admin/stats/apps': { method: 'GET', path: '/api/admin/stats/apps' },
  'GET /api/admin/apps/{slug}/stats': { method: 'GET', path: '/api/admin/apps/own/stats' },
  'GET /api/admin/stats': { method: 'GET', path: '/api/admin/stats' },
  'GET /api/apps/{appSlug}/stats': { method: 'GET', path: '/api/apps/test-app/stats' },
  'GET /api/admin/plugins': { method: 'GET', path: '/api/admin/plugins' },
  'GET /api/admin/tokens': { method: 'GET', path: '/api/admin/tokens' },
  'POST /api/admin/tokens': { method: 'POST', path: '/api/admin/tokens', body: TOKEN },
  'DELETE /api/admin/tokens/{id}': { method: 'DELETE', path: '/api/admin/tokens/spare' },
  'GET /api/admin/session': { method: 'GET', path: '/api/admin/session' },
  'GET /api/admin/sessions': { method: 'GET', path: '/api/admin/sessions' },
  'POST /api/admin/sessions': { method: 'POST', path: '/api/admin/sessions' },
  'DELETE /api/admin/sessions/{id}': { method: 'DELETE', path: '/api/admin/sessions/spare' },
  'GET /api/admin/audit': { method: 'GET', path: '/api/admin/audit' },
  'GET /api/admin/apps': { method: 'GET', path: '/api/admin/apps' },
  'POST /api/admin/apps': { method: 'POST', path: '/api/admin/apps', body: APP },
  'GET /api/admin/apps/{slug}': { method: 'GET', path: '/api/admin/apps/own' },
  'PATCH /api/admin/apps/{slug}': { method: 'PATCH', path: '/api/admin/apps/own', body: APP },
  'PUT /api/admin/apps/{slug}': { method: 'PUT', path: '/api/admin/apps/own', body: APP },
  'DELETE /api/admin/apps/{slug}': { method: 'DELETE', path: '/api/admin/apps/own' },
  'POST /api/admin/apps/{slug}/keys': { method: 'POST', path: '/api/admin/apps/single/keys' },
  'DELETE /api/admin/apps/{slug}/keys/{key}': {
    method: 'DELETE',
    path: '/api/admin/apps/own/keys/key-1',
  },
  'GET /api/admin/apps/{slug}/live': {
    method: 'GET',
    path: '/api/admin/apps/own/live?limit=0',
  },
  'GET /api/admin/apps/{slug}/connections': {
    method: 'GET',
    path: '/api/admin/apps/own/connections',
  },
  'GET /api/admin/apps/{slug}/connections/{socketId}': {
    method: 'GET',
    path: `/api/admin/apps/own/connections/${SOCKET_ID}`,
  },
  'DELETE /api/admin/apps/{slug}/connections/{socketId}': {
    method: 'DELETE',
    path: `/api/admin/apps/own/connections/${SOCKET_ID}`,
  },
  'GET /api/admin/apps/{slug}/users': { method: 'GET', path: '/api/admin/apps/own/users' },
  'DELETE /api/admin/apps/{slug}/users/{userId}': {
    method: 'DELETE',
    path: '/api/admin/apps/own/users/ada',
  },
  'GET /api/admin/apps/{slug}/webhooks/deliveries': {
    method: 'GET',
    path: '/api/admin/apps/own/webhooks/deliveries',
  },
  'GET /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/requests': {
    method: 'GET',
    path: `${ENDPOINT_PATH}/requests`,
  },
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/test': {
    method: 'POST',
    path: `${ENDPOINT_PATH}/test`,
  },
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/pause': {
    method: 'POST',
    path: `${ENDPOINT_PATH}/pause`,
  },
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/resume': {
    method: 'POST',
    path: `${ENDPOINT_PATH}/resume`,
  },
  'GET /api/admin/apps/{slug}/webhooks/dead': {
    method: 'GET',
    path: '/api/admin/apps/own/webhooks/dead',
  },
  'POST /api/admin/apps/{slug}/webhooks/replay': {
    method: 'POST',
    path: '/api/admin/apps/own/webhooks/replay',
    body: '{"ids":[7]}',
  },
  'POST /api/apps/{appSlug}/events': {
    method: 'POST',
    path: '/api/apps/test-app/events',
    body: makeScoped('{}'),
  },
  'GET /api/apps/{appSlug}/channels': { method: 'GET', path: '/api/apps/test-app/channels' },
  'GET /api/apps/{appSlug}/channels/{name}/users': {
    method: 'GET',
    path: '/api/apps/test-app/channels/presence-room/users',
  },
  'GET /api/apps/{appSlug}/channels/{name}/history': {
    method: 'GET',
    path: '/api/apps/test-app/channels/room/history',
  },
  'DELETE /api/apps/{appSlug}/channels/{name}/history': {
    method: 'DELETE',
    path: '/api/apps/test-app/channels/room/history',
  },
  'POST /api/push': { method: 'POST', path: '/api/push', body: makePush('x') },
  'GET /': { method: 'GET', path: '/' },
  'GET /swagger': { method: 'GET', path: '/swagger' },
  'GET /console': { method: 'GET', path: '/console' },
  'GET /swagger/json': { method: 'GET', path: '/swagger/json' },
  'GET /plugins/guardian/revocations': { method: 'GET', path: REVOCATIONS },
  'POST /plugins/guardian/revocations': { method: 'POST', path: REVOCATIONS, body: REVOCATION },
  'DELETE /plugins/guardian/revocations/{id}': {
    method: 'DELETE',
    path: `${REVOCATIONS}/${REVOCATION_ID}`,
  },
  'GET /ready': { method: 'GET', path: '/ready' },
  'GET /accept-traffic': { method: 'GET', path: '/accept-traffic' },
  'GET /up': { method: 'GET', path: '/up' },
}

// ---------------------------------------------------------------- what an admin cannot have

/** What can't be done to one app, by what can be done to another. */
const UNDOABLE: Readonly<Record<string, string>> = {
  '/api/admin/apps/own': '/api/admin/apps/test-app',
  '/api/admin/apps/single/keys': '/api/admin/apps/own/keys',
  '/api/admin/apps/own/keys/key-1': '/api/admin/apps/single/keys/key-3',
}

const MISNAMED = '{"app":{"name":"x"}}'
const INVALID: Readonly<Record<string, string>> = {
  [REVOCATIONS]: '{}',
  '/api/admin/tokens': '{"token":{"name":"ci","scope":"x"}}',
}

const LISTS = /\/(?:audit|connections|users|stats\/apps)$/

/** The same request with something that cannot be done, or a mistake in it. */
export function makeInvalid(call: Call): Call {
  const path = UNDOABLE[call.path] ?? call.path
  if (LISTS.test(path)) return { ...call, path: `${path}?limit=x` }
  if (path.includes('/connections/')) return { ...call, path: `${path}?reconnect=x` }
  return { ...call, path, ...(call.body !== undefined && { body: INVALID[path] ?? MISNAMED }) }
}

// ---------------------------------------------------------------- bodies

export function makeEvent(data: string): string {
  return JSON.stringify({ name: 'e', channels: ['room'], data })
}
export function makePush(data: string): string {
  return JSON.stringify({ channel: 'room', event: 'e', data })
}
export function makeScoped(payload: string): string {
  return JSON.stringify({ scope: 'public', topic: 'room', event: 'e', payload })
}
export function makeBatch(data: string): string {
  return JSON.stringify({ batch: [{ name: 'e', channel: 'room', data }] })
}

/** What the keys of calls with an event stand for. */
const CONTENTS: readonly (readonly [path: string, channel: string, data: string])[] = [
  ['/apps/1/', 'room', 'x'],
  ['/api/apps/', 'public:room', '{}'],
  ['/api/push', 'room', 'x'],
]

/** The claim of a call that carries a key in its header. */
export function claimOfCall({ path }: Call, key: string): Claim {
  const [, channel, data] = CONTENTS.find(([start]) => path.startsWith(start))!
  const event = { name: 'e', channels: [channel], data, socketId: undefined }
  return path.endsWith('batch_events') ? claimOfAll(key, [event]) : claimOf(key, event)
}

const LATE = newToken()
const alterPath = (more: string) => ({
  alter: (call: Call): Call => ({ ...call, path: `${call.path}${more}` }),
})

/** How a status of a route is brought about, by the end of its path. */
export const UNUSUAL = {
  'live 422': alterPath('&kinds=x'),
  /** There is room for one stream, and it is taken. */
  'live 503': {
    options: { limits: { maxLiveStreams: 1 } },
    prepare: (server: TestServer) => server.admin('/api/admin/apps/test-app/live'),
  },
  /** All places of tokens are taken. */
  'sessions 503': {
    prepare: ({ core, server: { sessions } }: TestServer) => {
      for (let n = sessions.size; n < MAX_OF_TOKENS; n++) sessions.add(makeSession(`session-${n}`))
      const deed = { by: NOBODY, action: 'token.created' } as const
      const record = makeTokenRecord('late', 'read', LATE)
      core.tokens.apply({ type: 'create', record, deed }, 0)
    },
    alter: (call: Call): Call => ({ ...call, headers: bearer(LATE.token) }),
  },
  'deliveries 422': alterPath('?dead=x'),
  'dead 422': alterPath('?limit=x'),
  'replay 400': { alter: (call: Call): Call => ({ ...call, body: '[]' }) },
  'stats 422': alterPath('?period=week'),
}
