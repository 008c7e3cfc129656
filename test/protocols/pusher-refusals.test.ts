/** Contract 3: subscriptions that are refused, what their client receives, and that they leave no trace. */
import { describe, expect, test } from 'bun:test'
import { start, type RawClient, type TestServer } from '../harness'
import { INVALID_NAMES } from '../vectors/channels'
import { makeRefusal } from '../frames'
import { expectNoTrace } from './no-trace'

describe('refusal', () => {
  type Case = {
    readonly name: string
    readonly channel: string
    readonly send: (server: TestServer, client: RawClient) => { auth?: string; data?: string }
    readonly says: (client: RawClient, sent: { auth?: string }) => string
  }
  const subscribeSigned =
    (channel: string, data: string) => (server: TestServer, client: RawClient) => ({
      auth: server.sign(client, channel, data),
      data,
    })
  const wrongSignature =
    (of: string): Case['says'] =>
    (client, { auth = '' }) =>
      `Invalid signature: Expected HMAC SHA256 hex digest of ${client.socketId}:${of}, but got ${auth.split(':')[1]}`
  const invalidMember = (name: string, data: string, message: string): Case => ({
    name,
    channel: 'presence-room',
    send: subscribeSigned('presence-room', data),
    says: () => message,
  })
  const USER_ID =
    'user_id supplied to presence subscription is invalid - it must be a non-empty string or an integer of at most 20 digits'
  const USER_INFO =
    'user_info supplied to presence subscription is invalid - if supplied it must be a type of hash'
  const NOT_OBJECT = 'channel_data supplied to presence-room is invalid - it must be a JSON object'

  const CASES: readonly Case[] = [
    {
      name: 'no auth',
      channel: 'private-room',
      send: () => ({}),
      says: () => 'Auth info required to subscribe to private-room',
    },
    {
      name: 'auth without a colon',
      channel: 'private-room',
      send: () => ({ auth: 'abc' }),
      says: () =>
        "Auth value for subscription to private-room is invalid: should be of format 'key:signature'",
    },
    {
      name: 'a foreign key',
      channel: 'private-room',
      send: () => ({ auth: 'k:abc' }),
      says: () => "Invalid key in subscription auth data: 'k'",
    },
    {
      name: 'a wrong signature',
      channel: 'private-room',
      send: (server) => ({ auth: `${server.app.key}:abc` }),
      says: wrongSignature('private-room'),
    },
    {
      name: 'the signature of another channel',
      channel: 'private-room',
      send: (server, client) => ({ auth: server.sign(client, 'private-other') }),
      says: wrongSignature('private-room'),
    },
    {
      name: 'the signature of another connection',
      channel: 'private-room',
      send: (server) => ({ auth: server.sign({ socketId: '1.1' }, 'private-room') }),
      says: wrongSignature('private-room'),
    },
    {
      name: 'channel_data that was signed with other spaces',
      channel: 'presence-room',
      send: (server, client) => ({
        auth: server.sign(client, 'presence-room', '{"user_id":"1"}'),
        data: '{ "user_id": "1" }',
      }),
      says: wrongSignature('presence-room:{ "user_id": "1" }'),
    },
    {
      name: 'presence without channel_data',
      channel: 'presence-room',
      send: (server, client) => ({ auth: server.sign(client, 'presence-room') }),
      says: () => 'channel_data is required to subscribe to presence-room',
    },
    {
      name: 'the channel of a user who is not signed in',
      channel: '#server-to-user-7',
      send: () => ({}),
      says: () => 'Only the signed-in user may subscribe to #server-to-user-7',
    },
    {
      name: 'the channel of a user, signed like a private one',
      channel: '#server-to-user-7',
      send: subscribeSigned('#server-to-user-7', '{"user_id":"7"}'),
      says: () => 'Only the signed-in user may subscribe to #server-to-user-7',
    },
    invalidMember('channel_data that is not JSON', 'user', NOT_OBJECT),
    invalidMember('channel_data that is an array', '[]', NOT_OBJECT),
    invalidMember('channel_data that is null', 'null', NOT_OBJECT),
    invalidMember('no user_id', '{}', USER_ID),
    invalidMember('an empty user_id', '{"user_id":""}', USER_ID),
    invalidMember('a user_id that is true', '{"user_id":true}', USER_ID),
    invalidMember('a user_id beyond all numbers', '{"user_id":1e400}', USER_ID),
    invalidMember('a user_id of 21 digits', '{"user_id":123456789012345678901}', USER_ID),
    invalidMember('a user_id with a fraction', '{"user_id":1.0}', USER_ID),
    invalidMember('a user_id with an exponent', '{"user_id":1e3}', USER_ID),
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
  test.each(CASES)('$name', async ({ channel, send, says }) => {
    await using server = await start()
    await using client = await server.raw()
    const sent = send(server, client)
    client.subscribe(channel, sent.auth, sent.data)
    expect(await client.frames.take(2)).toEqual(
      makeRefusal(channel, 'AuthError', 401, says(client, sent)),
    )
    await client.expectNothing()
    await expectNoTrace(server)
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
    await expectNoTrace(server)
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
      makeRefusal(
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
