/** Plugins: gates that wait, fail, never answer, and the order of what waits behind them. */
import { describe, expect, test } from 'bun:test'
import { allow, reject, type AnyPlugin, type Hooks } from '../../src/plugin'
import { pluginOf, start } from '../harness'

const authorize = (name: string, hook: NonNullable<Hooks['authorize']>): AnyPlugin =>
  pluginOf(name, { authorize: hook })

/** A gate that waits until the test opens it. */
function gate() {
  const opened = Promise.withResolvers<
    ReturnType<typeof reject> | ReturnType<typeof allow> | undefined
  >()
  const asked = Promise.withResolvers<void>()
  const plugin = authorize('gate', () => {
    asked.resolve()
    return opened.promise
  })
  return { plugin, asked: asked.promise, open: opened.resolve, fail: opened.reject }
}

describe('authorize', () => {
  const VERDICTS: readonly {
    readonly name: string
    readonly plugins: readonly AnyPlugin[]
    readonly signed: boolean
    readonly answer: string
  }[] = [
    {
      name: 'nobody answers, signed',
      plugins: [authorize('a', () => undefined)],
      signed: true,
      answer: 'subscription_succeeded',
    },
    {
      name: 'nobody answers, unsigned',
      plugins: [authorize('a', () => undefined)],
      signed: false,
      answer: 'Auth info required',
    },
    {
      name: 'allow stands in for the signature',
      plugins: [authorize('a', () => allow())],
      signed: false,
      answer: 'subscription_succeeded',
    },
    {
      name: 'allow after a wait',
      plugins: [authorize('a', async () => allow())],
      signed: false,
      answer: 'subscription_succeeded',
    },
    {
      name: 'allow, then a pass',
      plugins: [authorize('a', () => allow()), authorize('b', async () => undefined)],
      signed: false,
      answer: 'subscription_succeeded',
    },
    {
      name: 'reject wins over a signature',
      plugins: [authorize('a', () => reject('not today'))],
      signed: true,
      answer: 'not today',
    },
    {
      name: 'a later reject wins over an allow',
      plugins: [authorize('a', () => allow()), authorize('b', () => reject('no'))],
      signed: true,
      answer: '"message":"no"',
    },
    {
      name: 'a later reject wins over an allow that waited',
      plugins: [authorize('a', async () => allow()), authorize('b', async () => reject('no'))],
      signed: true,
      answer: '"message":"no"',
    },
    {
      name: 'the first reject is told',
      plugins: [authorize('a', () => reject('first')), authorize('b', () => reject('second'))],
      signed: true,
      answer: 'first',
    },
    {
      name: 'a throw refuses',
      plugins: [
        authorize('a', () => {
          throw new Error('secret detail')
        }),
      ],
      signed: true,
      answer: '"message":"Internal server error"',
    },
    {
      name: 'a rejected promise refuses',
      plugins: [authorize('a', () => Promise.reject(new Error('secret detail')))],
      signed: true,
      answer: '"message":"Internal server error"',
    },
  ]
  test.each(VERDICTS)('$name', async ({ plugins, signed, answer }) => {
    await using server = await start({ plugins })
    await using client = await server.raw()
    client.subscribe('private-room', signed ? server.sign(client, 'private-room') : undefined)
    const first = await client.next()
    const told = first.includes('subscription_error') ? await client.next() : first
    expect(told).toContain(answer)
    expect(told).not.toContain('secret detail')
    await client.expectNothing()
  })

  test('allow says who somebody is on a presence channel', async () => {
    await using server = await start({
      plugins: [authorize('a', () => allow({ channelData: '{"user_id":"7"}' }))],
    })
    await using client = await server.raw()
    expect(await client.subscribed('presence-room')).toContain('\\"ids\\":[\\"7\\"]')
  })

  test('an allow that does not say who leaves a presence channel to the signature', async () => {
    await using server = await start({ plugins: [authorize('a', () => allow())] })
    await using client = await server.raw()
    client.subscribe('presence-room', '', '{"user_id":"admin"}')
    expect(await client.next()).toContain('Auth info required')
    await client.next('the error')
    expect(await server.signedIn(client, 'presence-room', { user_id: '1' })).toContain(
      'subscription_succeeded',
    )
  })

  test('public channels are nobody’s business', async () => {
    await using server = await start({ plugins: [authorize('a', () => reject('no'))] })
    await using client = await server.raw()
    await client.subscribed('room')
  })

  test('one that never answers refuses after its time, by the clock', async () => {
    const { plugin, asked } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room', server.sign(client, 'private-room'))
    await asked
    server.advance(3000)
    expect(await client.next()).toContain('subscription_error')
    expect(await client.next()).toContain('Internal server error')
    expect(server.log.lines.map(({ message }) => message)).toContain('plugin failed')
  })

  test('one that answers after the socket has gone changes nothing', async () => {
    const { plugin, asked, open } = gate()
    await using server = await start({ plugins: [plugin] })
    const client = await server.raw()
    client.subscribe('private-room')
    await asked
    await client[Symbol.asyncDispose]()
    open(allow())
    await using marker = await server.raw()
    await marker.expectNothing()
    expect([...server.core.presence.occupied(server.core.apps.byId('1')!)]).toEqual([])
    expect(server.core.counters.faults).toBe(0)
  })
})

