/**
 * Where Pusher's documentation leaves a choice or other servers differ, and what is chosen here: the
 * rows of contract 11, by number. Webhooks (56 to 60) have tests of their own.
 */
import { test, expect } from 'bun:test'
import { start, type RawClient, type StartOptions, type TestServer } from '../harness'

type Choice = {
  readonly row: number
  readonly choice: string
  readonly options?: StartOptions
  readonly run: (server: TestServer) => Promise<unknown>
  readonly expected: unknown
}

const KEY = 'test-app-fake-key'
const ERROR = 'pusher:error'
const path = (query: string): string => `/app/${KEY}?${query}`

/** What the first frame of a connection is, and the code of its close. */
async function arrival(server: TestServer, where: string) {
  await using client = await server.raw({ path: where, hello: false })
  const { event, data } = await client.nextJson()
  if (event !== ERROR) return event
  return [(data as { code: number }).code, (await client.closing()).code]
}

/** Says something on a fresh connection and reads so many frames. */
async function answers(
  server: TestServer,
  say: (client: RawClient) => unknown,
  count = 1,
): Promise<{ event: string; data: unknown }[]> {
  await using client = await server.raw()
  await say(client)
  const frames = await client.frames.take(count)
  await client.expectNothing()
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    return { event, data }
  })
}

const subscribe = (channel: string, auth?: string, channelData?: string) => (client: RawClient) =>
  client.subscribe(channel, auth, channelData)
const said = (event: string, data: unknown, channel?: string) => (client: RawClient) =>
  client.send({ event, channel, data })

/** Event and code of each frame that tells a refusal. */
const codes = (frames: readonly { event: string; data: unknown }[]) =>
  frames.map(({ event, data }) => [event, (data as { code?: unknown }).code])

async function statusOf(response: Promise<Response>) {
  const { status, headers } = await response
  return [status, headers.get('content-type')?.split(';')[0]]
}

const trigger = (server: TestServer, body: object): Promise<Response> =>
  server.signed(
    'POST',
    '/events',
    JSON.stringify({ name: 'e', channel: 'room', data: 'x', ...body }),
  )

async function jsonOf(response: Promise<Response>): Promise<unknown> {
  return (await response).json()
}

/** A member's entry in the roster that the newcomer is told. */
async function rosterOf(server: TestServer, user: object): Promise<unknown> {
  await using client = await server.raw()
  const frame = await server.signedIn(client, 'presence-room', user as { user_id: unknown })
  return JSON.parse(JSON.parse(frame).data).presence
}

/** A member of a channel and what the other member hears of what it says. */
async function heard(server: TestServer, channel: string, message: object): Promise<unknown> {
  await using sender = await server.raw()
  await using receiver = await server.raw()
  for (const client of [sender, receiver])
    await server.signedIn(
      client,
      channel,
      channel.startsWith('presence-') ? { user_id: '7' } : undefined,
    )
  sender.send({ channel, ...message })
  return JSON.parse(await receiver.next())
}

const REFUSED_TWICE = [
  ['pusher:subscription_error', undefined],
  [ERROR, null],
]

