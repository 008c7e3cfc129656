/** TLS where it is needed: apps that accept nothing else, and servers that redirect. */
import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { readConfig } from '../src/config/config'
import { Addresses } from '../src/http/address'
import { start, startCommon, type TestServer } from './harness'

const PROXY = { trustedProxies: ['127.0.0.1'] }
const SECURE = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' }
const PLAIN = { 'x-forwarded-proto': 'http', 'x-forwarded-for': '203.0.113.9' }
const PAIR = {
  tlsCertFile: join(import.meta.dir, 'tls/first.crt'),
  tlsKeyFile: join(import.meta.dir, 'tls/first.key'),
}

describe('what trusted proxies say of the scheme', () => {
  type Row = readonly [isEncrypted: boolean, headers: Record<string, string>, trusted?: string]
  const ROWS: readonly Row[] = [
    [true, { 'x-forwarded-proto': 'https' }, 'a'],
    [true, { 'x-forwarded-proto': 'WSS' }, 'a'],
    [false, { 'x-forwarded-proto': 'http' }, 'a'],
    [false, {}, 'a'],
    [false, { 'x-forwarded-proto': '' }, 'a'],
    // Of a client's own entry in front nothing is believed.
    [false, { 'x-forwarded-proto': 'https, http' }, 'a'],
    [false, { 'x-forwarded-proto': 'https, http', 'x-forwarded-for': '203.0.113.9' }, 'a'],
    [
      true,
      { 'x-forwarded-proto': 'https, http', 'x-forwarded-for': '203.0.113.9, 127.0.0.1' },
      'a',
    ],
    [true, { forwarded: 'for=203.0.113.9;proto=https;host=a' }, 'a'],
    [true, { forwarded: 'for="[2001:db8::1]";Proto="HTTPS"' }, 'a'],
    [false, { forwarded: 'proto=https, for=1.2.3.4;proto=http' }, 'a'],
    [false, { forwarded: 'xproto=https' }, 'a'],
    [false, { forwarded: 'proto=https', 'x-forwarded-proto': 'http' }, 'a'],
  ]
  const serverOf = startCommon({ config: { ...PROXY, plainHttp: 'refuse' } })
  test.each(ROWS)('%p %j', async (isEncrypted, headers) => {
    const { status } = await serverOf().http('/', { headers })
    expect(status).toBe(isEncrypted ? 200 : 403)
  })

  test('nobody else is believed', () => {
    const addresses = new Addresses([], { warn: () => undefined })
    const headers = { 'x-forwarded-proto': 'https', forwarded: 'proto=https' }
    expect(addresses.isEncrypted(new Request('http://a/', { headers }))).toBe(false)
  })
})

async function closeCode(server: TestServer, path: string, headers = {}): Promise<number | 'open'> {
  await using client = await server.raw({ path, headers, hello: false })
  const first = await client.next().catch(() => '')
  if (first.includes('connection_established')) return 'open'
  return (await client.closing()).code
}

