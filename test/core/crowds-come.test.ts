/** Crowds that connect: a turn accepts as many as it has time for, the next ones the rest, in order. */
import { connect } from 'node:net'
import { describe, expect, spyOn, test } from 'bun:test'
import type { OneNodeEngine } from '../../src/core/one-node'
import { PONG, makePlugin, waitFor, type RawClient, type TestServer } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'
import { handshakeOf } from '../stalled-reader'
import { startRationed } from './rationed'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

const countOccupied = (server: TestServer) => () =>
  server.facts.filter(({ type }) => type === 'channel_occupied').length

/** How often the number grew, and by how much at the most, until it is what it is to be. */
async function growth(number: () => number, wanted: number) {
  const steps: number[] = []
  await waitFor(
    `${wanted}`,
    (async () => {
      for (let before = number(); before < wanted;) {
        await turn()
        const after = number()
        if (after > before) steps.push(after - before)
        before = after
      }
    })(),
  )
  return { times: steps.length, most: Math.max(...steps) }
}

describe('handshakes', () => {
  test.each([
    ['Pusher', {}],
    ['Phoenix', { path: `/socket/websocket?vsn=2.0.0&${KEY}`, hello: false }],
  ])('of a crowd of %s clients are answered in several turns', async (_, options) => {
    await using rations = await startRationed()
    const { server, slow } = rations
    slow()
    const coming = Promise.all(Array.from({ length: 60 }, () => server.raw(options)))
    const { times, most } = await growth(() => server.core.hub.connectionCount, 60)
    expect(most).toBeLessThanOrEqual(2 * 3)
    expect(times).toBeGreaterThanOrEqual(10)
    const ids = (await coming).map(({ socketId }) => socketId)
    expect(server.totals.connectionsAccepted).toBe(60)
    if (!('hello' in options)) expect(new Set(ids).size).toBe(60)
  })

  test.each([
    ['Pusher', {}],
    ['Phoenix', { path: `/socket/websocket?vsn=2.0.0&${KEY}`, hello: false }],
  ])(
    'of %s that a gate answers all at once are taken in over several turns',
    async (_, options) => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      let calls = 0
      const gate = makePlugin('gate', { connect: () => (calls++, promise) })
      await using rations = await startRationed({ plugins: [gate] })
      const { server, slow } = rations
      const coming = Promise.all(Array.from({ length: 60 }, () => server.raw(options)))
      while (calls < 60) await turn()
      slow()
      resolve(undefined)
      const { most } = await growth(() => server.core.hub.connectionCount, 60)
      expect(most).toBeLessThanOrEqual(2 * 3)
      await coming
    },
  )

  test('that wait are refused as ever', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    slow()
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => server.raw({ path: '/app/nobody', hello: false })),
    )
    for (const client of clients) expect((await client.closing()).code).toBe(4001)
  })

  test('whose clients have gone while they waited leave nothing', async () => {
    const ended: string[] = []
    const tap = makePlugin('tap', {
      connect: () => undefined,
      disconnected: (c) => void ended.push(c.socketId),
    })
    await using rations = await startRationed({ plugins: [tap] })
    const { server, slow, fast } = rations
    const { core } = server
    slow(1)
    const sockets = Array.from({ length: 40 }, () => {
      const socket = connect(server.port, '127.0.0.1')
      socket.write(handshakeOf(server.app.key))
      return socket
    })
    await waitFor(
      'some to wait',
      (async () => {
        while (core.slices.waiting < 5) await turn()
      })(),
    )
    for (const socket of sockets) socket.destroy()
    await waitFor(
      'the end of all',
      (async () => {
        while (core.slices.waiting > 0 || core.hub.connectionCount > 0) await turn()
      })(),
    )
    fast()
    expect(core.counters.faults).toBe(0)
    await using client = await server.raw()
    await client.subscribed('room')
  })

  test('past those that may wait are refused with 503 and when to come back', async () => {
    await using rations = await startRationed()
    const { server, spend } = rations
    const { slices } = server.core
    const before = slices.waiting
    Object.defineProperty(slices, 'waiting', { get: () => 16_384, configurable: true })
    Object.defineProperty(slices, 'free', { get: () => false, configurable: true })
    spend()
    const response = await server.http(`/app/${server.app.key}`, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      },
    })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(response.headers.get('x-request-id')).toBeTruthy()
    expect([before, server.totals.connectionsRefused]).toEqual([0, 1])
  })
})

