/**
 * ExPusherLite’s API as its article has it: events, the bridge to its scopes, lists of channels;
 * numbers in names are cases of contract section 6.
 */
import { describe, expect, test } from 'bun:test'
import { allow } from '../../../src/plugin'
import { makePlugin, start, type TestServer } from '../../harness'
import { KEY, connectPhoenix } from '../../phoenix'
import { makeBasicAuth, PAIR } from '../../credentials'
import { EVENT, post, readAnswer } from './requests'

type Fields = Record<string, unknown>

const publish = (server: TestServer, fields: Fields): Promise<Response> =>
  post(server, JSON.stringify({ ...EVENT, ...fields }), {
    ...makeBasicAuth(PAIR),
    'content-type': 'application/json',
  })

describe('an event', () => {
  const FORM = new URLSearchParams(EVENT)
  const MULTIPART = new FormData()
  for (const [name, value] of Object.entries(EVENT)) MULTIPART.set(name, value)
  const BODIES: readonly (readonly [string, RequestInit['body'], string])[] = [
    ['a form', FORM, ''],
    ['multipart', MULTIPART, ''],
    ['JSON', JSON.stringify(EVENT), 'application/json'],
    [
      'JSON with an object',
      JSON.stringify({ ...EVENT, payload: { name: 'Joe' } }),
      'application/json',
    ],
  ]
  test.each(BODIES)(
    'as %s reaches the scope as topic:event (54, trap 22)',
    async (_, body, type) => {
      await using server = await start()
      await using client = await connectPhoenix(server, { version: 1 })
      await client.join('public:test-app')
      const headers = { ...makeBasicAuth(PAIR), ...(type && { 'content-type': type }) }
      const response = await post(server, body, headers)
      expect(await readAnswer(response)).toEqual([200, {}])
      expect(response.headers.get('content-type')).toMatch(/^application\/json/)
      expect(await client.next()).toEqual([
        undefined,
        null,
        'public:test-app',
        'foo-topic:msg',
        { name: 'Joe' },
      ])
    },
  )

  test('of #general keeps its name (55)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    await publish(server, { topic: '#general', payload: undefined })
    expect(await client.next()).toEqual([null, null, 'public:test-app', 'msg', {}])
    await client.expectNothing()
  })

  test.each(['phx_news', 'chan_reply_1', 'pusher', 'presence_state'])(
    'of the topic %s is harmless, and arrives (27)',
    async (topic) => {
      await using server = await start()
      await using client = await connectPhoenix(server)
      await client.join('public:test-app')
      await publish(server, { topic })
      expect((await client.next())[3]).toBe(`${topic}:msg`)
    },
  )

  test('may name its scope twice (55)', async () => {
    await using server = await start()
    await using member = await connectPhoenix(server)
    await using subscriber = await server.raw()
    await member.join('public:test-app')
    await subscriber.subscribed('prod_chat_channel')
    await publish(server, { topic: 'public:prod_chat_channel' })
    expect((await member.next())[3]).toBe('public:prod_chat_channel:msg')
    expect(await subscriber.nextJson()).toEqual({
      event: 'msg',
      channel: 'prod_chat_channel',
      data: '{"name":"Joe"}',
    })
  })

  test('reaches the subscribers of the channel on every protocol, and one frame each (74)', async () => {
    await using server = await start()
    await using pusher = await server.raw()
    await using native = await connectPhoenix(server, { query: KEY })
    await using pushex = await connectPhoenix(server, { mount: '/push_socket', version: 1 })
    await pusher.subscribed('foo-topic')
    await native.join('foo-topic')
    await pushex.join('foo-topic')
    await publish(server, {})
    expect((await pusher.nextJson()).data).toBe('{"name":"Joe"}')
    expect(await native.next()).toEqual([null, null, 'foo-topic', 'msg', { name: 'Joe' }])
    expect((await pushex.next()).slice(3)).toEqual(['msg', { data: { name: 'Joe' }, event: 'msg' }])
    await pusher.expectNothing()
    await native.expectNothing()
    await pushex.expectNothing()
  })

  test('of a private scope reaches its members and the private channel, nobody public', async () => {
    const open = makePlugin('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using member = await connectPhoenix(server)
    await using stranger = await connectPhoenix(server)
    await using pusher = await server.raw()
    await member.join('private:test-app')
    await stranger.join('public:test-app')
    await pusher.subscribed('private-deploys')
    await publish(server, { scope: 'private', topic: 'deploys' })
    expect((await member.next())[3]).toBe('deploys:msg')
    expect((await pusher.nextJson()).channel).toBe('private-deploys')
    await stranger.expectNothing()
  })

  const WRONG: readonly (readonly [string, Fields, number, string])[] = [
    ['no scope', { scope: undefined }, 400, 'scope'],
    ['no topic', { topic: '' }, 400, 'topic'],
    ['no event', { event: undefined }, 400, 'event'],
    ['a scope with a colon', { scope: 'public:x' }, 422, 'scope'],
    ['a payload that is no JSON', { payload: '{' }, 422, 'payload'],
    ['a payload that is no object', { payload: '[1]' }, 422, 'payload'],
    ['a list as payload', { payload: [] }, 422, 'payload'],
    ['a public topic that is a private channel', { topic: 'private-x' }, 422, 'topic'],
    ['the same, named twice', { topic: 'public:presence-x' }, 422, 'topic'],
    ['#general and phx_close', { topic: '#general', event: 'phx_close' }, 422, 'event'],
    ['an endless topic', { topic: 'x'.repeat(201) }, 422, 'topic'],
  ]
  test.each(WRONG)(
    'with %s is refused, and nobody hears it (54)',
    async (_, fields, status, field) => {
      await using server = await start()
      await using client = await connectPhoenix(server)
      await client.join('public:test-app')
      const response = await publish(server, fields)
      expect(await readAnswer(response)).toEqual([
        status,
        { errors: { [field]: [expect.any(String)] } },
      ])
      await client.expectNothing()
    },
  )
})

