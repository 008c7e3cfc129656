/**
 * The gate authorize: what its answers mean, one that never answers, and the order of what waits
 * behind.
 */
import { describe, expect, test } from 'bun:test'
import { allow, type AnyPlugin, type Hooks, reject } from '../../src/plugin'
import { throwSecret, makePlugin, start } from '../harness'

const authorize = (name: string, hook: NonNullable<Hooks['authorize']>): AnyPlugin =>
  makePlugin(name, { authorize: hook })

/** A gate that waits until the test opens it. */
function gate() {
  const opened = Promise.withResolvers<
    ReturnType<typeof reject> | ReturnType<typeof allow> | undefined
  >()
  const called = Promise.withResolvers<void>()
  const plugin = authorize('gate', () => {
    called.resolve()
    return opened.promise
  })
  return { plugin, asked: called.promise, open: opened.resolve, fail: opened.reject }
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
      plugins: [authorize('a', throwSecret)],
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
    const refusal = first.includes('subscription_error') ? await client.next() : first
    expect(refusal).toContain(answer)
    expect(refusal).not.toContain('secret detail')
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
    const { plugin, asked: called } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room', server.sign(client, 'private-room'))
    await called
    server.advance(3000)
    expect(await client.next()).toContain('subscription_error')
    expect(await client.next()).toContain('Internal server error')
    expect(server.log.lines.map(({ message }) => message)).toContain('plugin failed')
  })

  test('one that answers after the socket has gone changes nothing', async () => {
    const { plugin, asked: called, open } = gate()
    await using server = await start({ plugins: [plugin] })
    const client = await server.raw()
    client.subscribe('private-room')
    await called
    await client[Symbol.asyncDispose]()
    open(allow())
    await using marker = await server.raw()
    await marker.expectNothing()
    expect(await server.askOccupied()).toEqual([])
    expect(server.core.counters.faults).toBe(0)
  })
})

describe('commands behind a gate', () => {
  test('wait in their order: subscribe, unsubscribe, subscribe ends subscribed', async () => {
    const { plugin, asked: called, open } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'private-room' } })
    client.subscribe('private-room')
    client.subscribe('room')
    await called
    await using neighbour = await server.raw()
    await neighbour.subscribed('room') // another connection waits for nobody
    open(allow())
    const channels = (await client.frames.take(3)).map((frame) => JSON.parse(frame).channel)
    expect(channels).toEqual(['private-room', 'private-room', 'room'])
    await client.expectNothing()
    expect((await server.askCounts('private-room')).subscriptions).toBe(1)
  })

  test('are bounded in number: past it the connection is closed with 4100', async () => {
    const { plugin, asked: called } = gate()
    await using server = await start({ plugins: [plugin], limits: { maxChannelsPerConnection: 5 } })
    await using client = await server.raw()
    client.subscribe('private-room')
    await called
    for (let n = 0; n <= 4 * 5; n++) client.subscribe(`room-${n}`)
    expect((await client.closing()).code).toBe(4100)
    expect(server.totals.queueOverflowsClosed).toBe(1)
    expect(server.core.hub.connectionCount).toBe(0)
  })

  test('are bounded in size', async () => {
    const { plugin, asked: called } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    await called
    for (let n = 0; n < 36; n++) client.send('x'.repeat(30_000))
    expect((await client.closing()).code).toBe(4100)
  })

  test('a burst of as many subscribes as a connection may hold is innocent', async () => {
    const { plugin, asked: called, open } = gate()
    await using server = await start({ plugins: [plugin] })
    await using client = await server.raw()
    client.subscribe('private-room')
    await called
    for (let n = 0; n < 1999; n++) client.subscribe(`room-${n}`)
    open(allow())
    expect(await client.frames.take(2000)).toHaveLength(2000)
  })
})
