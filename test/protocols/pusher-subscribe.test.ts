/** Contract 3: subscriptions, presence, refusals. */
import { describe, expect, test } from 'bun:test'
import { start, type RawClient, type TestServer } from '../harness'
import { INVALID_NAMES } from '../vectors/channels'

/** The frame of a success. */
const succeeded = (channel: string, data = '{}'): string =>
  JSON.stringify({ event: 'pusher_internal:subscription_succeeded', channel, data })

/** The two frames of a refusal. */
function refused(channel: string, type: string, status: number, message: string): string[] {
  return [
    JSON.stringify({
      event: 'pusher:subscription_error',
      channel,
      data: { type, error: message, status },
    }),
    JSON.stringify({ event: 'pusher:error', data: { code: null, message } }),
  ]
}

/** Nobody is in any channel, no topic is left, nothing was announced. */
function expectNoTrace(server: TestServer, connections = 1): void {
  const { hub, presence, apps } = server.core
  expect([...presence.occupied(apps.byId('1')!)]).toEqual([])
  expect(hub.connectionCount).toBe(connections)
  for (const conn of hub.connections()) expect(conn.subscriptions?.size ?? 0).toBe(0)
  expect(
    server.factNames().filter((name) => name !== 'connected' && name !== 'disconnected'),
  ).toEqual([])
}

describe('success', () => {
  test.each(['room', 'foo-bar_1234@=,.;', '__proto__', 'constructor'])(
    '%s needs no signature',
    async (channel) => {
      await using server = await start()
      await using client = await server.raw()
      expect(await client.subscribed(channel)).toBe(succeeded(channel))
      await server.sdk().trigger(channel, 'e', { a: 1 })
      expect(await client.next()).toBe(`{"event":"e","channel":"${channel}","data":"{\\"a\\":1}"}`)
    },
  )

  test.each([
    'private-room',
    'private-encrypted-room',
    'private-cache-room',
    'private-encrypted-cache-room',
  ])('%s opens to a signature', async (channel) => {
    await using server = await start()
    await using client = await server.raw()
    expect(await server.signedIn(client, channel)).toBe(succeeded(channel))
  })

  test('channel_data on a private channel is part of what is signed', async () => {
    await using server = await start()
    await using client = await server.raw()
    expect(await server.signedIn(client, 'private-room', { user_id: '42' })).toBe(
      succeeded('private-room'),
    )
  })

  const LENIENT: readonly (readonly [name: string, message: string])[] = [
    ['auth null', '{"event":"pusher:subscribe","data":{"channel":"room","auth":null}}'],
    ['auth empty', '{"event":"pusher:subscribe","data":{"channel":"room","auth":""}}'],
    [
      'a signature on a public channel',
      '{"event":"pusher:subscribe","data":{"channel":"room","auth":"a:b"}}',
    ],
    [
      'channel_data empty',
      '{"event":"pusher:subscribe","data":{"channel":"room","channel_data":""}}',
    ],
    [
      'data as a string of JSON',
      '{"event":"pusher:subscribe","data":"{\\"channel\\":\\"room\\"}"}',
    ],
    [
      'unknown keys',
      '{"event":"pusher:subscribe","x":1,"data":{"channel":"room","shared_secret":"s"}}',
    ],
    ['keys in another order', '{"data":{"channel":"room"},"event":"pusher:subscribe"}'],
  ]
  test.each(LENIENT)('%s is taken', async (_, message) => {
    await using server = await start()
    await using client = await server.raw()
    client.send(message)
    expect(await client.next()).toBe(succeeded('room'))
  })

  test('subscribe, unsubscribe and subscribe without waiting ends subscribed', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.subscribe('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    client.subscribe('room')
    expect(await client.frames.take(2)).toEqual([succeeded('room'), succeeded('room')])
    await server.sdk().trigger('room', 'e', '')
    expect((await client.nextJson()).event).toBe('e')
    expect(server.factNames()).toEqual([
      'connected',
      'channel_occupied room',
      'channel_vacated room',
      'channel_occupied room',
    ])
  })

  test('who has unsubscribed hears nothing more', async () => {
    await using server = await start()
    await using client = await server.raw()
    await using other = await server.raw()
    await client.subscribed('room')
    await other.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    await server.sdk().trigger('room', 'e', '')
    await other.next()
    await client.expectNothing()
  })
})

