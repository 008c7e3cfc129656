/** phoenix.js in four generations; numbers in names are cases of contract section 6. */
import { describe, expect, test } from 'bun:test'
import type { ChannelName } from '../../src/core/types'
import { Inbox, start, waitFor, type TestServer } from '../harness'
import { waitForAnswer, GENERATIONS, PhoenixJs } from '../phoenix'

const KEY = { app_key: 'test-app-fake-key' }

describe.each(GENERATIONS)('phoenix.js %s', (generation) => {
  test('joins, hears, leaves (10, 16)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, { params: KEY })
    const channel = await client.join('room', ['e'])
    await server.trigger({ channel: 'room', name: 'e', data: '{"n":1}' })
    expect(await client.events.next()).toEqual(['e', { n: 1 }])
    expect((await waitForAnswer(channel.leave(), 'the leave'))[0]).toBe('ok')
  })

  test('is told why a join is refused (11)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation)
    const channel = client.socket.channel('private:test-app', {})
    const answer = await waitForAnswer(channel.join(), 'the join')
    channel.leave()
    expect(answer).toEqual(['error', 'authentication_required'])
  })

  const DATA: readonly (readonly [string, object])[] = [
    ['{"a":1}', { a: 1 }],
    ['[1,null]', { data: [1, null] }],
    ['text', { data: 'text' }],
    ['7', { data: 7 }],
    ['true', { data: true }],
    ['null', { data: null }],
  ]
  test('hears any data as an object (23)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, { params: KEY })
    await client.join('room', ['e'])
    for (const [data, payload] of DATA) {
      await server.trigger({ channel: 'room', name: 'e', data })
      expect(await client.events.next()).toEqual(['e', payload])
    }
  })

  test('two channels of one topic hear each event once each (14, 15)', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, { params: KEY })
    await client.join('room', [])
    await client.join('room', ['e', 'end'])
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    await server.trigger({ channel: 'room', name: 'end', data: '{}' })
    expect((await client.events.take(2)).map(([event]) => event)).toEqual(['e', 'end'])
  })

  test('its socket comes back after a restart, and joins again', async () => {
    await using server = await start()
    await using client = new PhoenixJs(server, generation, {
      params: KEY,
      reconnectAfterMs: () => 10,
      rejoinAfterMs: () => 10,
    })
    await client.join('room', ['e'])
    for (const conn of server.core.hub.connections()) conn.sink.close(1012, 'restart')
    await client.closes.next('the close')
    await waitUntilOccupied(server)
    await server.trigger({ channel: 'room', name: 'e', data: '{}' })
    expect((await client.events.next())[0]).toBe('e')
  })
})

/** The params of 1.2 are no function. */
describe.each(GENERATIONS.filter((generation) => generation !== '1.2.1'))(
  'phoenix.js %s',
  (generation) => {
    test('joins a private channel as docs/phoenix.md says: told what to sign, it asks its backend', async () => {
      await using server = await start()
      await using client = new PhoenixJs(server, generation, {
        params: KEY,
        reconnectAfterMs: () => 10,
        rejoinAfterMs: () => 10,
      })
      let auth: string | undefined
      const channel = client.socket.channel('private-room', () => ({ auth }))
      const joined = new Inbox<void>()
      channel
        .join()
        .receive('ok', () => joined.push())
        .receive('error', (response) => {
          const { socket_id: socketId } = response as { socket_id?: string }
          if (socketId) auth = server.sign({ socketId }, 'private-room')
        })
      await joined.next('the join')
      // Another connection needs another signature: the page is told again what to sign.
      for (const conn of server.core.hub.connections()) conn.sink.close(1012, 'restart')
      await joined.next('the join after a cut')
    })
  },
)

/** Resolves once somebody is in the room. */
async function waitUntilOccupied({ core }: TestServer): Promise<void> {
  const app = core.apps.byId('1')!
  const there = async (): Promise<void> => {
    while (!core.hub.channel(app, 'room' as ChannelName))
      await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await waitFor('somebody in the room', there())
}
