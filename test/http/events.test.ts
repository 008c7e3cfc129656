/** Contract 6.3 to 6.5: triggers. */
import { describe, expect, test } from 'bun:test'
import type Server from 'pusher'
import { start, type StartOptions } from '../harness'

/** Status and body of a signed POST. */
async function post(
  sdk: Server,
  path: string,
  body: unknown,
  params = {},
): Promise<[number, string]> {
  try {
    const response = await sdk.post({ path, body: body as never, params })
    return [response.status, await response.text()]
  } catch (refused) {
    const { status, body: text } = refused as { status: number; body: string }
    return [status, text]
  }
}

const event = (more: object = {}): object => ({ name: 'e', channels: ['room'], data: 'x', ...more })

describe('POST /events', () => {
  test('data arrives as the text that was sent', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const texts = ['', 'hello', '{"a": 1}', '5', 'null', '"', 'zoë 😀\u2028\0', ' spaced ']
    for (const data of texts) await post(server.sdk(), '/events', event({ data }))
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
    expect(await post(server.sdk(), '/events', event({ data }))).toEqual([200, '{}'])
    expect((await client.nextJson()).data).toBe(text)
  })

  const ACCEPTED: readonly (readonly [name: string, body: object])[] = [
    ['one channel', { name: 'e', channel: 'room', data: 'x' }],
    ['channels win over channel', event({ channel: 'no such channel' })],
    ['duplicate channels count once', event({ channels: ['room', 'room', 'room'] })],
    ['socket_id null', event({ socket_id: null })],
    ['socket_id empty', event({ socket_id: '' })],
    ['a socket id of nobody', event({ socket_id: '1.1' })],
    ['info empty', event({ info: '' })],
    ['an event name as Laravel writes it', event({ name: 'App\\Events\\Foo' })],
    ['an event name of 200 characters', event({ name: 'x'.repeat(200) })],
    ['data of 10 240 bytes', event({ data: 'ë'.repeat(5120) })],
    ['unknown keys', event({ tags: { a: 1 }, __proto__: null })],
  ]
  test.each(ACCEPTED)('%s: published once', async (_, body) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
    expect((await client.nextJson()).channel).toBe('room')
    await client.expectNothing()
  })

  const many = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `room-${index}`)
  const REFUSED: readonly (readonly [name: string, body: unknown, status: number, text: string])[] =
    [
      ['no name', { channels: ['room'], data: 'x' }, 400, 'Expected name parameter to be a string'],
      [
        'a name that is a number',
        event({ name: 1 }),
        400,
        'Expected name parameter to be a string',
      ],
      ['an empty name', event({ name: '' }), 400, 'Event name must not be empty'],
      [
        'a name of 201 characters',
        event({ name: 'x'.repeat(201) }),
        400,
        'Event name of 201 characters exceeds the limit of 200 (maxEventNameChars)',
      ],
      [
        'a name of the server',
        event({ name: 'pusher:x' }),
        400,
        "Event name 'pusher:x' is reserved for the server",
      ],
      [
        'an internal name',
        event({ name: 'pusher_internal:member_added' }),
        400,
        "Event name 'pusher_internal:member_added' is reserved for the server",
      ],
      [
        'no data',
        { name: 'e', channels: ['room'] },
        400,
        'Expected data parameter to be present and of the documented type',
      ],
      ['data null', event({ data: null }), 400, 'Expected data parameter to be a string'],
      [
        'data of 10 241 bytes',
        event({ data: 'x'.repeat(10_241) }),
        413,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ],
      ['no channel', { name: 'e', data: 'x' }, 400, 'Expected at least one channel'],
      ['an empty list of channels', event({ channels: [] }), 400, 'Expected at least one channel'],
      [
        'channels that is text',
        event({ channels: 'room' }),
        400,
        'Expected channels parameter to be an array',
      ],
      [
        'a channel that is a number',
        event({ channels: ['room', 5] }),
        400,
        'Expected channels.1 parameter to be a string',
      ],
      [
        'one bad name in the list',
        event({ channels: ['room', 'bad name'] }),
        400,
        "Invalid channel name: 'bad name' (allowed are letters, digits and _-=@,.;)",
      ],
      [
        'a channel of 201 characters',
        event({ channels: ['x'.repeat(201)] }),
        400,
        'Invalid channel name: 201 characters exceed the limit of 200 (maxChannelNameChars)',
      ],
      [
        '101 channels',
        event({ channels: many(101) }),
        400,
        '101 channels exceed the limit of 100 (maxChannelsPerTrigger)',
      ],
      ['a socket id of letters', event({ socket_id: 'abc' }), 400, "Invalid socket_id: 'abc'"],
      [
        'a socket id with a newline',
        event({ socket_id: '1.1\n' }),
        400,
        "Invalid socket_id: '1.1 '",
      ],
      [
        'a socket id that is a number',
        event({ socket_id: 1.5 }),
        400,
        'Expected socket_id parameter to be present and of the documented type',
      ],
      [
        'an unknown info',
        event({ info: 'user_count,nonsense' }),
        400,
        "Unknown info attribute 'nonsense'",
      ],
      [
        'info named like an object’s own',
        event({ info: 'constructor' }),
        400,
        "Unknown info attribute 'constructor'",
      ],
      [
        'a name with a toString of its own',
        event({ name: { toString: 1 } }),
        400,
        'Expected name parameter to be a string',
      ],
      ['a body that is an array', [], 400, 'Expected the body to be a JSON object'],
    ]
  test.each(REFUSED)('%s: refused, and nothing is published', async (_, body, status, text) => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    expect(await post(server.sdk(), '/events', body)).toEqual([status, `${text}\n`])
    await client.expectNothing()
    expect(server.core.counters.faults).toBe(0)
  })

  test('100 channels are one request', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room-99')
    expect(await post(server.sdk(), '/events', event({ channels: many(100) }))).toEqual([200, '{}'])
    expect((await client.nextJson()).channel).toBe('room-99')
  })

  test('info tells of every channel asked for, occupied or not', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await server.signedIn(client, 'presence-room', { user_id: '1' })
    const body = event({
      channels: ['presence-room', 'room', 'empty', 'room'],
      info: 'user_count, subscription_count,',
    })
    expect(await post(server.sdk(), '/events', body)).toEqual([
      200,
      '{"channels":{"presence-room":{"user_count":1,"subscription_count":1},"room":{"subscription_count":1},"empty":{"subscription_count":0}}}',
    ])
    expect(
      await post(server.sdk(), '/events', event({ channels: ['room'], info: 'user_count' })),
    ).toEqual([200, '{"channels":{"room":{}}}'])
  })

  test('socket_id leaves out that connection on every channel, and nobody else', async () => {
    await using server = await start()
    await using ann = await server.raw()
    await using bob = await server.raw()
    for (const client of [ann, bob])
      for (const channel of ['a', 'b']) await client.subscribed(channel)
    await post(server.sdk(), '/events', event({ channels: ['a', 'b'], socket_id: ann.socketId }))
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
    await post(server.sdk(), '/events', event({ socket_id: other.socketId }))
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

test('data nested deeper than can be written out is refused', async () => {
  await using server = await start()
  const nested: unknown[] = []
  let inner = nested
  for (let depth = 0; depth < 10; depth++) inner.push((inner = []))
  const body = JSON.stringify(event({ data: nested })).replace(
    '[[]]',
    `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  )
  const sdk = server.sdk()
  const query = sdk.createSignedQueryString({ method: 'POST', path: '/apps/1/events', body })
  const response = await server.http(`/apps/1/events?${query}`, { method: 'POST', body })
  expect([response.status, await response.text()]).toEqual([400, 'data is nested too deep\n'])
  expect(server.core.counters.faults).toBe(0)
})

describe('POST /batch_events', () => {
  const item = (more: object = {}): object => ({ channel: 'room', name: 'e', data: 'x', ...more })

  test('events arrive in their order', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    const batch = Array.from({ length: 10 }, (_, n) => item({ data: String(n) }))
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([200, '{}'])
    const data = (await client.frames.take(10)).map((frame) => JSON.parse(frame).data)
    expect(data).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })

  test('info of one item brings a list as long as the batch', async () => {
    await using server = await start()
    const batch = [
      item(),
      item({ info: 'subscription_count' }),
      item({ channel: 'presence-a', info: 'user_count' }),
    ]
    expect(await post(server.sdk(), '/batch_events', { batch })).toEqual([
      200,
      '{"batch":[{},{"subscription_count":0},{"user_count":0}]}',
    ])
  })

  test('an empty batch is fine', async () => {
    await using server = await start()
    expect(await post(server.sdk(), '/batch_events', { batch: [] })).toEqual([200, '{}'])
  })

  const REFUSED: readonly (readonly [name: string, body: unknown, status: number, text: string])[] =
    [
      [
        '11 events',
        { batch: Array.from({ length: 11 }, () => item()) },
        400,
        '11 events exceed the limit of 10 (maxEventsPerBatch)',
      ],
      ['no batch', {}, 400, 'Expected batch parameter to be an array'],
      ['a batch that is an object', { batch: {} }, 400, 'Expected batch parameter to be an array'],
      [
        'an item that is null',
        { batch: [null] },
        400,
        'Expected batch.0 parameter to be an object',
      ],
      [
        'one item without a channel',
        { batch: [item(), { name: 'e', data: 'x' }] },
        400,
        'Expected batch.1.channel parameter to be a string',
      ],
      [
        'one item over the size',
        { batch: [item(), item({ data: 'x'.repeat(10_241) })] },
        413,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ],
      [
        'one item with a bad name',
        { batch: [item(), item({ channel: 'a b' })] },
        400,
        "Invalid channel name: 'a b' (allowed are letters, digits and _-=@,.;)",
      ],
    ]
  test.each(REFUSED)(
    '%s: refused, and nothing of it is published',
    async (_, body, status, text) => {
      await using server = await start()
      await using client = await server.raw()
      await client.subscribed('room')
      expect(await post(server.sdk(), '/batch_events', body)).toEqual([status, `${text}\n`])
      await client.expectNothing()
    },
  )
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

describe('limits are settings', () => {
  const CASES: readonly (readonly [
    StartOptions['limits'] & object,
    body: object,
    status: number,
  ])[] = [
    [{ maxEventDataBytes: 3 }, event({ data: 'xxxx' }), 413],
    [{ maxEventNameChars: 3 }, event({ name: 'xxxx' }), 400],
    [{ maxChannelNameChars: 3 }, event(), 400],
    [{ maxChannelsPerTrigger: 1 }, event({ channels: ['a', 'b'] }), 400],
  ]
  test.each(CASES)('%j', async (limits, body, status) => {
    await using server = await start({ limits })
    expect((await post(server.sdk(), '/events', body))[0]).toBe(status)
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
