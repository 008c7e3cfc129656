/** Contract 5, statement by statement, by number: users, what only they hear, and who watches them. */
import { expect, test } from 'bun:test'
import { start, type RawClient, type StartOptions, type TestServer } from '../harness'

type Row = {
  readonly row: string
  readonly says: string
  readonly options?: StartOptions
  readonly run: (server: TestServer) => Promise<unknown>
  readonly expected: unknown
}

const ADA = { id: 'ada' }
const CHANNEL = '#server-to-user-ada'

/** A connection that is signed in as the stock server library does it; its success has been read. */
async function tab(server: TestServer, user: { id: string } & object = ADA): Promise<RawClient> {
  const client = await server.raw()
  await signIn(server, client, user)
  return client
}

/** Signs in; what is answered first. */
async function signIn(server: TestServer, client: RawClient, user: { id: string } & object) {
  const data = server.sdk().authenticateUser(client.socketId, user as never)
  client.send({ event: 'pusher:signin', data })
  return client.nextJson()
}

/** What is answered to a sign-in of such data, and whether the connection stays. */
async function answerTo(server: TestServer, userData: string) {
  await using client = await server.raw()
  server.signin(client, userData)
  const { event, data } = await client.nextJson()
  await client.expectNothing()
  return [event, (data as { code?: unknown }).code]
}

/** Event names of the next frames, with what they hold of users. */
async function news(client: RawClient, count: number) {
  const frames = await client.frames.take(count)
  return frames.map((frame) => {
    const { event, data } = JSON.parse(frame)
    if (event !== 'pusher_internal:watchlist_events') return event
    const { events } = JSON.parse(data) as { events: { name: string; user_ids: string[] }[] }
    return events.map(({ name, user_ids: ids }) => [name, ...ids])
  })
}

const REFUSED = ['pusher:error', null]
const watching = (id: string, ...watchlist: string[]) => ({ id, watchlist })
const OFFLINE = (...ids: string[]) => ['offline', ...ids]
const ONLINE = (...ids: string[]) => ['online', ...ids]
const IN_TIME = { limits: { authorizeWithinSeconds: 10 } }
/** Longer than ten seconds and the sweep that finds them over. */
const TOO_LONG_MS = 15_001

