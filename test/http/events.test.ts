/** Contract 6.4: triggers that are taken, and who hears them; the form of 2012. */
import { describe, expect, test } from 'bun:test'
import { start } from '../harness'
import { makeEvent, makeNames, post } from './event-requests'

describe('POST /events', () => {
  test('data arrives as the text that was sent', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const texts = ['', 'hello', '{"a": 1}', '5', 'null', '"', 'zoë 😀\u2028\0', ' spaced ']
    for (const data of texts) await post(server.sdk(), '/events', makeEvent({ data }))
    const frames = await client.frames.take(texts.length)
    expect(frames).toEqual(
      texts.map((data) => JSON.stringify({ event: 'e', channel: 'room', data })),
    )
  })

  const WRITTEN_OUT: readonly (readonly [data: unknown, text: string])[] = [
    [5, '5'],
    [true, 'true'],
    [{ a: [1] }, '{"a":[1]}'],
    [[1, 2], '[1,2]'],
  ]
  test.each(WRITTEN_OUT)('data %j is written out once', async (data, text) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', makeEvent({ data }))).toEqual([200, '{}'])
    expect((await client.nextJson()).data).toBe(text)
  })

  const ACCEPTED: readonly (readonly [name: string, body: object])[] = [
    ['one channel', { name: 'e', channel: 'room', data: 'x' }],
    ['channels win over channel', makeEvent({ channel: 'no such channel' })],
    ['duplicate channels count once', makeEvent({ channels: ['room', 'room', 'room'] })],
    ['socket_id null', makeEvent({ socket_id: null })],
    ['socket_id empty', makeEvent({ socket_id: '' })],
    ['a socket id of nobody', makeEvent({ socket_id: '1.1' })],
    ['info empty', makeEvent({ info: '' })],
    ['an event name as Laravel writes it', makeEvent({ name: 'App\\Events\\Foo' })],
    ['an event name of 200 characters', makeEvent({ name: 'x'.repeat(200) })],
    ['data of 10 240 bytes', makeEvent({ data: 'ë'.repeat(5120) })],
    ['unknown keys', makeEvent({ tags: { a: 1 }, __proto__: null })],
  ]
  test.each(ACCEPTED)('%s: published once', async (_, body) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
    expect((await client.nextJson()).channel).toBe('room')
    await client.expectNothing()
  })

  test('100 channels are one request', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room-99')
    expect(await post(server.sdk(), '/events', makeEvent({ channels: makeNames(100) }))).toEqual([
      200,
      '{}',
    ])
    expect((await client.nextJson()).channel).toBe('room-99')
  })

  test('info tells of every channel asked for, occupied or not', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: '1' })
    const body = makeEvent({
      channels: ['presence-room', 'room', 'empty', 'room'],
      info: 'user_count, subscription_count,',
    })
    expect(await post(server.sdk(), '/events', body)).toEqual([
      200,
      '{"channels":{"presence-room":{"user_count":1,"subscription_count":1},"room":{"subscription_count":1},"empty":{"subscription_count":0}}}',
    ])
    expect(
      await post(server.sdk(), '/events', makeEvent({ channels: ['room'], info: 'user_count' })),
    ).toEqual([200, '{"channels":{"room":{}}}'])
  })

  test('socket_id leaves out that connection on every channel, and nobody else', async () => {
    await using server = await start()
    await using ann = await server.raw()
    await using bob = await server.raw()
    for (const client of [ann, bob])
      for (const channel of ['a', 'b']) await client.subscribed(channel)
    await post(
      server.sdk(),
      '/events',
      makeEvent({ channels: ['a', 'b'], socket_id: ann.socketId }),
    )
    expect((await bob.frames.take(2)).map((frame) => JSON.parse(frame).channel)).toEqual(['a', 'b'])
    await ann.expectNothing()
  })

  test('a connection of another app is not left out, and hears nothing', async () => {
    await using server = await start()
    await using stranger = await start({ config: { appId: '2', appKey: 'k2', appSecret: 's2' } })
    await using client = await server.raw()
    await using other = await stranger.raw()
    await client.subscribed('room')
    await other.subscribed('room')
    await post(server.sdk(), '/events', makeEvent({ socket_id: other.socketId }))
    await client.next()
    await other.expectNothing()
  })

  test('a plus in the query is what was signed: a plus', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const query = server.sdk().createSignedQueryString({
      method: 'POST',
      path: '/apps/1/events',
      params: { name: 'a+b', channel: 'room', data: 'c+d' } as never,
    })
    expect((await server.http(`/apps/1/events?${query}`, { method: 'POST' })).status).toBe(200)
    expect(await client.nextJson()).toEqual({ event: 'a+b', channel: 'room', data: 'c+d' })
  })

  test('a channel in the body silences the channels of the query', async () => {
    await using server = await start()
    await using client = await server.raw()
    for (const channel of ['body', 'query']) await client.subscribed(channel)
    await post(
      server.sdk(),
      '/events',
      { name: 'e', data: 'x', channel: 'body' },
      { 'channels[]': 'query' },
    )
    expect((await client.nextJson()).channel).toBe('body')
    await client.expectNothing()
  })

  test('parameters may come in the query, and the body’s win', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(
      await post(
        server.sdk(),
        '/events',
        { data: 'body' },
        { name: 'from-query', channel: 'room', data: 'query' },
      ),
    ).toEqual([200, '{}'])
    expect(await client.nextJson()).toEqual({ event: 'from-query', channel: 'room', data: 'body' })
  })
})

describe('the form of 2012', () => {
  test('the body is the data, the answer is 202 and empty', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const answer = await post(server.sdk(), '/channels/room/events', { a: 1 }, { name: 'e' })
    expect(answer).toEqual([202, ''])
    expect(await client.nextJson()).toEqual({ event: 'e', channel: 'room', data: '{"a":1}' })
  })

  test('socket_id and limits hold here too', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await post(server.sdk(), '/channels/room/events', 'x', {
      name: 'e',
      socket_id: client.socketId,
    })
    await client.expectNothing()
    expect(await post(server.sdk(), '/channels/room/events', 'x', {})).toEqual([
      400,
      'Expected name parameter to be a string\n',
    ])
    expect((await post(server.sdk(), '/channels/a b/events', 'x', { name: 'e' }))[0]).toBe(400)
  })
})

describe('encrypted channels', () => {
  test('the stock libraries understand each other, and the server only carries', async () => {
    await using server = await start()
    const sdk = server.sdk({ encryptionMasterKeyBase64: Buffer.alloc(32, 7).toString('base64') })
    await using client = server.pusher({ signer: sdk })
    await using raw = await server.raw()
    await client.subscribe('private-encrypted-room')
    await server.signedIn(raw, 'private-encrypted-room')
    await sdk.trigger('private-encrypted-room', 'secret', { hello: 'world' })
    expect(await client.nextEvent()).toMatchObject({ event: 'secret', data: { hello: 'world' } })
    expect(Object.keys(JSON.parse((await raw.nextJson()).data as string))).toEqual([
      'nonce',
      'ciphertext',
    ])
  })
})
