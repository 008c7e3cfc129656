/** Events over the HTTP fallback: to many, beside sockets, in order, with nothing lost. */
import { describe, expect, spyOn, test } from 'bun:test'
import { QueuedSink } from '../../src/transports/queued-sink'
import { publish } from '../publish'
import { pusher } from '../../src/protocols/pusher'
import { makeRandom } from '../random'
import { start, type TestServer } from '../harness'
import { waitForRequest, XhrClient } from './xhr-client'

/** Publishes in this turn of the loop, without the detour over HTTP. */
function publishNow(server: TestServer, data: string, socketId?: string, channel = 'room'): void {
  const app = server.core.apps.byId(server.app.id)!
  publish(server.core, app, [{ name: 'e', data, channels: [channel], socketId }])
}

const dataOf = (messages: readonly string[]): string[] => messages.map((it) => JSON.parse(it).data)

async function connectSubscribed(server: TestServer): Promise<XhrClient> {
  const client = await new XhrClient(server).open()
  await client.subscribe('room')
  await client.messages(1)
  return client
}

/** In slices: the system takes so many new connections at once. */
async function many<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  const made: T[] = []
  while (made.length < count)
    made.push(...(await Promise.all(Array.from({ length: 100 }, () => make()))))
  return made
}

test('1 000 sessions beside 1 000 sockets: each event is encoded once and quoted once', async () => {
  await using server = await start()
  const sessions = await many(1000, () => connectSubscribed(server))
  const sockets = await many(1000, async () => {
    const client = await server.raw()
    await client.subscribed('room')
    return client
  })
  using encode = spyOn(pusher, 'broadcast')
  const { quotes } = server.server.xhr
  const before = quotes.count
  const sent = Array.from({ length: 10 }, (_, n) => String(n))
  for (const data of sent) publishNow(server, data)
  for (const client of sockets) expect(dataOf(await client.frames.take(10))).toEqual(sent)
  for (const client of sessions) expect(dataOf(await client.messages(10))).toEqual(sent)
  expect({ encoded: encode.mock.calls.length, quoted: quotes.count - before }).toEqual({
    encoded: 10,
    quoted: 10,
  })
}, 30_000)

test('sixteen sessions are sent to in a turn: each takes as long as many sockets', async () => {
  await using server = await start()
  const sessions = await many(300, () => connectSubscribed(server))
  for (const client of sessions.slice(0, 64)) {
    await client.subscribe('small')
    await client.messages(1)
  }
  using sends = spyOn(QueuedSink.prototype, 'send')
  const mostInTurn = async (expected: number): Promise<number> => {
    let [most, seen] = [0, 0]
    const first = sends.mock.calls.length
    while (seen < expected) {
      await new Promise((resolve) => setImmediate(resolve))
      const now = sends.mock.calls.length - first
      most = Math.max(most, now - seen)
      seen = now
    }
    return most
  }
  publishNow(server, 'alone')
  expect(await mostInTurn(300)).toBe(16)
  publishNow(server, 'beside another')
  publishNow(server, 'to few', undefined, 'small')
  expect(await mostInTurn(364)).toBeLessThanOrEqual(32)
}, 30_000)

describe('an excluded', () => {
  test('session is left out, sockets and other sessions are not', async () => {
    await using server = await start()
    await using socket = await server.raw()
    await socket.subscribed('room')
    const [one, other] = [await connectSubscribed(server), await connectSubscribed(server)]
    publishNow(server, '1', one.socketId)
    publishNow(server, '2')
    expect(dataOf(await socket.frames.take(2))).toEqual(['1', '2'])
    expect(dataOf(await other.messages(2))).toEqual(['1', '2'])
    expect(dataOf(await one.messages(1))).toEqual(['2'])
  })

  test('socket is left out, sessions are not', async () => {
    await using server = await start()
    await using socket = await server.raw()
    await socket.subscribed('room')
    const session = await connectSubscribed(server)
    publishNow(server, '1', socket.socketId)
    publishNow(server, '2')
    expect(dataOf(await session.messages(2))).toEqual(['1', '2'])
    expect(dataOf(await socket.frames.take(1))).toEqual(['2'])
  })
})

test('a session that leaves the channel hears nothing of it any more', async () => {
  await using server = await start()
  const client = await connectSubscribed(server)
  await client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
  publishNow(server, '1')
  await client.send({ event: 'pusher:ping', data: {} })
  expect(JSON.parse((await client.messages(1))[0]!).event).toBe('pusher:pong')
})

describe('nothing is lost and order is kept', () => {
  test('while polls and events race', async () => {
    await using server = await start()
    const client = await connectSubscribed(server)
    const sent = Array.from({ length: 2000 }, (_, n) => String(n))
    const next = makeRandom(7)
    const publishing = (async () => {
      for (const data of sent) {
        publishNow(server, data)
        if (next() < 0.2) await server.http('/up')
      }
    })()
    expect(dataOf(await client.messages(sent.length))).toEqual(sent)
    await publishing
  })

  test('when a poll has more to bring than pusher-js reads at once', async () => {
    await using server = await start()
    const client = await connectSubscribed(server)
    const sent = Array.from({ length: 60 }, (_, n) => `${n} ${'x'.repeat(10_000)}`)
    for (const data of sent) publishNow(server, data)
    const lengths: number[] = []
    const heard: string[] = []
    while (heard.length < sent.length) {
      const messages = dataOf(await client.messages(1))
      lengths.push(messages.join('').length)
      heard.push(...messages)
    }
    expect(heard).toEqual(sent)
    expect(lengths.length).toBeGreaterThan(2)
    expect(Math.max(...lengths)).toBeLessThan(300_000)
  })

  test('when a stream is replaced as pusher-js does, past 256 KiB', async () => {
    await using server = await start()
    const client = new XhrClient(server)
    let stream = await client.openStream()
    const [conn] = server.core.hub.connections()
    await client.subscribe('room')
    await stream.nextMessage()
    const sent = Array.from({ length: 100 }, (_, n) => `${n} ${'ä'.repeat(5000)}`)
    let published = 0
    const heard: string[] = []
    while (heard.length < sent.length) {
      if (published < sent.length) publishNow(server, sent[published++]!)
      heard.push(...dataOf([await stream.nextMessage()]))
      if (stream.chars <= 256 * 1024) continue
      for (let more = 0; more < 3; more++) publishNow(server, sent[published++]!)
      stream.abort.abort()
      await waitForRequest(server, conn!, false)
      publishNow(server, sent[published++]!)
      stream = await client.stream()
    }
    expect(heard).toEqual(sent)
    expect(conn!.closed).toBe(false)
  })
})
