/** How a plugin's routes respond: as the rest of the server, except where the plugin decides otherwise. */
import { describe, expect, test } from 'bun:test'
import { Elysia, t } from 'elysia'
import { startCommon, throwSecret, start, type TestServer } from '../harness'
import { request, ID, mine, reportOf } from './mine'

class Teapot extends Error {
  toResponse() {
    return new Response('a teapot', { status: 418 })
  }
}

describe('what a route throws', () => {
  const FAULT = `Internal server error (${ID})\n`
  const ROWS: Readonly<
    Record<string, readonly [thrown: () => unknown, status: number, body: string, faults: 0 | 1]>
  > = {
    'an error': [() => new Error('secret detail'), 500, FAULT, 1],
    'an error with a status': [
      () => Object.assign(new Error('secret'), { status: 404 }),
      500,
      FAULT,
      1,
    ],
    'a text': [() => 'secret', 500, FAULT, 1],
    nothing: [() => undefined, 500, FAULT, 1],
    'a response': [() => new Response('mine', { status: 409 }), 409, 'mine', 0],
    'a response of a server that fails': [
      () => new Response('mine', { status: 502 }),
      502,
      'mine',
      0,
    ],
    'an error that is an answer': [() => new Teapot('secret'), 418, 'a teapot', 0],
  }
  const thrower = mine(({ routes }) => {
    for (const [index, [thrown]] of Object.values(ROWS).entries())
      routes.get(`/${index}`, () => {
        throw thrown()
      })
    routes.get('/status', ({ status }) => {
      throw status(410, 'gone')
    })
  })

  test.each(Object.entries(ROWS).map(([name, row], index) => [name, index, ...row] as const))(
    '%s',
    async (_, index, _thrown, status, body, faults) => {
      await using server = await start({ plugins: [thrower] })
      const answer = await request(server, `/${index}`)
      expect([answer.status, await answer.text()]).toEqual([status, body])
      expect(answer.headers.get('x-request-id')).toBe(ID)
      expect(await reportOf(server)).toMatchObject({ kind: 'routes', calls: 1, faults })
      const lines = server.log.lines.filter(({ level }) => level === 'error')
      const fields = { code: 'plugin_failed', plugin: 'mine', hook: 'routes', requestId: ID }
      expect(lines).toMatchObject(faults ? [{ message: 'plugin failed', fields }] : [])
      expect(server.core.counters.faults).toBe(0)
    },
  )

  test('nothing, but answers what its schema does not have', async () => {
    const wrong = mine(({ routes }) =>
      routes.get('/', () => ({ secret: 1 }) as never, { response: t.Object({ id: t.Integer() }) }),
    )
    await using server = await start({ plugins: [wrong] })
    const answer = await request(server, '/')
    expect([answer.status, await answer.text()]).toEqual([500, FAULT])
    expect(await reportOf(server)).toMatchObject({ calls: 1, faults: 1 })
  })

  test('a status', async () => {
    await using server = await start({ plugins: [thrower] })
    const answer = await request(server, '/status')
    expect([answer.status, await answer.text()]).toEqual([410, 'gone'])
    expect(await reportOf(server)).toMatchObject({ calls: 1, refusals: 0, faults: 0 })
  })
})

