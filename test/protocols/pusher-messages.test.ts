/** Contract 1.7 and 4: client events, and everything that is no message. */
import { describe, expect, test } from 'bun:test'
import { start, within, type RawClient, type StartOptions, type TestServer } from '../harness'

const error = (code: number | null, message: string): string =>
  JSON.stringify({ event: 'pusher:error', data: { code, message } })
const clientEvent = (channel: string, data: unknown, event = 'client-typing'): object => ({
  event,
  channel,
  data,
})

describe('client events', () => {
  async function pair(
    server: TestServer,
    channel = 'private-room',
  ): Promise<[RawClient, RawClient]> {
    const clients: [RawClient, RawClient] = [await server.raw(), await server.raw()]
    const user = (id: number) => (channel.startsWith('presence-') ? { user_id: id } : undefined)
    await server.signedIn(clients[0], channel, user(1))
    await server.signedIn(clients[1], channel, user(2))
    if (user(1)) await clients[0].next('member_added')
    return clients
  }

  const DATA: readonly (readonly [what: string, data: string])[] = [
    ['an object', '{"a":1}'],
    ['text', '"hello \\"you\\" 😀"'],
    ['a number', '5'],
    ['null', 'null'],
    ['an array', '[1,[2]]'],
    ['an object with odd keys', '{"__proto__":{"x":1},"constructor":null}'],
    ['a lone surrogate', '"\\ud800"'],
    ['empty text', '""'],
    ['64 arrays in each other', `${'['.repeat(64)}${']'.repeat(64)}`],
  ]
  test.each(DATA)('%s arrives as it was sent', async (_, data) => {
    await using server = await start()
    const [sender, receiver] = await pair(server)
    sender.send(`{"event":"client-typing","channel":"private-room","data":${data}}`)
    expect(await receiver.next()).toBe(
      `{"event":"client-typing","channel":"private-room","data":${data}}`,
    )
    await sender.expectNothing()
  })

  test('on presence channels they carry the id of the sender, and never one that it made up', async () => {
    await using server = await start()
    const [sender, receiver] = await pair(server, 'presence-room')
    sender.send({ ...clientEvent('presence-room', {}), user_id: '99', socket_id: '9.9' })
    expect(await receiver.next()).toBe(
      '{"event":"client-typing","channel":"presence-room","data":{},"user_id":"1"}',
    )
  })

  test('the sender’s other connections hear them', async () => {
    await using server = await start()
    await using sender = await server.raw()
    await using tab = await server.raw()
    await server.signedIn(sender, 'presence-room', { user_id: 'ann' })
    await server.signedIn(tab, 'presence-room', { user_id: 'ann' })
    sender.send(clientEvent('presence-room', 1))
    expect((await tab.nextJson()).event).toBe('client-typing')
  })

  test.each(['private-cache-room', 'presence-cache-room'])('%s carries them', async (channel) => {
    await using server = await start()
    const [sender, receiver] = await pair(server, channel)
    expect((await receiver.nextJson()).event).toBe('pusher:cache_miss')
    sender.send(clientEvent(channel, 'x'))
    expect((await receiver.nextJson()).data).toBe('x')
  })

  const NO = 'only private and presence channels carry them'
  const REFUSED: readonly {
    readonly name: string
    readonly options?: StartOptions
    readonly joined?: string
    readonly send: object
    readonly frame: string
  }[] = [
    {
      name: 'on a public channel',
      joined: 'room',
      send: clientEvent('room', 1),
      frame: error(null, `Cannot broadcast client event on room (${NO})`),
    },
    {
      name: 'on an encrypted channel',
      joined: 'private-encrypted-room',
      send: clientEvent('private-encrypted-room', 1),
      frame: error(null, `Cannot broadcast client event on private-encrypted-room (${NO})`),
    },
    {
      name: 'on a channel that it is not in',
      send: clientEvent('private-other', 1),
      frame: error(
        null,
        'Cannot broadcast client event (connection not subscribed to channel private-other)',
      ),
    },
    {
      name: 'without data',
      send: { event: 'client-x', channel: 'private-room' },
      frame: error(null, 'Invalid client event (must contain channel and data)'),
    },
    {
      name: 'without a channel',
      send: { event: 'client-x', data: 1 },
      frame: error(null, 'Invalid client event (must contain channel and data)'),
    },
    {
      name: 'with a channel that is a number',
      send: { event: 'client-x', channel: 7, data: 1 },
      frame: error(null, 'Invalid channel name: expected a string'),
    },
    {
      name: 'without the prefix',
      send: clientEvent('private-room', 1, 'typing'),
      frame: error(null, "Unknown event 'typing'"),
    },
    {
      name: 'with the prefix in the middle',
      send: clientEvent('private-room', 1, 'foo-client-x'),
      frame: error(null, "Unknown event 'foo-client-x'"),
    },
    {
      name: 'with a name of 201 characters',
      send: clientEvent('private-room', 1, `client-${'x'.repeat(194)}`),
      frame: error(
        null,
        'Event name of 201 characters exceeds the limit of 200 (maxEventNameChars)',
      ),
    },
    {
      name: 'with data over the limit',
      send: clientEvent('private-room', 'x'.repeat(10_241)),
      frame: error(
        null,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ),
    },
    {
      name: 'of an app that has them off',
      options: { config: { appId: '9', appKey: 'k', appSecret: 's', clientEvents: false } },
      send: clientEvent('private-room', 1),
      frame: error(
        null,
        'To send client events, you must enable this feature in the Settings page of your dashboard.',
      ),
    },
  ]
  test.each(REFUSED)('are refused $name', async ({ options = {}, joined, send, frame }) => {
    await using server = await start(options)
    const [sender, receiver] = await pair(server)
    if (joined?.startsWith('private')) await server.signedIn(sender, joined)
    else if (joined) await sender.subscribed(joined)
    sender.send(send)
    expect(await sender.next()).toBe(frame)
    await sender.expectNothing()
    await receiver.expectNothing()
  })

  test('ten go out at once, then as many as time allows; 4301 never closes', async () => {
    await using server = await start()
    const [sender, receiver] = await pair(server)
    for (let n = 1; n <= 12; n++) sender.send(clientEvent('private-room', n))
    const limited = error(4301, 'Client event rejected due to rate limit')
    expect(await sender.frames.take(2)).toEqual([limited, limited])
    server.advance(100)
    sender.send(clientEvent('private-room', 13))
    sender.send(clientEvent('private-room', 14))
    expect(await sender.next()).toBe(limited)
    const received = (await receiver.frames.take(11)).map((frame) => JSON.parse(frame).data)
    expect(received).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13])
    expect(server.core.counters.clientEventsLimited).toBe(3)
  })

  test('another connection’s rate is its own', async () => {
    await using server = await start({ limits: { maxClientEventsPerSecond: 1 } })
    const [one, two] = await pair(server)
    one.send(clientEvent('private-room', 'one'))
    expect((await two.nextJson()).data).toBe('one')
    two.send(clientEvent('private-room', 'two'))
    expect((await one.nextJson()).data).toBe('two')
  })

  test('pusher-js sends and receives them, with the sender', async () => {
    await using server = await start()
    await using ann = server.pusher({ user: { user_id: 'ann' } })
    await using bob = server.pusher({ user: { user_id: 'bob' } })
    const heard = Promise.withResolvers<unknown[]>()
    const bobsRoom = await bob.subscribe('presence-room')
    bobsRoom.bind('client-typing', (...told: unknown[]) => heard.resolve(told))
    const room = await ann.subscribe('presence-room')
    room.trigger('client-typing', { text: 'hi' })
    expect(await within('the client event', heard.promise)).toEqual([
      { text: 'hi' },
      { user_id: 'ann' },
    ])
  })
})