const CHOICES: readonly Choice[] = [
  {
    row: 1,
    choice: 'no protocol and 4 to 7 are served, others not',
    run: (server) =>
      Promise.all(
        ['', 'protocol=4', 'protocol=7', 'protocol=3', 'protocol=8'].map((query) =>
          arrival(server, path(query)),
        ),
      ),
    expected: [
      ...Array.from({ length: 3 }, () => 'pusher:connection_established'),
      [4007, 4007],
      [4007, 4007],
    ],
  },
  {
    row: 2,
    choice: 'an unknown app is told 4001 and closed',
    run: (server) => arrival(server, '/app/nobody'),
    expected: [4001, 4001],
  },
  {
    row: 3,
    choice: 'an app over its quota: 4004',
    options: { limits: { maxConnectionsPerApp: 1 } },
    run: async (server) => {
      await using _first = await server.raw()
      return await arrival(server, path(''))
    },
    expected: [4004, 4004],
  },
  {
    row: 4,
    choice: 'a full node: 4100',
    options: { config: { maxConnections: 1 } },
    run: async (server) => {
      await using _first = await server.raw()
      return await arrival(server, path(''))
    },
    expected: [4100, 4100],
  },
  {
    row: 5,
    choice: 'the data of an error is an object with code and message',
    run: (server) => answers(server, said('pusher:nonsense', {})),
    expected: [{ event: ERROR, data: { code: null, message: "Unknown event 'pusher:nonsense'" } }],
  },
  {
    row: 6,
    choice: 'activity_timeout is 120',
    run: async (server) => {
      await using client = await server.raw({ hello: false })
      return JSON.parse((await client.nextJson()).data as string).activity_timeout
    },
    expected: 120,
  },
  {
    row: 7,
    choice: 'the silent are pinged, then closed with 4201',
    options: { config: { activityTimeoutSeconds: 10, pongTimeoutSeconds: 5 } },
    run: async (server) => {
      await using client = await server.raw()
      server.advance(20_000)
      const { event } = await client.nextJson()
      server.advance(20_000)
      return [event, (await client.closing()).code]
    },
    expected: ['pusher:ping', 4201],
  },
  {
    row: 8,
    choice: 'the data of a pong is {}',
    run: async (server) => {
      await using client = await server.raw()
      client.send({ event: 'pusher:ping' })
      return await client.next()
    },
    expected: '{"event":"pusher:pong","data":{}}',
  },
  {
    row: 9,
    choice: 'names have up to 200 characters',
    run: async (server) => [
      await answers(server, subscribe('x'.repeat(200))).then(([frame]) => frame?.event),
      codes(await answers(server, subscribe('x'.repeat(201)), 2)),
    ],
    expected: ['pusher_internal:subscription_succeeded', REFUSED_TWICE],
  },
  {
    row: 10,
    choice: 'no colon and no # in names',
    run: async (server) => [
      codes(await answers(server, subscribe('a:b'), 2)),
      codes(await answers(server, subscribe('#a'), 2)),
    ],
    expected: [REFUSED_TWICE, REFUSED_TWICE],
  },
  {
    row: 11,
    choice: 'names of events are free, up to 200 characters',
    run: async (server) => [
      (await trigger(server, { name: 'é !:/' })).status,
      (await trigger(server, { name: 'x'.repeat(201) })).status,
    ],
    expected: [200, 400],
  },
  {
    row: 12,
    choice: '10 240 bytes of data, then 413',
    run: async (server) => [
      (await trigger(server, { data: 'x'.repeat(10_240) })).status,
      (await trigger(server, { data: 'x'.repeat(10_241) })).status,
    ],
    expected: [200, 413],
  },
  {
    row: 13,
    choice: 'a refused subscription is told twice, and the connection stays',
    run: async (server) => codes(await answers(server, subscribe('private-room', `${KEY}:00`), 2)),
    expected: REFUSED_TWICE,
  },
  {
    row: 14,
    choice: 'the key of auth is checked',
    run: async (server) =>
      codes(
        await answers(
          server,
          (client) =>
            client.subscribe(
              'private-room',
              server.sign(client, 'private-room').replace(KEY, 'other'),
            ),
          2,
        ),
      ),
    expected: REFUSED_TWICE,
  },
  {
    row: 15,
    choice: 'channel_data of a private channel is signed when it is there',
    run: async (server) => {
      const [with_, without] = [true, false].map((covered) =>
        answers(
          server,
          (client) =>
            client.subscribe(
              'private-room',
              server.sign(client, 'private-room', covered ? '{"a":1}' : undefined),
              '{"a":1}',
            ),
          covered ? 1 : 2,
        ),
      )
      return [(await with_!)[0]?.event, codes(await without!)]
    },
    expected: ['pusher_internal:subscription_succeeded', REFUSED_TWICE],
  },
  {
    row: 16,
    choice: 'presence without channel_data is for the signed-in',
    run: async (server) =>
      codes(
        await answers(
          server,
          (client) => client.subscribe('presence-room', server.sign(client, 'presence-room')),
          2,
        ),
      ),
    expected: REFUSED_TWICE,
  },
  {
    row: 17,
    choice: 'a numeric user_id becomes text',
    run: async (server) => ((await rosterOf(server, { user_id: 7 })) as { ids: unknown }).ids,
    expected: ['7'],
  },
  {
    row: 18,
    choice: 'a missing user_info is {}',
    run: async (server) => ((await rosterOf(server, { user_id: '7' })) as { hash: unknown }).hash,
    expected: { 7: {} },
  },
  {
    row: 19,
    choice: 'a user_info that is no object is refused',
    run: async (server) => {
      const data = '{"user_id":"7","user_info":[]}'
      return codes(
        await answers(
          server,
          (client) =>
            client.subscribe('presence-room', server.sign(client, 'presence-room', data), data),
          2,
        ),
      )
    },
    expected: REFUSED_TWICE,
  },
  {
    row: 20,
    choice: 'a second subscribe is an error, and counts stay',
    run: async (server) => {
      await using client = await server.raw()
      await client.subscribed('room')
      client.subscribe('room')
      const error = await client.nextJson()
      return [
        error.event,
        await jsonOf(server.signed('GET', '/channels/room', '', 'info=subscription_count')),
      ]
    },
    expected: [ERROR, { occupied: true, subscription_count: 1 }],
  },
  {
    row: 21,
    choice: 'an unsubscribe from nowhere is ignored',
    run: (server) => answers(server, said('pusher:unsubscribe', { channel: 'room' }), 0),
    expected: [],
  },
  {
    row: 22,
    choice: 'the data of a success is the text {}',
    run: (server) => answers(server, subscribe('room')),
    expected: [{ event: 'pusher_internal:subscription_succeeded', data: '{}' }],
  },
  {
    row: 23,
    choice: 'a full presence channel refuses newcomers and never its members',
    options: { limits: { maxPresenceMembers: 1 } },
    run: async (server) => {
      await using first = await server.raw()
      await server.signedIn(first, 'presence-room', { user_id: '1' })
      const other = '{"user_id":"2"}'
      const refused = await answers(
        server,
        (client) =>
          client.subscribe('presence-room', server.sign(client, 'presence-room', other), other),
        2,
      )
      await using tab = await server.raw()
      await server.signedIn(tab, 'presence-room', { user_id: '1' })
      return [(refused[0]!.data as { type: string }).type, codes(refused)]
    },
    expected: ['LimitReached', REFUSED_TWICE],
  },
  {
    row: 28,
    choice: 'no client events on public channels',
    run: async (server) =>
      codes(
        await answers(server, async (client) => {
          await client.subscribed('room')
          client.send({ event: 'client-e', channel: 'room', data: 1 })
        }),
      ),
    expected: [[ERROR, null]],
  },
  {
    row: 29,
    choice: 'no client events to channels that one is not in',
    run: async (server) => codes(await answers(server, said('client-e', 1, 'private-room'))),
    expected: [[ERROR, null]],
  },
  {
    row: 30,
    choice: 'data of client events travels as it is',
    run: (server) => heard(server, 'private-room', { event: 'client-e', data: { a: [1, null] } }),
    expected: { event: 'client-e', channel: 'private-room', data: { a: [1, null] } },
  },
  {
    row: 31,
    choice: 'user_id is the sender’s, on presence channels',
    run: (server) => heard(server, 'presence-room', { event: 'client-e', data: 1, user_id: 'eve' }),
    expected: { event: 'client-e', channel: 'presence-room', data: 1, user_id: '7' },
  },
  {
    row: 32,
    choice: 'ten client events a second, then 4301, and the connection stays',
    run: async (server) =>
      codes(
        await answers(server, async (client) => {
          await server.signedIn(client, 'private-room')
          for (let n = 0; n < 11; n++)
            client.send({ event: 'client-e', channel: 'private-room', data: n })
        }),
      ),
    expected: [[ERROR, 4301]],
  },
  {
    row: 33,
    choice: 'none on encrypted channels, but on cache variants',
    run: async (server) => [
      codes(
        await answers(server, async (client) => {
          await server.signedIn(client, 'private-encrypted-room')
          client.send({ event: 'client-e', channel: 'private-encrypted-room', data: 1 })
        }),
      ),
      (
        await answers(server, async (client) => {
          await server.signedIn(client, 'private-cache-room')
          client.send({ event: 'client-e', channel: 'private-cache-room', data: 1 })
        })
      ).map(({ event }) => event),
    ],
    expected: [[[ERROR, null]], ['pusher:cache_miss']],
  },
  {
    row: 34,
    choice: 'a refused sign-in is an error without a code; the connection stays',
    run: async (server) =>
      codes(await answers(server, said('pusher:signin', { auth: 'x', user_data: '{}' }))),
    expected: [[ERROR, null]],
  },
  {
    row: 35,
    choice: 'a sign-in is answered with user_data alone',
    run: (server) => answers(server, (client) => server.signin(client, '{"id":"7"}')),
    expected: [{ event: 'pusher:signin_success', data: { user_data: '{"id":"7"}' } }],
  },
  {
    row: 37,
    choice: 'a user’s channel is that user’s',
    run: async (server) => codes(await answers(server, subscribe('#server-to-user-7', ''), 2)),
    expected: REFUSED_TWICE,
  },
  {
    row: 41,
    choice: 'a trigger is answered with {}',
    run: (server) => jsonOf(trigger(server, {})),
    expected: {},
  },
  {
    row: 42,
    choice: 'info of a trigger names all channels and what was asked',
    run: (server) =>
      jsonOf(
        trigger(server, {
          channel: undefined,
          channels: ['a', 'presence-b'],
          info: 'subscription_count,user_count',
        }),
      ),
    expected: {
      channels: {
        a: { subscription_count: 0 },
        'presence-b': { subscription_count: 0, user_count: 0 },
      },
    },
  },
  {
    row: 43,
    choice: 'a batch is answered with {}',
    run: (server) =>
      jsonOf(
        server.signed('POST', '/batch_events', '{"batch":[{"name":"e","channel":"a","data":""}]}'),
      ),
    expected: {},
  },
  {
    row: 44,
    choice: 'presence channels have a subscription_count over HTTP',
    run: (server) =>
      jsonOf(server.signed('GET', '/channels/presence-a', '', 'info=subscription_count')),
    expected: { occupied: false, subscription_count: 0 },
  },
  {
    row: 45,
    choice: 'user_count of other channels is 400',
    run: async (server) =>
      (await server.signed('GET', '/channels/a', '', 'info=user_count')).status,
    expected: 400,
  },
  {
    row: 46,
    choice: 'a channel that nobody is in is not occupied',
    run: (server) => jsonOf(server.signed('GET', '/channels/a')),
    expected: { occupied: false },
  },
  {
    row: 47,
    choice: 'a presence channel that nobody is in has no users',
    run: (server) => jsonOf(server.signed('GET', '/channels/presence-a/users')),
    expected: { users: [] },
  },
  {
    row: 51,
    choice: 'an unknown app is 404, a wrong key 401',
    run: async (server) => [
      (await server.http('/apps/nobody/channels')).status,
      (await server.http('/apps/1/channels?auth_key=nobody')).status,
    ],
    expected: [404, 401],
  },
  {
    row: 52,
    choice: 'what is invalid is 400 in text',
    run: (server) => statusOf(server.signed('POST', '/events', '[]')),
    expected: [400, 'text/plain'],
  },
  {
    row: 53,
    choice: 'too many events are 429 with Retry-After',
    options: { limits: { maxBackendEventsPerSecond: 1 } },
    run: async (server) => {
      await trigger(server, {})
      const { status, headers } = await trigger(server, {})
      return [status, headers.get('retry-after')]
    },
    expected: [429, '1'],
  },
  {
    row: 54,
    choice: 'empty data is data, none is 400',
    run: async (server) => [
      (await trigger(server, { data: '' })).status,
      (await trigger(server, { data: undefined })).status,
    ],
    expected: [200, 400],
  },
  {
    row: 55,
    choice: 'data that is no text is written out',
    run: async (server) => {
      await using client = await server.raw()
      await client.subscribed('room')
      await trigger(server, { data: { a: 1 } })
      return (await client.nextJson()).data
    },
    expected: '{"a":1}',
  },
  {
    row: 62,
    choice: 'an unknown pusher: event is an error without a code',
    run: async (server) => codes(await answers(server, said('pusher:nonsense', 1))),
    expected: [[ERROR, null]],
  },
  {
    row: 63,
    choice: 'who leaves says 4200',
    run: async (server) => {
      const client = await server.raw()
      await server.leave()
      return (await client.closing()).code
    },
    expected: 4200,
  },
  {
    row: 64,
    choice: 'objects of members stay objects',
    run: async (server) =>
      ((await rosterOf(server, { user_id: '7', user_info: { a: {}, b: [] } })) as { hash: unknown })
        .hash,
    expected: { 7: { a: {}, b: [] } },
  },
]

