/** No spelling, host or upgrade leads to the other side; what may be held is bounded on both together. */
import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { guardian } from '../../plugins/guardian'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { OWN_APP, start, startCommon, waitFor, type TestServer } from '../harness'
import { ROUTES, SOCKETS, tryWayIn, WITH_ROUTE } from '../ways-in'

const adminListen = { host: '127.0.0.1', port: 0 }
const serverOf = startCommon({
  plugins: [guardian(), WITH_ROUTE],
  config: { adminListen, pathPrefix: '/realtime' },
})

function portOf({ server: { adminAddress: at } }: TestServer): number {
  if (!at || 'path' in at) throw new Error('admins have no port')
  return at.port
}

/** Sends bytes, and resolves with all that comes back. */
function exchange(port: number, bytes: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
  let text = ''
  socket.on('data', (more) => (text += more.toString('latin1')))
  socket.on('error', reject)
  socket.on('close', () => resolve(text))
  return waitFor('the end of the connection', promise).finally(() => socket.destroy())
}

const request = (method: string, target: string, headers: Readonly<Record<string, string>>) =>
  [
    `${method} ${target} HTTP/1.1`,
    ...Object.entries({ connection: 'close', ...headers }).map((pair) => pair.join(': ')),
    '',
    '',
  ].join('\r\n')

const LOCAL = ['Host: localhost:5173']

/** A path as proxies, clients and attackers may write it. */
const spell = (path: string, ports: readonly number[]): string[] => [
  path,
  `/${path}`,
  path.replaceAll('/', '//'),
  `/.${path}`,
  `/x/..${path}`,
  `/x/%2e%2e${path}`,
  `/%2E${path}`,
  `${path};x`,
  `${path}/`,
  `${path}?x`,
  `${path}#x`,
  path.toUpperCase(),
  path.replace('a', '%61'),
  `/${path.slice(1).replaceAll('/', '%2f')}`,
  path.replaceAll('/', '\\'),
  `/x\\..${path.replaceAll('/', '\\')}`,
  `/realtime${path}`,
  `/realtime//${path}`,
  `/realtime/realtime${path}`,
  `/swagger/public/..${path}`,
  `/swagger/public//swagger/public${path}`,
  `/app/k/../..${path}`,
  `/up/..${path}`,
  `/plugins/guardian${path}`,
  `/plugins/guardian/../..${path}`,
  `${path}%00`,
  `${path}%0d%0a`,
  `x${path}`,
  `HTTP://x${path}`,
  `https://x@y${path}`,
  ...ports.map((port) => `http://127.0.0.1:${port}${path}`),
]

const HIDDEN = {
  public: ['/api/admin/apps', '/swagger/json', '/metrics', '/plugins/guardian/revocations'],
  admin: [
    '/apps/1/channels',
    '/api/apps/test-app/channels',
    '/socket/longpoll',
    '/app/k/1/abcdefgh/xhr',
  ],
} as const

