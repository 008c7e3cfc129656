/** Contract 11, rows 9, 10, 13 to 23, 37 and 64: who may be where, and who is there. */
import type { Row } from './row'
import {
  exchange,
  readCodes,
  ERROR,
  readJson,
  REFUSED_TWICE,
  readRoster,
  send,
  subscribeSigned,
  subscribe,
} from './requests'

const KEY = 'test-app-fake-key'

export const SUBSCRIPTIONS: readonly Row[] = [
  {
    row: 9,
    statement: 'names have up to 200 characters',
    run: async (server) => [
      await exchange(server, subscribe('x'.repeat(200))).then(([frame]) => frame?.event),
      readCodes(await exchange(server, subscribe('x'.repeat(201)), 2)),
    ],
    expected: ['pusher_internal:subscription_succeeded', REFUSED_TWICE],
  },
  {
    row: 10,
    statement: 'no colon and no # in names',
    run: async (server) => [
      readCodes(await exchange(server, subscribe('a:b'), 2)),
      readCodes(await exchange(server, subscribe('#a'), 2)),
    ],
    expected: [REFUSED_TWICE, REFUSED_TWICE],
  },
  {
    row: 13,
    statement: 'a refused subscription is told twice, and the connection stays',
    run: async (server) =>
      readCodes(await exchange(server, subscribe('private-room', `${KEY}:00`), 2)),
    expected: REFUSED_TWICE,
  },
  {
    row: 14,
    statement: 'the key of auth is checked',
    run: async (server) =>
      readCodes(
        await exchange(
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
    statement: 'channel_data of a private channel is signed when it is there',
    run: async (server) => {
      const [with_, without] = [true, false].map((covered) =>
        exchange(
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
      return [(await with_!)[0]?.event, readCodes(await without!)]
    },
    expected: ['pusher_internal:subscription_succeeded', REFUSED_TWICE],
  },
  {
    row: 16,
    statement: 'presence without channel_data is for the signed-in',
    run: async (server) =>
      readCodes(await exchange(server, subscribeSigned(server, 'presence-room'), 2)),
    expected: REFUSED_TWICE,
  },
  {
    row: 17,
    statement: 'a numeric user_id goes out as it was sent',
    run: async (server) => ((await readRoster(server, { user_id: 7 })) as { ids: unknown }).ids,
    expected: [7],
  },
  {
    row: 18,
    statement: 'a missing user_info is {}',
    run: async (server) => ((await readRoster(server, { user_id: '7' })) as { hash: unknown }).hash,
    expected: { 7: {} },
  },
  {
    row: 19,
    statement: 'a user_info that is no object is refused',
    run: async (server) => {
      const data = '{"user_id":"7","user_info":[]}'
      return readCodes(await exchange(server, subscribeSigned(server, 'presence-room', data), 2))
    },
    expected: REFUSED_TWICE,
  },
  {
    row: 20,
    statement: 'a second subscribe is an error, and counts stay',
    run: async (server) => {
      await using client = await server.raw()
      await client.subscribed('room')
      client.subscribe('room')
      const error = await client.nextJson()
      return [
        error.event,
        await readJson(server.signed('GET', '/channels/room', '', 'info=subscription_count')),
      ]
    },
    expected: [ERROR, { occupied: true, subscription_count: 1 }],
  },
  {
    row: 21,
    statement: 'an unsubscribe from nowhere is ignored',
    run: (server) => exchange(server, send('pusher:unsubscribe', { channel: 'room' }), 0),
    expected: [],
  },
  {
    row: 22,
    statement: 'the data of a success is the text {}',
    run: (server) => exchange(server, subscribe('room')),
    expected: [{ event: 'pusher_internal:subscription_succeeded', data: '{}' }],
  },
  {
    row: 23,
    statement: 'a full presence channel refuses newcomers and never its members',
    options: { limits: { maxPresenceMembers: 1 } },
    run: async (server) => {
      await using first = await server.raw()
      await server.signedIn(first, 'presence-room', { user_id: '1' })
      const other = '{"user_id":"2"}'
      const refused = await exchange(server, subscribeSigned(server, 'presence-room', other), 2)
      await using tab = await server.raw()
      await server.signedIn(tab, 'presence-room', { user_id: '1' })
      return [(refused[0]!.data as { type: string }).type, readCodes(refused)]
    },
    expected: ['LimitReached', REFUSED_TWICE],
  },
  {
    row: 37,
    statement: 'a user’s channel is that user’s',
    run: async (server) => readCodes(await exchange(server, subscribe('#server-to-user-7', ''), 2)),
    expected: REFUSED_TWICE,
  },
  {
    row: 64,
    statement: 'objects of members stay objects',
    run: async (server) =>
      (
        (await readRoster(server, { user_id: '7', user_info: { a: {}, b: [] } })) as {
          hash: unknown
        }
      ).hash,
    expected: { 7: { a: {}, b: [] } },
  },
]