describe('an app that accepts TLS alone', () => {
  const serverOf = startCommon({ config: { ...PROXY, appId: '7', appKey: 'k7', appSecret: 's7' } })
  const isOnly = (tlsOnly: boolean) => serverOf().change({ tlsOnly })
  const SOCKET = '/app/k7?protocol=7'

  test('refuses sockets with 4000, and requests with 403', async () => {
    const server = serverOf()
    await isOnly(true)
    expect(await closeCode(server, SOCKET)).toBe(4000)
    expect(await closeCode(server, SOCKET, PLAIN)).toBe(4000)
    expect(await closeCode(server, SOCKET, SECURE)).toBe('open')
    // The key first, then TLS, then the protocol.
    expect(await closeCode(server, '/app/other?protocol=7', PLAIN)).toBe(4001)
    expect(await closeCode(server, '/app/k7?protocol=99', PLAIN)).toBe(4000)
    const refused = await server.trigger({ channel: 'room', name: 'e', data: 'x' })
    expect([refused.status, await refused.text()]).toEqual([
      403,
      expect.stringContaining('Only TLS is accepted'),
    ])
    await isOnly(false)
    expect(await closeCode(server, SOCKET, PLAIN)).toBe('open')
    expect((await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status).toBe(200)
  })

  test('refuses topics of the Phoenix protocol, and Basic', async () => {
    const server = serverOf()
    await isOnly(true)
    const { slug } = server.core.apps.byId('7')!.record
    const join = (topic: string) => JSON.stringify(['1', '1', topic, 'phx_join', {}])
    for (const [headers, says] of [
      [PLAIN, 'Only TLS is accepted'],
      [SECURE, '"status":"ok"'],
    ] as const) {
      await using socket = await server.raw({
        path: '/socket/websocket?vsn=2.0.0',
        headers,
        hello: false,
      })
      await socket.opened
      socket.send(join(`public:${slug}:room`))
      expect(await socket.next()).toContain(says)
      const authorization = `Basic ${btoa('k7:s7')}`
      const body = JSON.stringify({ event: 'e', channel: 'room', payload: {} })
      const answer = await server.http(`/api/apps/${slug}/events`, {
        method: 'POST',
        body,
        headers: { ...headers, authorization, 'content-type': 'application/json' },
      })
      expect(answer.status === 403).toBe(headers === PLAIN)
    }
  })
})

describe('CARILLON_PLAIN_HTTP', () => {
  const redirectOf = startCommon({ config: { ...PROXY, plainHttp: 'redirect' } })
  const manual = { redirect: 'manual' } as const

  test('redirects what may be, refuses the rest, and answers probes', async () => {
    const server = redirectOf()
    const ask = (path: string, init: RequestInit = {}) =>
      server.http(path, { ...manual, ...init, headers: { ...PLAIN, ...init.headers } })
    const page = await ask('/console?a=1')
    expect([page.status, page.headers.get('location')]).toEqual([
      308,
      'https://127.0.0.1/console?a=1',
    ])
    const named = await ask('/', { headers: { 'x-forwarded-host': 'push.example.org' } })
    expect(named.headers.get('location')).toBe('https://push.example.org/')
    for (const host of ['a b', 'u@evil', '/evil'])
      expect((await ask('/', { headers: { 'x-forwarded-host': host } })).status).toBe(403)
    expect((await ask('/apps/1/events', { method: 'POST', body: '{}' })).status).toBe(403)
    for (const path of ['/up', '/ready']) expect((await ask(path)).status).toBe(200)
    expect((await server.http('/', { headers: SECURE })).status).toBe(200)
  })

  test('tells sockets to use TLS', async () => {
    const server = redirectOf()
    const path = `/app/${server.app.key}?protocol=7`
    expect(await closeCode(server, path, PLAIN)).toBe(4000)
    expect(await closeCode(server, path, SECURE)).toBe('open')
  })

  test('has a port of its own beside a certificate', async () => {
    await using server = await start({ config: { ...PAIR, plainPort: 0, plainHttp: 'redirect' } })
    const plain = `127.0.0.1:${server.server.plainPort}`
    const page = await fetch(`http://${plain}/console`, manual)
    expect([page.status, page.headers.get('location')]).toEqual([
      308,
      `https://127.0.0.1:${server.port}/console`,
    ])
    const path = `/app/${server.app.key}?protocol=7`
    const { promise, resolve } = Promise.withResolvers<number>()
    new WebSocket(`ws://${plain}${path}`).onclose = ({ code }) => resolve(code)
    expect(await promise).toBe(4000)
    expect(await closeCode(server, path)).toBe('open')
    expect((await fetch(`http://${plain}/api/admin/apps`, { method: 'POST' })).status).toBe(403)
    expect((await fetch(`http://${plain}/up`)).status).toBe(200)
  })

  test.each([
    [{ CARILLON_PLAIN_PORT: '80' }, 'is set without CARILLON_TLS_CERT_FILE'],
    [{ CARILLON_PLAIN_HTTP: 'no' }, 'expected allow, redirect, refuse'],
  ])('%p: %s', (env, says) => {
    expect(() => readConfig(env)).toThrow(says)
  })
})
