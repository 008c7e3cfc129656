/** Strangers on the HTTP fallback: odd requests, many of them, at the wrong moment. */
import { connect } from 'node:net'
import { describe, expect, test } from 'bun:test'
import { PONG, makePlugin, start, waitFor, type TestServer } from '../harness'
import { isWaiting, messagesOf, waitForRequest, XhrClient } from './xhr-client'

const PING = { event: 'pusher:ping', data: {} }

/** Waits, by round trips, until something of the server is so. */
async function until(server: TestServer, isSo: () => boolean): Promise<void> {
  for (let trips = 0; !isSo(); trips++) {
    if (trips > 1000) throw new Error('it never is')
    await server.http('/up')
  }
}

/** All that is answered on one connection to which these bytes are written. */
function exchange({ port }: TestServer, bytes: string): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let got = ''
    socket.on('data', (chunk) => (got += chunk))
    socket.on('error', () => undefined) // the close says the same
    socket.on('close', () => resolve(got))
  })
  return waitFor('the end of the connection', answer)
}

const request = (path: string, method = 'POST', more = ''): string =>
  `${method} ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n${more}\r\n`
const CLOSE = 'connection: close\r\n'

describe('requests that are none of the fallback make no session', () => {
  test.each([
    ['jsonp', 'POST'],
    ['jsonp_send', 'POST'],
    ['eventsource', 'GET'],
    ['htmlfile', 'GET'],
    ['websocket', 'GET'],
    ['xhr/', 'POST'],
    ['xhr%00', 'POST'],
    ['XHR', 'POST'],
    ['xhr/../xhr2', 'POST'],
    ['xhr', 'GET'],
    ['xhr', 'HEAD'],
    ['xhr', 'PUT'],
    ['xhr', 'DELETE'],
    ['xhr_streaming', 'PATCH'],
  ])('%s by %s', async (verb, method) => {
    await using server = await start()
    const path = `${new XhrClient(server).base}/${verb}`
    expect(await exchange(server, request(path, method, CLOSE))).toStartWith('HTTP/1.1 404 ')
    expect(server.server.xhr.count).toBe(0)
  })

  test.each(['x'.repeat(65), 'short', 'abc.defgh', 'abcdefg%20', '../abcdefgh', 'abcdefgh/xhr'])(
    'the name %s',
    async (name) => {
      await using server = await start()
      const path = `/pusher/app/${server.app.key}/1/${name}/xhr`
      expect(await exchange(server, request(path, 'POST', CLOSE))).toStartWith('HTTP/1.1 404 ')
      expect(server.server.xhr.count).toBe(0)
    },
  )
})

describe('one connection for several requests', () => {
  test('one after the other: as if each had its own', async () => {
    await using server = await start()
    const { base } = new XhrClient(server)
    expect(await exchange(server, request(`${base}/xhr`, 'POST', CLOSE))).toContain('\r\n\r\no\na[')
    expect(server.server.xhr.count).toBe(1)
  })

  test('behind one that waits: the runtime closes it, the session ends, nobody else is harmed', async () => {
    await using server = await start()
    const other = await new XhrClient(server).open()
    const { base } = new XhrClient(server)
    const bytes = request(`${base}/xhr`) + request(`${base}/xhr`) + request('/up', 'GET')
    expect(await exchange(server, bytes)).toBe('')
    await until(server, () => server.server.xhr.count === 1)
    await other.send(PING)
    expect(await other.messages(1)).toEqual([PONG])
    expect(server.core.counters.faults).toBe(0)
  })
})