describe('refusal', () => {
  type Case = {
    readonly name: string
    readonly channel: string
    readonly send: (server: TestServer, client: RawClient) => { auth?: string; data?: string }
    readonly frames: (
      server: TestServer,
      client: RawClient,
      sent: { auth?: string; data?: string },
    ) => string[]
  }
  const signed = (channel: string, data: string) => (server: TestServer, client: RawClient) => ({
    auth: server.sign(client, channel, data),
    data,
  })
  const invalidMember = (name: string, data: string, message: string): Case => ({
    name,
    channel: 'presence-room',
    send: signed('presence-room', data),
    frames: () => refused('presence-room', 'AuthError', 401, message),
  })
  const USER_ID =
    'user_id supplied to presence subscription is invalid - it must be a non-empty string or an integer below 2^53'
  const USER_INFO =
    'user_info supplied to presence subscription is invalid - if supplied it must be a type of hash'
  const NOT_OBJECT = 'channel_data supplied to presence-room is invalid - it must be a JSON object'

  const CASES: readonly Case[] = [
    {
      name: 'no auth',
      channel: 'private-room',
      send: () => ({}),
      frames: () =>
        refused(
          'private-room',
          'AuthError',
          401,
          'Auth info required to subscribe to private-room',
        ),
    },
    {
      name: 'auth without a colon',
      channel: 'private-room',
      send: () => ({ auth: 'abc' }),
      frames: () =>
        refused(
          'private-room',
          'AuthError',
          401,
          "Auth value for subscription to private-room is invalid: should be of format 'key:signature'",
        ),
    },
    {
      name: 'a foreign key',
      channel: 'private-room',
      send: () => ({ auth: 'k:abc' }),
      frames: () =>
        refused('private-room', 'AuthError', 401, "Invalid key in subscription auth data: 'k'"),
    },
    {
      name: 'a wrong signature',
      channel: 'private-room',
      send: (server) => ({ auth: `${server.app.key}:abc` }),
      frames: (_, client) =>
        refused(
          'private-room',
          'AuthError',
          401,
          `Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:private-room, but got abc`,
        ),
    },
    {
      name: 'the signature of another channel',
      channel: 'private-room',
      send: (server, client) => ({ auth: server.sign(client, 'private-other') }),
      frames: (_, client, { auth = '' }) =>
        refused(
          'private-room',
          'AuthError',
          401,
          `Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:private-room, but got ${auth.split(':')[1]}`,
        ),
    },
    {
      name: 'the signature of another connection',
      channel: 'private-room',
      send: (server) => ({ auth: server.sign({ socketId: '1.1' }, 'private-room') }),
      frames: (_, client, { auth = '' }) =>
        refused(
          'private-room',
          'AuthError',
          401,
          `Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:private-room, but got ${auth.split(':')[1]}`,
        ),
    },
    {
      name: 'channel_data that was signed with other spaces',
      channel: 'presence-room',
      send: (server, client) => ({
        auth: server.sign(client, 'presence-room', '{"user_id":"1"}'),
        data: '{ "user_id": "1" }',
      }),
      frames: (_, client, { auth = '' }) =>
        refused(
          'presence-room',
          'AuthError',
          401,
          `Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:presence-room:{ "user_id": "1" }, but got ${auth.split(':')[1]}`,
        ),
    },
    {
      name: 'presence without channel_data',
      channel: 'presence-room',
      send: (server, client) => ({ auth: server.sign(client, 'presence-room') }),
      frames: () =>
        refused(
          'presence-room',
          'AuthError',
          401,
          'channel_data is required to subscribe to presence-room',
        ),
    },
    {
      name: 'the channel of a user who is not signed in',
      channel: '#server-to-user-7',
      send: () => ({}),
      frames: () =>
        refused(
          '#server-to-user-7',
          'AuthError',
          401,
          'Only the signed-in user may subscribe to #server-to-user-7',
        ),
    },
    {
      name: 'the channel of a user, signed like a private one',
      channel: '#server-to-user-7',
      send: signed('#server-to-user-7', '{"user_id":"7"}'),
      frames: () =>
        refused(
          '#server-to-user-7',
          'AuthError',
          401,
          'Only the signed-in user may subscribe to #server-to-user-7',
        ),
    },
    invalidMember('channel_data that is not JSON', 'user', NOT_OBJECT),
    invalidMember('channel_data that is an array', '[]', NOT_OBJECT),
    invalidMember('channel_data that is null', 'null', NOT_OBJECT),
    invalidMember('no user_id', '{}', USER_ID),
    invalidMember('an empty user_id', '{"user_id":""}', USER_ID),
    invalidMember('a user_id that is true', '{"user_id":true}', USER_ID),
    invalidMember('a user_id beyond all numbers', '{"user_id":1e400}', USER_ID),
    invalidMember('a user_id that JSON rounds', '{"user_id":12345678901234567890}', USER_ID),
    invalidMember('a user_id that is null', '{"user_id":null}', USER_ID),
    invalidMember('a user_id that is an object', '{"user_id":{}}', USER_ID),
    invalidMember(
      'a user_id of 129 characters',
      `{"user_id":"${'x'.repeat(129)}"}`,
      'user_id of 129 characters exceeds the limit of 128 (maxUserIdChars)',
    ),
    invalidMember('user_info that is a string', '{"user_id":"1","user_info":"x"}', USER_INFO),
    invalidMember('user_info that is an array', '{"user_id":"1","user_info":[]}', USER_INFO),
    invalidMember(
      'user_info of 2049 bytes',
      `{"user_id":"1","user_info":{"a":"${'x'.repeat(2041)}"}}`,
      'user_info of 2049 bytes exceeds the limit of 2048 bytes (maxUserInfoBytes)',
    ),
  ]
  test.each(CASES)('$name', async ({ channel, send, frames }) => {
    await using server = await start()
    await using client = await server.raw()
    const sent = send(server, client)
    client.subscribe(channel, sent.auth, sent.data)
    expect(await client.frames.take(2)).toEqual(frames(server, client, sent))
    await client.expectNothing()
    expectNoTrace(server)
  })

  test.each(INVALID_NAMES)('a name that is %s', async (_, name) => {
    await using server = await start()
    await using client = await server.raw()
    client.send({ event: 'pusher:subscribe', data: { channel: name } })
    const [first, second] = (await client.frames.take(2)).map((frame) => JSON.parse(frame))
    expect(first).toMatchObject({
      event: 'pusher:subscription_error',
      data: { type: 'InvalidChannel', status: 400 },
    })
    expect(first.channel).toBe(typeof name === 'string' ? name : '')
    expect(second).toEqual({
      event: 'pusher:error',
      data: { code: null, message: first.data.error },
    })
    expectNoTrace(server)
  })

  test('a refused channel opens to the right signature afterwards', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.subscribe('private-room', 'no')
    await client.frames.take(2)
    await server.signedIn(client, 'private-room')
  })

  test('a second subscribe is an error that changes nothing', async () => {
    await using server = await start()
    await using client = await server.raw()
    await server.signedIn(client, 'presence-room', { user_id: '1' })
    const facts = server.facts.length
    client.subscribe(
      'presence-room',
      server.sign(client, 'presence-room', '{"user_id":"2"}'),
      '{"user_id":"2"}',
    )
    expect(await client.next()).toBe(
      '{"event":"pusher:error","data":{"code":null,"message":"Existing subscription to channel presence-room"}}',
    )
    await client.expectNothing()
    expect(server.facts).toHaveLength(facts)
    const response = await server.sdk().get({ path: '/channels/presence-room/users' })
    expect(await response.json()).toEqual({ users: [{ id: '1' }] })
  })

  test('channels per connection are limited, and the limit is named', async () => {
    await using server = await start({ limits: { maxChannelsPerConnection: 2 } })
    await using client = await server.raw()
    await client.subscribed('a')
    await client.subscribed('b')
    client.subscribe('c')
    expect(await client.frames.take(2)).toEqual(
      refused(
        'c',
        'LimitReached',
        400,
        'Connection is over its limit of 2 channels (maxChannelsPerConnection)',
      ),
    )
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'a' } })
    await client.subscribed('c')
  })

  test('pusher-js hears of it on the channel and on the connection', async () => {
    await using server = await start()
    await using client = server.pusher({ signer: server.sdk({ secret: 'wrong' }) })
    expect(client.subscribe('private-room')).rejects.toThrow('AuthError')
    const error = await client.errors.next('the error')
    expect(error.data?.code).toBeNull()
    expect(error.data?.message).toStartWith(
      'Invalid signature: Expected HMAC SHA256 hex digest of ',
    )
  })
})

