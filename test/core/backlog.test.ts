/**
 * A channel that owes its subscribers more than it may: what is published is taken, and who publishes
 * waits; whoever waits is bounded, and nobody is forgotten.
 */
import { describe, expect, test } from 'bun:test'
import { MAX_WAITING } from '../../src/core/backlog'
import { start, waitFor, type TestServer } from '../harness'
import { crowdedRoom, FRAMES, limits, readFlushed } from './crowded'
import { post } from '../dialects/expusherlite/requests'
import { push } from '../dialects/pushex/requests'
import { KEY, connectPhoenix } from '../phoenix'

/** Fails where it is answered while other requests are. */
async function stillWaits(server: TestServer, answer: Promise<unknown>): Promise<void> {
  const others = (async () => {
    for (let n = 0; n < 5; n++) await server.http('/up')
    return 'others'
  })()
  expect(await Promise.race([answer.then(() => 'answered'), others])).toBe('others')
}

const body = (more: object) => JSON.stringify({ name: 'last', data: 'x', ...more })

/** Every way to publish over HTTP, and the answer that it gets in the end. */
const APIS: readonly (readonly [string, (server: TestServer) => Promise<Response>, number])[] = [
  ['a trigger', (server) => server.signed('POST', '/events', body({ channel: 'room' })), 200],
  [
    'a trigger to several',
    (server) => server.signed('POST', '/events', body({ channels: ['a', 'room'] })),
    200,
  ],
  [
    'a trigger with info',
    (server) =>
      server.signed('POST', '/events', body({ channel: 'room', info: 'subscription_count' })),
    200,
  ],
  [
    'a batch',
    (server) => server.signed('POST', '/batch_events', `{"batch":[${body({ channel: 'room' })}]}`),
    200,
  ],
  [
    'the form of 2012',
    (server) => server.signed('POST', '/channels/room/events', 'x', 'name=last'),
    202,
  ],
  [
    'a push of PushEx',
    (server) => push(server, { channel: 'room', event: 'last', data: 'x' }),
    200,
  ],
  [
    "ExPusherLite's event",
    (server) =>
      post(server, new URLSearchParams({ scope: 'public', topic: 'room', event: 'last' })),
    200,
  ],
]

test.each(APIS)('%s is taken, and answered when there is room', async (_, ask, status) => {
  await using server = await start({ limits })
  const { clients, audience, letGo } = await crowdedRoom(server, 'room')
  const responding = ask(server)
  while (audience.waiting === 0) await server.http('/up')
  await stillWaits(server, responding)
  letGo()
  const response = await waitFor('the answer', responding)
  expect(response.status).toBe(status)
  for (const client of clients) {
    const names = (await client.frames.take(FRAMES + 2)).map((frame) => JSON.parse(frame).event)
    expect(names.at(-1)).toBe('last')
  }
  expect(server.core.hub.isCrowded).toBe(false)
})

test.each(APIS)('%s is refused where too many wait, and nothing is published', async (_, ask) => {
  await using server = await start({ limits })
  const { clients, audience, letGo } = await crowdedRoom(server, 'room')
  for (let n = 0; n < MAX_WAITING; n++) void audience.waitForRoom()
  const response = await ask(server)
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
  expect(await response.text()).toContain('maxQueuedFrames, maxQueuedBytes')
  letGo()
  for (const client of clients)
    expect(await client.frames.take(FRAMES + 1)).toHaveLength(FRAMES + 1)
  await clients[0]!.expectNothing()
})

describe('who waits', () => {
  test('and hangs up is not missed: the event is delivered', async () => {
    await using server = await start({ limits })
    const { clients, audience, letGo } = await crowdedRoom(server, 'room')
    const abort = new AbortController()
    const init = { method: 'POST', body: '{"channel":"room","event":"last","data":"x"}' }
    const headers = { 'content-type': 'application/json' }
    const responding = server.http('/api/push', { ...init, headers, signal: abort.signal })
    while (audience.waiting === 0) await server.http('/up')
    abort.abort()
    expect(responding).rejects.toThrow()
    letGo()
    for (const client of clients)
      expect(JSON.parse((await client.frames.take(FRAMES + 2)).at(-1)!).event).toBe('last')
    expect(audience.waiting).toBe(0)
  })

  test('for who is gone is answered', async () => {
    await using server = await start({ limits })
    const { clients, audience, letGo } = await crowdedRoom(server, 'room')
    const responding = server.trigger({ channel: 'room', name: 'last', data: 'x' })
    while (audience.waiting === 0) await server.http('/up')
    for (const client of clients) client.socket.close()
    await server.waitForConnections(0)
    letGo()
    expect((await waitFor('the answer', responding)).status).toBe(200)
  })

  test('waits for its own channel only', async () => {
    await using server = await start({ limits })
    await crowdedRoom(server, 'room')
    expect((await server.trigger({ channel: 'other', name: 'e', data: 'x' })).status).toBe(200)
  })

  test('may wait for bytes, too', async () => {
    await using server = await start({ limits: { maxQueuedBytes: 65_536 } })
    const { audience, letGo } = await crowdedRoom(server, 'room')
    const large = { channel: 'room', name: 'e', data: 'x'.repeat(10_000) }
    for (let n = 0; n < 6; n++) expect((await server.trigger(large)).status).toBe(200)
    const responding = server.trigger(large)
    while (audience.waiting === 0) await server.http('/up')
    letGo()
    expect((await responding).status).toBe(200)
  })
})