describe('many at once', () => {
  test('of a hundred polls of a session the last one gets what comes, the others end empty', async () => {
    await using server = await start()
    const client = await new XhrClient(server).open()
    const [conn] = server.core.hub.connections()
    const polls = Array.from({ length: 100 }, () => client.poll())
    await waitForRequest(server, conn!)
    let ended = 0
    for (const poll of polls) void poll.then(() => ended++)
    await until(server, () => ended === 99)
    await client.send(PING)
    const lines = (await Promise.all(polls)).flat()
    expect(lines.flatMap(messagesOf)).toEqual([PONG])
  })

  test('a thousand sessions that nobody polls hold no more than they may, and are gone in time', async () => {
    await using server = await start()
    for (let slice = 0; slice < 10; slice++)
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const client = await new XhrClient(server).open()
          await client.subscribe('room')
        }),
      )
    expect(server.server.xhr.count).toBe(1000)
    const data = 'x'.repeat(10_000)
    for (let n = 0; n < 110; n++) await server.trigger({ channel: 'room', name: 'e', data })
    await until(server, () => server.server.xhr.count === 0)
    expect(server.totals.slowReadersClosed).toBe(1000)
    expect(server.core.hub.connectionCount).toBe(0)
  }, 30_000)

  test('opened and left in the middle, they leave nothing behind', async () => {
    await using server = await start()
    const leave = async (verb: string): Promise<void> => {
      const abort = new AbortController()
      const client = new XhrClient(server)
      const response = await client.post(verb, '', { signal: abort.signal })
      const next = client.post(verb, '', { signal: abort.signal }).catch(() => undefined)
      abort.abort()
      await Promise.all([next, response.text().catch(() => '')])
    }
    for (let round = 0; round < 20; round++)
      await Promise.all(['xhr', 'xhr_streaming', 'xhr', 'xhr_streaming'].map(leave))
    server.advance(10_000)
    await until(server, () => {
      server.advance(5000)
      return server.server.xhr.count === 0
    })
    expect(server.core.hub.connectionCount).toBe(0)
    const { length } = server.listFactNames().filter((fact) => fact === 'disconnected')
    expect(length).toBe(server.listFactNames().length - length)
    expect(server.core.counters.faults).toBe(0)
  })

  test('messages of requests that are sent at once are each heard once, those of one in order', async () => {
    await using server = await start()
    await using witness = await server.raw()
    await server.signedIn(witness, 'private-room')
    const client = await new XhrClient(server).open()
    await client.subscribe('private-room', server.sign(client, 'private-room'))
    await client.messages(1)
    const makeEvent = (n: number) => ({ event: `client-${n}`, channel: 'private-room', data: {} })
    await Promise.all([0, 2, 4, 6, 8].map((n) => client.send(makeEvent(n), makeEvent(n + 1))))
    const heard = (await witness.frames.take(10)).map((frame) =>
      Number(JSON.parse(frame).event.slice(7)),
    )
    expect(heard.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    for (const n of [0, 2, 4, 6, 8]) expect(heard.indexOf(n)).toBe(heard.indexOf(n + 1) - 1)
  })
})

describe('at the wrong moment', () => {
  test('a name that somebody else uses takes the session over, and the first one sees it end', async () => {
    await using server = await start()
    const owner = await new XhrClient(server).open()
    const [conn] = server.core.hub.connections()
    const poll = owner.poll()
    await waitForRequest(server, conn!)
    const thief = new XhrClient(server, { session: owner.session })
    const stolen = thief.poll()
    expect(await poll).toEqual([])
    await owner.send(PING)
    expect((await stolen).flatMap(messagesOf)).toEqual([PONG])
    expect(server.core.hub.connectionCount).toBe(1)
  })

  test('an app that is deleted tells those who poll, those who will, and those who stream', async () => {
    await using server = await start()
    const app = { name: 'short lived', id: '77', key: 'key77', secret: 'secret77' }
    await server.admin('/api/admin/apps', { method: 'POST', body: JSON.stringify({ app }) })
    const make = () => new XhrClient(server, { key: 'key77' })
    const [polling, later] = [await make().open(), await make().open()]
    const streaming = await make().openStream()
    const poll = polling.poll()
    await until(server, () => [...server.core.hub.connections()].filter(isWaiting).length === 2)
    await server.admin('/api/admin/apps/77', { method: 'DELETE' })
    const goodbye = 'c[4001,"App 77 was deleted"]'
    expect([await poll, await later.poll()]).toEqual([[goodbye], [goodbye]])
    expect(await streaming.lines.next()).toBe(goodbye)
    expect(await streaming.ended).toBe('ended')
    expect(server.server.xhr.count).toBe(0)
  })

  test('a message that ends the connection ends those behind it in the same request', async () => {
    const ender = makePlugin('ender', {
      frame: (conn, text) => void (text === 'last' && conn.disconnect('bye')),
    })
    await using server = await start({ plugins: [ender] })
    const client = await new XhrClient(server).open()
    expect((await client.send(PING, 'last', PING)).status).toBe(204)
    expect(await client.poll()).toEqual([`a[${JSON.stringify(PONG)}]`, 'c[4009,"bye"]'])
    expect((await client.send(PING)).status).toBe(404)
  })
})
