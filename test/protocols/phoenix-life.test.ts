/**
 * phoenix.js over the life of a connection: refusals, closes, restarts. Its timers run in real time and
 * are set short where its defaults are seconds. Numbers are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { WIRE_ERRORS } from '../../src/protocols/errors'
import { reject } from '../../src/plugin'
import { Inbox, makePlugin, start, waitUntil, type TestServer } from '../harness'
import {
  waitForAnswer,
  GENERATIONS,
  muteSink,
  PhoenixJs,
  connectPhoenix,
  type Generation,
} from '../phoenix'

const KEY = { app_key: 'test-app-fake-key' }
/** Longer each time: 1.2.1 asks to join again before it heard the answer, and forgets what it had asked. */
const nextDelay = (tries: number): number => 10 * tries ** 2
const QUICK = { params: KEY, reconnectAfterMs: nextDelay, rejoinAfterMs: nextDelay }
/** Those that check heartbeats and have join refs. */
const MODERN = GENERATIONS.filter((generation) => generation !== '1.2.1')

const joinsOf = (server: TestServer): number =>
  server.listFactNames().filter((name) => name === 'channel_occupied room').length

describe.each(GENERATIONS)('phoenix.js %s', (generation) => {
  test('refused three times, it comes back by itself and is joined once (4)', async () => {
    let refused = 0
    const door = makePlugin('door', {
      upgrade: () => (refused++ < 3 ? reject('not yet') : undefined),
    })
    await using server = await start({ plugins: [door] })
    const options = generation === '1.2.1' ? QUICK : { params: KEY }
    await using client = new PhoenixJs(server, generation, options)
    const channel = client.socket.channel('room')
    const joined = new Inbox<void>()
    channel.on('e', () => joined.push())
    channel.join().receive('ok', () => joined.push())
    await joined.next('the join')
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    await joined.next('the event')
    expect(refused).toBe(4)
    // Some generations ask twice: what was queued, and again on opening.
    expect(server.countsOf('room').subscriptions).toBe(1)
    expect(server.core.hub.connectionCount).toBe(1)
    expect(joined.unread).toEqual([])
  })

  const CODES = [1001, 1008, 1009, 1011, 1012]
  test.each(CODES)('closed with %d it comes back (31)', async (code) => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, QUICK)
    await client.join('room', ['e'])
    const [conn] = server.core.hub.connections()
    conn!.sink.close(code, 'reason')
    expect(await client.closes.next('the close')).toBe(code)
    await waitUntil('a second join', () => joinsOf(server) === 2)
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    expect((await client.events.next())[0]).toBe('e')
  })

  test('told phx_close it does not join again (18)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, { ...QUICK, params: {} })
    const channel = await client.join('public:test-app', [])
    const closed = new Inbox<void>()
    channel.onClose(() => closed.push())
    await server.admin('/api/admin/apps/test-app', {
      method: 'PATCH',
      body: '{"app":{"name":"another name"}}',
    })
    await closed.next('the close')
    const messages = server.totals.messagesReceived
    const other = client.socket.channel('public:another-name')
    expect((await waitForAnswer(other.join(), 'another join'))[0]).toBe('ok')
    expect(server.totals.messagesReceived - messages).toBe(1)
  })
})

describe.each(MODERN)('phoenix.js %s', (generation) => {
  test('asks again for a join that was refused, until it may (12)', async () => {
    let isOpen = false
    const calls = new Inbox<void>()
    const door = makePlugin('door', {
      subscribe: () => {
        calls.push()
        return isOpen ? undefined : reject('not yet')
      },
    })
    await using server = await start({ plugins: [door] })
    await using client = new PhoenixJs(server, generation, QUICK)
    const channel = client.socket.channel('room')
    const received = new Inbox<string>()
    channel
      .join()
      .receive('error', () => received.push('error'))
      .receive('ok', () => received.push('ok'))
    await calls.take(3)
    isOpen = true
    while ((await received.next('the join')) !== 'ok');
    expect(joinsOf(server)).toBe(1)
  })

  test('closes by itself when its heartbeat is not answered, and comes back (29)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, { ...QUICK, heartbeatIntervalMs: 60 })
    await client.join('room', ['e'])
    for (const conn of server.core.hub.connections()) muteSink(conn)
    await client.closes.next('the close')
    client.socket.heartbeatIntervalMs = 60_000 // on a busy machine 60 ms would close it again
    await waitUntil('a second join', () => joinsOf(server) === 2)
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    expect((await client.events.next())[0]).toBe('e')
  })
})

