/** The audit: who changed what, from where, before and after; without secrets, and nothing of what failed. */
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
import type { AuditEntry } from '../../src/core/audit'
import { definePlugin, t } from '../../src/plugin'
import { auditStore } from '../../src/store/audit'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'
import { bearer, makeToken, NOBODY } from '../tokens'
import { makeTemporary } from './admin-requests'

const APPS = '/api/admin/apps'
const ADMIN = makeBasicAuth(ADMIN_PAIR)
const ID = 'request-'.repeat(4)

/** Settings with a secret, and a route for admins. */
const lever = definePlugin({
  name: 'lever',
  carillon: 1,
  settings: t.Object({ token: t.String(), most: t.Number(), to: t.Array(t.String()) }),
  setup: ({ routes, adminOnly }) => {
    routes.post('/pull/:how', () => 'pulled', { beforeHandle: adminOnly })
    routes.post('/fail', ({ set }) => ((set.status = 409), 'stuck'), { beforeHandle: adminOnly })
    routes.post('/conflict', ({ set }) => ((set.status = 'Conflict'), ''), {
      beforeHandle: adminOnly,
    })
    routes.post('/refuse', ({ status }) => status(409), { beforeHandle: adminOnly })
    routes.post('/respond', () => new Response('', { status: 409 }), { beforeHandle: adminOnly })
    routes.get('/look', () => 'seen', { beforeHandle: adminOnly })
    return {}
  },
})

async function send(
  server: TestServer,
  [method, path, body]: readonly [method: string, path: string, body?: object],
  credential: Record<string, string> = ADMIN,
) {
  const headers = { 'content-type': 'application/json', 'x-request-id': ID, ...credential }
  const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) }
  const response = await server.http(path, init)
  const text = await response.text()
  return { status: response.status, text }
}

type Row = Readonly<Record<string, unknown>> & { readonly id: number }
type Page = { readonly data: readonly Row[]; readonly next: string | null }

async function read(server: TestServer, query = '', credential = ADMIN): Promise<Page> {
  const { status, text } = await send(server, ['GET', `/api/admin/audit${query}`], credential)
  expect(status).toBe(200)
  return JSON.parse(text) as Page
}

const SECRETS = /secret-\d/
const WEBHOOK = {
  url: 'https://user:secret-1@hooks.example.org/in?key=secret-2&plain',
  event_types: ['channel_occupied'],
  headers: { authorization: 'secret-3' },
}
const SHOWN_WEBHOOK = {
  url: 'https://***@hooks.example.org/in?key=***&***',
  event_types: ['channel_occupied'],
  headers: { authorization: '***' },
}
const SETTINGS = { token: 'secret-4', most: 3, to: ['secret-5'] }