test.each(CHOICES)('$row: $choice', async ({ options, run, expected }) => {
  await using server = await start(options)
  expect(await run(server)).toEqual(expected)
})

/** Rows whose test is elsewhere, or whose subject is not served yet. */
const ELSEWHERE: Readonly<Record<number, string>> = {
  24: 'pusher-cache.test.ts',
  25: 'pusher-cache.test.ts',
  26: 'pusher-cache.test.ts',
  27: 'pusher-cache.test.ts',
  36: 'users-rows.test.ts',
  38: 'users-rows.test.ts',
  39: 'users-rows.test.ts',
  40: 'users-rows.test.ts',
  48: '../http/auth.test.ts',
  49: '../http/auth.test.ts',
  50: '../http/auth.test.ts',
  61: '../transports/xhr.test.ts',
}

test('every row but those of webhooks has its test', async () => {
  const rows = [...CHOICES.map(({ row }) => row), ...Object.keys(ELSEWHERE).map(Number)]
  const expected = Array.from({ length: 64 }, (_, index) => index + 1)
  expect(rows.sort((a, b) => a - b)).toEqual(expected.filter((row) => row < 56 || row > 60))
  for (const file of new Set(Object.values(ELSEWHERE)))
    expect(await Bun.file(`${import.meta.dir}/${file}`).exists()).toBe(true)
})
