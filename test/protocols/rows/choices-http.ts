/** Contract 11, rows 11, 12 and 41 to 55: what an app’s backend is answered. */
import type { Row } from './row'
import { readJson, trigger } from './requests'

async function statusOf(response: Promise<Response>) {
  const { status, headers } = await response
  return [status, headers.get('content-type')?.split(';')[0]]
}

export const BACKENDS: readonly Row[] = [
  {
    row: 11,
    statement: 'names of events are free, up to 200 characters',
    run: async (server) => [
      (await trigger(server, { name: 'é !:/' })).status,
      (await trigger(server, { name: 'x'.repeat(201) })).status,
    ],
    expected: [200, 400],
  },
  {
    row: 12,
    statement: '10 240 bytes of data, then 413',
    run: async (server) => [
      (await trigger(server, { data: 'x'.repeat(10_240) })).status,
      (await trigger(server, { data: 'x'.repeat(10_241) })).status,
    ],
    expected: [200, 413],
  },
  {
    row: 41,
    statement: 'a trigger is answered with {}',
    run: (server) => readJson(trigger(server, {})),
    expected: {},
  },
  {
    row: 42,
    statement: 'info of a trigger names all channels and what was asked',
    run: (server) =>
      readJson(
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
    statement: 'a batch is answered with {}',
    run: (server) =>
      readJson(
        server.signed('POST', '/batch_events', '{"batch":[{"name":"e","channel":"a","data":""}]}'),
      ),
    expected: {},
  },
  {
    row: 44,
    statement: 'presence channels have a subscription_count over HTTP',
    run: (server) =>
      readJson(server.signed('GET', '/channels/presence-a', '', 'info=subscription_count')),
    expected: { occupied: false, subscription_count: 0 },
  },
  {
    row: 45,
    statement: 'user_count of other channels is 400',
    run: async (server) =>
      (await server.signed('GET', '/channels/a', '', 'info=user_count')).status,
    expected: 400,
  },
  {
    row: 46,
    statement: 'a channel that nobody is in is not occupied',
    run: (server) => readJson(server.signed('GET', '/channels/a')),
    expected: { occupied: false },
  },
  {
    row: 47,
    statement: 'a presence channel that nobody is in has no users',
    run: (server) => readJson(server.signed('GET', '/channels/presence-a/users')),
    expected: { users: [] },
  },
  {
    row: 51,
    statement: 'an unknown app is 404, a wrong key 401',
    run: async (server) => [
      (await server.http('/apps/nobody/channels')).status,
      (await server.http('/apps/1/channels?auth_key=nobody')).status,
    ],
    expected: [404, 401],
  },
  {
    row: 52,
    statement: 'what is invalid is 400 in text',
    run: (server) => statusOf(server.signed('POST', '/events', '[]')),
    expected: [400, 'text/plain'],
  },
  {
    row: 53,
    statement: 'too many events are 429 with Retry-After',
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
    statement: 'empty data is data, none is 400',
    run: async (server) => [
      (await trigger(server, { data: '' })).status,
      (await trigger(server, { data: undefined })).status,
    ],
    expected: [200, 400],
  },
  {
    row: 55,
    statement: 'data that is no text is written out',
    run: async (server) => {
      await using client = await server.raw()
      await client.subscribed('room')
      await trigger(server, { data: { a: 1 } })
      return (await client.nextJson()).data
    },
    expected: '{"a":1}',
  },
]