describe('the plugin’s own onError', () => {
  const seen: unknown[] = []
  const server = startCommon({
    plugins: [
      mine(({ routes, adminOnly, readBody }) => {
        routes
          .onError(({ code, path }) => {
            seen.push(code)
            return path.endsWith('/left')
              ? undefined
              : new Response(`mine: ${code}`, { status: 202 })
          })
          .get('/fails', throwSecret)
          .get('/left', throwSecret)
          .post('/body', () => '', { body: t.Object({ id: t.Integer() }) })
          .get('/closed', () => 'secret', { beforeHandle: adminOnly })
          .post('/read', ({ request }) => readBody(request), { parse: 'none' })
          .use(
            new Elysia({ prefix: '/sub' })
              .onError(() => new Response('of the part', { status: 203 }))
              .get('/fails', throwSecret),
          )
      }),
    ],
  })
  const JSON_TYPE = { 'content-type': 'application/json' }
  const LONG = { method: 'POST', body: 'x'.repeat(1_048_577) }
  const ROWS: readonly (readonly [
    path: string,
    init: RequestInit,
    status: number,
    body: string,
  ])[] = [
    ['/fails', {}, 202, 'mine: UNKNOWN'],
    ['/nowhere', {}, 202, 'mine: NOT_FOUND'],
    ['/body', { method: 'POST', body: '{}', headers: JSON_TYPE }, 202, 'mine: VALIDATION'],
    ['/body', { method: 'POST', body: '{', headers: JSON_TYPE }, 202, 'mine: PARSE'],
    ['/sub/fails', {}, 202, 'mine: UNKNOWN'],
    ['/left', {}, 500, `Internal server error (${ID})\n`],
    ['/closed', {}, 401, ''],
    [
      '/read',
      LONG,
      413,
      '{"errors":{"detail":"The body of 1048577 bytes exceeds the limit of 1048576"}}',
    ],
  ]
  test.each(ROWS)('at %s, of %p', async (path, init, status, body) => {
    const answer = await request(server(), path, init)
    expect([answer.status, await answer.text()]).toEqual([status, body])
    expect(answer.headers.get('x-request-id')).toBe(ID)
  })
  test('is not asked about refusals of the server', () => {
    expect(seen).toEqual(['UNKNOWN', 'NOT_FOUND', 'VALIDATION', 'PARSE', 'UNKNOWN', 'UNKNOWN'])
  })
})

