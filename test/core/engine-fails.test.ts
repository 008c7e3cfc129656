/** What an engine refuses, at once or later, and what it fails at: each is answered on every wire, and leaves nothing. */
import { describe, expect, test } from 'bun:test'
import type { Engine, Order } from '../../src/core/engine'
import type { Refusal } from '../../src/core/errors'
import type { Publication } from '../../src/core/messages'
import { makeBasicAuth, PAIR } from '../credentials'
import { EVENT, post } from '../dialects/expusherlite/requests'
import { start, type TestServer } from '../harness'
import { KEY, connectPhoenix, makeReply } from '../phoenix'

const AWAY: Refusal = { code: 'too_often', message: 'the engine is away', retryAfterSeconds: 2 }
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** How a call of an engine fails. */
const MODES = {
  refuses: () => AWAY,
  'refuses later': () => turn().then(() => AWAY),
  fails: () => turn().then(() => Promise.reject(new Error('secret detail'))),
}
type Mode = keyof typeof MODES
const MODE_NAMES = Object.keys(MODES) as Mode[]

/** Makes a call of the server's engine fail from now on. */
const answer = (server: TestServer, call: keyof Engine, given: (...calls: never[]) => unknown) =>
  Object.assign(server.core.engine, { [call]: given })

const expectedText = (mode: Mode, wire: string): string => (mode === 'fails' ? wire : AWAY.message)

describe.each(['listen', 'enter'] as const)('an engine whose %s', (call) => {
  test.each(MODE_NAMES)('%s is heard of, and the connection goes on', async (mode) => {
    await using server = await start()
    await using client = await server.raw()
    await using phoenix = await connectPhoenix(server, { query: KEY })
    await using scope = await connectPhoenix(server)
    answer(server, call, MODES[mode])
    client.subscribe('room')
    const frames = await client.frames.take(2)
    expect(frames[0]).toContain('"event":"pusher:subscription_error","channel":"room"')
    server.signin(client, '{"id":"ann","watchlist":["bob"]}')
    frames.push(await client.next())
    for (const frame of frames) expect(frame).toContain(expectedText(mode, 'Internal server error'))
    const error = { reason: expectedText(mode, 'join crashed') }
    for (const [each, topic] of [
      [phoenix, 'room'],
      [scope, 'public:test-app'],
    ] as const)
      expect(await each.request('1', '1', topic, 'phx_join', {})).toEqual(
        makeReply(['1', '1', topic], 'error', error),
      )
    for (const each of [client, phoenix, scope]) await each.expectNothing()
    const { core } = server
    expect(core.hub.channelCountOf(core.apps.byId('1')!)).toBe(0)
    expect(server.totals.faults).toBe(mode === 'fails' ? 4 : 0)
  })
})

