/** Contract 11, rows 28 to 35: client events and sign-ins. */
import type { TestServer } from '../../harness'
import type { Row } from './row'
import { exchange, readCodes, ERROR, send } from './requests'

/** A member of a channel sends an event. Resolves with what the other member receives. */
async function sendAndReceive(
  server: TestServer,
  channel: string,
  message: object,
): Promise<unknown> {
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

export const MESSAGES: readonly Row[] = [
  {
    row: 28,
    statement: 'no client events on public channels',
    run: async (server) =>
      readCodes(
        await exchange(server, async (client) => {
          await client.subscribed('room')
          client.send({ event: 'client-e', channel: 'room', data: 1 })
        }),
      ),
    expected: [[ERROR, null]],
  },
  {
    row: 29,
    statement: 'no client events to channels that one is not in',
    run: async (server) => readCodes(await exchange(server, send('client-e', 1, 'private-room'))),
    expected: [[ERROR, null]],
  },
  {
    row: 30,
    statement: 'data of client events travels as it is',
    run: (server) =>
      sendAndReceive(server, 'private-room', { event: 'client-e', data: { a: [1, null] } }),
    expected: { event: 'client-e', channel: 'private-room', data: { a: [1, null] } },
  },
  {
    row: 31,
    statement: 'user_id is the sender’s, on presence channels',
    run: (server) =>
      sendAndReceive(server, 'presence-room', { event: 'client-e', data: 1, user_id: 'eve' }),
    expected: { event: 'client-e', channel: 'presence-room', data: 1, user_id: '7' },
  },
  {
    row: 32,
    statement: 'ten client events a second, then 4301, and the connection stays',
    run: async (server) =>
      readCodes(
        await exchange(server, async (client) => {
          await server.signedIn(client, 'private-room')
          for (let n = 0; n < 11; n++)
            client.send({ event: 'client-e', channel: 'private-room', data: n })
        }),
      ),
    expected: [[ERROR, 4301]],
  },
  {
    row: 33,
    statement: 'none on encrypted channels, but on cache variants',
    run: async (server) => [
      readCodes(
        await exchange(server, async (client) => {
          await server.signedIn(client, 'private-encrypted-room')
          client.send({ event: 'client-e', channel: 'private-encrypted-room', data: 1 })
        }),
      ),
      (
        await exchange(server, async (client) => {
          await server.signedIn(client, 'private-cache-room')
          client.send({ event: 'client-e', channel: 'private-cache-room', data: 1 })
        })
      ).map(({ event }) => event),
    ],
    expected: [[[ERROR, null]], ['pusher:cache_miss']],
  },
  {
    row: 34,
    statement: 'a refused sign-in is an error without a code; the connection stays',
    run: async (server) =>
      readCodes(await exchange(server, send('pusher:signin', { auth: 'x', user_data: '{}' }))),
    expected: [[ERROR, null]],
  },
  {
    row: 35,
    statement: 'a sign-in is answered with user_data alone',
    run: (server) => exchange(server, (client) => server.signin(client, '{"id":"7"}')),
    expected: [{ event: 'pusher:signin_success', data: { user_data: '{"id":"7"}' } }],
  },
]
