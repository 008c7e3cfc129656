/** The stock client of PushEx; numbers in names are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import { createRequire } from 'node:module'
import { Inbox, nextLook, start, waitFor, waitUntil, type TestServer } from '../../harness'

type Subscription = {
  bind(event: string, heard: (data: unknown, event: string) => void): () => void
  unbind(event: string): void
  close(): Promise<void>
}
type Pushex = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  subscribe(channel: string): Subscription
}
// Its bundle wants a window, its sources do not.
const require = createRequire(import.meta.url)
const { Pushex } = require('pushex/src/index.js') as {
  Pushex: new (url: string, options: object) => Pushex
}

/** Subscribed to `room` before it is connected. */
async function connectClient(server: TestServer, options: object = {}) {
  const client = new Pushex(`ws://127.0.0.1:${server.socketPort}/push_socket`, {
    getParams: () => Promise.resolve({ token: 'any' }),
    socketReconnectAlgorithm: () => 10,
    ...options,
  })
  const heard = new Inbox<unknown[]>()
  const subscription = client.subscribe('room')
  for (const name of ['*', 'woohoo'])
    subscription.bind(name, (data, event) => heard.push([name, data, event]))
  await client.connect()
  await people(server, 1)
  return { client, subscription, heard }
}

/** Resolves once so many are in the room. */
async function people(server: TestServer, count: number): Promise<void> {
  const there = async (): Promise<void> => {
    while ((await server.askCounts('room')).subscriptions !== count) await nextLook()
  }
  await waitFor(`${count} in the room`, there())
}

const push = (server: TestServer, data: unknown, event = 'woohoo') =>
  server.http('/api/push', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ channel: 'room', data, event }),
  })

describe('pushex 0.0.15', () => {
  test('hears every kind of data, by name and by *, as it was pushed (70)', async () => {
    await using server = await start()
    const { client, heard } = await connectClient(server)
    for (const data of ['data', '123', '{"a":1}', { a: [1] }, [1, 'x'], 7, 0, false, null, '']) {
      await push(server, data)
      expect(await heard.take(2)).toEqual([
        ['woohoo', data, 'woohoo'],
        ['*', data, 'woohoo'],
      ])
    }
    await push(server, 1, 'phx_close')
    expect(await heard.next()).toEqual(['*', 1, 'phx_close'])
    await client.disconnect()
  })

  test('its unsubscribing resolves, and nothing is heard after (70)', async () => {
    await using server = await start()
    const { client, subscription, heard } = await connectClient(server)
    await waitFor('the unsubscribe', subscription.close())
    await people(server, 0)
    await push(server, 'late')
    const other = client.subscribe('other')
    other.bind('*', (_, event) => heard.push([event]))
    const there = () => server.listFactNames().includes('channel_occupied other')
    await waitUntil('it is in the other', there)
    await server.trigger({ channel: 'other', name: 'end', data: '1' })
    expect(await heard.next()).toEqual(['end'])
    await client.disconnect()
  })

  test('it comes back with its subscriptions (70)', async () => {
    await using server = await start()
    const { client, heard } = await connectClient(server)
    for (const conn of server.core.hub.connections()) conn.sink.close(1012, 'restart')
    // It may be back before anybody has counted nobody.
    const comings = () => server.listFactNames().filter((name) => name === 'channel_occupied room')
    await waitUntil('it is back', () => comings().length === 2)
    await people(server, 1)
    await push(server, 'again')
    expect(await heard.next()).toEqual(['woohoo', 'again', 'woohoo'])
    await client.disconnect()
  })
})
