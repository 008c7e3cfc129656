/**
 * The path prefix of the settings, as people write it and as clients put it in front: pusher-js adds
 * `/app/KEY` to it, Guzzle (the PHP SDK) looks its last slash up, others write both slashes.
 */
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import { definePlugin } from '../../src/plugin'
import { placeOf } from '../../src/http/place'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'

const KEY = 'test-app-fake-key'

describe('the setting', () => {
  const ROWS = [
    ['/ws', '/ws'],
    ['/ws/', '/ws'],
    ['/a/b/', '/a/b'],
    ['/api/ws', '/api/ws'],
    ['/apiary', '/apiary'],
    ['/...', '/...'],
    ['/', ''],
    ['', ''],
  ] as const
  test.each(ROWS)('%p is %p', (given, prefix) => {
    expect(readConfig({ CARILLON_PATH_PREFIX: given }).pathPrefix).toBe(prefix)
  })
  const OWN = [
    '/api',
    '/api/',
    '/api/admin',
    '/api/apps',
    '/plugins',
    '/swagger',
    '/console',
    '/up',
    '/ready',
  ]
  const DOTS = ['/.', '/..', '/a/../b']
  test.each(['ws', '//ws', '/ws//', '/w s', ...DOTS, ...OWN])('%p is none', (given) => {
    expect(() => readConfig({ CARILLON_PATH_PREFIX: given })).toThrow('expected a path like')
  })
})

describe('where a path goes', () => {
  const ROWS: readonly (readonly [sent: string, prefix: string, path: string, isBelow: boolean])[] =
    [
      ['/app/k', '', '/app/k', true],
      ['//app///k/', '', '/app/k/', true],
      ['/ws/app/k', '/ws', '/app/k', true],
      ['/ws//app/k', '/ws', '/app/k', true],
      ['//ws/app/k', '/ws', '/app/k', true],
      ['/ws', '/ws', '/', true],
      ['/ws/', '/ws', '/', true],
      ['/app/k', '/ws', '/app/k', false],
      ['/wsx/app/k', '/ws', '/wsx/app/k', false],
      ['/ws/ws/up', '/ws', '/ws/up', true],
      ['/w/s/up', '/ws', '/w/s/up', false],
      ['/ws%2Fup', '/ws', '/ws%2Fup', false],
      ['/x/%2F%2F', '', '/x/%2F%2F', true],
    ]
  test.each(ROWS)('%s below %p is %s', (sent, prefix, path, isBelow) => {
    expect(placeOf(sent, prefix)).toEqual({ path, isBelow, isRewritten: path !== sent })
  })
})

const mine = definePlugin({
  name: 'mine',
  carillon: 1,
  setup: ({ routes }) => {
    routes.get('/seen', () => 'seen')
    return {
      request: (view) => void requested.push(view.url.replace(/^http:\/\/[^/]+|\?.*$/g, '')),
    }
  },
})

const requested: string[] = []
let server: TestServer
beforeAll(async () => {
  server = await start({ plugins: [mine], config: { pathPrefix: '/ws' } })
})
afterAll(() => server.stop())

const BEFORE = ['/ws', '/ws/', '/ws//']

test.each(BEFORE)('a socket below %s', async (before) => {
  await using client = await server.raw({ path: `${before}/app/${KEY}?protocol=7` })
  expect(client.socketId).not.toBe('')
})

test.each(BEFORE)('a session of the HTTP fallback below %s', async (before) => {
  const session = crypto.randomUUID()
  const url = `${before}/pusher/app/${KEY}/1/${session}/xhr?protocol=7`
  expect(await (await server.http(url, { method: 'POST' })).text()).toStartWith('o\n')
})

test.each(BEFORE)('Phoenix’s long-poll below %s', async (before) => {
  const answer = await server.http(`${before}/socket/longpoll?vsn=2.0.0&app_key=${KEY}`)
  expect(await answer.json()).toMatchObject({ status: 410, token: expect.any(String) })
})

