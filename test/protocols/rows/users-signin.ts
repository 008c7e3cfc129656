/** Contract 5, parts 1 and 2: signing in, and what only the user hears. */
import type { TestServer } from '../../harness'
import type { Row } from './row'
import { ADA, takeNews, makeOffline, makeOnline, signIn, openTab, makeWatcher } from './users'

const CHANNEL = '#server-to-user-ada'

/** What is answered to a sign-in of such data, and whether the connection stays. */
async function answerTo(server: TestServer, userData: string) {
  await using client = await server.raw()
  server.signin(client, userData)
  const { event, data } = await client.nextJson()
  await client.expectNothing()
  return [event, (data as { code?: unknown }).code]
}

const REFUSED = ['pusher:error', null]

export const SIGN_IN: readonly Row[] = [
  {
    row: '5.1',
    statement: 'the echo is an object with the user_data as received, other keys too, and no auth',
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
    statement: 'what the stock server library signs is taken, whatever the app’s settings',
    run: async (server) => {
      await using client = await server.raw()
      return (await signIn(server, client, ADA)).event
    },
    expected: 'pusher:signin_success',
  },
  {
    row: '5.1',
    statement: 'user_data is an object with an id that is a text with something in it',
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
    statement: 'a failure is an error without a code, and the connection stays',
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
    statement: 'the same id again is a success; another is an error, and the old identity stays',
    run: async (server) => {
      await using client = await openTab(server)
      const again = await signIn(server, client, ADA)
      const other = await signIn(server, client, { id: 'eve' })
      await server.sdk().sendToUser('ada', 'still', {})
      return [again.event, other.event, (await client.nextJson()).event]
    },
    expected: ['pusher:signin_success', 'pusher:error', 'still'],
  },
  {
    row: '5.1',
    statement: 'the identity ends with the connection',
    run: async (server) => {
      await using watcher = await openTab(server, makeWatcher('eve', 'ada'))
      const first = await takeNews(watcher, 1)
      const ada = await openTab(server)
      const received = await takeNews(watcher, 1)
      await ada[Symbol.asyncDispose]()
      return [first, received, await takeNews(watcher, 1)].flat(2)
    },
    expected: [makeOffline('ada'), makeOnline('ada'), makeOffline('ada')],
  },
  {
    row: '5.2',
    statement: 'the subscription of the signed-in user is answered like any other',
    run: async (server) => {
      await using client = await openTab(server)
      return await client.subscribed(CHANNEL, '')
    },
    expected: `{"event":"pusher_internal:subscription_succeeded","channel":"${CHANNEL}","data":"{}"}`,
  },
  {
    row: '5.2',
    statement: 'and refused where the id is not exactly theirs, or nobody is signed in',
    run: async (server) => {
      await using stranger = await server.raw()
      await using client = await openTab(server)
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
    statement: 'each signed-in connection hears it once, subscribed or not',
    run: async (server) => {
      await using quiet = await openTab(server)
      await using subscribed = await openTab(server)
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
    statement: 'socket_id is left out; the channel is in no list and has no webhooks',
    run: async (server) => {
      await using one = await openTab(server)
      await using two = await openTab(server)
      await two.subscribed(CHANNEL)
      const event = { name: 'hello', data: 'x', channel: CHANNEL, socket_id: one.socketId }
      await server.signed('POST', '/events', JSON.stringify(event))
      await two.next()
      await one.expectNothing()
      const { channels } = await (await server.signed('GET', '/channels')).json()
      return [channels, server.listFactNames().filter((fact) => fact.includes('channel'))]
    },
    expected: [{}, []],
  },
]
