/** What every HTTP client may rely on, whatever it asks for: statuses, methods, origins, headers. */
import { describe, expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'
import { ADMIN, requestAdmin, create } from './admin-requests'

const UUID = /^[0-9a-f-]{36}$/
const MEGABYTE = 1024 * 1024

describe('a body that is too large', () => {
  const refused = { errors: { detail: expect.stringContaining('exceeds the limit of 1048576') } }

  test('is refused by the admin API in its own shape, before it is read', async () => {
    await using server = await start()
    const body = `{"app":{"name":"${'x'.repeat(MEGABYTE)}"}}`
    for (const [method, path] of [
      ['POST', ''],
      ['PATCH', '/test-app'],
      ['PUT', '/test-app'],
    ] as const) {
      const answer = await requestAdmin(server, method, path, { body })
      expect([answer.status, answer.body]).toEqual([413, refused])
      expect(answer.headers.get('x-request-id')).toMatch(UUID)
    }
  })

  test('in chunks is refused too', async () => {
    await using server = await start()
    const chunks = [new Uint8Array(MEGABYTE).fill(32), new TextEncoder().encode('{}')]
    const body = new ReadableStream({
      pull(controller) {
        const chunk = chunks.shift()
        if (chunk) controller.enqueue(chunk)
        else controller.close()
      },
    })
    const answer = await requestAdmin(server, 'POST', '', { body })
    expect([answer.status, answer.body]).toEqual([413, refused])
  })

  test('is refused by the signed API in a line of text', async () => {
    await using server = await start()
    const data = 'x'.repeat(MEGABYTE)
    const error = await server
      .sdk()
      .trigger('room', 'e', data)
      .catch((cause) => cause)
    expect([error.status, error.body]).toEqual([
      413,
      expect.stringMatching(/^The body of 1\d{6} bytes exceeds the limit of 524288\n$/),
    ])
  })
})

describe('bytes that are no UTF-8', () => {
  const POSTS: readonly (readonly [path: string, params: object, body: Uint8Array<ArrayBuffer>])[] =
    [
      ['/apps/1/events', {}, encodeLatin1('{"name":"e","channels":["room"],"data":"\xff"}')],
      [
        '/apps/1/batch_events',
        {},
        encodeLatin1('{"batch":[{"name":"\xff","channel":"room","data":""}]}'),
      ],
      ['/apps/1/channels/room/events', { name: 'e' }, encodeLatin1('caf\xe9')],
    ]
  test.each(POSTS)('%s says so and publishes nothing', async (path, params, body) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const query = signTarget(server, path, params, body)
    const answer = await server.http(`${path}?${query}`, { method: 'POST', body })
    expect([answer.status, await answer.text()]).toEqual([400, 'Expected the body to be UTF-8\n'])
    await client.expectNothing()
  })

  function encodeLatin1(text: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(Buffer.from(text, 'latin1'))
  }

  function signTarget(server: TestServer, path: string, params: object, body: Uint8Array): string {
    const { key, secret } = server.app
    const query = new URLSearchParams(
      Object.entries({
        auth_key: key,
        auth_timestamp: String(Math.floor(server.clock.now() / 1000)),
        auth_version: '1.0',
        body_md5: new Bun.CryptoHasher('md5').update(body).digest('hex'),
        ...params,
      }),
    )
    const signature = new Bun.CryptoHasher('sha256', secret)
      .update(`POST\n${path}\n${query}`)
      .digest('hex')
    return `${query}&auth_signature=${signature}`
  }
})

describe('a page of another origin whose browser says no Sec-Fetch-Site', () => {
  const request = async (headers: Record<string, string>, origins: string[] = []) => {
    await using server = await start({
      config: { adminOrigins: origins, localHosts: ['push.example'] },
    })
    return (await requestAdmin(server, 'GET', '', { headers })).status
  }

  test('is refused', async () => {
    for (const origin of ['http://evil.example', 'http://127.0.0.1:1', 'null', 'nonsense'])
      expect(await request({ origin })).toBe(403)
  })

  test('is let in where the origin is the server’s own, or allowed', async () => {
    expect(await request({ origin: 'https://push.example', host: 'Push.example' })).toBe(200)
    expect(await request({ origin: 'http://push.example', host: 'push.example:80' })).toBe(200)
    expect(await request({ origin: 'http://dash.example' }, ['http://dash.example'])).toBe(200)
  })
})