test('each change is a row, which has the fields that have changed, and no secret', async () => {
  await using server = await start({ plugins: [lever] })
  const app = { name: 'second', id: '9', key: 'first-key', secret: 'secret-0' }
  await send(server, ['POST', APPS, { app }])
  const changes = { client_events: false, webhooks: [WEBHOOK], plugins: { lever: SETTINGS } }
  await send(server, ['PATCH', `${APPS}/9`, { app: changes }])
  await send(server, ['PATCH', `${APPS}/9`, { app: { webhooks: [{ ...WEBHOOK, headers: {} }] } }])
  await send(server, ['PATCH', `${APPS}/test-app`, { app: { name: 'renamed' } }]) // one that is provided
  await send(server, ['POST', `${APPS}/9/keys`])
  await send(server, ['DELETE', `${APPS}/9/keys/first-key`])
  await send(server, ['POST', `${APPS}/9/webhooks/replay`])
  const { id, token } = await makeToken(server, { name: 'ci', scope: 'all' })
  await send(server, ['POST', `/plugins/lever/pull/secret-6`], bearer(token))
  await send(server, ['DELETE', '/api/admin/tokens/ci'])
  await send(server, ['DELETE', `${APPS}/9`])
  const { data, next } = await read(server)
  expect(next).toBeNull()
  const admin = { kind: 'user', id: null, name: 'pusher_admin_username' }
  const by = {
    at: server.clock.now(),
    address: '127.0.0.1',
    actor: admin,
    app_id: '9',
    target: null,
  }
  const settings = { lever: { token: '***', most: 3, to: ['***'] } }
  const before = { client_events: true, webhooks: [], plugins: {} }
  const after = { client_events: false, webhooks: [SHOWN_WEBHOOK], plugins: settings }
  const second = { key: expect.any(String), secret: '***' }
  const pair = { key: 'first-key', secret: '***' }
  expect(data.toReversed()).toMatchObject([
    { ...by, action: 'app.created', before: null, after: { name: 'second', keys: [pair] } },
    { ...by, action: 'app.changed', before, after },
    {
      ...by,
      action: 'app.changed',
      before: { webhooks: [SHOWN_WEBHOOK] },
      after: { webhooks: [{ ...SHOWN_WEBHOOK, headers: {} }] },
    },
    {
      ...by,
      action: 'app.changed',
      app_id: '1',
      before: { name: 'Test App', slug: 'test-app' },
      after: { name: 'renamed', slug: 'renamed' },
    },
    { ...by, action: 'key.added', before: { keys: [pair] }, after: { keys: [pair, second] } },
    { ...by, action: 'key.retired', before: { keys: [pair, second] }, after: { keys: [second] } },
    { ...by, action: 'webhooks.replayed', before: null, after: { replayed: 0 } },
    { action: 'token.created', target: id, after: { name: 'ci', scope: 'all', expires_at: null } },
    {
      ...by,
      action: 'plugin.requested',
      actor: { kind: 'token', id, name: 'ci' },
      app_id: null,
      target: 'POST /plugins/lever/pull/:how',
    },
    {
      ...by,
      action: 'token.revoked',
      app_id: null,
      target: id,
      before: { name: 'ci', scope: 'all' },
    },
    {
      ...by,
      action: 'app.deleted',
      before: { name: 'second', ...after, webhooks: expect.any(Array) },
      after: null,
    },
  ])
  expect(Object.keys(data.at(-2)!['after'] as object)).toEqual([
    'client_events',
    'webhooks',
    'plugins',
  ])
  expect(data.filter((row) => row['request_id'] !== ID)).toMatchObject([
    { action: 'token.created' },
  ])
  expect(server.log.lines).toContainEqual({
    level: 'info',
    message: 'admin change',
    fields: expect.objectContaining({ admin: 'ci', tokenId: id, remoteAddress: '127.0.0.1' }),
  })
  expect(JSON.stringify([data, server.log.lines])).not.toMatch(SECRETS)
})

test('what fails, and what only reads, leaves no row', async () => {
  await using server = await start({ plugins: [lever] })
  const failing = [
    ['POST', APPS, { app: { name: 'x' } }],
    ['POST', APPS, { app: { name: 'taken', key: server.app.key } }],
    ['PATCH', `${APPS}/nobody`, { app: { name: 'nobody' } }],
    ['PATCH', `${APPS}/test-app`, { app: { webhooks: 1 } }],
    ['DELETE', `${APPS}/test-app`],
    ['POST', `${APPS}/test-app/keys`],
    ['DELETE', `${APPS}/test-app/keys/none`],
    ['POST', '/api/admin/tokens', { token: { name: '' } }],
    ['DELETE', '/api/admin/tokens/none'],
    ['POST', '/plugins/lever/fail'],
    ['POST', '/plugins/lever/conflict'],
    ['POST', '/plugins/lever/refuse'],
    ['POST', '/plugins/lever/respond'],
    ['POST', '/plugins/lever/none'],
  ] as const
  for (const request of failing) expect((await send(server, request)).status).toBeWithin(400, 500)
  const asItIs = { app: { name: 'Test App', client_events: true } }
  expect((await send(server, ['PATCH', `${APPS}/test-app`, asItIs])).status).toBe(200)
  for (const path of [APPS, '/plugins/lever/look', '/api/admin/audit'])
    expect((await send(server, ['GET', path])).status).toBe(200)
  expect((await send(server, ['POST', APPS, { app: { name: 'new app' } }], {})).status).toBe(401)
  expect(await read(server)).toEqual({ data: [], next: null })
})

/** Writes rows past the admin API, in the order of `entries`. */
function fill(path: string, entries: readonly Partial<AuditEntry>[]): void {
  using db = new Database(path, { strict: true })
  const row = { by: NOBODY, action: 'app.changed', appId: '1', target: undefined } as const
  const { write } = auditStore(db)
  db.transaction(() => {
    for (const entry of entries)
      write({ ...row, at: 0, before: undefined, after: undefined, ...entry })
  }).immediate()
}

