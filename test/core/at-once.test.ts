/** One event for many channels of few: a turn serves so many of them at once, the rest wait for others. */
import { describe, expect, spyOn, test } from 'bun:test'
import { publish } from '../publish'
import { start, waitFor, type TestServer } from '../harness'
import { KEY } from '../phoenix'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
const ROOMS = Array.from({ length: 100 }, (_, index) => `room-${index}`)

/** Counts the sends that the server makes from now on. */
function countSends({ core }: TestServer) {
  const { topics } = core.hub
  return spyOn(topics, 'publish')
}

function publishTo({ core }: TestServer, data: string): void {
  const app = core.apps.byId('1')!
  publish(core, app, [{ name: 'tick', data, channels: ROOMS, socketId: undefined }])
}

describe('an event for a hundred channels of one subscriber', () => {
  test('of 20 KB is sent over several turns, to each once', async () => {
    await using server = await start()
    await using client = await server.raw()
    for (const room of ROOMS) await client.subscribed(room)
    using sends = countSends(server)
    publishTo(server, '"'.repeat(10_240))
    const atOnce = sends.mock.calls.length
    expect(atOnce).toBeGreaterThan(10)
    expect(atOnce).toBeLessThan(ROOMS.length)
    await waitFor(
      'all of them',
      (async () => {
        while (sends.mock.calls.length < ROOMS.length) {
          const before = sends.mock.calls.length
          await turn()
          expect(sends.mock.calls.length - before).toBeLessThanOrEqual(atOnce)
        }
      })(),
    )
    const heard = (await client.frames.take(ROOMS.length)).map(
      (frame) => (JSON.parse(frame) as { channel: string }).channel,
    )
    expect(heard.toSorted()).toEqual(ROOMS.toSorted())
  })

  test('that is short is sent at once, and what follows it comes after it', async () => {
    await using server = await start()
    await using client = await server.raw()
    for (const room of ROOMS) await client.subscribed(room)
    using sends = countSends(server)
    publishTo(server, '0')
    expect(sends.mock.calls).toHaveLength(ROOMS.length)
    for (const data of ['1', '2', '3', '4', '5']) publishTo(server, data)
    expect(sends.mock.calls.length).toBeLessThan(6 * ROOMS.length)
    const received = new Map<string, string>()
    for (const frame of await client.frames.take(6 * ROOMS.length)) {
      const { channel, data } = JSON.parse(frame) as { channel: string; data: string }
      received.set(channel, (received.get(channel) ?? '') + data)
    }
    expect([...new Set(received.values())]).toEqual(['012345'])
  })

  test('is read once for Phoenix clients of all versions', async () => {
    await using server = await start()
    const data = JSON.stringify({ text: 'said once' })
    for (const version of ['1.0.0', '2.0.0']) {
      const path = `/socket/websocket?vsn=${version}&${KEY}`
      const client = await server.raw({ path, hello: false })
      while (client.socket.readyState !== WebSocket.OPEN) await turn()
      for (const topic of ROOMS.slice(0, 50)) {
        const event = 'phx_join'
        client.send(
          version === '1.0.0'
            ? JSON.stringify({ topic, event, payload: {}, ref: '1' })
            : JSON.stringify(['1', '1', topic, event, {}]),
        )
        await client.frames.next()
      }
    }
    using parses = spyOn(JSON, 'parse')
    publishTo(server, data)
    expect(parses.mock.calls.filter(([text]) => text === JSON.stringify(data))).toHaveLength(1)
  })
})
