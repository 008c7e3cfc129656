/** How long sessions of the HTTP fallback live, and what ends them. */
import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { dismissUser } from '../../src/core/dismiss'
import { refusal } from '../../src/core/errors'
import { originCheck } from '../../plugins/origin-check'
import { PONG, makePlugin, start, type TestServer } from '../harness'
import { messagesOf, waitForRequest, XhrClient } from './xhr-client'

const PING = { event: 'pusher:ping', data: {} }

/** Waits, by round trips, until the server has as many sessions. */
async function sessions(server: TestServer, count: number): Promise<void> {
  const { xhr } = server.server
  for (let trips = 0; xhr.count !== count; trips++) {
    if (trips > 500) throw new Error(`${xhr.count} sessions, not ${count}`)
    await server.http('/up')
  }
}

describe('nobody polls', () => {
  test('for ten seconds: the session is over, and a poll begins a new one', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    server.advance(9000)
    expect(server.server.xhr.count).toBe(1)
    server.advance(6000)
    expect(server.listFactNames()).toEqual(['connected', 'disconnected'])
    expect(server.server.xhr.count).toBe(0)
    expect((await client.send(PING)).status).toBe(404)
    expect(await client.poll()).toContain('o')
  })

  test('and a megabyte waits: the session is over, counted and logged', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    const data = 'x'.repeat(10_000)
    for (let n = 0; n < 103; n++) await server.trigger({ channel: 'room', name: 'e', data })
    expect(server.server.xhr.count).toBe(1)
    for (let n = 0; n < 2; n++) await server.trigger({ channel: 'room', name: 'e', data })
    expect(server.server.xhr.count).toBe(0)
    expect(server.core.hub.connectionCount).toBe(0)
    expect(server.totals.slowReadersClosed).toBe(1)
    expect(server.log.lines.filter(({ message }) => message === 'slow reader closed')).toHaveLength(
      1,
    )
  })
})

describe('a request breaks off', () => {
  test.each(['xhr', 'xhr_streaming'])('%s: the connection is over at once', async (verb) => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const [conn] = server.core.hub.connections()
    const abort = new AbortController()
    const answer = client.post(verb, '', { signal: abort.signal }).catch(() => 'aborted')
    await waitForRequest(server, conn!)
    abort.abort()
    await answer
    await sessions(server, 0)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('an xhr_send in the middle of its body changes nothing', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const head = `POST ${client.base}/xhr_send HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n["{`
    const socket = connect(server.port, '127.0.0.1')
    await new Promise<void>((resolve) => socket.write(head, () => resolve()))
    await server.http('/up')
    socket.destroy()
    await client.send(PING)
    expect(await client.messages(1)).toEqual([PONG])
    expect(server.core.counters.faults).toBe(0)
  })
})

