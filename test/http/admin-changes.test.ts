/** Whatever somebody changes by the admin API, or a plugin's routes beside it, is a line: who, what, from where, no secret. */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { definePlugin } from '../../src/plugin'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'

const SECRET = 'a-secret-that-is-set'
const APPS = '/api/admin/apps'

type Row = {
  readonly name: string
  readonly asks: readonly [method: string, path: string, app?: object]
  readonly route: string
  readonly about?: object
}

const ROWS: readonly Row[] = [
  {
    name: 'an app is created',
    asks: ['POST', '', { name: 'second', id: '9', secret: SECRET }],
    route: APPS,
    about: { appId: '9', fields: ['name', 'id', 'secret'] },
  },
  {
    name: 'an app is changed',
    asks: [
      'PATCH',
      '/second',
      { client_events: true, webhooks: [{ url: `http://127.0.0.1/${SECRET}` }] },
    ],
    route: `${APPS}/:slug`,
    about: { appId: '9', fields: ['clientEvents', 'webhooks'] },
  },
  {
    name: 'it is replaced',
    asks: ['PUT', '/9', { name: 'third' }],
    route: `${APPS}/:slug`,
    about: { appId: '9', fields: ['name'] },
  },
  {
    name: 'a pair of keys is added',
    asks: ['POST', '/9/keys'],
    route: `${APPS}/:slug/keys`,
    about: { appId: '9' },
  },
  {
    name: 'a pair is retired',
    asks: ['DELETE', '/9/keys/OLDEST'],
    route: `${APPS}/:slug/keys/:key`,
    about: { appId: '9' },
  },
  {
    name: 'dead letters are sent again',
    asks: ['POST', '/9/webhooks/replay'],
    route: `${APPS}/:slug/webhooks/replay`,
    about: { appId: '9' },
  },
  {
    name: 'an app is deleted',
    asks: ['DELETE', '/9'],
    route: `${APPS}/:slug`,
    about: { appId: '9' },
  },
]

const lever = definePlugin({
  name: 'lever',
  carillon: 1,
  setup: ({ routes, adminOnly }) => {
    routes.post('/pull/:how', () => 'pulled', { beforeHandle: adminOnly })
    routes.post('/open', () => 'open to all')
    return {}
  },
})

let server: TestServer
beforeAll(async () => {
  server = await start({ plugins: [lever] })
})
afterAll(() => server.stop())

const changes = () => server.log.lines.filter(({ message }) => message === 'admin change').splice(0)

/** The lines of one request. */
async function linesOf(method: string, path: string, app?: object) {
  server.log.lines.length = 0
  const body = app && JSON.stringify({ app })
  const headers = { 'content-type': 'application/json', 'x-request-id': 'x'.repeat(20) }
  const answer = await server.admin(path, { method, headers, ...(body && { body }) })
  return {
    status: answer.status,
    lines: changes().map(({ level, fields }): object => ({ level, ...fields })),
  }
}

const WHO = { level: 'info', admin: 'pusher_admin_username', remoteAddress: '127.0.0.1' }

// Each row goes on with the app of the one before.
test('rows, in their order', async () => {
  for (const { name, asks, route, about } of ROWS) {
    const [method, path, app] = asks
    const oldest = server.core.apps.byId('9')?.record.keys[0]?.key ?? ''
    const { status, lines } = await linesOf(method, APPS + path.replace('OLDEST', oldest), app)
    expect({ name, ok: status < 300, lines }).toEqual({
      name,
      ok: true,
      lines: [{ ...WHO, method, route, ...about, requestId: 'x'.repeat(20) }],
    })
    expect(JSON.stringify(server.log.lines)).not.toContain(SECRET)
  }
})

test('by a plugin’s route behind adminOnly, as its route is written', async () => {
  const { lines } = await linesOf('POST', `/plugins/lever/pull/${SECRET}`)
  expect(lines).toMatchObject([{ ...WHO, route: '/plugins/lever/pull/:how' }])
  expect(JSON.stringify(server.log.lines)).not.toContain(SECRET)
})

test('what changes nothing is none: reads, refusals, routes that are open to all', async () => {
  expect((await linesOf('GET', APPS)).lines).toEqual([])
  expect((await linesOf('GET', '/api/admin/plugins')).lines).toEqual([])
  expect(await linesOf('POST', APPS, { name: '' })).toEqual({ status: 422, lines: [] })
  expect(await linesOf('DELETE', `${APPS}/nobody`)).toEqual({ status: 404, lines: [] })
  server.log.lines.length = 0
  await server.http(APPS, { method: 'POST', headers: makeBasicAuth(`${ADMIN_PAIR}x`) })
  await server.http('/plugins/lever/open', { method: 'POST' })
  expect(changes()).toEqual([])
})