describe('presence', () => {
  const added = (channel: string, data: string): string =>
    JSON.stringify({ event: 'pusher_internal:member_added', channel, data })
  const removed = (channel: string, data: string): string =>
    JSON.stringify({ event: 'pusher_internal:member_removed', channel, data })

  test('newcomers get the roster, the others the news, nobody their own', async () => {
    await using server = await start()
    await using ann = await server.raw()
    await using bob = await server.raw()
    expect(
      await server.signedIn(ann, 'presence-room', { user_id: '10', user_info: { name: 'Ann' } }),
    ).toBe(
      succeeded(
        'presence-room',
        '{"presence":{"ids":["10"],"hash":{"10":{"name":"Ann"}},"count":1}}',
      ),
    )
    expect(await server.signedIn(bob, 'presence-room', { user_id: 11 })).toBe(
      succeeded(
        'presence-room',
        '{"presence":{"ids":["10","11"],"hash":{"10":{"name":"Ann"},"11":{}},"count":2}}',
      ),
    )
    expect(await ann.next()).toBe(added('presence-room', '{"user_id":"11","user_info":{}}'))
    await bob.expectNothing()

    bob.send({ event: 'pusher:unsubscribe', data: { channel: 'presence-room' } })
    expect(await ann.next()).toBe(removed('presence-room', '{"user_id":"11"}'))
    await bob.expectNothing()
  })

  test('three tabs of one user are one member', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    const tabs = [await server.raw(), await server.raw(), await server.raw()]
    for (const [index, tab] of tabs.entries()) {
      const frame = await server.signedIn(tab, 'presence-room', {
        user_id: 'ann',
        user_info: { tab: index },
      })
      expect(frame).toContain('\\"count\\":2')
      expect(frame).toContain('\\"ann\\":{\\"tab\\":0}') // the first description stays
    }
    expect(await watcher.next()).toBe(
      added('presence-room', '{"user_id":"ann","user_info":{"tab":0}}'),
    )
    const counts = await server.sdk().get({
      path: '/channels/presence-room',
      params: { info: 'user_count,subscription_count' },
    })
    expect(await counts.json()).toEqual({ occupied: true, user_count: 2, subscription_count: 4 })

    for (const tab of tabs.slice(0, 2)) await tab[Symbol.asyncDispose]()
    await watcher.expectNothing()
    await tabs[2]![Symbol.asyncDispose]()
    expect(await watcher.next()).toBe(removed('presence-room', '{"user_id":"ann"}'))
    expect(server.factNames().filter((name) => name.startsWith('member'))).toEqual([
      'member_added presence-room',
      'member_added presence-room',
      'member_removed presence-room',
    ])
  })

  test('1 and "1" are the same user', async () => {
    await using server = await start()
    await using one = await server.raw()
    await using two = await server.raw()
    await server.signedIn(one, 'presence-room', { user_id: 1 })
    expect(await server.signedIn(two, 'presence-room', { user_id: '1' })).toContain('\\"count\\":1')
    await one.expectNothing()
  })

  test.each(['__proto__', 'constructor', 'a"b\\', '\ud800', 'zoë 😀'])(
    'a user may be called %p',
    async (id) => {
      await using server = await start()
      await using client = await server.raw()
      const frame = await server.signedIn(client, 'presence-room', {
        user_id: id,
        user_info: { ['__proto__']: 1 },
      })
      const { presence } = JSON.parse(JSON.parse(frame).data)
      expect(presence.ids).toEqual([id])
      expect(Object.keys(presence.hash)).toEqual([id])
      expect(presence.count).toBe(1)
    },
  )

  test('a full room refuses newcomers and takes the tabs of its members', async () => {
    await using server = await start({ limits: { maxPresenceMembers: 1 } })
    await using ann = await server.raw()
    await using tab = await server.raw()
    await using bob = await server.raw()
    await server.signedIn(ann, 'presence-room', { user_id: 'ann' })
    await server.signedIn(tab, 'presence-room', { user_id: 'ann' })
    bob.subscribe(
      'presence-room',
      server.sign(bob, 'presence-room', '{"user_id":"bob"}'),
      '{"user_id":"bob"}',
    )
    expect(await bob.frames.take(2)).toEqual(
      refused(
        'presence-room',
        'LimitReached',
        403,
        'presence-room is over its limit of 1 members (maxPresenceMembers)',
      ),
    )
    await ann.expectNothing()
  })

  test('a wrong signature learns nothing of a full room', async () => {
    await using server = await start({ limits: { maxPresenceMembers: 1 } })
    await using ann = await server.raw()
    await using eve = await server.raw()
    await server.signedIn(ann, 'presence-room', { user_id: 'ann' })
    eve.subscribe('presence-room', `${server.app.key}:00`, '{"user_id":"eve"}')
    expect(await eve.next()).toContain('Invalid signature')
  })

  test('pusher-js sees who is here, who comes and who goes', async () => {
    await using server = await start()
    await using ann = server.pusher({ user: { user_id: 'ann', user_info: { name: 'Ann' } } })
    const room = (await ann.subscribe('presence-room')) as import('pusher-js').PresenceChannel
    expect(room.members.me).toEqual({ id: 'ann', info: { name: 'Ann' } })
    {
      await using bob = server.pusher({ user: { user_id: 'bob' } })
      await bob.subscribe('presence-room')
      expect(await ann.nextEvent()).toMatchObject({
        event: 'pusher:member_added',
        data: { id: 'bob', info: {} },
      })
      expect(room.members.count).toBe(2)
    }
    expect(await ann.nextEvent()).toMatchObject({
      event: 'pusher:member_removed',
      data: { id: 'bob' },
    })
    expect(room.members.count).toBe(1)
  })
})

describe('leaving', () => {
  test('a closed connection leaves everything at once', async () => {
    await using server = await start()
    await using watcher = await server.raw()
    await server.signedIn(watcher, 'presence-room', { user_id: 'watcher' })
    const client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: 'ann' })
    await watcher.next()
    await client[Symbol.asyncDispose]()
    expect(await watcher.next()).toBe(
      '{"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\\"user_id\\":\\"ann\\"}"}',
    )
    expect(server.factNames().slice(-3)).toEqual([
      'channel_vacated room',
      'member_removed presence-room',
      'disconnected',
    ])
  })

  test('unsubscribing from where one is not is ignored', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.expectNothing()
    expectNoTrace(server)
  })
})
