/** Contract 11, rows 1 to 8, 62 and 63: arriving, staying, leaving. */
import type { TestServer } from '../../harness'
import type { Row } from './row'
import { exchange, readCodes, ERROR, send } from './requests'

const KEY = 'test-app-fake-key'
const path = (query: string): string => `/app/${KEY}?${query}`

/** What the first frame of a connection is, and the code of its close. */
async function arrival(server: TestServer, where: string) {
  await using client = await server.raw({ path: where, hello: false })
  const { event, data } = await client.nextJson()
  if (event !== ERROR) return event
  return [(data as { code: number }).code, (await client.closing()).code]
}

export const CONNECTIONS: readonly Row[] = [
  {
    row: 1,
    statement: 'no protocol and 4 to 7 are served, others not',
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
    statement: 'an unknown app is told 4001 and closed',
    run: (server) => arrival(server, '/app/nobody'),
    expected: [4001, 4001],
  },
  {
    row: 3,
    statement: 'an app over its quota: 4004',
    options: { limits: { maxConnectionsPerApp: 1 } },
    run: async (server) => {
      await using _first = await server.raw()
      return await arrival(server, path(''))
    },
    expected: [4004, 4004],
  },
  {
    row: 4,
    statement: 'a full node: 4100',
    options: { config: { maxConnections: 1 } },
    run: async (server) => {
      await using _first = await server.raw()
      return await arrival(server, path(''))
    },
    expected: [4100, 4100],
  },
  {
    row: 5,
    statement: 'the data of an error is an object with code and message',
    run: (server) => exchange(server, send('pusher:nonsense', {})),
    expected: [{ event: ERROR, data: { code: null, message: "Unknown event 'pusher:nonsense'" } }],
  },
  {
    row: 6,
    statement: 'activity_timeout is 30',
    run: async (server) => {
      await using client = await server.raw({ hello: false })
      return JSON.parse((await client.nextJson()).data as string).activity_timeout
    },
    expected: 30,
  },
  {
    row: 7,
    statement: 'the silent are pinged, then closed with 4201',
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
    statement: 'the data of a pong is the text {}',
    run: async (server) => {
      await using client = await server.raw()
      client.send({ event: 'pusher:ping' })
      return await client.next()
    },
    expected: '{"event":"pusher:pong","data":"{}"}',
  },
  {
    row: 62,
    statement: 'an unknown pusher: event is an error without a code',
    run: async (server) => readCodes(await exchange(server, send('pusher:nonsense', 1))),
    expected: [[ERROR, null]],
  },
  {
    row: 63,
    statement: 'who leaves says 4200',
    run: async (server) => {
      const client = await server.raw()
      await server.leave()
      return (await client.closing()).code
    },
    expected: 4200,
  },
]