describe('commands behind a gate', () => {
  test('wait in their order: subscribe, unsubscribe, subscribe ends subscribed', async () => {
    const { plugin, asked, open } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
    client.subscribe('private-room')
    client.subscribe('room')
    await asked
    await using neighbour = await server.raw()
    await neighbour.subscribed('room') // another connection waits for nobody
    open(allow())
    const channels = (await client.frames.take(3)).map((frame) => JSON.parse(frame).channel)
    expect(channels).toEqual(['private-room', 'private-room', 'room'])
    await client.expectNothing()
    expect(
      server.core.presence.subscriptionCount(server.core.apps.byId('1')!, 'private-room' as never),
    ).toBe(1)
  })

  test('are bounded in number: past it the connection is closed with 4100', async () => {
    const { plugin, asked } = gate()
    await using server = await start({ plugins: [plugin], limits: { maxChannelsPerConnection: 5 } })
    await using client = await server.raw()
    client.subscribe('private-room')
    await asked
    for (let n = 0; n < 6; n++) client.subscribe(`room-${n}`)
    expect((await client.closing()).code).toBe(4100)
    expect(server.core.counters.queueOverflowsClosed).toBe(1)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('are bounded in size', async () => {
    const { plugin, asked } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    await asked
    for (let n = 0; n < 36; n++) client.send('x'.repeat(30_000))
    expect((await client.closing()).code).toBe(4100)
  })

  test('a burst of as many subscribes as a connection may hold is innocent', async () => {
    const { plugin, asked, open } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    await asked
    for (let n = 0; n < 1999; n++) client.subscribe(`room-${n}`)
    open(allow())
    expect(await client.frames.take(2000)).toHaveLength(2000)
  })
})

describe('connect', () => {
  test('may refuse: 4009, with the text of the plugin', async () => {
    const plugin = pluginOf('a', { connect: async () => reject('not from here') })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw({ hello: false })
    expect(await client.next()).toBe(
      '{"event":"pusher:error","data":{"code":4009,"message":"not from here"}}',
    )
    expect(await client.closing()).toEqual({ code: 4009, reason: 'not from here' })
  })

  test('sees the request', async () => {
    const seen = Promise.withResolvers<(string | null)[]>()
    const plugin = pluginOf('a', {
      connect: ({ app }, { headers, url, remoteAddress }) =>
        seen.resolve([
          app?.id ?? null,
          headers.get('origin'),
          new URL(url).pathname,
          remoteAddress,
        ]),
    })
    await using server = await start({ plugins: [plugin] })
    await using _client = await server.raw({ headers: { origin: 'https://example.org' } })
    expect(await seen.promise).toEqual([
      '1',
      'https://example.org',
      '/app/test-app-fake-key',
      '127.0.0.1',
    ])
  })

  test('an app that ends while a plugin thinks takes nobody in', async () => {
    const [asked, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<undefined>()]
    const connect = () => {
      asked.resolve()
      return opened.promise
    }
    await using server = await start({ plugins: [pluginOf('a', { connect })] })
    const { apps } = server.core
    const app = apps.byId('1')!
    await using client = await server.raw({ hello: false })
    await asked.promise
    apps.change(app, { ...app.record, active: false }, 0)
    opened.resolve(undefined)
    expect((await client.closing()).code).toBe(4003)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('a throw tells the client to try again later, with a number', async () => {
    const plugin = pluginOf('a', {
      connect: () => {
        throw new Error('broken')
      },
    })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw({ hello: false })
    expect(await client.next()).toContain('"code":4100')
    expect((await client.closing()).code).toBe(4100)
  })

  test('what a client says before its hello waits for it', async () => {
    const opened = Promise.withResolvers<undefined>()
    const plugin = pluginOf('a', { connect: () => opened.promise })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw({ hello: false })
    await client.opened
    client.subscribe('room')
    client.send({ event: 'pusher:ping' })
    await server.http('/up')
    opened.resolve(undefined)
    const events = (await client.frames.take(3)).map((frame) => JSON.parse(frame).event)
    expect(events).toEqual([
      'pusher:connection_established',
      'pusher_internal:subscription_succeeded',
      'pusher:pong',
    ])
  })
})

describe('clientEvent and publish', () => {
  test('may refuse', async () => {
    const plugin = pluginOf('a', {
      clientEvent: (_, { event }) => (event === 'client-bad' ? reject('bad word') : undefined),
      publish: (_, { channel }) => (channel === 'closed' ? reject('closed for today') : undefined),
    })
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    await using other = await server.raw()
    for (const each of [client, other]) await server.signedIn(each, 'private-room')
    client.send({ event: 'client-bad', channel: 'private-room', data: 1 })
    expect(await client.next()).toContain('bad word')
    client.send({ event: 'client-good', channel: 'private-room', data: 1 })
    expect((await other.nextJson()).event).toBe('client-good')
    const refused = await server
      .sdk()
      .trigger(['private-room', 'closed'], 'e', '')
      .catch((error) => error)
    expect([refused.status, refused.body]).toEqual([403, 'closed for today\n'])
    await other.expectNothing()
  })

  test('a throw refuses, and the connection stays', async () => {
    const broken = (): never => {
      throw new Error('broken')
    }
    await using server = await start({
      plugins: [pluginOf('a', { clientEvent: broken, publish: broken })],
    })
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    client.send({ event: 'client-x', channel: 'private-room', data: 1 })
    expect(await client.next()).toBe(
      '{"event":"pusher:error","data":{"code":null,"message":"Internal server error"}}',
    )
    await client.expectNothing()
    const refused = await server
      .sdk()
      .trigger('private-room', 'e', '')
      .catch((error) => error)
    expect([refused.status, refused.body]).toEqual([500, 'Internal server error\n'])
  })
})

describe('at the start', () => {
  const good = pluginOf('a', {})
  const MISTAKES: readonly (readonly [name: string, plugins: readonly unknown[], says: string])[] =
    [
      [
        'a hook that does not exist',
        [pluginOf('a', { onConnect: () => undefined } as Hooks)],
        'plugin a: there is no hook onConnect; there are start, upgrade, connect',
      ],
      [
        'a hook that is no function',
        [pluginOf('a', { connect: 'no' } as unknown as Hooks)],
        'plugin a: hook connect is no function',
      ],
      ['a plugin that is listed twice', [good, good], 'plugin a: is listed twice'],
      [
        'one for another version',
        [{ ...good, carillon: 2 }],
        'plugin a: made for version 2 of the plugin interface; this server has 1',
      ],
      [
        'one that does not say for which',
        [{ name: 'a', setup: () => ({}) }],
        'plugin a: made for version undefined',
      ],
      [
        'one without a name',
        [{ ...good, name: undefined }],
        'plugin (without a name): its name must be',
      ],
      ['a name that is no path', [{ ...good, name: '../etc' }], 'plugin ../etc: its name must be'],
      ['one without setup', [{ name: 'a', carillon: 1 }], 'plugin a: it has no setup function'],
      [
        'a setup that throws',
        [{ ...good, setup: () => JSON.parse('{') }],
        'plugin a: JSON Parse error',
      ],
      ['a function that was not called', [() => good], 'plugin (without a name)'],
      [
        'a start that fails',
        [pluginOf('a', { start: () => Promise.reject(new Error('no database')) })],
        'plugin a: could not start: no database',
      ],
    ]
  test.each(MISTAKES)('%s is told in one line', async (_, plugins, says) => {
    const starting = start({ plugins: plugins as AnyPlugin[] })
    const why = await starting.then(
      () => 'it started',
      (error: Error) => error.message,
    )
    expect(why).toStartWith(says)
    expect(why).not.toContain('\n')
  })
})