test('no refusal closes a Phoenix socket with 1000, or with a code of Pusher’s (31, trap 11)', () => {
  const codes = Object.values(WIRE_ERRORS).map(({ phoenix }) => phoenix)
  const closing = new Set(codes.filter((code) => typeof code === 'number'))
  expect([...closing].sort()).toEqual([1001, 1008, 1009, 1011, 1012])
})

const KICKS: readonly (readonly [object, number])[] = [
  [{}, 1001],
  [{ toReconnect: true }, 1012],
]
test.each(KICKS)('a plugin that disconnects with %j closes with %d (32)', async (options, code) => {
  const kicker = makePlugin('kicker', {
    subscribed: (conn, { channel }) => {
      if (channel === 'kick') conn.disconnect('out', options)
    },
  })
  await using server = await start({ plugins: [kicker] })
  await using other = await connectPhoenix(server, { query: 'app_key=test-app-fake-key' })
  await using client = await connectPhoenix(server, { query: 'app_key=test-app-fake-key' })
  await client.join('kick')
  expect((await client.client.closing()).code).toBe(code)
  await other.expectNothing()
})

describe('a restart', () => {
  test('sockets of every protocol are closed in the same slices, Phoenix’s with 1012 (32, trap 18)', async () => {
    await using server = await start({ config: { drainSeconds: 1 } })
    const order: string[] = []
    const clients = []
    for (let n = 0; n < 10; n++) {
      const phoenix = await connectPhoenix(server, { version: n % 2 ? 1 : 2 })
      const pusher = await server.raw()
      void phoenix.client.closed.then(({ code }) => order.push(`phoenix ${code}`))
      void pusher.closed.then(({ code }) => order.push(`pusher ${code}`))
      clients.push(phoenix.client, pusher)
    }
    const leaving = server.server.leave()
    // Ten slices of two: the first at once, the rest as time goes by.
    await waitUntil('the first slice', () => order.length === 2)
    server.advance(500)
    await waitUntil('half of it', () => order.length === 12)
    server.advance(500)
    await waitUntil('the last slice', () => order.length === 20)
    expect(new Set(order)).toEqual(new Set(['phoenix 1012', 'pusher 4200']))
    expect(new Set(order.slice(0, 2)).size).toBe(2)
    await server.leave()
    await leaving
  })

  const CLIENTS: readonly Generation[] = GENERATIONS.flatMap((generation) =>
    Array<Generation>(25).fill(generation),
  )
  test('a hundred clients come back to the next server, each once, and nothing is logged (32, 33)', async () => {
    const first = await start()
    const { port } = first
    const clients = CLIENTS.map((generation) => new PhoenixJs(first, generation, QUICK))
    await Promise.all(clients.map((client) => client.join('room', ['e'])))
    await first.leave()
    await first[Symbol.asyncDispose]()
    const second = await start({ config: { port } })
    await waitUntil('all of them', () => second.countsOf('room').subscriptions === 100)
    await second.trigger({ channel: 'room', name: 'e', data: '{}' })
    const heard = await Promise.all(clients.map(({ events }) => events.next()))
    expect(heard.map(([event]) => event)).toEqual(Array(100).fill('e'))
    expect(second.log.lines.filter(({ level }) => level !== 'info')).toEqual([])
    for (const client of clients) await client[Symbol.asyncDispose]()
    await second[Symbol.asyncDispose]()
  })
})