describe('the bridge', () => {
  test('brings events of public channels to the scope where the app says so (79, trap 26)', async () => {
    await using server = await start()
    await using client = await connectPhoenix(server)
    await client.join('public:test-app')
    for (const channel of ['room', 'private-room', 'private-encrypted-room', 'presence-room'])
      await server.trigger({ channel, name: 'e', data: '{"a":1}' })
    expect(await client.next()).toEqual([null, null, 'public:test-app', 'room:e', { a: 1 }])
    await client.expectNothing()
    await server.change({ dialects: {} })
    await server.trigger({ channel: 'room', name: 'e', data: '{"a":1}' })
    await client.expectNothing()
  })

  test('brings client events, to all but the sender', async () => {
    const open = makePlugin('open', { authorize: () => allow() })
    await using server = await start({ plugins: [open] })
    await using pusher = await server.raw()
    await using both = await connectPhoenix(server, { query: `app_key=${server.app.key}` })
    await using member = await connectPhoenix(server)
    await pusher.subscribed('private-room')
    await both.join('private-room')
    for (const client of [both, member]) await client.join('private:test-app', {}, '2')
    pusher.send({ event: 'client-e', channel: 'private-room', data: { a: 1 } })
    const expected = [null, null, 'private:test-app', 'room:client-e', { a: 1 }]
    expect(await member.next()).toEqual(expected as never)
    // On a Cluster they may be on two masters.
    expect((await both.take(2)).map(([, , topic]) => topic).sort()).toEqual([
      'private-room',
      'private:test-app',
    ])
    both.send('1', '3', 'private-room', 'client-e', { a: 2 })
    expect((await both.next())[3]).toBe('phx_reply')
    await both.expectNothing()
    expect((await member.next())[4]).toEqual({ a: 2 })
    both.send('2', '4', 'private:test-app', 'msg', {}) // what is said in a scope stays there
    expect((await member.next())[3]).toBe('msg')
    await member.expectNothing()
  })

  test('is off for new apps, and a switch of the admin API', async () => {
    await using server = await start()
    const headers = { 'content-type': 'application/json' }
    const created = await server.admin('/api/admin/apps', {
      method: 'POST',
      headers,
      body: '{"app":{"name":"other app"}}',
    })
    expect((await created.json()).data.epl_bridge).toBe(false)
    const changed = await server.admin('/api/admin/apps/other-app', {
      method: 'PATCH',
      headers,
      body: '{"app":{"epl_bridge":true}}',
    })
    expect((await changed.json()).data.epl_bridge).toBe(true)
  })
})

test('channels of all protocols are listed, and who is in them', async () => {
  const who = allow({ channelData: '{"user_id":"ada"}' })
  await using server = await start({ plugins: [makePlugin('open', { authorize: () => who })] })
  await using client = await connectPhoenix(server, { query: KEY })
  await using scoped = await connectPhoenix(server)
  await using pusher = await server.raw()
  await client.join('room:1')
  await client.join('presence-room', {}, '2')
  await scoped.join('public:test-app')
  await pusher.subscribed('presence-room')
  const request = async (path: string) =>
    (
      await server.http(`/api/apps/test-app/channels${path}`, { headers: makeBasicAuth(PAIR) })
    ).json()
  expect(await request('')).toEqual({
    data: [
      { name: 'room:1', subscription_count: 1 },
      { name: 'presence-room', subscription_count: 2 },
    ],
  })
  expect(await request('/presence-room/users')).toEqual({ data: [{ id: 'ada' }] })
  expect(await request('/room:1/users')).toEqual({ data: [] })
})
