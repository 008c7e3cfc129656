/**
 * Every operation of the document, by every kind of caller: a token of one app sees and touches nothing of another,
 * on any route. A new operation needs a line in OPERATIONS.
 */
import { afterAll, expect, test } from 'bun:test'
import type { AppRecord } from '../../src/core/app'
import type { Grant } from '../../src/core/tokens'
import { newToken } from '../../src/http/token-text'
import { DOCUMENT_FILE } from '../../openapi/current'
import { guardian } from '../../plugins/guardian'
import { addConnection } from '../connections'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start } from '../harness'
import { makeSession } from '../sessions'
import { bearer, makeTokenRecord, NOBODY } from '../tokens'
import { CALLS, ENDPOINT, REVOCATION, REVOCATIONS } from './calls'

/** `own`: of the app that the operation is about, or the one that made it; `other`: another one. */
const CALLERS = [
  'nobody',
  'the admin',
  'read',
  'app, own',
  'app, other',
  'create, own',
  'create, other',
  'all',
  'expired',
  'revoked',
] as const

/** What each caller gets, in their order; 200 is any success. */
const EXPECTED = {
  open: [200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
  /** With the secret of an app: no credential of the admin's side is one. */
  'of an app': [401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
  /** The development app takes pushes without credentials. */
  push: [200, 403, 403, 403, 403, 403, 403, 403, 403, 403],
  /** Answered to all, with what they may see: see below. */
  'its own': [401, 200, 200, 200, 200, 200, 200, 200, 401, 401],
  /** Signed, or vouched for by a token that has the app; the admin's password is for the admin API. */
  'read an app': [401, 401, 200, 200, 404, 200, 404, 200, 401, 401],
  'use an app': [401, 401, 403, 200, 404, 200, 404, 200, 401, 401],
  'see an app': [401, 200, 200, 200, 404, 200, 404, 200, 401, 401],
  'change an app': [401, 200, 403, 200, 404, 200, 404, 200, 401, 401],
  'delete an app': [401, 200, 403, 403, 403, 200, 404, 200, 401, 401],
  'create an app': [401, 200, 403, 403, 403, 200, 200, 200, 401, 401],
  'read the audit': [401, 200, 200, 200, 200, 403, 403, 200, 401, 401],
  'end a session': [401, 200, 404, 404, 404, 404, 404, 200, 401, 401],
  'read all': [401, 200, 200, 403, 403, 403, 403, 200, 401, 401],
  'change all': [401, 200, 403, 403, 403, 403, 403, 200, 401, 401],
} as const satisfies Readonly<Record<string, readonly number[]>>

const OPERATIONS: Readonly<Record<string, keyof typeof EXPECTED>> = {
  'GET /': 'open',
  'GET /up': 'open',
  'GET /ready': 'open',
  'GET /accept-traffic': 'open',
  'GET /swagger': 'open',
  'GET /console': 'open',
  'GET /swagger/json': 'open',
  'POST /apps/{appId}/events': 'use an app',
  'POST /apps/{appId}/batch_events': 'use an app',
  'POST /apps/{appId}/channels/{channel}/events': 'use an app',
  'GET /apps/{appId}/channels': 'read an app',
  'GET /apps/{appId}/channels/{channel}': 'read an app',
  'GET /apps/{appId}/channels/{channel}/users': 'read an app',
  'GET /apps/{appId}/channels/{channel}/stats': 'read an app',
  'GET /apps/{appId}/connections': 'read an app',
  'GET /apps/{appId}/channels/{channel}/history': 'read an app',
  'DELETE /apps/{appId}/channels/{channel}/history': 'use an app',
  'POST /apps/{appId}/users/{userId}/terminate_connections': 'use an app',
  'POST /api/apps/{appSlug}/events': 'of an app',
  'GET /api/apps/{appSlug}/channels': 'of an app',
  'GET /api/apps/{appSlug}/channels/{name}/users': 'of an app',
  'GET /api/apps/{appSlug}/channels/{name}/history': 'of an app',
  'DELETE /api/apps/{appSlug}/channels/{name}/history': 'of an app',
  'POST /api/push': 'push',
  'GET /api/admin/apps': 'its own',
  'POST /api/admin/apps': 'create an app',
  'GET /api/admin/apps/{slug}': 'see an app',
  'PATCH /api/admin/apps/{slug}': 'change an app',
  'PUT /api/admin/apps/{slug}': 'change an app',
  'DELETE /api/admin/apps/{slug}': 'delete an app',
  'POST /api/admin/apps/{slug}/keys': 'change an app',
  'DELETE /api/admin/apps/{slug}/keys/{key}': 'change an app',
  'GET /api/admin/apps/{slug}/webhooks/deliveries': 'see an app',
  'GET /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/requests': 'see an app',
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/test': 'change an app',
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/pause': 'change an app',
  'POST /api/admin/apps/{slug}/webhooks/endpoints/{endpoint}/resume': 'change an app',
  'GET /api/admin/apps/{slug}/webhooks/dead': 'see an app',
  'POST /api/admin/apps/{slug}/webhooks/replay': 'change an app',
  'GET /api/admin/apps/{slug}/live': 'see an app',
  'GET /api/admin/apps/{slug}/connections': 'see an app',
  'GET /api/admin/apps/{slug}/connections/{socketId}': 'see an app',
  'DELETE /api/admin/apps/{slug}/connections/{socketId}': 'change an app',
  'GET /api/admin/apps/{slug}/users': 'see an app',
  'DELETE /api/admin/apps/{slug}/users/{userId}': 'change an app',
  'GET /api/admin/tokens': 'read all',
  'POST /api/admin/tokens': 'change all',
  'DELETE /api/admin/tokens/{id}': 'change all',
  'GET /api/admin/session': 'its own',
  'GET /api/admin/sessions': 'its own',
  'POST /api/admin/sessions': 'its own',
  'DELETE /api/admin/sessions/{id}': 'end a session',
  'GET /api/admin/audit': 'read the audit',
  'GET /api/admin/plugins': 'read all',
  'GET /api/admin/stats': 'read all',
  'GET /api/admin/stats/apps': 'its own',
  'GET /api/admin/problems': 'its own',
  'GET /api/admin/nodes': 'read all',
  'GET /api/admin/apps/{slug}/stats': 'see an app',
  'GET /api/apps/{appSlug}/stats': 'of an app',
  'GET /metrics': 'read all',
  'GET /usage': 'read all',
  'GET /plugins/guardian/revocations': 'change all',
  'POST /plugins/guardian/revocations': 'change all',
  'DELETE /plugins/guardian/revocations/{id}': 'change all',
}

const document = (await Bun.file(DOCUMENT_FILE).json()) as { paths: Record<string, object> }
const server = await start({ plugins: [guardian()], config: { maxFailedLoginsPerMinute: 1e6 } })
afterAll(() => server.stop())
const { apps, tokens } = server.core

test('every operation has its line', () => {
  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(Object.keys(OPERATIONS).toSorted()).toEqual(documented.toSorted())
})

const REVOKE = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: REVOCATION,
}

let cells = 0

/** Apps and tokens of its own for each cell: what one has deleted the next one must find. */
function prepareCell() {
  const n = ++cells
  const [own, other] = [`own-${n}`, `other-${n}`] as const
  const base = apps.byId('1')!.record
  const makeApp = (name: string, keys: AppRecord['keys']) => {
    const webhooks = [{ url: ENDPOINT }]
    const fields = {
      webhooks,
      id: name,
      name,
      slug: name,
      keys,
      createdBy: `id-of-creator-of-${name}`,
    }
    return apps.create({ ...base, ...fields }, 0)
  }
  const pair = (name: string) => ({ key: name, secret: name })
  const made = [
    makeApp(own, [pair(`key-1-${n}`), pair(`key-2-${n}`)]),
    makeApp(`single-${n}`, [pair(`key-3-${n}`)]),
    makeApp(other, [pair(`key-4-${n}`)]),
  ]
  const removeConnection = addConnection(server, made[0]!)
  const remove = () => {
    removeConnection()
    made.forEach((app) => apps.byId(app.id) && apps.remove(app, 0))
  }
  return { n, own, other, remove }
}

function makeCredential(name: string, grant: Grant, expiresAt?: number): Record<string, string> {
  const { token, hash } = newToken()
  const record = makeTokenRecord(name, grant, {
    hash,
    ...(expiresAt !== undefined && { expiresAt }),
  })
  const deed = { by: NOBODY, action: 'token.created' } as const
  tokens.apply({ type: 'create', record, deed }, server.clock.now())
  return bearer(token)
}

function credentialOf(
  caller: (typeof CALLERS)[number],
  about: string,
  { n, other }: ReturnType<typeof prepareCell>,
): Record<string, string> {
  const name = `${caller} ${n}`
  switch (caller) {
    case 'nobody':
      return {}
    case 'the admin':
      return makeBasicAuth(ADMIN_PAIR)
    case 'read':
    case 'all':
      return makeCredential(name, caller)
    case 'app, own':
      return makeCredential(name, `app:${about}`)
    case 'app, other':
      return makeCredential(name, `app:${other}`)
    case 'create, own':
      return makeCredential(`creator-of-${about}`, 'create')
    case 'create, other':
      return makeCredential(`creator-of-${other}`, 'create')
    case 'expired':
      return makeCredential(name, 'all', server.clock.now())
    case 'revoked': {
      const credential = makeCredential(name, 'all')
      const deed = { by: NOBODY, action: 'token.revoked' } as const
      tokens.apply({ type: 'revoke', id: `id-of-${name}`, deed }, server.clock.now())
      return credential
    }
  }
}

test.each(Object.entries(OPERATIONS))('%s: %s', async (operation, kind) => {
  const call = CALLS[operation]!
  const got: Record<string, number> = {}
  for (const caller of CALLERS) {
    const cell = prepareCell()
    const { n } = cell
    const about = call.path.includes('/single') ? `single-${n}` : cell.own
    const credential = credentialOf(caller, about, cell)
    if (operation === 'DELETE /api/admin/tokens/{id}') makeCredential(`spare-${n}`, 'read')
    if (operation === 'DELETE /api/admin/sessions/{id}')
      server.server.sessions.add(makeSession(`spare-${n}`))
    if (operation.startsWith('DELETE /plugins/')) await server.admin(REVOCATIONS, REVOKE)
    const own = call.path.replace(/^\/apps\/1\//, `/apps/${about}/`)
    const path = own.replace(/(?<=\/)(own|single|spare|key-1)(?=\/|$)/g, `$1-${n}`)
    const query = call.query ? `?${new URLSearchParams(call.query)}` : ''
    const response = await server.http(`${path}${query}`, {
      method: call.method,
      headers: { 'content-type': 'application/json', ...call.headers, ...credential },
      body: call.body?.replace(/some name|ci(?=")/, `$&-${n}`) ?? null,
    })
    got[caller] = response.ok ? 200 : response.status
    cell.remove()
  }
  expect(got).toEqual(Object.fromEntries(CALLERS.map((name, i) => [name, EXPECTED[kind][i]!])))
})

test('the list shows each caller its own apps, and a reader no secret', async () => {
  const cell = prepareCell()
  const { n, own, other } = cell
  const read = async (path: string, credential: Record<string, string>) =>
    (await server.http(path, { headers: credential })).text()
  const shown: Record<string, string[]> = {}
  for (const caller of ['the admin', 'read', 'app, own', 'create, own', 'all'] as const) {
    const credential = credentialOf(caller, own, cell)
    const { data } = JSON.parse(await read('/api/admin/apps', credential))
    const names: string[] = data.map(({ name }: { name: string }) => name)
    shown[caller] = names.filter((name) => name === own || name === other)
    const listed = data.find(({ name }: { name: string }) => name === own)
    const showsSecrets = caller !== 'read'
    expect(JSON.stringify(listed).includes(`"secret":"key-2-${n}"`)).toBe(showsSecrets)
    expect(await read(`/api/admin/apps/${own}`, credential)).toBe(JSON.stringify({ data: listed }))
  }
  const [all, mine] = [[own, other], [own]]
  expect(shown).toEqual({ 'the admin': all, read: all, all, 'app, own': mine, 'create, own': mine })
  cell.remove()
})

test('a reader gets no secret of webhooks and plugins, in the report on deliveries neither', async () => {
  const cell = prepareCell()
  const { own } = cell
  const app = apps.byId(own)!
  const webhooks = [{ url: 'http://me:secret-1@127.0.0.1/?a=secret-2', headers: { a: 'secret-3' } }]
  const plugins = { lost: { token: 'secret-4' } } // of one that is not loaded
  apps.change(app, { ...app.record, webhooks, plugins }, 0)
  const read = async (path: string, caller: 'read' | 'app, own') => {
    const headers = credentialOf(caller, own, prepareCell())
    return (await server.http(`/api/admin/apps/${path}`, { headers })).text()
  }
  for (const path of ['', own, `${own}/webhooks/deliveries`])
    expect(await read(path, 'read')).not.toContain('secret-')
  expect(await read(own, 'app, own')).toMatch(/secret-1.*secret-2.*secret-3.*secret-4/)
})
