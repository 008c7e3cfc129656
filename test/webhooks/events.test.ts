/** Contract 7, row by row: what is sent for what happens, to whom, and when. */
import { describe, expect, test } from 'bun:test'
import { KeyPair } from '../../src/core/signature'
import type { RawClient, TestServer } from '../harness'
import { emit, Receiver, waitUntilSettled, startWithWebhooks, waitUntil } from './receiver'

const SETTLE_MS = 3000

const enter = (server: TestServer, client: RawClient, channel: string, user = '10') =>
  server.signedIn(client, channel, channel.startsWith('presence-') ? { user_id: user } : undefined)

async function leave(server: TestServer, client: RawClient, channel: string): Promise<void> {
  client.send({ event: 'pusher:unsubscribe', data: { channel } })
  await client.expectNothing()
  await server.settle()
}

/** Resolves once a server has the fact, as `type channel`: several that are one take a moment. */
const untilTold = (server: TestServer, name: string): Promise<void> =>
  waitUntil(name, () => server.listFactNames().includes(name))

describe('7.1 the request', () => {
  test('is JSON, signed over its bytes with the key that it names', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }], { now: Date.now() })
    await using client = await server.raw()
    await client.subscribed('gre')
    const { headers, body, timeMs } = await receiver.next(server.sdk())
    expect(headers.get('content-type')).toBe('application/json')
    expect(headers.get('x-pusher-key')).toBe('test-app-fake-key')
    const pair = new KeyPair('', 'test-app-fake-secret')
    expect(headers.get('x-pusher-signature')).toBe(pair.sign(body))
    expect(timeMs).toBe(server.clock.now())
    expect(body).toBe(
      `{"time_ms":${timeMs},"events":[{"name":"channel_occupied","channel":"gre"}]}`,
    )
  })

  test('carries the endpoint’s headers, and none of them in the place of ours', async () => {
    await using receiver = new Receiver()
    const headers = {
      'X-Token': 'abc',
      'content-type': 'text/plain',
      'x-pusher-key': 'stolen',
      'X-Pusher-Signature': 'forged',
    }
    await using server = await startWithWebhooks([{ url: receiver.url, headers }])
    await using client = await server.raw()
    await client.subscribed('room')
    const received = await receiver.next(server.sdk())
    expect(received.headers.get('x-token')).toBe('abc')
    expect(received.headers.get('content-type')).toBe('application/json')
  })

  test.each([
    [
      'W1',
      'secret',
      '{"hello":"world"}',
      '2677ad3e7c090b2fa2c0fb13020d66d5420879b8316eb356a2d60fb9073bc778',
    ],
  ])('vector %s', (_, secret, body, signature) => {
    expect(new KeyPair('', secret).sign(body)).toBe(signature)
  })
})

type Row = {
  readonly name: string
  readonly act: (server: TestServer, client: RawClient) => Promise<unknown>
  readonly bodies: readonly object[]
}

const occupied = (channel: string) => ({ name: 'channel_occupied', channel })