describe('a stream', () => {
  test('that is not read: the session is over, counted and logged', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const socket = connect(server.port, '127.0.0.1')
    socket.pause()
    socket.write(`POST ${client.base}/xhr_streaming?protocol=7 HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    await sessions(server, 1)
    await client.subscribe('room')
    const data = 'x'.repeat(10_000)
    const limit = 100 * 1024 * 1024
    for (let sent = 0; server.server.xhr.count > 0 && sent < limit; sent += data.length)
      await server.trigger({ channel: 'room', name: 'e', data })
    expect(server.totals.slowReadersClosed).toBe(1)
    socket.destroy()
  })
})

describe('silence', () => {
  test('of 25 seconds is broken by an empty frame, so that proxies keep the request', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const stream = await client.openStream()
    server.advance(20_000)
    await client.send(PING)
    expect(await stream.lines.next()).toBe(`a[${JSON.stringify(PONG)}]`)
    server.advance(25_000)
    expect(await stream.lines.next()).toBe('a[]')
  })

  test('of a client is met with a ping, and ends with 4201', async () => {
    await using server = await start()
    const stream = await new XhrClient(server).openStream()
    server.advance(125_000)
    expect(JSON.parse(await stream.nextMessage()).event).toBe('pusher:ping')
    server.advance(35_000)
    let line = await stream.lines.next()
    while (line.startsWith('a')) line = await stream.lines.next()
    expect(line).toStartWith('c[4201,"')
    expect(await stream.ended).toBe('ended')
    expect(server.totals.silentClosed).toBe(1)
  })

  test('of a client that polls is none', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const [conn] = server.core.hub.connections()
    for (let seconds = 0; seconds < 200; seconds += 25) {
      const polled = client.poll()
      await waitForRequest(server, conn!)
      server.advance(25_000)
      expect(await polled).toEqual(['a[]'])
    }
    expect(conn!.closed).toBe(false)
  })

  test('of a client that shows nobody in time is told 4009', async () => {
    await using server = await start({ limits: { authorizeWithinSeconds: 10 } })
    const stream = await new XhrClient(server).openStream()
    server.advance(15_000)
    expect(await stream.lines.next()).toStartWith('c[4009,"')
  })
})

describe('a goodbye', () => {
  test('reaches a stream after all that was sent before it', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const stream = await client.openStream()
    await client.subscribe('room')
    await stream.nextMessage()
    await server.trigger({ channel: 'room', name: 'e', data: 'last' })
    await server.leave()
    expect(await stream.nextMessage()).toContain('last')
    expect(await stream.lines.next()).toStartWith('c[4200,"')
    expect(await stream.ended).toBe('ended')
  })

  test('waits for the next poll, once', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    const [conn] = server.core.hub.connections()
    conn!.refuse(refusal('shutting_down', 'Bye'))
    expect(server.core.hub.connectionCount).toBe(0)
    expect((await client.send(PING)).status).toBe(404)
    const [line, goodbye, ...rest] = await client.poll()
    expect(messagesOf(line!)).toHaveLength(1)
    expect({ goodbye, rest }).toEqual({ goodbye: 'c[4200,"Bye"]', rest: [] })
    expect(server.server.xhr.count).toBe(0)
  })

  test('that nobody fetches is forgotten ten seconds later', async () => {
    await using server = await start()
    await new XhrClient(server).open()
    const [conn] = server.core.hub.connections()
    conn!.refuse(refusal('shutting_down', 'Bye'))
    expect(server.server.xhr.count).toBe(1)
    server.advance(15_000)
    expect(server.server.xhr.count).toBe(0)
  })

  test('ends the sessions of a user', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    const stream = await client.openStream()
    const userData = '{"id":"ada"}'
    server.signin(
      { socketId: client.socketId, send: (it: object) => client.send(it) } as never,
      userData,
    )
    expect(await stream.nextMessage()).toContain('signin_success')
    const app = server.core.apps.byId('1')!
    dismissUser(server.core, app, 'ada' as never, refusal('connection_refused', 'Out'))
    expect(await stream.lines.next()).toBe('c[4009,"Out"]')
  })
})

describe('rights', () => {
  test('sessions count as connections of their app', async () => {
    await using server = await start({ limits: { maxConnectionsPerApp: 1 } })
    await new XhrClient(server).open()
    expect((await new XhrClient(server).poll()).at(-1)).toStartWith('c[4004,"')
    expect(server.core.hub.connectionCount).toBe(1)
  })

  test('newcomers are told 4100 while the server leaves', async () => {
    await using server = await start()
    server.core.state.draining = true
    expect((await new XhrClient(server).poll()).at(-1)).toStartWith('c[4100,"')
  })

  test('plugins are asked at the upgrade: pages of other origins are told 4009', async () => {
    await using server = await start({ plugins: [originCheck({ hosts: ['//example.org'] })] })
    const stranger = new XhrClient(server, { headers: { origin: 'https://example.com' } })
    expect((await stranger.poll()).at(-1)).toStartWith('c[4009,"')
    await new XhrClient(server, { headers: { origin: 'https://example.org' } }).open()
  })

  test('plugins are asked at the connect, and may think; the hello waits for them', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const gate = makePlugin('gate', { connect: () => promise })
    await using server = await start({ plugins: [gate] })
    const client = new XhrClient(server)
    expect(await client.poll()).toEqual(['o'])
    await client.send(PING)
    resolve()
    const [hello, pong] = await client.messages(2)
    expect(hello).toContain('pusher:connection_established')
    expect(pong).toBe(PONG)
  })

  test('plugins see the client’s address behind a trusted proxy, and its query', async () => {
    const seen: string[] = []
    const eye = makePlugin('eye', {
      upgrade: (_, { remoteAddress, query }) =>
        void seen.push(`${remoteAddress} ${query.get('token')}`),
    })
    await using server = await start({
      plugins: [eye],
      config: { trustedProxies: ['127.0.0.1'] },
    })
    await new XhrClient(server, {
      query: 'protocol=7&token=x',
      headers: { 'x-forwarded-for': '192.0.2.7' },
    }).open()
    expect(seen).toEqual(['192.0.2.7 x'])
  })
})