describe('an engine whose publish', () => {
  test.each(MODE_NAMES)('%s is heard of on every way in', async (mode) => {
    await using server = await start()
    await server.change({ clientEvents: true, dialects: { eplBridge: true } })
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    answer(server, 'publish', MODES[mode])
    client.send({ event: 'client-e', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain(expectedText(mode, 'Internal server error'))
    await client.expectNothing()
    const event = { channel: 'a', name: 'e', data: 'd' }
    const json = { 'content-type': 'application/json' }
    const push = JSON.stringify({ channel: ['a', 'b'], event: 'e', data: {} })
    const responses = [
      await server.signed('POST', '/events', JSON.stringify({ ...event, channels: ['a', 'b'] })),
      await server.signed('POST', '/batch_events', JSON.stringify({ batch: [event, event] })),
      await server.signed('POST', '/channels/a/events', 'd', 'name=e'),
      await server.http(`/api/push?${KEY}`, { method: 'POST', headers: json, body: push }),
      await post(server, JSON.stringify(EVENT), { ...makeBasicAuth(PAIR), ...json }),
    ]
    for (const response of responses) {
      expect(response.status).toBe(mode === 'fails' ? 500 : 429)
      expect(response.headers.get('retry-after')).toBe(mode === 'fails' ? null : '2')
      expect(await response.text()).toContain(expectedText(mode, 'nternal'))
    }
    const { publications, clientEvents, faults } = server.totals
    expect({ publications, clientEvents }).toEqual({ publications: 0, clientEvents: 0 })
    expect(faults).toBe(mode === 'fails' ? 6 : 0)
  })

  test('refuses one of several at once, and fails at another later, is answered once', async () => {
    await using server = await start()
    const calls = new Set<string>()
    answer(server, 'publish', ({ channel }: Publication) => {
      calls.add(channel)
      return channel === 'a' ? MODES.fails() : AWAY
    })
    const event = { channels: ['a', 'b', 'c'], name: 'e', data: 'd' }
    const response = await server.signed('POST', '/events', JSON.stringify(event))
    expect(response.status).toBe(500)
    expect([...calls]).toEqual(expect.arrayContaining(['a', 'b', 'c']))
  })
})

test('a connection has a thousand client events that the engine has not answered, and no more', async () => {
  await using server = await start({ limits: { maxClientEventsPerSecond: 2000 } })
  await server.change({ clientEvents: true })
  await using client = await server.raw()
  await server.signedIn(client, 'private-room')
  const { promise: answers, resolve } = Promise.withResolvers<unknown>()
  answer(server, 'publish', () => answers)
  const send = () => client.send({ event: 'client-e', channel: 'private-room', data: 1 })
  for (let sent = 0; sent < 1001; sent++) send()
  expect(await client.next()).toContain('rate limit')
  await client.expectNothing()
  expect(server.totals.clientEvents).toBe(0)
  resolve({ epoch: '', offset: 0 })
  while (server.totals.clientEvents < 1000) await turn()
  send()
  await client.expectNothing()
  expect(server.totals).toMatchObject({ clientEvents: 1001, clientEventsLimited: 1 })
})

describe('a group that ends while the engine waits', () => {
  test.each([
    [
      'to listen',
      'listen',
      [
        [
          '1',
          '1',
          'public:test-app',
          'phx_reply',
          { status: 'error', response: { reason: 'unmatched topic' } },
        ],
      ],
    ],
    [
      'for the seat',
      'enter',
      [
        makeReply(['1', '1', 'public:test-app'], 'ok'),
        ['1', '1', 'public:test-app', 'phx_close', {}],
      ],
    ],
  ] as const)('%s lets nobody in', async (_, call, frames) => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    const { engine, hub, apps } = server.core
    const { promise: moved, resolve } = Promise.withResolvers<void>()
    const { promise: calls, resolve: request } = Promise.withResolvers<void>()
    const before = engine[call].bind(engine) as (...given: unknown[]) => unknown
    answer(server, call, (...given) => {
      request()
      return moved.then(() => before(...given))
    })
    client.send('1', '1', 'public:test-app', 'phx_join', {})
    await calls
    await server.change({ slug: 'moved' })
    resolve()
    expect(await client.take(frames.length)).toEqual(frames as never)
    await client.expectNothing()
    expect(hub.channelCountOf(apps.byId('1')!)).toBe(0)
  })
})

test('an app that is deleted before the engine answers is not found', async () => {
  await using server = await start()
  const { engine } = server.core
  const order = engine.order.bind(engine)
  answer(server, 'order', async (given: Order) => {
    await order(given)
    if (given.type !== 'app_changed' || given.change.type === 'remove') return
    await order({ type: 'app_changed', change: { type: 'remove', id: given.change.record.id } })
  })
  const request = (method: string, path: string, body?: object) =>
    server.admin(`/api/admin/apps${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
  expect((await request('POST', '', { app: { name: 'my app' } })).status).toBe(404)
  for (const [method, path, body] of [
    ['PATCH', '/8', { app: { active: true } }],
    ['POST', '/8/keys', undefined],
  ] as const) {
    server.addTenant()
    expect((await request(method, path, body)).status).toBe(404)
  }
  expect(server.totals.faults).toBe(0)
})
