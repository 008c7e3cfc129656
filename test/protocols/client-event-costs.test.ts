/**
 * What a client event costs that nobody may hear: a pass over its text and nothing that grows with it.
 * Counted are texts that are parsed and values that are written; and, past the budget, what is said.
 */
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { makeErrorFrame } from '../frames'
import { makePlugin, start, type TestServer } from '../harness'
import { KEY, connectPhoenix } from '../phoenix'
import type { Client } from '../../src/protocols/codec'
import { openSession } from '../transports/longpoll-client'
import { XhrClient } from '../transports/xhr-client'

/** A way in: it sends frames and reads the answers, parsed. */
type Way = {
  /** Undefined `data` is left out. */
  event(data: string, channel?: string): string
  send(frame: string): Promise<unknown>
  /** The next frames. */
  readEvents(count: number): Promise<unknown[]>
  /** Something else than a client event, that is answered. */
  readonly marker: string
}

const pusherEvent = (data: string, channel = 'private-a'): string =>
  `{"event":"client-x","channel":"${channel}","data":${data}}`
const phoenixEvent = (data: string, channel = 'private-a'): string =>
  `[null,"7","${channel}","client-x",${data}]`
const PUSHER = { event: pusherEvent, marker: '{"event":"pusher:ping","data":{}}' }
const PHOENIX = { event: phoenixEvent, marker: '[null,"m","phoenix","heartbeat",{}]' }

const parseFrames = (frames: readonly string[]): unknown[] =>
  frames.map((frame) => JSON.parse(frame))

const WAYS: Readonly<Record<string, (server: TestServer) => Promise<Way>>> = {
  'a Pusher socket': async (server) => {
    const client = await server.raw()
    const send = async (frame: string) => client.send(frame)
    return {
      ...PUSHER,
      send,
      readEvents: async (count) => parseFrames(await client.frames.take(count)),
    }
  },
  'a Pusher socket, the name last': async (server) => {
    const client = await server.raw()
    const event = (data: string, channel = 'private-a') =>
      `{"channel":"${channel}","data":${data},"event":"client-x"}`
    const send = async (frame: string) => client.send(frame)
    return {
      ...PUSHER,
      event,
      send,
      readEvents: async (count) => parseFrames(await client.frames.take(count)),
    }
  },
  'the HTTP fallback': async (server) => {
    const client = new XhrClient(server)
    await client.messages(1)
    const send = (frame: string) => client.post('xhr_send', JSON.stringify([frame]))
    return {
      ...PUSHER,
      send,
      readEvents: async (count) => parseFrames(await client.messages(count)),
    }
  },
  'a Phoenix socket, V2': async (server) => {
    const { client } = await connectPhoenix(server, { query: KEY })
    const send = async (frame: string) => client.send(frame)
    return {
      ...PHOENIX,
      send,
      readEvents: async (count) => parseFrames(await client.frames.take(count)),
    }
  },
  'a Phoenix socket, V1': async (server) => {
    const { client } = await connectPhoenix(server, { query: KEY, version: 1 })
    const event = (data: string, channel = 'private-a') =>
      `{"topic":"${channel}","event":"client-x","payload":${data},"ref":"7"}`
    const marker = '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"m"}'
    const send = async (frame: string) => client.send(frame)
    return {
      event,
      marker,
      send,
      readEvents: async (count) => parseFrames(await client.frames.take(count)),
    }
  },
  'long-poll': async (server) => {
    const session = await openSession(server)
    const readEvents = async (count: number): Promise<unknown[]> => {
      const frames: unknown[] = []
      while (frames.length < count) frames.push(...parseFrames((await session.poll()).messages))
      return frames
    }
    return { ...PHOENIX, send: (frame) => session.send(frame), readEvents }
  },
}
const WAY_NAMES = Object.keys(WAYS)

const [parse, stringify] = [spyOn(JSON, 'parse'), spyOn(JSON, 'stringify')]
afterEach(() => {
  parse.mockClear()
  stringify.mockClear()
})

/** 57 KB of empty objects: whoever builds them takes milliseconds. */
const MANY = `[${'{},'.repeat(18_900)}{}]`

/** How many long values were read or written. */
const dearCalls = (): number =>
  parse.mock.calls.filter(([text]) => text.length > 1000 && !text.startsWith('"')).length +
  stringify.mock.calls.filter(([value]) => typeof value === 'object' && isLong(value)).length
const isLong = (value: unknown): boolean => Array.isArray(value) && value.length > 1000