describe('what is on the other side', () => {
  test.each(['public', 'admin'] as const)(
    'is not found by any spelling at the %s one',
    async (side) => {
      const server = serverOf()
      const ports = [server.port, portOf(server)]
      const port = side === 'public' ? server.port : portOf(server)
      const hosts = [
        'localhost',
        ...ports.map((each) => `127.0.0.1:${each}`),
        'a/api/admin',
        'a/swagger/public',
      ]
      for (const path of HIDDEN[side])
        for (const host of hosts) {
          const targets = spell(path, ports)
          const answers = await Promise.all(
            targets.map(async (target) => {
              const text = await exchange(
                port,
                request('GET', target, { host, ...makeBasicAuth(ADMIN_PAIR) }),
              )
              return [target, /^HTTP\/1\.1 40[04] /.test(text) ? 'none' : text.slice(0, 40)]
            }),
          )
          expect(answers).toEqual(targets.map((target) => [target, 'none']))
        }
    },
  )

  test('is no socket, nor what stands in for one, below the page neither', async () => {
    const server = serverOf()
    const isNone = { right: /^HTTP\/1\.1 [12]/, refused: /^HTTP\/1\.1 404 / }
    for (const way of SOCKETS)
      for (const folder of ['', '/realtime', '/swagger/public', '/swagger/public/realtime'])
        expect([
          way.name,
          folder,
          await tryWayIn(server, { ...way, ...isNone }, LOCAL, portOf(server), folder),
        ]).toEqual([way.name, folder, 'refused'])
    expect(server.connectionCount).toBe(0)
  })

  test('is not reached by an upgrade, which is a request like any other', async () => {
    const server = serverOf()
    const upgrade = {
      host: 'localhost',
      connection: 'upgrade, close',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    for (const [path, status] of [
      ['/app/test-app-fake-key', 404],
      ['/api/admin/apps', 401],
      ['/up', 200],
    ] as const)
      expect(await exchange(portOf(server), request('GET', path, upgrade))).toStartWith(
        `HTTP/1.1 ${status} `,
      )
  })

  test('is not smuggled in by a body that is a request', async () => {
    const server = serverOf()
    const inner = request('GET', '/api/admin/apps', {
      host: 'localhost',
      ...makeBasicAuth(ADMIN_PAIR),
    })
    for (const headers of [
      { 'content-length': '0' },
      { 'transfer-encoding': 'chunked', 'content-length': '5' },
      { 'transfer-encoding': 'identity' },
    ]) {
      const outer = request('POST', '/up', {
        host: 'localhost',
        connection: 'keep-alive',
        ...headers,
      })
      const text = await exchange(server.port, `${outer}${inner}`)
      expect(text).not.toContain('HTTP/1.1 20')
      expect(text).not.toContain('secret')
    }
  })
})

const STRANGE = [
  ['Host: localhost', 'X-Forwarded-For: 203.0.113.1'],
  ['Host: evil.example'],
  ['Host: localhost', 'Host: evil.example'],
]
const PAGE = ['Host: localhost', 'Origin: http://localhost:6001', 'Sec-Fetch-Site: same-site']

test('published credentials at the address for admins are good for this machine only, below the page too', async () => {
  await using server = await start({ plugins: [WITH_ROUTE], config: { adminListen } })
  for (const way of ROUTES) {
    const folder = /^\/(?:api\/admin|swagger|console|plugins)\//.test(way.path)
      ? ''
      : '/swagger/public'
    const tryAs = async (lines: readonly string[]) =>
      `${way.name}: ${await tryWayIn(server, way, lines, portOf(server), folder)}`
    expect(await tryAs(LOCAL)).toBe(`${way.name}: in`)
    for (const lines of STRANGE) expect(await tryAs(lines)).toBe(`${way.name}: refused`)
    expect(await tryAs(PAGE)).toMatch(/: refused$|: HTTP\/1\.1 403 /)
  }
})

describe('what strangers hold', () => {
  const unfinished = async (server: TestServer, count: number) => {
    const sockets = Array.from({ length: count }, () => connect(portOf(server), '127.0.0.1'))
    const head = request('POST', '/api/admin/apps', {
      host: 'localhost',
      connection: 'keep-alive',
      'content-length': '100',
      ...makeBasicAuth('me:mine'),
    })
    for (const socket of sockets) socket.on('error', () => undefined).write(`${head}{`)
    while (server.core.uploads.count < count) await server.http('/up')
    return sockets
  }
  const config = { adminListen, maxRequests: 3, adminUsername: 'me', adminPassword: 'mine' }

  test('at one address counts at the other: bodies that stand still are given up, and requests are limited together', async () => {
    await using server = await start({ config, apps: [OWN_APP] })
    const sockets = await unfinished(server, 3)
    const push = { method: 'POST', body: '{"channel":"a","data":1,"event":"e"}' }
    for (const response of [
      await server.http('/api/push', push),
      await server.adminHttp('/api/admin/apps', push),
    ])
      expect([response.status, await response.text()]).toEqual([
        503,
        expect.stringContaining('CARILLON_MAX_REQUESTS'),
      ])
    expect((await server.adminHttp('/ready')).status).toBe(200)
    const answers = sockets.map((socket) => {
      let text = ''
      socket.on('data', (bytes) => (text += bytes.toString()))
      return waitFor(
        'the end',
        new Promise<string>((resolve) => socket.once('close', () => resolve(text))),
      )
    })
    server.advance(15_000)
    for (const answer of await Promise.all(answers)) expect(answer).toStartWith('HTTP/1.1 408 ')
    expect((await server.http('/api/push', push)).status).toBe(403)
  })

  test('as connections that are half open keeps nobody from the address', async () => {
    await using server = await start({ config: { adminListen } })
    const sockets = Array.from({ length: 200 }, (_, index) => {
      const socket = connect(portOf(server), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(['', 'GET /up', 'GET /api/admin/apps HTTP/1.1\r\nHost: local'][index % 3]!)
      return socket
    })
    expect((await server.adminHttp('/up')).status).toBe(200)
    expect((await server.http('/up')).status).toBe(200)
    for (const socket of sockets) socket.destroy()
  })
})
