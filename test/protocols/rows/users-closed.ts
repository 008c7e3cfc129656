/** Contract 5, parts 5 and 6: whose connections are closed, by the app and for want of a name. */
import type { Row } from './row'
import { openTab } from './users'

const IN_TIME = { limits: { authorizeWithinSeconds: 10 } }
/** Longer than ten seconds and the sweep that finds them over. */
const TOO_LONG_MS = 15_001

export const CLOSED: readonly Row[] = [
  {
    row: '5.5',
    statement: 'all that the user has signed in is closed with 4009, without an error before',
    run: async (server) => {
      await using one = await openTab(server)
      await using two = await openTab(server)
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
    statement: 'who only uses the id on a presence channel stays; the user may come back',
    run: async (server) => {
      await using member = await server.raw()
      await server.signedIn(member, 'presence-room', { user_id: 'ada' })
      await using user = await openTab(server)
      await using other = await openTab(server, { id: 'eve' })
      await server.sdk().terminateUserConnections('ada')
      await user.closing()
      for (const client of [member, other]) await client.expectNothing()
      await using again = await openTab(server)
      await again.expectNothing()
      return server.connectionCount
    },
    expected: 3,
  },
  {
    row: '5.5',
    statement: 'nobody to close is a success, with a body and without',
    run: async (server) => {
      const path = '/users/nobody/terminate_connections'
      const answers = [await server.signed('POST', path, '{}'), await server.signed('POST', path)]
      return Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]))
    },
    expected: Array.from({ length: 2 }, () => [200, {}]),
  },
  {
    row: '5.6',
    statement:
      'a sign-in, a private or a presence channel is enough; nothing and a public one are not',
    options: IN_TIME,
    run: async (server) => {
      await using idle = await server.raw()
      await using listener = await server.raw()
      await listener.subscribed('room')
      await using user = await openTab(server)
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
    statement: 'a refused sign-in and a refused subscription are not enough',
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
    statement: 'is off unless an app wants it',
    run: async (server) => {
      await using client = await server.raw()
      server.advance(TOO_LONG_MS)
      await client.expectNothing()
      return client.socket.readyState
    },
    expected: WebSocket.OPEN,
  },
]
