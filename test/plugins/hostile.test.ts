/** Plugins that do what they should not: end connections in the middle, answer traps, forget things. */
import { describe, expect, test } from 'bun:test'
import { allow, definePlugin, reject, type AnyPlugin, type Hooks } from 'carillon/plugin'
import { systemClock } from '../../src/clock'
import { makePlugin, start, type RawClient, type TestServer } from '../harness'

/** Nothing of anybody is left: no member, no subscription, no user. */
function expectNobody(server: TestServer): void {
  const { core } = server
  const app = core.apps.byId('1')!
  expect(server.occupied).toEqual([])
  expect([...core.users.connectionsOf(app, 'ada' as never)]).toEqual([])
  expect(core.hub.channel(app, 'presence-room' as never)).toBeUndefined()
}

async function sendAll(server: TestServer, client: RawClient): Promise<void> {
  const member = '{"user_id":"ada"}'
  server.signin(client, '{"id":"ada"}')
  client.subscribe('presence-room', server.sign(client, 'presence-room', member), member)
  client.send({ event: 'client-e', channel: 'presence-room', data: 1 })
}

describe('a plugin that ends the connection', () => {
  const HOOKS: readonly (keyof Hooks)[] = [
    'upgrade',
    'connect',
    'connected',
    'frame',
    'signin',
    'subscribe',
    'authorize',
    'subscribed',
    'clientEvent',
    'unsubscribed',
  ]
  test.each(HOOKS)('in %s leaves nothing of it behind', async (hook) => {
    const end = (conn: { disconnect(text: string): void }) => conn.disconnect('enough')
    await using server = await start({ plugins: [makePlugin('end', { [hook]: end })] })
    await using witness = await server.raw({ hello: false })
    const client = await server.raw({ hello: false })
    const welcome = await client.nextJson()
    if (welcome.event === 'pusher:connection_established') {
      client.socketId = JSON.parse(welcome.data as string).socket_id
      await sendAll(server, client)
      client.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
    }
    expect((await client.closing()).code).toBe(4009)
    await witness[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    expectNobody(server)
    expect(server.core.counters.faults).toBe(0)
  })

  test('in subscribed is not announced before it came', async () => {
    const end: Hooks = {
      subscribed: (conn, { userId }) => {
        if (userId === 'ghost') conn.disconnect('enough')
      },
    }
    await using server = await start({ plugins: [makePlugin('end', end)] })
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    await using ghost = await server.raw()
    await server.signedIn(ghost, 'presence-room', { user_id: 'ghost' })
    const events = (await watcher.frames.take(2)).map((frame) => JSON.parse(frame).event)
    expect(events).toEqual(['pusher_internal:member_added', 'pusher_internal:member_removed'])
    await watcher.expectNothing()
  })
})

test('nobody is asked about a connection that has ended', async () => {
  const opened = Promise.withResolvers<undefined>()
  const called = Promise.withResolvers<void>()
  const received: string[] = []
  const slow = makePlugin('slow', {
    connect: () => {
      called.resolve()
      return opened.promise
    },
  })
  const counting = makePlugin('counting', {
    connect: () => void received.push('connect'),
    disconnected: () => void received.push('disconnected'),
  })
  await using server = await start({ plugins: [slow, counting] })
  const client = await server.raw({ hello: false })
  await called.promise
  await client[Symbol.asyncDispose]()
  while (received.length === 0) await new Promise<void>((done) => setImmediate(done))
  opened.resolve(undefined)
  await using marker = await server.raw()
  await marker.expectNothing()
  expect(received).toEqual(['disconnected', 'connect'])
})

// oxlint-disable unicorn/no-thenable -- traps are what this is about
/** Answers that are traps, by what they do when they are looked at. */
const trap = (): never => {
  throw new Error('trap')
}
const TRAPS: readonly (readonly [name: string, answer: () => unknown])[] = [
  ['a then that is no function', () => ({ then: 1 })],
  ['a then that throws', () => ({ then: trap })],
  ['a getter of then that throws', () => Object.defineProperty({}, 'then', { get: trap })],
  ['a proxy that throws', () => new Proxy({}, { get: trap, getPrototypeOf: trap })],
  ['a symbol', () => Symbol('x')],
  ['a class instance', () => new (class Answer {})()],
  [
    'an error that cannot be shown',
    () => {
      throw Object.defineProperty(new Error('x'), 'message', { get: trap, enumerable: true })
    },
  ],
]

describe('an answer that is a trap', () => {
  test.each(TRAPS)('%s: a tap harms nobody', async (_, answer) => {
    const taps = ['connected', 'subscribed', 'unsubscribed', 'presence', 'refused', 'disconnected']
    const hooks = Object.fromEntries(taps.map((hook) => [hook, answer]))
    await using server = await start({ plugins: [makePlugin('trap', hooks)] })
    const client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: 'ada' })
    client.send('nonsense')
    expect(await client.next()).toContain('pusher:error')
    await client[Symbol.asyncDispose]()
    await server.waitForConnections(0)
    expectNobody(server)
    expect(server.core.counters.faults).toBe(0)
  })

  test.each(TRAPS)('%s: a gate refuses, and the plugin is named', async (_, answer) => {
    for (const hook of ['upgrade', 'frame', 'authorize', 'clientEvent', 'publish', 'request']) {
      await using server = await start({ plugins: [makePlugin('trap', { [hook]: answer })] })
      await using client = await server.raw({ hello: false })
      const welcome = await client.nextJson()
      if (welcome.event === 'pusher:connection_established') {
        client.socketId = JSON.parse(welcome.data as string).socket_id
        await sendAll(server, client)
        await server.trigger({ channel: 'room', name: 'e', data: '' })
      } else await client.closing()
      const faults = server.log.lines.filter(({ message }) => message === 'plugin failed')
      expect(faults[0]?.fields).toMatchObject({ plugin: 'trap', hook })
      expect(server.core.counters.faults).toBe(0)
    }
  })

  const ALLOWS: readonly (readonly [name: string, answer: unknown, ids: string[] | undefined])[] = [
    ['channelData null', { type: 'allow', channelData: null }, undefined],
    ['a number', { type: 'allow', channelData: 7 }, undefined],
    ['a code beside', { type: 'allow', channelData: '{"user_id":"7"}', code: 'x' }, undefined],
    ['a member', { type: 'allow', channelData: '{"user_id":"7"}' }, ['7']],
  ]
  test.each(ALLOWS)('an allow with %s lets nobody name itself', async (_, answer, ids) => {
    const authorize = async () => answer as ReturnType<typeof allow>
    await using server = await start({ plugins: [makePlugin('nullable', { authorize })] })
    await using client = await server.raw()
    client.subscribe('presence-room', undefined, '{"user_id":"admin"}')
    const { event, data } = await client.nextJson()
    if (ids) expect(JSON.parse(data as string).presence.ids).toEqual(ids)
    else expect(event).toBe('pusher:subscription_error')
  })
})

