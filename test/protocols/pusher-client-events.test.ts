/** Contract 4: client events. */
import { describe, expect, test } from 'bun:test'
import { start, waitFor, type RawClient, type StartOptions, type TestServer } from '../harness'
import { makeErrorFrame } from '../frames'

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
      '{"event":"client-typing","channel":"presence-room","data":{},"user_id":1}',
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
      frame: makeErrorFrame(null, `Cannot broadcast client event on room (${NO})`),
    },
    {
      name: 'on an encrypted channel',
      joined: 'private-encrypted-room',
      send: clientEvent('private-encrypted-room', 1),
      frame: makeErrorFrame(
        null,
        `Cannot broadcast client event on private-encrypted-room (${NO})`,
      ),
    },
    {
      name: 'on a channel that it is not in',
      send: clientEvent('private-other', 1),
      frame: makeErrorFrame(
        null,
        'Cannot broadcast client event (connection not subscribed to channel private-other)',
      ),
    },
    {
      name: 'without a channel',
      send: { event: 'client-x', data: 1 },
      frame: makeErrorFrame(null, 'Invalid client event (must contain channel and data)'),
    },
    {
      name: 'with a channel that is a number',
      send: { event: 'client-x', channel: 7, data: 1 },
      frame: makeErrorFrame(null, 'Invalid channel name: expected a string'),
    },
    {
      name: 'without the prefix',
      send: clientEvent('private-room', 1, 'typing'),
      frame: makeErrorFrame(null, "Unknown event 'typing'"),
    },
    {
      name: 'with the prefix in the middle',
      send: clientEvent('private-room', 1, 'foo-client-x'),
      frame: makeErrorFrame(null, "Unknown event 'foo-client-x'"),
    },
    {
      name: 'with a name of 201 characters',
      send: clientEvent('private-room', 1, `client-${'x'.repeat(194)}`),
      frame: makeErrorFrame(
        null,
        'Event name of 201 characters exceeds the limit of 200 (maxEventNameChars)',
      ),
    },
    {
      name: 'with data over the limit',
      send: clientEvent('private-room', 'x'.repeat(10_241)),
      frame: makeErrorFrame(
        null,
        'The data content of this event exceeds the allowed maximum (10241 of 10240 bytes)',
      ),
    },
    {
      name: 'of an app that has them off',
      options: { config: { appId: '9', appKey: 'k', appSecret: 's', clientEvents: false } },
      send: clientEvent('private-room', 1),
      frame: makeErrorFrame(
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
    const limited = makeErrorFrame(4301, 'Client event rejected due to rate limit')
    expect(await sender.frames.take(2)).toEqual([limited, limited])
    server.advance(100)
    sender.send(clientEvent('private-room', 13))
    sender.send(clientEvent('private-room', 14))
    expect(await sender.next()).toBe(limited)
    const received = (await receiver.frames.take(11)).map((frame) => JSON.parse(frame).data)
    expect(received).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13])
    expect(server.totals.clientEventsLimited).toBe(3)
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
    expect(await waitFor('the client event', heard.promise)).toEqual([
      { text: 'hi' },
      { user_id: 'ann' },
    ])
  })

  test('pusher-js sends and receives one without data', async () => {
    await using server = await start()
    await using ann = server.pusher()
    await using bob = server.pusher()
    const heard = Promise.withResolvers<unknown>()
    const bobsRoom = await bob.subscribe('private-room')
    bobsRoom.bind('client-exit', (data: unknown) => heard.resolve([data]))
    const room = await ann.subscribe('private-room')
    room.trigger('client-exit', undefined)
    expect(await waitFor('the client event', heard.promise)).toEqual([undefined])
  })
})
