/** What a plugin's router may not, what is asked of others before its routes, and what they have of their own. */
import { describe, expect, test } from 'bun:test'
import { Elysia, t, type AnyElysia } from 'elysia'
import { rateLimit } from '../../plugins/rate-limit'
import { definePlugin, reject } from 'carillon/plugin'
import { throwSecret, makePlugin, start } from '../harness'
import { compute } from './compute'
import { request, mine, reportOf } from './mine'

describe('routes are added in setup and in start;', () => {
  const adders: Readonly<Record<string, (routes: AnyElysia) => unknown>> = {
    'the route GET /late': (routes) => routes.get('/late', () => 'late'),
    'the route POST /plugins/mine/late/:id': (routes) =>
      routes.group('/late', (group) => group.post('/:id', throwSecret)),
    'a hook of routes': (routes) => routes.onBeforeHandle(throwSecret),
  }
  test.each(Object.entries(adders))(
    '%s is an error later, and changes nothing',
    async (what, add) => {
      let router: AnyElysia | undefined
      const plugin = definePlugin({
        name: 'mine',
        carillon: 1,
        setup: ({ routes }) => ({
          start: () => void (router = routes.get('/', () => 'of the start')),
        }),
      })
      await using server = await start({ plugins: [plugin] })
      add(router!)
      expect(server.log.lines.filter(({ level }) => level === 'error')).toMatchObject([
        {
          fields: {
            code: 'plugin_failed',
            plugin: 'mine',
            hook: 'routes',
            err: { message: expect.stringContaining(`${what} was added too late`) },
          },
        },
      ])
      expect(await (await request(server, '/')).text()).toBe('of the start')
      expect((await request(server, '/late')).status).toBe(404)
      expect(await reportOf(server)).toMatchObject({ faults: 1 })
    },
  )

  test('what is loaded later belongs to the start', async () => {
    const part = Promise.resolve({ default: new Elysia().get('/loaded', () => 'loaded') })
    await using server = await start({ plugins: [mine(({ routes }) => routes.use(part))] })
    expect(await (await request(server, '/loaded')).text()).toBe('loaded')
  })
})

describe('hooks of requests', () => {
  test('are asked once for a route, and again as admin for one behind adminOnly', async () => {
    const seen: string[] = []
    const watch = makePlugin('watch', {
      request: ({ area, method }) => {
        seen.push(`${method} ${area}`)
        return method === 'DELETE' ? reject('not that') : undefined
      },
      response: ({ area }, { status }) => ({ 'x-seen': `${area} ${status}` }),
    })
    const routed = mine(({ routes, adminOnly }) => {
      routes.get('/open', () => 'open').get('/closed', () => 'closed', { beforeHandle: adminOnly })
    })
    await using server = await start({ plugins: [watch, routed] })
    const answers = [
      await request(server, '/open'),
      await request(server, '/nowhere'),
      await request(server, '/open', { method: 'DELETE' }),
      await server.http('/plugins/nobody'),
      await server.admin('/plugins/mine/closed'),
    ].map(({ status, headers }) => [status, headers.get('x-seen')])
    expect(answers).toEqual([
      [200, 'plugin 200'],
      [404, 'plugin 404'],
      [403, 'plugin 403'],
      [404, null],
      [200, 'admin 200'],
    ])
    expect(seen).toEqual(['GET plugin', 'GET plugin', 'DELETE plugin', 'GET plugin', 'GET admin'])
  })

  test('rate-limit counts them by address', async () => {
    const limit = rateLimit({ routes: { perMinute: 2 }, exempt: [] })
    await using server = await start({
      plugins: [limit, mine(({ routes }) => routes.get('/', () => 'ok'))],
      config: { trustedProxies: ['127.0.0.1'] },
    })
    const from = async (address: string) => {
      const { status, headers } = await request(server, '/', {
        headers: { 'x-forwarded-for': address },
      })
      return [status, headers.get('x-ratelimit-remaining'), headers.get('retry-after')]
    }
    expect(await from('198.51.100.1')).toEqual([200, '1', null])
    expect(await from('198.51.100.1')).toEqual([200, '0', null])
    expect(await from('198.51.100.1')).toEqual([429, '0', '30'])
    expect(await from('198.51.100.2')).toEqual([200, '1', null])
    expect((await server.http('/up')).headers.get('x-ratelimit-limit')).toBeNull()
  })
})

test('a route that blocks the event loop is named', async () => {
  const busy = mine(({ routes }) => routes.get('/', () => compute(60)))
  await using server = await start({ plugins: [busy] })
  await request(server, '/')
  expect(server.log.lines).toContainEqual(
    expect.objectContaining({
      message: 'plugin blocked the event loop',
      fields: expect.objectContaining({ plugin: 'mine', hook: 'routes' }),
    }),
  )
})

test('a route that has no use for a body reads none, whatever hooks there are', async () => {
  const deaf = mine(({ routes }) =>
    routes
      .onAfterResponse(({ request }) => void request.url)
      .onError(({ code }) => (code === 'PARSE' ? 'read' : undefined))
      .post('/', ({ request }) => String(request.bodyUsed)),
  )
  await using server = await start({ plugins: [deaf] })
  const headers = { 'content-type': 'application/json' }
  const answer = await request(server, '/', { method: 'POST', body: '{', headers })
  expect([answer.status, await answer.text()]).toEqual([200, 'false'])
})

test('schemas of two plugins may have one name', async () => {
  const model = (name: string, key: string) =>
    mine(({ routes }) => {
      routes
        .model({ thing: t.Object({ [key]: t.Integer() }) })
        .post('/', () => '', { body: 'thing' })
    }, name)
  await using server = await start({ plugins: [model('one', 'a'), model('two', 'b')] })
  const { paths } = await (await server.http('/swagger/json')).json()
  const keys = ['one', 'two'].map((name) =>
    Object.keys(
      paths[`/plugins/${name}/`].post.requestBody.content['application/json'].schema.properties,
    ),
  )
  expect(keys).toEqual([['a'], ['b']])
})