describe('over a socket', () => {
  test('client events are refused as over their rate, and counted', async () => {
    await using server = await start({ limits })
    const { clients, letGo } = await crowdedRoom(server, 'private-room')
    clients[0]!.send({ event: 'client-x', channel: 'private-room', data: '{}' })
    expect((await clients[0]!.nextJson()).data).toMatchObject({ code: 4301 })
    expect(server.totals.clientEventsLimited).toBe(1)
    letGo()
    expect(await clients[1]!.frames.take(FRAMES + 1)).toHaveLength(FRAMES + 1)
    await clients[1]!.expectNothing()
  })

  test('pushes of Phoenix clients are, too', async () => {
    await using server = await start({ limits })
    await crowdedRoom(server, 'private-room')
    await using phoenix = await connectPhoenix(server, { query: KEY })
    const { id: socketId } = [...server.core.hub.connections()].at(-1)!
    await phoenix.join('private-room', { auth: server.sign({ socketId }, 'private-room') })
    const [, , , , answer] = await phoenix.request('1', '2', 'private-room', 'client-x', {})
    expect(answer).toEqual({ status: 'error', response: { reason: 'rate limited' } })
  })

  test('who enters a presence channel waits, and then hears what all do', async () => {
    await using server = await start({ limits })
    const { audience, letGo } = await crowdedRoom(server, 'presence-room')
    await using newcomer = await server.raw()
    const data = '{"user_id":"newcomer"}'
    newcomer.subscribe('presence-room', server.sign(newcomer, 'presence-room', data), data)
    newcomer.send({ event: 'pusher:ping' })
    while (audience.waiting === 0) await server.http('/up')
    expect(newcomer.frames.unread).toEqual([])
    letGo()
    expect((await newcomer.nextJson()).event).toBe('pusher_internal:subscription_succeeded')
    await newcomer.next('the pong')
    await server.trigger({ channel: 'presence-room', name: 'after', data: 'x' })
    expect((await newcomer.nextJson()).event).toBe('after')
  })

  test('who leaves before there is room leaves no trace', async () => {
    await using server = await start({ limits })
    const { audience, letGo } = await crowdedRoom(server, 'presence-room')
    const newcomer = await server.raw()
    const data = '{"user_id":"newcomer"}'
    newcomer.subscribe('presence-room', server.sign(newcomer, 'presence-room', data), data)
    while (audience.waiting === 0) await server.http('/up')
    newcomer.socket.close()
    await server.waitForConnections(40)
    letGo()
    while (audience.waiting > 0) await server.http('/up')
    expect(server.countsOf('presence-room').users).toBe(40)
  })

  test('where too many wait to enter, one more is refused', async () => {
    await using server = await start({ limits })
    const { audience } = await crowdedRoom(server, 'presence-room')
    for (let n = 0; n < MAX_WAITING; n++) void audience.waitForRoom()
    await using newcomer = await server.raw()
    const data = '{"user_id":"newcomer"}'
    newcomer.subscribe('presence-room', server.sign(newcomer, 'presence-room', data), data)
    const { event, data: told } = await newcomer.nextJson()
    expect([event, told]).toMatchObject(['pusher:subscription_error', { type: 'LimitReached' }])
  })

  test('counts are told later', async () => {
    await using server = await start({ limits })
    const { core } = server
    const { clients, letGo } = await crowdedRoom(server, 'room')
    const app = core.apps.byId('1')!
    core.apps.change(app, { ...app.record, subscriptionCounts: true }, 0)
    await using newcomer = await server.raw()
    for (let n = 0; n < 3; n++) {
      newcomer.subscribe('room')
      newcomer.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    }
    await newcomer.heard()
    letGo()
    server.advance(5000)
    const [first] = clients
    await first!.frames.take(FRAMES + 1)
    const counts = await readFlushed(first!)
    expect(counts.map((frame) => JSON.parse(frame).data)).toEqual([
      '{"subscription_count":41}',
      '{"subscription_count":40}',
    ])
  })
})
