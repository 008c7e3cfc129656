/** A plugin's router reaches nothing outside of `/plugins/<name>`: each way out is tried, beside a server without it. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Elysia, t, type AnyElysia } from 'elysia'
import { definePlugin, type AnyPlugin } from 'carillon/plugin'
import { throwSecret, start, type TestServer } from '../harness'

const answerLeak = () => new Response('leak', { status: 418 })
const openToAll = { 'access-control-allow-origin': '*' }

type Own = { readonly status: number; readonly body: string; readonly headers?: object }

/** What a plugin does with its router, and what it gets for it at its own route. */
const WAYS_OUT: Readonly<
  Record<string, readonly [reach: (routes: AnyElysia) => unknown, own: Own]>
> = {
  'onRequest throws': [(routes) => routes.onRequest(throwSecret), { status: 500, body: FAULT() }],
  'onRequest responds': [(routes) => routes.onRequest(answerLeak), { status: 418, body: 'leak' }],
  'a CORS plugin': [
    (routes) =>
      routes.use(
        new Elysia()
          .headers(openToAll)
          .onRequest(({ set }) => void Object.assign(set.headers, openToAll))
          .options('*', '')
          .options('/', ''),
      ),
    { status: 200, body: 'own', headers: openToAll },
  ],
  'headers of every response': [
    (routes) => routes.headers({ 'x-leak': '1' }),
    { status: 200, body: 'own', headers: { 'x-leak': '1' } },
  ],
  'parse, for all': [
    (routes) => routes.onParse({ as: 'global' }, throwSecret),
    { status: 200, body: 'own' },
  ],
  'transform, for all': [
    (routes) => routes.onTransform({ as: 'global' }, throwSecret),
    { status: 500, body: FAULT() },
  ],
  'derive, for all': [
    (routes) => routes.derive({ as: 'global' }, throwSecret),
    { status: 500, body: FAULT() },
  ],
  'resolve, for all': [
    (routes) => routes.resolve({ as: 'global' }, throwSecret),
    { status: 500, body: FAULT() },
  ],
  'beforeHandle, for all': [
    (routes) => routes.onBeforeHandle({ as: 'global' }, answerLeak),
    { status: 418, body: 'leak' },
  ],
  'afterHandle, for all': [
    (routes) => routes.onAfterHandle({ as: 'global' }, answerLeak),
    { status: 418, body: 'leak' },
  ],
  'mapResponse, for all': [
    (routes) => routes.mapResponse({ as: 'global' }, answerLeak),
    { status: 418, body: 'leak' },
  ],
  'afterResponse throws': [
    (routes) => routes.onAfterResponse({ as: 'global' }, throwSecret),
    { status: 200, body: 'own' },
  ],
  'afterResponse throws later': [
    (routes) => routes.onAfterResponse({ as: 'global' }, async () => throwSecret()),
    { status: 200, body: 'own' },
  ],
  'onError, for all': [
    (routes) => routes.onBeforeHandle(throwSecret).onError({ as: 'global' }, answerLeak),
    { status: 418, body: 'leak' },
  ],
  'trace throws': [
    (routes) => routes.trace({ as: 'global' }, throwSecret),
    { status: 500, body: FAULT() },
  ],
  'a schema, for all': [
    (routes) => routes.guard({ as: 'global', headers: t.Object({ leak: t.String() }) }),
    { status: 400, body: 'Expected leak parameter to be a string\n' },
  ],
  'as("global")': [
    (routes) => routes.onBeforeHandle(answerLeak).as('global'),
    { status: 418, body: 'leak' },
  ],
  decorate: [
    (routes) => routes.decorate('request', new Request('http://leak/')).decorate('leak', 1),
    { status: 200, body: 'own' },
  ],
  'state and models': [
    (routes) => routes.state('leak', 1).model({ thing: t.Object({ leak: t.Number() }) }),
    { status: 200, body: 'own' },
  ],
  'a function around all': [
    (routes) => routes.wrap(() => () => answerLeak()),
    { status: 418, body: 'leak' },
  ],
  'names of errors': [
    (routes) => routes.error({ LEAK: class extends Error {} }).onError(answerLeak),
    { status: 200, body: 'own' },
  ],
  'routes of all paths': [
    (routes) => routes.all('*', answerLeak).all('/../../up', answerLeak),
    { status: 200, body: 'own' },
  ],
  'a route beside its prefix': [
    (routes) => {
      routes['add']('GET', '/up', answerLeak, {}, { skipPrefix: true })
      routes['add']('GET', '/plugins/neighbour/seen', answerLeak, {}, { skipPrefix: true })
    },
    { status: 200, body: 'own' },
  ],
  'no prefix': [
    (routes) => {
      delete routes.config.prefix
      routes.get('/up', answerLeak).all('/*', answerLeak)
    },
    { status: 418, body: 'leak' },
  ],
}