/** Every event of the table of 7.2, in the order and with the keys in which it is sent. */
const ROWS: readonly Row[] = [
  {
    name: '7.2 channel_occupied, once',
    act: async (_, client) => client.subscribed('room'),
    bodies: [occupied('room')],
  },
  {
    name: '7.2 channel_vacated, after the delay',
    act: async (server, client) => {
      await client.subscribed('room')
      await leave(server, client, 'room')
      server.advance(SETTLE_MS)
    },
    bodies: [occupied('room'), { name: 'channel_vacated', channel: 'room' }],
  },
  {
    name: '7.2 member_added and member_removed; 7.4 inside of the channel’s own',
    act: async (server, client) => {
      await enter(server, client, 'presence-room')
      await leave(server, client, 'presence-room')
      server.advance(SETTLE_MS)
    },
    bodies: [
      occupied('presence-room'),
      { name: 'member_added', channel: 'presence-room', user_id: '10' },
      { name: 'member_removed', channel: 'presence-room', user_id: '10' },
      { name: 'channel_vacated', channel: 'presence-room' },
    ],
  },
  {
    name: '7.2 client_event, an object as text, and who sent it',
    act: async (server, client) => {
      await enter(server, client, 'presence-room')
      await untilTold(server, 'member_added presence-room')
      client.send({ event: 'client-typing', channel: 'presence-room', data: { a: 1 } })
      await client.expectNothing()
    },
    bodies: [
      occupied('presence-room'),
      { name: 'member_added', channel: 'presence-room', user_id: '10' },
      {
        name: 'client_event',
        channel: 'presence-room',
        event: 'client-typing',
        data: '{"a":1}',
        socket_id: 'SOCKET',
        user_id: '10',
      },
    ],
  },
  {
    name: '7.2 client_event, text as it is, and nobody’s id on private channels',
    act: async (server, client) => {
      await enter(server, client, 'private-room')
      await untilTold(server, 'channel_occupied private-room')
      client.send({ event: 'client-e', channel: 'private-room', data: 'a "text"' })
      await client.expectNothing()
    },
    bodies: [
      occupied('private-room'),
      {
        name: 'client_event',
        channel: 'private-room',
        event: 'client-e',
        data: 'a "text"',
        socket_id: 'SOCKET',
      },
    ],
  },
  {
    name: '7.2 subscription_count, not on presence channels',
    act: async (server) => {
      const type = 'subscription_count'
      emit(server, { type, channel: 'presence-room', count: 3 } as never)
      emit(server, { type, channel: 'room', count: 3 } as never)
    },
    bodies: [{ name: 'subscription_count', channel: 'room', subscription_count: 3 }],
  },
  {
    name: '7.2 nothing for the channel of a user',
    act: async (server, client) => {
      emit(server, { type: 'cache_miss', channel: '#server-to-user-7' } as never)
      await client.subscribed('room')
    },
    bodies: [occupied('room')],
  },
  {
    name: '7.5 a reload within three seconds: nothing more',
    act: async (server, client) => {
      await enter(server, client, 'presence-room')
      await untilTold(server, 'member_added presence-room')
      await client[Symbol.asyncDispose]()
      await waitUntil('the page is gone', () => server.core.hub.connectionCount === 0)
      await waitUntilSettled(server)
      server.advance(SETTLE_MS - 1)
      await using again = await server.raw()
      await enter(server, again, 'presence-room')
      server.advance(SETTLE_MS)
      await again.subscribed('marker')
    },
    bodies: [
      occupied('presence-room'),
      { name: 'member_added', channel: 'presence-room', user_id: '10' },
      occupied('marker'),
    ],
  },
  {
    name: '7.5 a second tab of the same user: one pair of events',
    act: async (server, client) => {
      await using second = await server.raw()
      for (const tab of [client, second]) await enter(server, tab, 'presence-room')
      await leave(server, client, 'presence-room')
      await waitUntilSettled(server)
      server.advance(SETTLE_MS)
      await leave(server, second, 'presence-room')
      server.advance(SETTLE_MS)
    },
    bodies: [
      occupied('presence-room'),
      { name: 'member_added', channel: 'presence-room', user_id: '10' },
      { name: 'member_removed', channel: 'presence-room', user_id: '10' },
      { name: 'channel_vacated', channel: 'presence-room' },
    ],
  },
]

test.each(ROWS)('$name', async ({ act, bodies }) => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url }])
  await using client = await server.raw()
  await act(server, client)
  const events: object[] = []
  while (events.length < bodies.length) {
    const { body } = await receiver.next(server.sdk())
    const text = body.replaceAll(client.socketId, 'SOCKET')
    events.push(...(JSON.parse(text) as { events: object[] }).events)
  }
  expect(JSON.stringify(events)).toBe(JSON.stringify(bodies))
  await server.stop()
  expect(receiver.requests.unread).toEqual([])
})
