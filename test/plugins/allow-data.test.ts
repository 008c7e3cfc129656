/** `allow` carries data, which the client gets with the reply to its subscription. */
import { describe, expect, test } from 'bun:test'
import { allow, type Hooks } from '../../src/plugin'
import { makePlugin, start, waitFor, type StartOptions } from '../harness'
import { connectPhoenix, GENERATIONS, KEY, PhoenixJs, waitForAnswer } from '../phoenix'

const DATA = { since: 7, 'ключ "': ['a\u2028', null], nested: { deep: 1.5 } }

/** A plugin that gives data on channels whose name says so. */
const GIVING: Hooks = {
  subscribe: (_, { channel }) =>
    channel.includes('early') ? allow({ data: { from: 'subscribe' } }) : undefined,
  authorize: (_, { channel }) => {
    if (channel.includes('given')) return allow({ channelData: '{"user_id":"ann"}', data: DATA })
    return channel.includes('signed') ? allow({ data: DATA }) : undefined
  },
}

const startGiving = (hooks: Hooks = GIVING, options: StartOptions = {}) =>
  start({ ...options, plugins: [makePlugin('gives', hooks)] })

const dataOf = (frame: string) => JSON.parse(JSON.parse(frame).data)

describe('on a Pusher socket', () => {
  test.each([
    ['public-early', { from: 'subscribe' }],
    ['private-given', DATA],
    ['private-given-early', DATA],
    ['private-encrypted-given', DATA],
  ])('%s: it is the data of the success', async (channel, data) => {
    await using server = await startGiving()
    await using client = await server.raw()
    expect(dataOf(await client.subscribed(channel))).toEqual(data)
    await client.expectNothing()
  })

  test('is beside the members of a presence channel', async () => {
    await using server = await startGiving()
    await using client = await server.raw()
    const presence = { ids: ['ann'], hash: { ann: {} }, count: 1 }
    expect(dataOf(await client.subscribed('presence-given'))).toEqual({ ...DATA, presence })
  })

  test('comes with a signature, too, where the plugin leaves the member to it', async () => {
    await using server = await startGiving()
    await using client = await server.raw()
    const member = '{"user_id":"bob"}'
    const auth = server.sign(client, 'presence-signed', member)
    const data = dataOf(await client.subscribed('presence-signed', auth, member))
    expect(data).toEqual({ ...DATA, presence: expect.objectContaining({ ids: ['bob'] }) })
  })

  test('of subscribe lets nobody in', async () => {
    await using server = await startGiving()
    await using client = await server.raw()
    for (const channel of ['private-early', 'presence-early']) {
      client.subscribe(channel)
      expect(await client.next()).toContain('Auth info required')
      await client.next('the error')
    }
  })

  test('goes to the one who asked, and every other frame is as ever', async () => {
    const frames = async (hooks: Hooks) => {
      await using server = await startGiving(hooks)
      await using first = await server.raw()
      await using second = await server.raw()
      const got = [await first.subscribed('public-x'), await first.subscribed('public-early')]
      for (const [client, user_id] of [
        [first, 'a'],
        [second, 'b'],
      ] as const) {
        const data = JSON.stringify({ user_id })
        const auth = server.sign(client, 'presence-room', data)
        got.push(await client.subscribed('presence-room', auth, data))
      }
      got.push(await first.next())
      return got
    }
    const [plain, given] = [await frames({}), await frames(GIVING)]
    expect(given.map((frame, index) => frame === plain[index])).toEqual([
      true,
      false,
      true,
      true,
      true,
    ])
  })

  test('is what pusher-js gives to pusher:subscription_succeeded', async () => {
    await using server = await startGiving()
    await using client = server.pusher({ user: { user_id: 'ann' } })
    const got = Promise.withResolvers<unknown>()
    client.pusher.subscribe('private-given').bind('pusher:subscription_succeeded', got.resolve)
    expect(await waitFor('the success', got.promise)).toEqual(DATA)
    const channel = await client.subscribe('presence-given')
    expect(
      Object.keys((channel as unknown as { members: { members: object } }).members.members),
    ).toEqual(['ann'])
  })
})

describe('on a Phoenix socket', () => {
  test.each(GENERATIONS)('phoenix.js %s gets it as the response to its join', async (version) => {
    await using server = await startGiving()
    await using client = new PhoenixJs(server, version, { params: { app_key: server.app.key } })
    for (const [topic, response] of [
      ['private-given', DATA],
      ['room-early', { from: 'subscribe' }],
      ['room', {}],
    ] as const)
      expect(await waitForAnswer(client.socket.channel(topic).join(), topic)).toEqual([
        'ok',
        response,
      ])
  })

  test('the members of a presence channel follow it', async () => {
    await using server = await startGiving()
    await using client = await connectPhoenix(server, { query: KEY })
    expect(await client.join('presence-given')).toEqual(DATA)
    expect((await client.next())[3]).toBe('presence_state')
  })

  test.each(['/socket', '/push_socket'])(
    '%s: it replaces the response of the dialect',
    async (mount) => {
      await using server = await startGiving({ subscribe: () => allow({ data: DATA }) })
      await using client = await connectPhoenix(server, { mount, query: KEY })
      expect(await client.join('public:test-app')).toEqual(DATA)
    },
  )
})

describe('is refused', () => {
  const circle: { own?: object } = {}
  circle.own = circle
  test.each([
    ['text', 'text'],
    ['a list', [1]],
    ['a circle', circle],
    ['what its toJSON makes of it', { toJSON: () => 7 }],
    ['the key of the server', { presence: {} }],
    ['a BigInt', { n: 1n }],
  ])('where it is %s: a fault', async (_, data) => {
    await using server = await startGiving({ subscribe: () => allow({ data: data as object }) })
    await using client = await server.raw()
    client.subscribe('room')
    expect(await client.next()).toContain('Internal server error')
    expect(server.log.lines.some(({ message }) => message === 'plugin failed')).toBe(true)
  })

  test('where it is longer than an event may be', async () => {
    const data = { text: 'x'.repeat(100) }
    const hooks: Hooks = { authorize: () => allow({ data }) }
    await using server = await startGiving(hooks, { limits: { maxEventDataBytes: 100 } })
    await using client = await server.raw()
    client.subscribe('private-room')
    const { event, data: error } = await client.nextJson()
    expect(event).toBe('pusher:subscription_error')
    expect(error).toMatchObject({ type: 'LimitReached', status: 413 })
    expect(JSON.stringify(error)).toContain('maxEventDataBytes')
    await client.next('the error')
    await client.expectNothing()
    expect(server.countsOf('private-room').subscriptions).toBe(0)
  })
})