describe('reading', () => {
  test('pages follow each other, however many rows do not match', async () => {
    await using file = makeTemporary()
    await using server = await start({ config: { databasePath: file.path } })
    const by = { ...NOBODY, kind: 'token', id: 't-1', name: 'ci' } as const
    fill(
      file.path,
      Array.from({ length: 1201 }, (_, n) => ({ at: n, ...(n % 400 === 0 && { by }) })),
    )
    const times = ({ data }: Page) => data.map(({ at }) => at)
    for (const actor of ['ci', 't-1']) {
      const first = await read(server, `?actor=${actor}&limit=3`)
      expect(times(first)).toEqual([1200, 800, 400])
      const second = await read(server, `?actor=${actor}&limit=3&cursor=${first.next}`)
      expect([times(second), second.next]).toEqual([[0], null])
    }
    expect(times(await read(server, '?from=3&to=6'))).toEqual([5, 4, 3])
    expect(times(await read(server, '?app=test-app&limit=2'))).toEqual([1200, 1199])
    expect(times(await read(server, '?app=1&action=app.created'))).toEqual([])
    expect(times(await read(server, '?app=2'))).toEqual([])
    expect((await read(server)).data).toHaveLength(100)
  })

  test('a page is bounded in bytes, and a long value in a row', async () => {
    await using file = makeTemporary()
    await using server = await start({ config: { databasePath: file.path } })
    const after = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`f${n}`, 'x'.repeat(8000)]),
    )
    fill(file.path, [{ after }, { after }, { after: { ...after, long: 'x'.repeat(9000) } }])
    const first = await read(server)
    expect(first.data).toHaveLength(1)
    expect(first.data[0]!['after']).toMatchObject({ long: { omitted_bytes: 9002 } })
    const second = await read(server, `?cursor=${first.next}`)
    const third = await read(server, `?cursor=${second.next}`)
    expect([second.data.length, third.data.length, third.next]).toEqual([1, 1, null])
  })

  test('what is wrong with a question is told by field', async () => {
    await using server = await start()
    const { status, text } = await send(server, [
      'GET',
      '/api/admin/audit?limit=501&from=-1&cursor=x&action=none',
    ])
    expect([status, Object.keys(JSON.parse(text).errors).toSorted()]).toEqual([
      422,
      ['action', 'cursor', 'from', 'limit'],
    ])
  })

  test('a token of an app reads that app, and nothing of one that had its id before', async () => {
    await using server = await start()
    const app = { id: '9', name: 'ninth' }
    await send(server, ['POST', APPS, { app }])
    await send(server, ['DELETE', `${APPS}/9`])
    await send(server, ['POST', APPS, { app }])
    await send(server, ['PATCH', `${APPS}/test-app`, { app: { client_events: false } }])
    const { token } = await makeToken(server, { name: 'tenant', scope: 'app:9' })
    const { token: reader } = await makeToken(server, { name: 'reader', scope: 'read' })
    const actions = ({ data }: Page) => data.map(({ action }) => action)
    for (const query of ['', '?app=9', '?app=ninth'])
      expect(actions(await read(server, query, bearer(token)))).toEqual([
        'token.created',
        'app.created',
      ])
    for (const query of ['?app=1', '?app=test-app'])
      expect(actions(await read(server, query, bearer(token)))).toEqual([])
    expect(actions(await read(server, '?app=9', bearer(reader)))).toHaveLength(4)
    expect(actions(await read(server, '', bearer(reader)))).toHaveLength(6)
  })
})

test('rows end after their days, and the oldest where there are too many; a sweep begins it', async () => {
  const day = 86_400_000
  await using file = makeTemporary()
  const config = { databasePath: file.path, auditDays: 1, auditMaxRows: 100 }
  await using server = await start({ now: 10 * day, config })
  fill(
    file.path,
    Array.from({ length: 750 }, (_, n) => ({ at: n < 60 ? 9 * day - 1 : 10 * day })),
  )
  const count = async () => {
    let [rows, cursor]: [number, string | null] = [0, '999999']
    while (cursor !== null) {
      const page: Page = await read(server, `?limit=500&cursor=${cursor}`)
      rows += page.data.length
      cursor = page.next
    }
    return rows
  }
  expect(await count()).toBe(750)
  server.advance(15_000)
  while ((await count()) > 100);
  expect(await count()).toBe(100)
  server.advance(day)
  while ((await count()) > 0);
  await send(server, ['PATCH', `${APPS}/test-app`, { app: { client_events: false } }])
  expect((await read(server)).data).toMatchObject([{ id: 751 }])
})
