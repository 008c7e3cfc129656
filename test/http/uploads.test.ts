/** Bodies that come slowly or never, and requests that are in flight meanwhile. */
import { describe, expect, spyOn, test } from 'bun:test'
import { createHash, createHmac } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { definePlugin } from '../../src/plugin'
import { Addresses } from '../../src/http/address'
import { Inbox, start, waitFor, type StartOptions, type TestServer } from '../harness'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import * as longPoll from '../transports/longpoll-client'
import { XhrClient } from '../transports/xhr-client'

const NOW = 1_700_000_000

function signedPath(secret = 'test-app-fake-secret'): string {
  const path = '/apps/1/events'
  const md5 = createHash('md5').update('').digest('hex')
  const query = `auth_key=test-app-fake-key&auth_timestamp=${NOW}&auth_version=1.0&body_md5=${md5}`
  const hmac = createHmac('sha256', secret).update(`POST\n${path}\n${query}`)
  return `${path}?${query}&auth_signature=${hmac.digest('hex')}`
}

/** A request of which the test sends what it likes, when it likes. */
class Slow {
  readonly answers = new Inbox<string>()
  readonly closed: Promise<void>
  readonly socket: Socket

  constructor(server: TestServer, path: string, headers: Readonly<Record<string, string>>) {
    this.socket = connect(server.port, '127.0.0.1')
    this.socket.on('data', (bytes) => this.answers.push(bytes.toString()))
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()))
    const lines = Object.entries({ host: 'localhost', ...headers }).map((pair) => pair.join(': '))
    this.socket.write([`POST ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n'))
  }

  send(bytes: number): void {
    this.socket.write('x'.repeat(bytes))
  }

  async status(): Promise<number> {
    return Number((await this.answers.next('an answer')).split(' ')[1])
  }

  [Symbol.dispose](): void {
    this.socket.destroy()
  }
}

const reader = definePlugin({
  name: 'reader',
  carillon: 1,
  setup({ routes, readBody }) {
    routes
      .post('/framework', ({ body }) => body)
      .post('/own', ({ request }) => readBody(request), { parse: 'none' })
    return {}
  },
})

const serve = (options: StartOptions = {}) =>
  start({ now: NOW * 1000, plugins: [reader], ...options })

async function underWay(server: TestServer, count: number): Promise<void> {
  while (server.core.uploads.count !== count)
    await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Where bodies are read, and of whom. */
const PATHS: Readonly<
  Record<string, (server: TestServer) => Promise<readonly [string, Record<string, string>]>>
> = {
  'a signed request': async () => [signedPath(), {}],
  'the admin API': async () => ['/api/admin/apps', makeBasicAuth(ADMIN_PAIR)],
  'ExPusherLite’s events': async () => ['/api/apps/test-app/events', makeBasicAuth(PAIR)],
  'PushEx’s push': async () => ['/api/push', makeBasicAuth(PAIR)],
  'a plugin’s route that reads it': async () => ['/plugins/reader/own', {}],
  'a plugin’s route that the framework reads it for': async () => [
    '/plugins/reader/framework',
    { 'content-type': 'text/plain' },
  ],
  'an xhr_send': async (server) => {
    const { base } = await new XhrClient(server).open()
    return [`${base}/xhr_send`, {}]
  },
  'a post of the long-poll': async (server) => {
    const { token } = await longPoll.openSession(server)
    return [`${longPoll.PATH}&token=${token}`, {}]
  },
}

describe.each(Object.entries(PATHS))('the body of %s', (_, pathFor) => {
  test('is given up after ten seconds in which nothing came, and its connection closed', async () => {
    await using server = await serve()
    const [path, headers] = await pathFor(server)
    const whole = { ...headers, 'content-length': '100' }
    const chunked = { ...headers, 'transfer-encoding': 'chunked' }
    const requests = [whole, chunked].map((given) => new Slow(server, path, given))
    await underWay(server, 2)
    server.advance(5000)
    expect(server.core.uploads.count).toBe(2)
    server.advance(5000)
    expect(server.core.uploads.count).toBe(0)
    for (const request of requests) {
      expect(await request.status()).toBe(408)
      await waitFor('the close', request.closed)
    }
  })
})

test.each([
  ['a kilobyte a second', 1024, false],
  ['16 KB a second', 16_384, true],
])('a long body at %s: %p', async (_, perSecond, isStaying) => {
  await using server = await serve()
  using request = new Slow(server, signedPath(), { 'content-length': '500000' })
  await underWay(server, 1)
  using came = spyOn(server.core.uploads, 'receive')
  for (let second = 0; second < 20 && server.core.uploads.count > 0; second++) {
    const before = came.mock.calls.length
    request.send(perSecond)
    while (came.mock.calls.length === before)
      await new Promise<void>((resolve) => setImmediate(resolve))
    server.advance(1000)
  }
  expect(server.core.uploads.count).toBe(isStaying ? 1 : 0)
  if (!isStaying) expect(await request.status()).toBe(408)
})

describe('requests in flight', () => {
  test('are so many of all; then 503, closed, while it is answered how the server is', async () => {
    await using server = await serve({ config: { maxRequests: 3 } })
    const waiting = Array.from(
      { length: 3 },
      () => new Slow(server, signedPath(), { 'content-length': '9' }),
    )
    await underWay(server, 3)
    using refused = new Slow(server, signedPath(), { 'content-length': '9' })
    const answer = await refused.answers.next('a refusal')
    expect(answer).toStartWith('HTTP/1.1 503')
    expect(answer).toContain('retry-after: 1\r\n')
    expect(answer).toContain('Server is over its limit of 3 requests (CARILLON_MAX_REQUESTS)')
    await waitFor('the close', refused.closed)
    expect((await server.http('/up')).status).toBe(200)
    expect(server.core.counters.requestsRefused).toBe(1)
    for (const { socket } of waiting) socket.destroy()
    await underWay(server, 0)
    expect((await server.trigger({ name: 'e', channel: 'room', data: 'x' })).status).toBe(200)
  })

  test('are asked for no address where none has a limit', async () => {
    using of = spyOn(Addresses.prototype, 'of')
    await using server = await serve({
      config: { maxRequests: 3 },
      limits: { maxRequestsPerAddress: 0 },
    })
    expect((await server.trigger({ name: 'e', channel: 'room', data: 'x' })).status).toBe(200)
    expect(of).not.toHaveBeenCalled()
  })

  test('are so many of one address; then 429, and others go on', async () => {
    await using server = await serve({
      config: { trustedProxies: ['127.0.0.1'] },
      apps: [{ id: '1', key: 'test-app-fake-key', secret: 'own' }],
      limits: { maxRequestsPerAddress: 2 },
    })
    const request = (address: string) =>
      new Slow(server, signedPath('own'), { 'content-length': '9', 'x-forwarded-for': address })
    const waiting = Array.from({ length: 2 }, () => request('203.0.113.7'))
    await underWay(server, 2)
    await server.http('/up')
    using refused = request('203.0.113.7')
    expect(await refused.status()).toBe(429)
    await waitFor('the close', refused.closed)
    const others = [
      request('203.0.113.8'),
      request('10.0.0.1'),
      request('10.0.0.1'),
      request('10.0.0.1'),
    ]
    await underWay(server, 6)
    for (const { socket } of waiting) socket.destroy()
    await underWay(server, 4)
    await server.http('/up')
    others.push(request('203.0.113.7'))
    await underWay(server, 5)
    for (const { socket } of others) socket.destroy()
  })

  test('polls and streams that wait by right are not among them, nor given up', async () => {
    await using server = await serve({ config: { maxRequests: 1 } })
    const stream = await new XhrClient(server).openStream()
    const { poll } = await longPoll.openSession(server)
    const answer = poll()
    await longPoll.waitForPoll(server)
    expect((await server.trigger({ name: 'e', channel: 'room', data: 'x' })).status).toBe(200)
    server.advance(15_000)
    expect((await answer).status).toBe(204)
    server.advance(15_000)
    expect(await stream.lines.next('a beat')).toBe('a[]')
    stream.abort.abort()
  })
})