test('stock pusher-js with either', async () => {
  for (const wsPath of ['/ws', '/ws/']) {
    await using client = server.pusher({ options: { wsPath } })
    await client.state('connected')
  }
})

describe('a trigger is signed as its path was written, or as SDKs put it together', () => {
  const ROUTE = '/apps/1/channels'
  const ROWS: readonly (readonly [path: string, ...signed: string[]])[] = [
    [`/ws${ROUTE}`, `/ws${ROUTE}`, ROUTE],
    [`/ws/${ROUTE}`, `/ws/${ROUTE}`, ROUTE, `/${ROUTE}`],
    ['/ws/apps//1/channels', '/ws/apps//1/channels', '/apps//1/channels', ROUTE],
  ]
  const signedAs = (method: string, signed: string): string => {
    const query = `auth_key=${KEY}&auth_timestamp=${Math.floor(server.clock.now() / 1000)}&auth_version=1.0`
    const text = `${method}\n${signed}\n${query}`
    return `${query}&auth_signature=${createHmac('sha256', server.app.secret).update(text).digest('hex')}`
  }
  for (const [path, ...signed] of ROWS)
    test.each(signed)(`${path} as %s`, async (as) => {
      expect((await server.http(`${path}?${signedAs('GET', as)}`)).status).toBe(200)
      expect(requested.at(-1)).toBe(path) // plugins see what was sent
    })

  test.each([`/x${ROUTE}`, '/apps/2/channels', ''])('and not as %p', async (as) => {
    expect((await server.http(`/ws/${ROUTE}?${signedAs('GET', as)}`)).status).toBe(401)
  })

  test('an app’s connections are counted there, too', async () => {
    const route = '/ws/apps/1/connections'
    expect((await server.http(`${route}?${signedAs('GET', route)}`)).status).toBe(200)
  })

  test('without the prefix there is none', async () => {
    const answer = await server.http(`${ROUTE}?${signedAs('GET', ROUTE)}`)
    expect([answer.status, await answer.text()]).toEqual([404, `Path ${ROUTE} is not below /ws\n`])
  })
})

describe('all else answers with and without it', () => {
  const ROUTES: readonly (readonly [string, number])[] = [
    ['/', 200],
    ['/up', 200],
    ['/ready', 200],
    ['/accept-traffic', 200],
    ['/swagger', 200],
    ['/console', 200],
    ['/swagger/', 200],
    ['/swagger/json', 200],
    ['/swagger/defaults', 200],
    ['/api/admin/apps', 200],
    ['/api/admin/apps/test-app', 200],
    ['/api/admin/apps/test-app/webhooks/deliveries', 200],
    ['/api/admin/plugins', 200],
    ['/plugins/mine/seen', 200],
    ['/api/apps/test-app/channels', 401],
    ['/nowhere', 404],
    ['/up/more', 404],
  ]
  /** One counts what it was asked, the others say where they were asked. */
  const TOLD_APART = ['/api/admin/plugins', '/swagger/json', '/console']
  test.each(ROUTES)('%s', async (path, status) => {
    const paths = ['', '/ws', '/ws/', '/ws//'].map((before) => before + path)
    const headers = makeBasicAuth(ADMIN_PAIR)
    const answers = await Promise.all(paths.map((each) => server.http(each, { headers })))
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    expect(answers.map((answer) => answer.status)).toEqual(paths.map(() => status))
    const same = (text: string): string => text.replace(/(href|src)="[^"]*"/g, '')
    if (!TOLD_APART.includes(path)) expect(new Set(texts.map(same)).size).toBe(1)
  })

  test('the prefix alone is the start page', async () => {
    expect(await (await server.http('/ws')).text()).toContain('<h1>Carillon</h1>')
  })

  test('and says where what it has made is, as it was asked', async () => {
    for (const before of ['', '/ws']) {
      const answer = await server.admin(`${before}/api/admin/apps`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ app: { name: `made below ${before}` } }),
      })
      const made = answer.headers.get('location')!
      expect(made).toStartWith(`${before}/api/admin/apps/made-below`)
      expect((await server.admin(made)).status).toBe(200)
    }
  })
})

