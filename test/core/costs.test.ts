/**
 * What the speed is made of, counted and not timed: one encoding for each format that is there, one
 * native publish for each shard, nothing for each subscriber, connections of one shape.
 */
import { describe, expect, spyOn, test } from 'bun:test'
import { jscDescribe } from 'bun:jsc'
import type { ServerWebSocket } from 'bun'
import { SHARD_SIZE, SMALL_SHARDS } from '../../src/core/audience'
import { publish } from '../publish'
import { CODECS } from '../../src/dialects/codecs'
import { readQuery } from '../../src/http/place'
import type { PublicListeners } from '../../src/public-listeners'
import { connectPhoenix } from '../phoenix'
import { start, type RawClient, type TestServer } from '../harness'

type Format = 'pusher' | 'phoenix-1' | 'phoenix-2'

/** Subscribers by format; all of them in `room`. */
const ROOMS: readonly { readonly [Name in Format]?: number }[] = [
  {},
  { pusher: 1 },
  { pusher: SHARD_SIZE.small },
  { pusher: SHARD_SIZE.small + 1 },
  { pusher: 100 },
  { pusher: 300 },
  { 'phoenix-2': 70 },
  { pusher: 130, 'phoenix-1': 65, 'phoenix-2': 1 },
]

const JOIN: Readonly<Record<Format, (server: TestServer) => Promise<RawClient>>> = {
  pusher: async (server) => {
    const client = await server.raw()
    await client.subscribed('room')
    return client
  },
  'phoenix-1': (server) => joinedPhoenix(server, 1),
  'phoenix-2': (server) => joinedPhoenix(server, 2),
}

async function joinedPhoenix(server: TestServer, version: 1 | 2): Promise<RawClient> {
  const phoenix = await connectPhoenix(server, { query: `app_key=${server.app.key}`, version })
  await phoenix.join('room')
  return phoenix.client
}

async function fill(server: TestServer, room: (typeof ROOMS)[number]): Promise<RawClient[]> {
  const formats = Object.entries(room) as [Format, number][]
  const joins = formats.flatMap(([format, count]) => Array<Format>(count).fill(format))
  return Promise.all(joins.map((format) => JOIN[format](server)))
}

/** Small ones first. */
function shardsOf(subscribers: number): number {
  const inSmall = Math.min(subscribers, SMALL_SHARDS * SHARD_SIZE.small)
  const inLarge = subscribers - inSmall
  return Math.ceil(inSmall / SHARD_SIZE.small) + Math.ceil(inLarge / SHARD_SIZE.large)
}

/** What is called while the events are published and delivered. */
function costsOf(server: TestServer, events: number, except?: RawClient) {
  const { core } = server
  const app = core.apps.byId(server.app.id)!
  const sinks = Array.from(core.hub.connections(), ({ sink }) => sink)
  const sends = sinks.map((sink) => spyOn(sink, 'send'))
  const excluding = sinks.map((sink) => spyOn(sink, 'publish'))
  const native = spyOn(core.hub.topics, 'publish')
  const encodings = CODECS.map((codec) => spyOn(codec, 'broadcast'))
  const calls = (spies: readonly { readonly mock: { readonly calls: readonly unknown[] } }[]) =>
    spies.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  const socketId = except?.socketId
  for (let n = 0; n < events; n++)
    publish(core, app, [{ name: 'e', data: String(n), channels: ['room'], socketId }])
  const spies = [...sends, ...excluding, native, ...encodings]
  return {
    counts: () => ({
      encodings: calls(encodings),
      publishes: calls([native]) + calls(excluding),
      sends: calls(sends),
    }),
    [Symbol.dispose]: () => spies.forEach((spy) => spy.mockRestore()),
  }
}

describe('an event costs', () => {
  test.each(ROOMS)('%j: an encoding per format, a publish per shard', async (room) => {
    await using server = await start()
    const clients = await fill(server, room)
    const events = 5
    using costs = costsOf(server, events)
    for (const client of clients) expect(await client.frames.take(events)).toHaveLength(events)
    const sizes = Object.values(room)
    const shards = sizes.reduce((sum, size) => sum + shardsOf(size), 0)
    expect(costs.counts()).toEqual({
      encodings: events * sizes.length,
      publishes: events * shards,
      sends: 0,
    })
  })

  test('no more where somebody is left out', async () => {
    await using server = await start()
    const clients = await fill(server, { pusher: 3 * SHARD_SIZE.small })
    const [excluded, ...others] = clients
    using costs = costsOf(server, 2, excluded)
    for (const client of others) expect(await client.frames.take(2)).toHaveLength(2)
    expect(costs.counts()).toEqual({ encodings: 2, publishes: 6, sends: 0 })
    await excluded!.expectNothing()
  })
})

test('a silent channel costs no native topic, and one per shard since its first event', async () => {
  await using server = await start()
  const clients = await fill(server, { pusher: SHARD_SIZE.small + 1 })
  const topics = (): number[] =>
    Array.from(
      server.core.hub.connections(),
      ({ sink }) => (sink as ServerWebSocket).subscriptions,
    ).map(({ length }) => length)
  expect(topics()).toEqual(clients.map(() => 0))
  using _costs = costsOf(server, 1)
  for (const client of clients) await client.next()
  expect(topics()).toEqual(clients.map(() => 1))
  const late = await JOIN.pusher(server)
  expect(topics()).toEqual([...clients, late].map(() => 1))
})

test('a connect asks for the other end of its socket once', async () => {
  await using server = await start()
  server.addTenant() // of the development app it is asked once more: its clients must be local
  using asked = spyOn(server.core.hub.topics as PublicListeners, 'requestIP')
  await server.raw({ path: '/app/k' })
  await server.raw({ path: '/app/k' })
  expect(asked).toHaveBeenCalledTimes(2)
})

test('a query that many clients have in common is read once', () => {
  const [first, again, other] = ['?a=1&b=%20', '?a=1&b=%20', '?a=2'].map((query) =>
    readQuery(`http://localhost/app/key${query}`),
  )
  expect(again).toBe(first!)
  expect(Object.fromEntries(again!)).toEqual({ a: '1', b: ' ' })
  expect(other!.get('a')).toBe('2')
})

test('connections have one shape, whatever they have lived through', async () => {
  await using server = await start({ limits: { maxClientEventsPerSecond: 5 } })
  const [idle, busy] = [await server.raw(), await server.raw()]
  await busy.subscribed('room')
  busy.send('no JSON')
  await busy.nextJson()
  await joinedPhoenix(server, 2)
  await idle.expectNothing()
  const shapes = Array.from(
    server.core.hub.connections(),
    (conn) => /StructureID: (\d+)/.exec(jscDescribe(conn))?.[1],
  )
  expect(shapes).toHaveLength(3)
  expect(new Set(shapes).size).toBe(1)
  expect(shapes[0]).toMatch(/^\d+$/)
})
