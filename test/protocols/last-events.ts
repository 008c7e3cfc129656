/** A cache channel that has a stream, too, sends its last event once: what a subscriber gets, by any wire. */
import { describe, expect, test } from 'bun:test'
import { start, type TestServer } from '../harness'

export const CHANNEL = 'cache-room'
export const MARKER = 'marker'
const rule = { prefix: '', size: 10, ttl_seconds: 60, durable: false, rewind: 0 }

export const trigger = (server: TestServer, name: string, body = {}): Promise<Response> =>
  server.signed(
    'POST',
    '/events',
    JSON.stringify({ name, channels: [CHANNEL], data: '{"n":1}', ...body }),
  )

/** Subscribes, and answers with the names of the events that come before the marker. */
export type Wire = (server: TestServer, asked: object) => Promise<string[]>

type Frame = { readonly event: string }

/** The same by what a Pusher client sends and gets. */
export async function readPusher(
  server: TestServer,
  send: (frame: object) => unknown,
  next: () => Promise<string>,
  asked: object,
): Promise<string[]> {
  await send({ event: 'pusher:subscribe', data: { channel: CHANNEL, ...asked } })
  const nextName = async (): Promise<string> => (JSON.parse(await next()) as Frame).event
  expect(await nextName()).toBe('pusher_internal:subscription_succeeded')
  await trigger(server, MARKER)
  const names: string[] = []
  for (let name = await nextName(); name !== MARKER; name = await nextName()) names.push(name)
  return names
}

type Case = readonly [
  asked: string,
  ask: (epoch: string) => object,
  heard: readonly string[],
  rewind?: number,
]

const since = (epoch: string, offset: number): object => ({ since: { epoch, offset } })

/** After a, b and c. */
const CASES: readonly Case[] = [
  ['nothing', () => ({}), ['c']],
  ['nothing, by a rule that replays', () => ({}), ['b', 'c'], 2],
  ['positions', () => ({ positions: true }), ['c']],
  ['to rewind', () => ({ rewind: 2 }), ['b', 'c']],
  ['to rewind nothing, by a rule that replays', () => ({ rewind: 0 }), ['c'], 2],
  ['what came after the first', (epoch) => since(epoch, 1), ['b', 'c']],
  ['what came after the last', (epoch) => since(epoch, 3), []],
  ['the same, by a rule that replays', (epoch) => since(epoch, 3), [], 2],
  ['what came after one of another stream', () => since('another', 3), ['c']],
  ['the same, and to rewind', () => ({ ...since('another', 3), rewind: 2 }), ['b', 'c']],
]

/** Tests what a subscriber of a cache channel with a stream gets, by each wire. */
export function testLasts(wires: readonly (readonly [name: string, wire: Wire])[]): void {
  describe.each(wires)('over %s, asked for', (_, hear) => {
    test.each(CASES)('%s', async (__, ask, heard, rewind = 0) => {
      await using server = await start()
      await server.change({ history: [{ ...rule, rewind }] })
      for (const name of ['a', 'b', 'c']) await trigger(server, name)
      const page = await (await server.signed('GET', `/channels/${CHANNEL}/history`)).json()
      expect(await hear(server, ask(page.epoch))).toEqual([...heard])
    })

    test.each([
      ['to rewind, too', { rewind: 2 }, ['b']],
      ['that alone', {}, []],
    ])('what came after a lost one, %s, it does not get its own', async (__, more, heard) => {
      await using server = await start()
      await server.change({ history: [rule] })
      for (const name of ['a', 'b']) await trigger(server, name)
      await trigger(server, 'own', { socket_id: '7.7' })
      const lost = { since: { epoch: 'another', offset: 1, socket_id: '7.7' } }
      expect(await hear(server, { ...lost, ...more })).toEqual(heard)
    })
  })
}