describe.each(WAY_NAMES)('by %s', (name) => {
  test('an event for a channel that it is not in is found out without reading it', async () => {
    await using server = await start()
    const way = await WAYS[name]!(server)
    for (const refused of [way.event(MANY), way.event(MANY), way.event('1')])
      await way.send(refused)
    await way.send(way.marker)
    expect(await way.readEvents(4)).toHaveLength(4)
    expect(dearCalls()).toBe(0)
  })

  test('past the budget a large event is not looked into', async () => {
    await using server = await start({ limits: { maxClientEventBytesPerSecond: 1000 } })
    const way = await WAYS[name]!(server)
    const [conn] = server.core.hub.connections()
    const decode = spyOn((conn as Client).codec, 'decode')
    for (let count = 0; count < 5; count++) await way.send(way.event(MANY))
    await way.send(way.marker)
    expect(await way.readEvents(3)).toHaveLength(3)
    expect(decode.mock.calls.map(([, , text]) => text.length > 1000)).toEqual([true, false])
    decode.mockRestore()
  })

  test('past the budget one refusal a second is all that is said, and nothing else is dropped', async () => {
    await using server = await start({ limits: { maxClientEventBytesPerSecond: 1000 } })
    const way = await WAYS[name]!(server)
    const event = way.event(`"${'x'.repeat(500)}"`)
    for (let second = 0; second < 3; second++) {
      for (let count = 0; count < 5; count++) await way.send(event)
      await way.send(way.marker)
      const [first, limited, marked] = await way.readEvents(3)
      expect(JSON.stringify(first)).not.toContain('rate')
      expect(JSON.stringify(limited)).toMatch(/maxClientEventBytesPerSecond|rate limited/)
      expect(JSON.stringify(marked)).toMatch(/pong|heartbeat|"m"/)
      server.advance(1000)
    }
    expect(server.totals.clientEventsLimited).toBe(3 * 4)
  })
})

test('the budget is charged whatever becomes of the event, and says its limit', async () => {
  await using server = await start({ limits: { maxClientEventBytesPerSecond: 100 } })
  await using client = await server.raw()
  client.send({ event: 'client-x', data: 'x'.repeat(90) })
  client.send({ event: 'client-x', data: 'x'.repeat(90) })
  expect(await client.frames.take(2)).toEqual([
    makeErrorFrame(null, 'Invalid client event (must contain channel and data)'),
    makeErrorFrame(
      4301,
      'Client events of this connection exceed 100 bytes a second (maxClientEventBytesPerSecond) and are dropped',
    ),
  ])
  await client.expectNothing()
})

test('a full budget has enough for one event of any size', async () => {
  await using server = await start({ limits: { maxClientEventBytesPerSecond: 100 } })
  await using sender = await server.raw()
  await using receiver = await server.raw()
  for (const client of [sender, receiver]) await server.signedIn(client, 'private-a')
  sender.send(pusherEvent(`"${'x'.repeat(9000)}"`))
  expect((await receiver.nextJson()).data).toHaveLength(9000)
})

const APP = { id: '7', name: 'App 7', key: 'k', secret: 's' }

test('an app may have a budget of its own', async () => {
  await using server = await start({
    apps: [{ ...APP, limits: { max_client_event_bytes_per_second: 50 } }],
  })
  await using client = await server.raw({ path: '/app/k' })
  client.send(pusherEvent('"twice as long as that"'))
  client.send(pusherEvent('"twice as long as that"'))
  expect(await client.next()).toContain('not subscribed')
  expect(await client.next()).toContain('exceed 50 bytes')
})

test('data that is too large is refused before it is read', async () => {
  await using server = await start()
  await using sender = await server.raw()
  await server.signedIn(sender, 'private-a')
  sender.send(pusherEvent(MANY))
  expect(await sender.next()).toContain(`(${MANY.length} of 10240 bytes)`)
  expect(dearCalls()).toBe(0)
})

const countCalls = (times: number) =>
  makePlugin('curious', {
    subscribe: (_, request) => {
      for (let time = 0; time < times; time++) expect(request.params['junk']).toHaveLength(2000)
    },
  })

test.each([0, 1, 2])('what a join brings is read where a plugin asks %d times', async (times) => {
  await using server = await start({ plugins: [countCalls(times)] })
  await using phoenix = await connectPhoenix(server, { query: KEY })
  await phoenix.join('room', { auth: '', junk: 'x'.repeat(2000) })
  expect(dearCalls()).toBe(Math.min(times, 1))
})