describe('what is no message is refused, and the connection stays', () => {
  const NOT_JSON = error(null, 'Invalid message: expected a JSON object with a string "event"')
  const unknown = (event: string): string => error(null, `Unknown event '${event}'`)
  const expected = (event: string): string =>
    error(null, `Invalid ${event}: expected data with a channel`)
  const MESSAGES: readonly (readonly [
    name: string,
    message: string | Uint8Array,
    frame: string,
  ])[] = [
    ['nothing', '', NOT_JSON],
    ['text', 'hello', NOT_JSON],
    ['half an object', '{"event":', NOT_JSON],
    ['null', 'null', NOT_JSON],
    ['a number', '5', NOT_JSON],
    ['a string', '"pusher:ping"', NOT_JSON],
    ['an array', '[{"event":"pusher:ping"}]', NOT_JSON],
    ['an object without event', '{}', NOT_JSON],
    ['an event that is a number', '{"event":5}', NOT_JSON],
    ['an event that is an array', '{"event":["pusher:ping"]}', NOT_JSON],
    ['an event that is null', '{"event":null}', NOT_JSON],
    ['nothing but a prototype', '{"__proto__":{"event":"pusher:ping"}}', NOT_JSON],
    ['an unknown pusher event', '{"event":"pusher:nonsense"}', unknown('pusher:nonsense')],
    [
      'an event of the server',
      '{"event":"pusher_internal:member_added","channel":"a"}',
      unknown('pusher_internal:member_added'),
    ],
    ['an event named like an object’s own', '{"event":"constructor"}', unknown('constructor')],
    ['an event named __proto__', '{"event":"__proto__"}', unknown('__proto__')],
    ['an empty event', '{"event":""}', unknown('')],
    ['an event in upper case', '{"event":"PUSHER:PING"}', unknown('PUSHER:PING')],
    [
      'a long event, quoted in part',
      `{"event":"${'x'.repeat(500)}"}`,
      unknown(`${'x'.repeat(120)}…`),
    ],
    ['subscribe without data', '{"event":"pusher:subscribe"}', expected('pusher:subscribe')],
    [
      'subscribe with null',
      '{"event":"pusher:subscribe","data":null}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with an array',
      '{"event":"pusher:subscribe","data":["room"]}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with text',
      '{"event":"pusher:subscribe","data":"room"}',
      expected('pusher:subscribe'),
    ],
    [
      'subscribe with a number',
      '{"event":"pusher:subscribe","data":7}',
      expected('pusher:subscribe'),
    ],
    ['unsubscribe without data', '{"event":"pusher:unsubscribe"}', expected('pusher:unsubscribe')],
    [
      'unsubscribe from a number',
      '{"event":"pusher:unsubscribe","data":{"channel":7}}',
      error(null, 'Invalid channel name: expected a string'),
    ],
    ['bytes that are no text', new Uint8Array([0xff, 0xfe, 0x00]), NOT_JSON],
    ['64 arrays deep', '['.repeat(64) + ']'.repeat(64), NOT_JSON],
    ['20 000 arrays deep', '['.repeat(20_000) + ']'.repeat(20_000), NOT_JSON],
    [
      '65 537 characters',
      'x'.repeat(65_537),
      error(
        null,
        'Message of 65537 characters exceeds the limit of 65536 (4 x maxEventDataBytes and maxUserInfoBytes, and 16384)',
      ),
    ],
    [
      'a megabyte',
      'x'.repeat(1_048_576),
      error(
        null,
        'Message of 1048576 characters exceeds the limit of 65536 (4 x maxEventDataBytes and maxUserInfoBytes, and 16384)',
      ),
    ],
  ]
  test.each(MESSAGES)('%s', async (_, message, frame) => {
    await using server = await start()
    await using client = await server.raw()
    await using neighbour = await server.raw()
    client.send(message)
    expect(await client.next()).toBe(frame)
    await client.expectNothing()
    await neighbour.expectNothing()
    expect(server.core.counters.faults).toBe(0)
    expect(server.core.hub.connectionCount).toBe(2)
  })

  test('a client event nested 18 000 deep neither throws nor closes', async () => {
    await using server = await start()
    await using client = await server.raw()
    await server.signedIn(client, 'private-room')
    const deep = `${'['.repeat(18_000)}${']'.repeat(18_000)}`
    client.send(`{"event":"client-x","channel":"private-room","data":${deep}}`)
    expect(await client.next()).toBe(error(null, 'Invalid client event (data is nested too deep)'))
    await client.expectNothing()
    expect(server.core.counters.faults).toBe(0)
  })

  test('a message in a binary frame is read as text', async () => {
    await using server = await start()
    await using client = await server.raw()
    client.send(new TextEncoder().encode('{"event":"pusher:subscribe","data":{"channel":"room"}}'))
    expect(await client.next()).toContain('subscription_succeeded')
  })

  test('10 000 subscribes in one burst: as many as fit, then a refusal each; neighbours do not notice', async () => {
    await using server = await start()
    await using client = await server.raw()
    await using neighbour = await server.raw()
    for (let n = 0; n < 10_000; n++) client.subscribe(`room-${n}`)
    await neighbour.expectNothing()
    const frames = await client.frames.take(2000 + 2 * 8000)
    expect(frames.filter((frame) => frame.includes('subscription_succeeded'))).toHaveLength(2000)
    expect(frames.filter((frame) => frame.includes('maxChannelsPerConnection'))).toHaveLength(
      16_000,
    )
    await client.expectNothing()
  })
})