test('without a Host only what has one part is found, below the prefix too', async () => {
  const ROWS = [
    ['/up', 200],
    ['/ws/up', 200],
    ['//up', 200],
    ['//ws//up', 200],
    ['/ws/api/admin/apps', 400],
    ['//api/admin/apps', 400],
    ['/x/ws/api/admin/apps', 400],
  ] as const
  for (const [path, status] of ROWS)
    expect([path, await statusWithoutHost(server.port, path)]).toEqual([path, status])
})

function statusWithoutHost(port: number, path: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  void Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => void socket.write(`GET ${path} HTTP/1.0\r\n\r\n`),
      data: (socket, bytes) => {
        resolve(Number(bytes.toString().split(' ')[1]))
        socket.end()
      },
    },
  })
  return promise
}

describe('pages name what is beside them, below whatever a proxy has put in front', () => {
  /** As a browser sees it: below `front`, which a proxy takes off. */
  const linksOf = async (path: string, front: string) => {
    const text = await (await server.http(path)).text()
    const links = Array.from(text.matchAll(/(?:href|src)="([^"#:]+)"/g), ([, link = '']) => link)
    return links.map((link) => new URL(link, `http://127.0.0.1${front}${path}`).pathname)
  }
  const LINKS = ['/console', '/swagger', '/swagger/json', '/up', '/ready']
  const PAGES = [
    ['/', ''],
    ['/ws', '/ws'],
    ['/ws/', '/ws'],
  ] as const
  const FRONTS = ['', '/realtime']

  test.each(PAGES)('the start page at %s', async (path, below) => {
    for (const front of FRONTS)
      expect(await linksOf(path, front)).toEqual(LINKS.map((link) => front + below + link))
  })

  test.each(['/swagger', '/swagger/', '/ws/swagger', '/ws/swagger/'])('%s', async (path) => {
    for (const front of FRONTS) {
      const links = await linksOf(path, front)
      const assets = links.filter((link) => link !== '/swagger/json') // the script sets it
      expect(assets.length).toBeGreaterThan(1)
      for (const link of assets) {
        expect(link).toStartWith(`${front}${path.replace(/\/$/, '')}/`)
        expect((await server.http(link.slice(front.length))).status).toBe(200)
      }
    }
  })

  test.each([
    ['/ws/swagger/json', '/ws/'],
    ['/swagger/json', '/ws'],
  ])('the document at %s says that the server is at %s', async (path, root) => {
    const { servers, paths } = await (await server.http(path)).json()
    expect(Object.keys(paths)).toContain('/apps/{appId}/events')
    for (const front of FRONTS)
      expect(new URL(servers[0].url, `http://127.0.0.1${front}${path}`).pathname).toBe(front + root)
  })

  test('without a prefix of the settings it is beside the document', async () => {
    await using plain = await start()
    const { servers } = await (await plain.http('/swagger/json')).json()
    expect(new URL(servers[0].url, 'http://127.0.0.1/front/swagger/json').pathname).toBe('/front/')
  })
})

test('what is refused for want of room is told in the words of the route, below the prefix too', async () => {
  await using small = await start({ config: { pathPrefix: '/ws', maxRequests: 1 } })
  const headers = { ...makeBasicAuth(ADMIN_PAIR), 'content-type': 'application/json' }
  const path = '/ws/api/admin/apps'
  const { promise: end, resolve } = Promise.withResolvers<void>()
  const body = new ReadableStream({
    async pull(controller) {
      controller.enqueue(new TextEncoder().encode('{'))
      await end
      controller.close()
    },
  })
  const waiting = small.http(path, { method: 'POST', headers, body })
  while (small.core.uploads.count === 0) await new Promise<void>((next) => setImmediate(next))
  const refused = await small.http('/ws/api/push', { method: 'POST', headers })
  expect(await refused.json()).toEqual({
    errors: { detail: expect.stringContaining('CARILLON_MAX_REQUESTS') },
  })
  resolve()
  await waiting
})