describe('headers that cannot be sent', () => {
  const HEADERS: readonly unknown[] = [
    { 'x-a': 'a\r\nx-b: c' },
    { 'x-a': '😀' },
    { 'x-a': 5 },
    { 'x a': 'b' },
    { 'content-type': 'text/html' },
    Object.defineProperty({}, 'x-a', { get: trap, enumerable: true }),
  ]
  test.each(HEADERS)('%p are a fault of the plugin and harm no answer', async (headers) => {
    const response = () => headers as Record<string, string>
    await using server = await start({ plugins: [makePlugin('a', { response })] })
    const answer = await server.trigger({ channel: 'room', name: 'e', data: '' })
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'application/json;charset=utf-8',
    ])
    expect(server.core.hooks.response[0]!.stats.faults).toBe(1)
  })
})

describe('a setup that would load nothing', () => {
  const SETUPS: readonly (readonly [name: string, setup: () => unknown, says: string])[] = [
    ['async', async () => ({ connect: () => reject('no') }), 'plugin a: setup may not wait'],
    [
      'a class',
      () =>
        new (class {
          connect() {}
        })(),
      'plugin a: setup must return a plain object',
    ],
    ['nothing', () => undefined, 'plugin a: setup must return a plain object'],
  ]
  test.each(SETUPS)('%s stops the start', async (_, setup, says) => {
    const plugin = { name: 'a', carillon: 1, setup } as unknown as AnyPlugin
    await expect(start({ plugins: [plugin] })).rejects.toThrow(says)
  })

  test('locals that are no function', async () => {
    const plugin = { name: 'a', carillon: 1, locals: {}, setup: () => ({}) } as unknown as AnyPlugin
    await expect(start({ plugins: [plugin] })).rejects.toThrow(
      'plugin a: locals must be a function',
    )
  })
})

test('start and stop are counted', async () => {
  const plugin = definePlugin({
    name: 'a',
    carillon: 1,
    setup: () => ({ start: () => undefined, stop: () => undefined }),
  })
  const server = await start({ plugins: [plugin] })
  await server.stop()
  const { start: started, stop } = server.core.hooks
  expect([started[0]!.stats.calls, stop[0]!.stats.calls]).toEqual([1, 1])
})

test('a timer of a month does not fire at once', async () => {
  const fired: string[] = []
  const month = 30 * 86_400_000
  const cancels = [
    systemClock.after(month, () => fired.push('after')),
    systemClock.every(month, () => fired.push('every')),
  ]
  await new Promise<void>((done) => systemClock.after(5, done))
  for (const cancel of cancels) cancel()
  expect(fired).toEqual([])
})