describe('dashboards on other origins', () => {
  const origin = 'https://dash.example'
  const options = { config: { adminOrigins: [origin] } }

  test('may read what they need', async () => {
    await using server = await start(options)
    const { headers } = await requestAdmin(server, 'GET', '', { headers: { origin } })
    expect(headers.get('access-control-expose-headers')).toBe(
      'location, x-request-id, retry-after, x-carillon-node',
    )
    const preflight = await server.http('/api/admin/apps', {
      method: 'OPTIONS',
      headers: { origin },
    })
    expect(preflight.headers.get('access-control-allow-headers')).toBe(
      'authorization, content-type, x-request-id',
    )
  })

  test('have answers of their own in every cache', async () => {
    await using server = await start(options)
    for (const headers of [{}, { origin: 'https://evil.example' }, { origin }] as const)
      for (const path of ['/up', '/api/admin/apps', '/nonsense'])
        expect((await server.http(path, { headers })).headers.get('vary')).toBe('Origin')
  })
})

describe('the admin API', () => {
  test('says 404 in the seed’s shape for routes and methods that are not there', async () => {
    await using server = await start()
    for (const [method, path] of [
      ['GET', '/api/admin/nonsense'],
      ['POST', '/api/admin/apps/test-app'],
      ['DELETE', '/api/admin/apps'],
    ] as const) {
      const answer = await server.http(path, { method, headers: { authorization: ADMIN } })
      expect([answer.status, await answer.json()]).toEqual([
        404,
        { errors: { detail: 'Not Found' } },
      ])
    }
    expect(await (await server.http('/nonsense')).text()).toBe('Unknown route\n')
  })

  test('says 500 in the seed’s shape; the id of the request is in its header', async () => {
    await using server = await start()
    server.core.apps.all = () => {
      throw new Error('the disk is gone')
    }
    const { status, body, headers } = await requestAdmin(server, 'GET')
    expect([status, body]).toEqual([500, { errors: { detail: 'Internal Server Error' } }])
    const requestId = headers.get('x-request-id')
    expect(server.log.lines).toContainEqual({
      level: 'error',
      message: 'fault',
      fields: { err: expect.any(Error), requestId },
    })
  })

  test('reads media types in any case', async () => {
    await using server = await start()
    const headers = { 'content-type': 'Application/X-WWW-Form-Urlencoded; Charset=UTF-8' }
    const answer = await requestAdmin(server, 'POST', '', { body: 'app[name]=foo-app', headers })
    expect(answer.status).toBe(201)
    const body =
      '--B\r\nContent-Disposition: form-data; name="app[name]"\r\n\r\nbar-app\r\n--B--\r\n'
    const multipart = { 'content-type': 'Multipart/Form-Data; boundary=B' }
    expect((await requestAdmin(server, 'POST', '', { body, headers: multipart })).status).toBe(201)
  })
})

test('HEAD is answered as GET, without the body', async () => {
  await using server = await start()
  const { body } = await create(server, { name: 'my app' })
  const paths = [
    '/',
    '/up',
    '/ready',
    '/nonsense',
    '/api/admin/apps',
    `/api/admin/apps/${body.data.id}`,
  ]
  for (const path of paths) {
    const headers = { authorization: ADMIN }
    const get = await server.http(path, { headers })
    const head = await server.http(path, { method: 'HEAD', headers })
    expect([head.status, await head.text()]).toEqual([get.status, ''])
    expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'))
    expect(head.headers.get('x-request-id')).toMatch(UUID)
  }
})

test('a channel may be called like what every object has', async () => {
  await using server = await start()
  await using client = await server.raw()
  for (const name of ['__proto__', 'constructor', 'room']) await client.subscribed(name)
  const answer = await server.sdk().get({ path: '/channels' })
  const { channels } = (await answer.json()) as { channels: object }
  expect(Object.keys(channels).sort()).toEqual(['__proto__', 'constructor', 'room'])
})
