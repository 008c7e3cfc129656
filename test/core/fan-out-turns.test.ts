/**
 * Whose turn it is, counted: what a turn of the loop serves, who has it next, and that a fault in one
 * ends nothing.
 */
import { describe, expect, spyOn, test } from 'bun:test'
import { SLICE_COST } from '../../src/core/fan-out'
import { publish } from '../publish'
import type { ChannelName } from '../../src/core/types'
import { throwSecret, start, type RawClient, type TestServer } from '../harness'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Each client in all of the channels, and in as many of the small ones as there are. */
async function rooms(server: TestServer, sizes: Readonly<Record<string, number>>) {
  const most = Math.max(...Object.values(sizes))
  const clients = await Promise.all(Array.from({ length: most }, () => server.raw()))
  const joins = clients.flatMap((client, index) =>
    Object.entries(sizes).flatMap(([name, size]) => (index < size ? client.subscribed(name) : [])),
  )
  await Promise.all(joins)
  return clients
}

/** In this turn of the loop. */
function publishTo({ core }: TestServer, channel: string, data = 'x'): void {
  const app = core.apps.byId('1')!
  publish(core, app, [{ name: 'e', data, channels: [channel], socketId: undefined }])
}

/** What the shards of channels are sent, turn by turn; the test's own callback runs after the fan-out's. */
function watchTurns({ core }: TestServer) {
  const native = spyOn(core.hub.topics, 'publish')
  const channelOf = (topic: string) => topic.split('/').at(-1)!
  let seen = 0
  const topics = (): string[] => {
    const since = native.mock.calls.slice(seen).map(([topic]) => topic)
    seen = native.mock.calls.length
    return since
  }
  return {
    /** One for each frame since the last call. */
    served: () => topics().map(channelOf),
    /** One for each shard, whatever it is sent, since the last call. */
    shards: () => Array.from(new Set(topics()), channelOf),
    [Symbol.dispose]: () => native.mockRestore(),
  }
}

describe('a turn', () => {
  test('serves one shard of an audience that is alone, and nothing before it', async () => {
    await using server = await start()
    await rooms(server, { room: 60 })
    using spy = watchTurns(server)
    publishTo(server, 'room')
    expect(spy.served()).toEqual([])
    for (const expected of [['room'], ['room'], ['room'], ['room'], []]) {
      await turn()
      expect(spy.served()).toEqual(expected)
    }
  })

  test('sends more bytes while those of the turns before were cheap, and few after a long one', async () => {
    await using server = await start()
    await rooms(server, { room: 32 })
    using spy = watchTurns(server)
    const next = async (): Promise<number> => {
      await turn()
      return spy.served().length
    }
    for (let n = 0; n < 300; n++) publishTo(server, 'room', 'x'.repeat(8000))
    const first = await next()
    expect(first * 16 * 8000).toBeLessThan(1_300_000)
    for (let n = 0; n < 8; n++) await next()
    const later = await next()
    expect(later).toBeGreaterThan(3 * first)
    expect(later).toBeLessThan(5 * first)
    server.clock.advance(20)
    expect(await next()).toBe(first)
  })

  test('leaves the slices of that turn as much less as it sends', async () => {
    await using server = await start()
    await rooms(server, { room: 60, other: 20 })
    const charge = spyOn(server.core.slices, 'charge')
    publishTo(server, 'room')
    await turn()
    publishTo(server, 'other')
    await turn()
    const [few, many] = charge.mock.calls.map(([ms]) => ms)
    expect(many! / few!).toBeGreaterThan(2) // a shard of 16, and then all of two audiences
  })

  test('gives half to those who owe little: they are served whole beside many who owe much', async () => {
    await using server = await start()
    const big = ['a', 'b', 'c', 'd']
    await rooms(server, { ...Object.fromEntries(big.map((name) => [name, 300])), small: 20 })
    using spy = watchTurns(server)
    for (const name of big) for (let n = 0; n < 10; n++) publishTo(server, name)
    await turn()
    spy.served()
    publishTo(server, 'small')
    await turn()
    expect(spy.served().filter((name) => name === 'small')).toHaveLength(2)
  })

  test('gives the other half to those who owe much, whatever the small ones publish', async () => {
    await using server = await start()
    const small = Array.from({ length: 12 }, (_, index) => `small-${index}`)
    await rooms(server, { big: 400, ...Object.fromEntries(small.map((name) => [name, 20])) })
    using spy = watchTurns(server)
    publishTo(server, 'big')
    let turns = 0
    for (let shards = 0; shards < 19; turns++) {
      for (const name of small) publishTo(server, name)
      await turn()
      const served = spy.shards()
      shards += served.filter((name) => name === 'big').length
      expect(served.length).toBeLessThan(SLICE_COST / 4)
    }
    expect(turns).toBeLessThanOrEqual(Math.ceil((2 * 400) / SLICE_COST) + 1)
  })

  test('gives an audience a quarter of its shards before the next one', async () => {
    await using server = await start()
    await rooms(server, { a: 250, b: 100 })
    using spy = watchTurns(server)
    publishTo(server, 'a')
    publishTo(server, 'b')
    const served: string[] = []
    while (served.length < 23) {
      await turn()
      served.push(...spy.served())
    }
    expect(served.join('')).toBe('aaaabbaaaabbaaaabbaaaab')
  })

  test('serves no more of one shard than some slices, however much is pending', async () => {
    await using server = await start()
    const clients = await rooms(server, { room: 40 })
    using spy = watchTurns(server)
    const data = 'x'.repeat(10_000)
    for (let n = 0; n < 60; n++) publishTo(server, 'room', data)
    await turn()
    expect(spy.served().length).toBeWithin(5, 60)
    for (const client of clients) expect(await client.frames.take(60)).toHaveLength(60)
  })

  test('writes no more than two megabytes, since nobody may be reading', async () => {
    await using server = await start()
    const clients = await rooms(server, { room: 40 })
    using native = spyOn(server.core.hub.topics, 'publish')
    const data = 'x'.repeat(1900)
    for (let n = 0; n < 210; n++) publishTo(server, 'room', data)
    await turn()
    const bytes = native.mock.calls.reduce((sum, [, frame]) => sum + 16 * frame.length, 0)
    expect(bytes).toBeWithin(5e5, 2e6)
    for (const client of clients) expect(await client.frames.take(210)).toHaveLength(210)
  })
})