const ROWS: readonly Row[] = [
  {
    row: '5.1',
    says: 'the echo is an object with the user_data as received, other keys too, and no auth',
    run: async (server) => {
      await using client = await server.raw()
      server.signin(client, '{ "id":"ada", "more":[1] }')
      return await client.next()
    },
    expected:
      '{"event":"pusher:signin_success","data":{"user_data":"{ \\"id\\":\\"ada\\", \\"more\\":[1] }"}}',
  },
  {
    row: '5.1',
    says: 'what the stock server library signs is taken, whatever the app’s settings',
    run: async (server) => {
      await using client = await server.raw()
      return (await signIn(server, client, ADA)).event
    },
    expected: 'pusher:signin_success',
  },
  {
    row: '5.1',
    says: 'user_data is an object with an id that is a text with something in it',
    run: async (server) =>
      Promise.all(
        ['[]', '"ada"', 'null', '{}', '{"id":1}', '{"id":""}'].map((text) =>
          answerTo(server, text),
        ),
      ),
    expected: Array.from({ length: 6 }, () => REFUSED),
  },
  {
    row: '5.1',
    says: 'a failure is an error without a code, and the connection stays',
    run: async (server) => {
      await using client = await server.raw()
      const { auth } = server.sdk().authenticateUser('1.1', ADA)
      client.send({ event: 'pusher:signin', data: { auth, user_data: '{"id":"ada"}' } })
      const { event, data } = await client.nextJson()
      await client.expectNothing()
      return [
        event,
        (data as { code: null }).code,
        (data as { message: string }).message.slice(0, 18),
      ]
    },
    expected: ['pusher:error', null, 'Invalid signature:'],
  },
  {
    row: '5.1',
    says: 'the same id again is a success; another is an error, and the old identity stays',
    run: async (server) => {
      await using client = await tab(server)
      const again = await signIn(server, client, ADA)
      const other = await signIn(server, client, { id: 'eve' })
      await server.sdk().sendToUser('ada', 'still', {})
      return [again.event, other.event, (await client.nextJson()).event]
    },
    expected: ['pusher:signin_success', 'pusher:error', 'still'],
  },
  {
    row: '5.1',
    says: 'the identity ends with the connection',
    run: async (server) => {
      await using watcher = await tab(server, watching('eve', 'ada'))
      const first = await news(watcher, 1)
      const ada = await tab(server)
      const came = await news(watcher, 1)
      await ada[Symbol.asyncDispose]()
      return [first, came, await news(watcher, 1)].flat(2)
    },
    expected: [OFFLINE('ada'), ONLINE('ada'), OFFLINE('ada')],
  },
  {
    row: '5.2',
    says: 'the subscription of the signed-in user is answered like any other',
    run: async (server) => {
      await using client = await tab(server)
      return await client.subscribed(CHANNEL, '')
    },
    expected: `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}","data":"{}"}`,
  },
  {
    row: '5.2',
    says: 'and refused where the id is not exactly theirs, or nobody is signed in',
    run: async (server) => {
      await using stranger = await server.raw()
      await using client = await tab(server)
      const answers: string[] = []
      for (const [who, name] of [
        [stranger, CHANNEL],
        [client, `${CHANNEL}2`],
        [client, '#server-to-user-ad'],
        [client, '#server-to-user-ADA'],
        [client, '#server-to-user-'],
      ] as const) {
        who.subscribe(name, '')
        answers.push((await who.nextJson()).event, (await who.nextJson()).event)
      }
      return [...new Set(answers)]
    },
    expected: ['pusher:subscription_error', 'pusher:error'],
  },
  {
    row: '5.2',
    says: 'each signed-in connection hears it once, subscribed or not',
    run: async (server) => {
      await using quiet = await tab(server)
      await using subscribed = await tab(server)
      await subscribed.subscribed(CHANNEL)
      await server.sdk().sendToUser('ada', 'hello', 'x')
      const heard = [await quiet.next(), await subscribed.next()]
      for (const client of [quiet, subscribed]) await client.expectNothing()
      return heard
    },
    expected: Array.from(
      { length: 2 },
      () => `{"event":"hello","channel":"${CHANNEL}","data":"x"}`,
    ),
  },
  {
    row: '5.2',
    says: 'socket_id is left out; the channel is in no list and has no webhooks',
    run: async (server) => {
      await using one = await tab(server)
      await using two = await tab(server)
      await two.subscribed(CHANNEL)
      const event = { name: 'hello', data: 'x', channel: CHANNEL, socket_id: one.socketId }
      await server.signed('POST', '/events', JSON.stringify(event))
      await two.next()
      await one.expectNothing()
      const { channels } = await (await server.signed('GET', '/channels')).json()
      return [channels, server.factNames().filter((fact) => fact.includes('channel'))]
    },
    expected: [{}, []],
  },
  {
    row: '5.3',
    says: 'the state at the sign-in is grouped, without empty groups, and has no channel',
    run: async (server) => {
      await using one = await tab(server, watching('1', '2', '3'))
      const first = await one.next()
      await using two = await tab(server, watching('2', '1', '3'))
      return [first, await news(two, 1)]
    },
    expected: [
      '{"event":"pusher_internal:watchlist_events","data":"{\\"events\\":[{\\"name\\":\\"offline\\",\\"user_ids\\":[\\"2\\",\\"3\\"]}]}"}',
      [[OFFLINE('3'), ONLINE('1')]],
    ],
  },
  {
    row: '5.3',
    says: 'every connection of every watcher hears of the first and of the last one, at once',
    run: async (server) => {
      const watchers = [
        await tab(server, watching('eve', 'ada')),
        await tab(server, watching('eve', 'ada')),
        await tab(server, watching('bob', 'ada')),
      ]
      for (const watcher of watchers) await watcher.next()
      const [first, second] = [await tab(server), await tab(server)]
      await first[Symbol.asyncDispose]()
      await second[Symbol.asyncDispose]()
      const heard = await Promise.all(watchers.map((watcher) => news(watcher, 2)))
      for (const watcher of watchers) await watcher[Symbol.asyncDispose]()
      return heard
    },
    expected: Array.from({ length: 3 }, () => [[ONLINE('ada')], [OFFLINE('ada')]]),
  },
  {
    row: '5.3',
    says: 'of more than a hundred the first hundred are watched, and 4302 names them',
    run: async (server) => {
      const ids = Array.from({ length: 101 }, (_, n) => `u${n}`)
      await using client = await tab(server, watching('ada', ...ids))
      const { data } = await client.nextJson()
      const { code, message } = data as { code: number; message: string }
      const [[watched]] = (await news(client, 1)) as [[string[]]]
      return [
        code,
        message.includes(ids.slice(0, 100).join(', ')),
        message.includes('u100'),
        watched.length,
      ]
    },
    expected: [4302, true, false, 101],
  },
  {
    row: '5.4',
    says: 'success, then 4302, then the watchlist; watchers hear after it',
    options: { limits: { maxWatchedUsers: 1 } },
    run: async (server) => {
      await using eve = await tab(server, watching('eve', 'ada'))
      await using ada = await server.raw()
      server.signin(ada, JSON.stringify(watching('ada', 'eve', 'bob')))
      return [await news(ada, 3), await news(eve, 2)]
    },
    expected: [
      ['pusher:signin_success', 'pusher:error', [ONLINE('eve')]],
      [[OFFLINE('ada')], [ONLINE('ada')]],
    ],
  },
  {
    row: '5.5',
    says: 'all that the user has signed in is closed with 4009, without an error before',
    run: async (server) => {
      await using one = await tab(server)
      await using two = await tab(server)
      await server.sdk().terminateUserConnections('ada')
      const closings = [await one.closing(), await two.closing()]
      return [...closings, one.frames.unread, two.frames.unread]
    },
    expected: [
      ...Array.from({ length: 2 }, () => ({
        code: 4009,
        reason: 'You got disconnected by the app.',
      })),
      [],
      [],
    ],
  },
  {
    row: '5.5',
    says: 'who only uses the id on a presence channel stays; the user may come back',
    run: async (server) => {
      await using member = await server.raw()
      await server.signedIn(member, 'presence-room', { user_id: 'ada' })
      await using user = await tab(server)
      await using other = await tab(server, { id: 'eve' })
      await server.sdk().terminateUserConnections('ada')
      await user.closing()
      for (const client of [member, other]) await client.expectNothing()
      await using again = await tab(server)
      await again.expectNothing()
      return server.core.hub.connectionCount
    },
    expected: 3,
  },
  {
    row: '5.5',
    says: 'nobody to close is a success, with a body and without',
    run: async (server) => {
      const path = '/users/nobody/terminate_connections'
      const answers = [await server.signed('POST', path, '{}'), await server.signed('POST', path)]
      return Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]))
    },
    expected: Array.from({ length: 2 }, () => [200, {}]),
  },
  {
    row: '5.6',
    says: 'a sign-in, a private or a presence channel is enough; nothing and a public one are not',
    options: IN_TIME,
    run: async (server) => {
      await using idle = await server.raw()
      await using listener = await server.raw()
      await listener.subscribed('room')
      await using user = await tab(server)
      await using subscriber = await server.raw()
      await server.signedIn(subscriber, 'private-room')
      await using member = await server.raw()
      await server.signedIn(member, 'presence-room', { user_id: 'eve' })
      server.advance(TOO_LONG_MS)
      for (const client of [user, subscriber, member]) await client.expectNothing()
      return [await idle.closing(), await listener.closing()]
    },
    expected: Array.from({ length: 2 }, () => ({
      code: 4009,
      reason: 'Connection not authorized within timeout',
    })),
  },
  {
    row: '5.6',
    says: 'a refused sign-in and a refused subscription are not enough',
    options: IN_TIME,
    run: async (server) => {
      await using client = await server.raw()
      server.signin(client, '{}')
      client.subscribe('private-room', 'wrong')
      await client.frames.take(3)
      server.advance(TOO_LONG_MS)
      return (await client.closing()).code
    },
    expected: 4009,
  },
  {
    row: '5.6',
    says: 'is off unless an app wants it',
    run: async (server) => {
      await using client = await server.raw()
      server.advance(TOO_LONG_MS)
      await client.expectNothing()
      return client.socket.readyState
    },
    expected: WebSocket.OPEN,
  },
]

test.each(ROWS)('$row: $says', async ({ options, run, expected }) => {
  await using server = await start(options)
  expect(await run(server)).toEqual(expected)
})

test('every part of contract 5 has its rows', () => {
  const parts = ['5.1', '5.2', '5.3', '5.4', '5.5', '5.6']
  expect([...new Set(ROWS.map(({ row }) => row))]).toEqual(parts)
})