describe('without an onError, as elsewhere:', () => {
  const echo = mine(({ routes, adminOnly }) => {
    routes
      .get('/', () => 'root')
      .get('/seen/:what', ({ params }) => params.what)
      .post('/echo', ({ body }) => body as object)
      .get('/closed', () => 'secret', { beforeHandle: adminOnly })
      .get(
        '/given',
        () => new Response('given', { headers: { 'x-request-id': 'own', 'x-own': '1' } }),
      )
  })
  const server = startCommon({
    plugins: [echo],
    config: { pathPrefix: '/ws', adminOrigins: ['https://dash.example'] },
  })

  const PATHS: readonly (readonly [sent: string, status: number, body: string])[] = [
    ['/plugins/mine', 200, 'root'],
    ['/plugins/mine/', 200, 'root'],
    ['/ws/plugins/mine', 200, 'root'],
    ['/ws//plugins///mine/', 200, 'root'],
    ['/ws/plugins/mine/seen/a%2Fb', 200, 'a/b'],
    ['/plugins/mine/seen/%c3%a9?what=b', 200, 'é'],
    ['/plugins/mine?q=/plugins/other', 200, 'root'],
    ['/plugins/mine/seen/%ff', 400, 'Expected the path to be percent-encoded UTF-8\n'],
    ['/plugins/%6dine', 404, 'Unknown route\n'],
    ['/plugins%2Fmine', 404, 'Unknown route\n'],
    ['/plugins/Mine', 404, 'Unknown route\n'],
    ['/plugins/mine2', 404, 'Unknown route\n'],
    ['/plugins/other/../mine', 200, 'root'],
    ['/plugins/mine/../../up', 200, '{"health":"OK"}'],
    ['/plugins/mine/nowhere', 404, 'Unknown route\n'],
    ['/plugins/', 404, 'Unknown route\n'],
    ['/plugins', 404, 'Unknown route\n'],
    ['/wsx/plugins/mine', 404, 'Unknown route\n'],
  ]
  test.each(PATHS)('%s is %p', async (sent, status, body) => {
    const [answer, given] = await raw(server(), sent)
    expect([answer, given]).toEqual([status, body])
  })

  const METHODS: readonly (readonly [method: string, path: string, status: number])[] = [
    ['OPTIONS', '/', 404],
    ['DELETE', '/', 404],
    ['GET', '/echo', 404],
  ]
  test.each(METHODS)('%s %s is %p', async (method, path, status) => {
    const answer = await request(server(), path, { method })
    expect([answer.status, await answer.text()]).toEqual([status, 'Unknown route\n'])
  })

  test('HEAD is answered as GET, without the body', async () => {
    for (const path of ['', '/', '/seen/x', '/closed', '/nowhere', '/given']) {
      const [get, head] = [
        await request(server(), path),
        await request(server(), path, { method: 'HEAD' }),
      ]
      expect([path, head.status, await head.text()]).toEqual([path, get.status, ''])
      for (const name of ['x-request-id', 'vary', 'content-length'])
        expect([path, name, head.headers.get(name)]).toEqual([path, name, get.headers.get(name)])
    }
  })

  test('what a schema excludes is 400 in one line, and no fault', async () => {
    const strict = mine(({ routes }) =>
      routes
        .post('/body', () => '', { body: t.Object({ id: t.String() }) })
        .post('/file', () => '', { body: t.Object({ file: t.File({ type: 'image/png' }) }) })
        .get('/cookie', ({ cookie: { a } }) => String(a.value), {
          cookie: t.Cookie({ a: t.Optional(t.String()) }, { secrets: 'a secret', sign: ['a'] }),
        }),
    )
    await using own = await start({ plugins: [strict] })
    const form = new FormData()
    form.set('file', new File(['text'], 'a.png', { type: 'image/png' }))
    const type = { 'content-type': 'application/json' }
    const answers = [
      await request(own, '/body', { method: 'POST', body: '{"id":1}', headers: type }),
      await request(own, '/body', { method: 'POST', body: '{', headers: type }),
      await request(own, '/file', { method: 'POST', body: form }),
      await request(own, '/cookie', { headers: { cookie: 'a=text.forged' } }),
    ]
    const lines = answers.map(async (answer) => [answer.status, await answer.text()])
    expect(await Promise.all(lines)).toEqual([
      [400, 'Expected id parameter to be a string\n'],
      [400, 'Expected the body to be readable\n'],
      [400, 'Expected body.file to be a file of the documented type\n'],
      [400, 'Expected cookies as they were signed\n'],
    ])
    expect(await reportOf(own)).toMatchObject({ calls: 4, refusals: 4, faults: 0 })
  })

  test('ids of requests, and headers for pages of other origins', async () => {
    const given = await request(server(), '/given', { headers: { origin: 'https://dash.example' } })
    expect(Object.fromEntries(given.headers)).toMatchObject({
      'x-request-id': ID,
      'x-own': '1',
      vary: 'Origin',
      'access-control-allow-origin': 'https://dash.example',
    })
    const text = await request(server(), '')
    expect(text.headers.get('content-type')).toStartWith('text/plain')
  })

  test('bodies of every type, up to 1 MB', async () => {
    const form = new FormData()
    form.set('a', '1')
    const bodies: readonly (readonly [body: BodyInit, headers: object, echoed: string])[] = [
      ['{"a":"1"}', { 'content-type': 'application/json' }, '{"a":"1"}'],
      ['{"a":"1"}', { 'content-type': 'text/plain' }, '{"a":"1"}'],
      [new URLSearchParams({ a: '1' }), {}, '{"a":"1"}'],
      [form, {}, '{"a":"1"}'],
    ]
    for (const [body, headers, echoed] of bodies) {
      const answer = await request(server(), '/echo', {
        method: 'POST',
        body,
        headers: { ...headers },
      })
      expect([answer.status, await answer.text()]).toEqual([200, echoed])
    }
    const headers = { 'content-type': 'text/plain' }
    const long = await request(server(), '/echo', {
      method: 'POST',
      body: 'x'.repeat(1_048_577),
      headers,
    })
    expect(long.status).toBe(413)
  })

  async function raw({ port }: TestServer, path: string): Promise<[number, string]> {
    const { promise, resolve } = Promise.withResolvers<string>()
    let text = ''
    await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data: (_, bytes) => void (text += bytes.toString()),
        close: () => resolve(text),
        open: (socket) =>
          void socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`),
      },
    })
    const [head = '', body = ''] = (await promise).split('\r\n\r\n')
    return [Number(head.split(' ')[1]), body]
  }
})