describe('subscribes', () => {
  const rooms = Array.from({ length: 90 }, (_, index) => `room-${index}`)
  const readSuccess = async (client: RawClient): Promise<string | undefined> =>
    (await client.nextJson()).channel

  test('of one socket in one packet are done in several turns, in order', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await server.raw()
    slow()
    for (const room of rooms) client.subscribe(room)
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room-0' } })
    client.send({ event: 'pusher:ping', data: {} })
    const [conn] = server.core.hub.connections()
    const { most, times } = await growth(countOccupied(server), rooms.length)
    expect(most).toBeLessThanOrEqual(2 * 3)
    expect(times).toBeGreaterThanOrEqual(15)
    const channels: unknown[] = []
    for (const _ of rooms) channels.push(await readSuccess(client))
    expect(channels).toEqual(rooms)
    expect((await client.nextJson()).event).toBe('pusher:pong') // after all that was said before
    expect(conn!.subscriptions?.size).toBe(rooms.length - 1)
  })

  test('of many are done in the order in which they came, one socket beside the other', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const [busy, other] = [await server.raw(), await server.raw()]
    slow()
    for (const room of rooms) busy.subscribe(room)
    await busy.next()
    await other.subscribed('elsewhere')
    const [first] = server.core.hub.connections()
    expect(first!.subscriptions!.size).toBeLessThan(rooms.length)
    for (let left = rooms.length - 1; left > 0; left--) await busy.next()
  })

  test.each([
    ['as clients write them', 'pusher:subscribe'],
    ['as nobody writes them', '\\u0070usher:subscribe'],
  ])('%s wait, so that a turn does no more of them', async (_, event) => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await server.raw()
    slow()
    for (const channel of rooms) client.send(`{"event":"${event}","data":{"channel":"${channel}"}}`)
    const { most } = await growth(countOccupied(server), rooms.length)
    expect(most).toBeLessThanOrEqual(2 * 3)
    expect(await client.frames.take(rooms.length)).toHaveLength(rooms.length)
  })

  test('that wait keep what was said after them, which is done in several turns, too', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await server.raw()
    const [conn] = server.core.hub.connections()
    const pongs = spyOn(conn!, 'reply')
    slow()
    for (const room of rooms.slice(0, 9)) client.subscribe(room)
    for (let n = 0; n < 60; n++) client.send({ event: 'pusher:ping', data: {} })
    const { most } = await growth(() => pongs.mock.calls.length, 9 + 60)
    expect(most).toBeLessThanOrEqual(2 * 3)
    const frames = await client.frames.take(9 + 60)
    expect(frames.slice(9)).toEqual(Array(60).fill(PONG))
  })

  test('may leave all channels and come back in one burst, on any slow machine', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `room-${index}`)
    await using rations = await startRationed({
      limits: { maxChannelsPerConnection: names.length },
    })
    const { server, slow } = rations
    await using client = await server.raw()
    for (const name of names) await client.subscribed(name)
    slow(1)
    for (const channel of names) client.send({ event: 'pusher:unsubscribe', data: { channel } })
    for (const name of names) client.subscribe(name)
    for (const name of names) expect(JSON.parse(await client.frames.next()).channel).toBe(name)
    expect(server.totals.queueOverflowsClosed).toBe(0)
  })

  test('that wait when their socket closes are forgotten', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await server.raw()
    slow()
    for (const room of rooms) client.subscribe(room)
    await client.next()
    client.socket.close()
    await server.waitForConnections(0)
    while (!server.core.slices.isIdle) await turn()
    expect(server.occupied).toEqual([])
    expect(server.core.counters.faults).toBe(0)
  })

  test('that are refused say which they were', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await connectPhoenix(server, { query: KEY })
    slow(1)
    for (let ref = 1; ref <= 20; ref++)
      client.send(`${ref}`, `${ref}`, `private-${ref}`, 'phx_join', {})
    for (let ref = 1; ref <= 20; ref++) {
      const [join, , topic, , answer] = await client.next()
      expect([join, topic]).toEqual([`${ref}`, `private-${ref}`])
      expect(answer).toMatchObject({ status: 'error' })
    }
  })

  test('that fail for a reason of ours are told so, and the next ones are served', async () => {
    await using rations = await startRationed()
    const { server, slow } = rations
    const client = await server.raw()
    const { presence } = server.core.engine as OneNodeEngine
    const enter = presence.enter.bind(presence)
    presence.enter = (...given) => {
      if (given[1] === 'room-5') throw new Error('secret detail')
      return enter(...given)
    }
    slow(1)
    for (const room of rooms.slice(0, 10)) client.subscribe(room)
    const events: string[] = []
    while (events.length < 10) events.push((await client.nextJson()).event)
    expect(events[5]).toContain('error')
    expect(server.core.counters.faults).toBe(1)
  })
})