test('who leaves is sent all that is pending in one write', async () => {
  await using server = await start()
  const clients = await rooms(server, { room: 60 })
  const { hub } = server.core
  const [conn] = [...hub.connections()].slice(-1)
  const channel = hub.channel(server.core.apps.byId('1')!, 'room' as ChannelName)
  const all = Array.from({ length: 200 }, (_, index) => String(index))
  for (const data of all) publishTo(server, 'room', data)
  using cork = spyOn(conn!.sink, 'cork')
  using send = spyOn(conn!.sink, 'send')
  hub.leave(conn!.subscription(channel)!)
  expect([cork.mock.calls.length, send.mock.calls.length]).toEqual([1, all.length])
  const client = clients.find(({ socketId }) => socketId === conn!.id)!
  const heard = (await client.frames.take(all.length)).map((frame) => JSON.parse(frame).data)
  expect(heard).toEqual(all)
})

describe('a fault in a turn', () => {
  /** Native publishes to the channel fail, for so many times. */
  function breaks({ core }: TestServer, channel: string, times: number): void {
    const { topics } = core.hub
    const real = topics.publish.bind(topics)
    let left = times
    spyOn(topics, 'publish').mockImplementation((topic, frame) =>
      topic.endsWith(`/${channel}`) && left-- > 0 ? throwSecret() : real(topic, frame),
    )
  }

  const eventsOf = async (client: RawClient): Promise<unknown[]> => {
    client.send({ event: 'pusher:ping' })
    const data: unknown[] = []
    for (;;) {
      const frame = await client.nextJson()
      if (frame.event === 'pusher:pong') return data
      data.push(frame.data)
    }
  }

  test('costs one frame of one shard: what comes after it is delivered, to all', async () => {
    await using server = await start()
    const clients = await rooms(server, { room: 40 })
    breaks(server, 'room', 1)
    publishTo(server, 'room', 'first')
    while (server.core.counters.faults === 0) await turn()
    publishTo(server, 'room', 'second')
    for (let turns = 0; turns < 4; turns++) await turn()
    const heard = await Promise.all(clients.map(eventsOf))
    expect(heard.filter((events) => events.join() === 'second')).toHaveLength(16)
    expect(heard.filter((events) => events.join() === 'first,second')).toHaveLength(24)
    expect(server.core.counters.faults).toBe(1)
  })

  test('is survived after the last shard, too', async () => {
    await using server = await start()
    const clients = await rooms(server, { room: 40 })
    const channel = server.core.hub.channel(server.core.apps.byId('1')!, 'room' as ChannelName)
    spyOn(channel!.audiences[0]!, 'settle').mockImplementationOnce(throwSecret)
    publishTo(server, 'room', 'first')
    publishTo(server, 'room', 'second')
    for (const client of clients) expect(await client.frames.take(2)).toHaveLength(2)
    expect(server.core.counters.faults).toBe(1)
  })

  test('that comes again and again delays nobody else, and is logged once', async () => {
    await using server = await start()
    const clients = await rooms(server, { broken: 100, sound: 100 })
    breaks(server, 'broken', Infinity)
    for (let n = 0; n < 20; n++) publishTo(server, 'broken')
    publishTo(server, 'sound', 'heard')
    for (const client of clients) expect((await client.nextJson()).data).toBe('heard')
    expect(server.core.counters.faults).toBeGreaterThan(1)
    expect(server.log.lines.filter(({ message }) => message === 'fault')).toHaveLength(1)
  })

  test('turns /ready red, until a thousand turns were sound', async () => {
    await using server = await start()
    await rooms(server, { room: 40 })
    breaks(server, 'room', 1)
    publishTo(server, 'room', 'lost')
    while (server.core.counters.faults === 0) await turn()
    const ready = async () => (await server.http('/ready')).json()
    expect(await ready()).toEqual({ ready: false, reason: 'fan-out: a turn failed' })
    let turns = 0
    using spy = watchTurns(server)
    while (server.core.readiness.all().length > 0) {
      publishTo(server, 'room')
      await turn()
      if (spy.served().length > 0) turns++
    }
    expect(turns).toBeWithin(990, 1001)
    expect(await ready()).toEqual({ ready: true })
  })
})