/** Ends with the request's id, which `shown` takes out. */
function FAULT(): string {
  return 'Internal server error (ID)\n'
}

const leaky = (reach: (routes: AnyElysia) => unknown): AnyPlugin =>
  definePlugin({
    name: 'leaky',
    carillon: 1,
    setup({ routes }) {
      reach(routes)
      routes.get('/', () => 'own')
      return {}
    },
  })

const neighbour = definePlugin({
  name: 'neighbour',
  carillon: 1,
  setup({ routes, adminOnly }) {
    routes
      .model({ thing: t.Object({ id: t.Number() }) })
      .get(
        '/seen',
        (context) =>
          Object.keys(context)
            .filter((key) => key === 'leak')
            .join() || 'seen',
      )
      .post('/echo', ({ body }) => body, { body: 'thing', beforeHandle: adminOnly })
    return {}
  },
})

type Probe = (server: TestServer) => Promise<Response>
const origin = 'https://evil.example'
const PROBES: Readonly<Record<string, Probe>> = {
  up: (server) => server.http('/up', { headers: { origin } }),
  'HEAD up': (server) => server.http('/up', { method: 'HEAD' }),
  ready: (server) => server.http('/ready'),
  trigger: (server) => server.signed('POST', '/events', '{"name":"e","channel":"room","data":""}'),
  channels: (server) => server.signed('GET', '/channels'),
  unsigned: (server) => server.http('/apps/1/channels', { headers: { origin } }),
  preflight: (server) => server.http('/apps/1/events', { method: 'OPTIONS', headers: { origin } }),
  apps: (server) => server.admin('/api/admin/apps'),
  'a foreign page': (server) => server.admin('/api/admin/apps', { headers: { origin } }),
  'a stranger': (server) => server.http('/api/admin/apps'),
  'no app': (server) => server.admin('/api/admin/apps', { method: 'POST', body: '{}' }),
  nowhere: (server) => server.http('/nowhere'),
  root: (server) => server.http('/'),
  'the neighbour': (server) => server.http('/plugins/neighbour/seen'),
  'the neighbour, asked': (server) =>
    server.admin('/plugins/neighbour/echo', {
      method: 'POST',
      body: '{"id":1}',
      headers: { 'content-type': 'application/json' },
    }),
  'the neighbour, unasked': (server) => server.http('/plugins/neighbour/echo', { method: 'POST' }),
  'no plugin': (server) => server.http('/plugins/nobody'),
}

const UUID = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g

async function shown(response: Response) {
  const { date: _, ...headers } = Object.fromEntries(response.headers)
  const text = JSON.stringify([response.status, headers, await response.text()])
  return JSON.parse(text.replaceAll(UUID, 'ID')) as [number, Record<string, string>, string]
}

async function shownAll(server: TestServer) {
  const rows = Object.entries(PROBES).map(async ([name, ask]) => [
    name,
    await shown(await ask(server)),
  ])
  const { paths } = await (await server.http('/swagger/json')).json()
  const documented = Object.keys(paths).filter((path) => !path.startsWith('/plugins/leaky'))
  return {
    ...Object.fromEntries(await Promise.all(rows)),
    documented,
    echo: paths['/plugins/neighbour/echo'],
  }
}

describe('a way out leads nowhere:', () => {
  let without: TestServer
  beforeAll(async () => {
    without = await start({ plugins: [neighbour] })
  })
  afterAll(() => without.stop())

  test.each(Object.entries(WAYS_OUT))('%s', async (_, [reach, own]) => {
    await using server = await start({ plugins: [leaky(reach), neighbour] })
    const [status, headers, body] = await shown(await server.http('/plugins/leaky'))
    expect({ status, body }).toEqual({ status: own.status, body: own.body })
    expect(headers).toMatchObject({ ...own.headers, 'x-request-id': 'ID' })
    expect(await shownAll(server)).toEqual(await shownAll(without))
    expect(server.core.counters.faults).toBe(0)
  })
})
