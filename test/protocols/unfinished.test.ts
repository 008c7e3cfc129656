/** Messages that do not end: their connections are closed, and nobody else's. On Linux, where the system says it. */
import { describe, expect, test } from 'bun:test'
import type { SocketBytes } from '../../src/socket-bytes'
import { waitUntil } from '../harness'
import { Bare, fragments, frame, pass, startAs, WAYS, type Way } from './bare-sockets'

const PING = frame(9, '')
const KB = 1024
/** Of a message of text that goes on. */
const begin = (bytes: number): Buffer => frame(1, 'x'.repeat(bytes), { last: false })

/** What a client does: at first, and in each second. */
type Case = {
  readonly name: string
  readonly first: (bare: Bare, way: Way) => unknown
  readonly each?: (bare: Bare, second: number, way: Way) => unknown
}

const STALLING: readonly Case[] = [
  {
    name: 'one frame of 100 KB that stops at 60',
    first: (bare) => bare.write(frame(1, 'x'.repeat(60 * KB), { length: 100 * KB })),
  },
  {
    name: 'a fragment of 60 KB, then a native ping in each second',
    first: (bare) => bare.write(begin(60 * KB)),
    each: (bare) => bare.write(PING),
  },
  {
    name: 'a fragment of 60 KB, then a byte in each second',
    first: (bare) => bare.write(begin(60 * KB)),
    each: (bare) => bare.write(frame(0, 'x', { last: false })),
  },
  {
    name: '60 KB in fragments of 16 bytes',
    first: (bare) => bare.write(fragments('x'.repeat(60 * KB), 16).subarray(0, -22)),
    each: (bare) => bare.write(PING),
  },
]

describe.each(Object.entries(WAYS))('by %s', (_, way) => {
  // Where nobody can be pinged, the first seconds have a test of their own.
  describe.each(way === WAYS.Phoenix ? [7] : [0, 7])(
    'in the second %d of a connection',
    (after) => {
      test.each(STALLING)('$name: closed after ten to twenty seconds', async ({ first, each }) => {
        await using server = await startAs(way)
        using neighbour = await Bare.open(server, way)
        await pass(server, after)
        using bare = await Bare.open(server, way)
        if (after > 0) await pass(server, after)
        await first(bare, way)
        await bare.arrived()
        const { conn } = bare
        let lasted = 0
        await pass(server, 21, async (second) => {
          if (conn.closed) return
          lasted = second
          each?.(bare, second, way)
          await bare.arrived()
        })
        expect(await bare.closeCode()).toBe(way.code)
        expect(lasted).toBeGreaterThanOrEqual(10)
        expect(server.totals.unfinishedClosed).toBe(1)
        await neighbour.answered(frame(1, way.message('')), way.answer)
      })
    },
  )
})

const REQUEST = `POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${100 * KB}\r\n\r\n${'x'.repeat(100 * KB)}`

type Honest = Case & {
  /** A request on the same connection before, and for how long. */
  readonly earlier?: { readonly before: string; readonly seconds: number }
}

const HONEST: readonly Honest[] = [
  {
    name: '20 000 fragments of 16 bytes in whole messages, then nothing',
    first: async (bare, { message, answer }) => {
      const whole = fragments(message('x'.repeat(320)), 16)
      for (let times = 0; times < 10; times++)
        await bare.answered(Buffer.concat(Array<Buffer>(100).fill(whole)), answer, 100)
    },
    each: (bare) => bare.answerPings(),
  },
  {
    name: '20 000 small messages, then nothing',
    first: async (bare, { message, answer }) => {
      const messages = Buffer.concat(Array<Buffer>(1000).fill(frame(1, message(''))))
      for (let times = 0; times < 20; times++) await bare.answered(messages, answer, 1000)
    },
  },
  {
    name: 'thousands of small messages, each in a record of its own, then nothing',
    first: async (bare, { message, answer }) => {
      const messages = Array<Buffer>(1000).fill(frame(1, message('')))
      for (let times = 0; times < 4; times++) await bare.answered(messages, answer, 1000)
    },
  },
  {
    name: 'as many of letters that take three bytes',
    first: async (bare, { message, answer }) => {
      for (let times = 0; times < 20; times++)
        await bare.answered(frame(1, message('€'.repeat(2000))), answer)
    },
  },
  {
    name: 'a message of 60 KB that takes eight seconds, again and again',
    first: () => undefined,
    each: async (bare, second, { message, answer }) => {
      const whole = frame(1, message('x'.repeat(60 * KB)))
      const part = Math.floor(whole.length / 9)
      const at = second % 9
      const piece = whole.subarray(at * part, at === 8 ? undefined : (at + 1) * part)
      if (at < 8) bare.write(piece)
      else await bare.answered(piece, answer)
    },
  },
  {
    name: 'full native pings, a hundred in each second',
    first: () => undefined,
    each: (bare) => bare.write(Buffer.concat(Array<Buffer>(100).fill(frame(9, 'x'.repeat(125))))),
  },
  {
    name: 'a request of 100 KB on the same connection, seconds before it was a WebSocket',
    earlier: { before: REQUEST, seconds: 5 },
    first: () => undefined,
  },
  {
    name: 'a request of 100 KB on the same connection, right before it was a WebSocket',
    earlier: { before: REQUEST, seconds: 0 },
    first: (bare, { message, answer }) => bare.answered(frame(1, message('')), answer),
    each: (bare, second, { message }) => {
      bare.answerPings()
      if (second % 30 === 29) bare.write(frame(1, message('')))
    },
  },
]

describe.each(Object.entries(WAYS))('by %s', (_, way) => {
  test.each(HONEST)('$name: stays', async ({ earlier, first, each }) => {
    await using server = await startAs(way)
    using bare = await Bare.open(server, way, earlier)
    await first(bare, way)
    await pass(server, 63, async (second) => {
      await each?.(bare, second, way)
      await bare.arrived()
    })
    await bare.answered(frame(1, way.message('')), way.answer)
    expect(server.totals.unfinishedClosed).toBe(0)
  })
})

test('a message that begins before the first look, on a wire without pings, may be an older request: it has until the heartbeat', async () => {
  const way = WAYS.Phoenix!
  await using server = await startAs(way)
  using bare = await Bare.open(server, way)
  bare.write(begin(60 * KB))
  await bare.arrived()
  await pass(server, 59, () => bare.socket.write(PING))
  expect(bare.conn.closed).toBe(false)
  await pass(server, 10, () => bare.socket.write(PING))
  expect(await bare.closeCode()).toBe(1001)
})

test('a socket of IPv6 is not taken for that of the IPv4 client with its last four bytes', async () => {
  const way = WAYS['Pusher by IPv6']!
  await using server = await startAs(way)
  using bare = await Bare.open(server, way)
  await bare.arrived()
  const sockets = server.core.sockets as SocketBytes
  bare.conn.intake!.socket.release()
  expect(sockets.take('0.0.0.1', bare.socket.localPort!)).toBe(-1)
  expect(sockets.take('::1', bare.socket.localPort!)).toBeGreaterThan(0)
})

describe('who is not read', () => {
  test.each([
    ['because too much waits', (bare: Bare) => bare.server.core.reads.pause(bare.conn)],
    ['for whatever reason', (bare: Bare) => bare.conn.sink.pause?.()],
  ])('%s, stays', async (_, pause) => {
    const way = WAYS.Pusher!
    await using server = await startAs(way)
    using bare = await Bare.open(server, way)
    await pass(server, 6)
    pause(bare)
    bare.write(frame(1, way.message('x'.repeat(50 * KB))))
    await bare.arrived()
    await pass(server, 30)
    expect(bare.conn.closed).toBe(false)
    bare.conn.isUnread = false
    bare.conn.sink.resume?.()
    await waitUntil('it is read', () => bare.heard.includes(way.answer))
    await pass(server, 30)
    await bare.answered(frame(1, way.message('')), way.answer)
  })
})

test('fragments of a byte are not told from a message that does not end: their client is pinged, and answers', async () => {
  const way = WAYS.Pusher!
  await using server = await startAs(way)
  using bare = await Bare.open(server, way)
  await bare.answered(fragments(way.message('x'.repeat(20_000)), 1), way.answer)
  await pass(server, 11)
  expect(bare.heard).toContain('pusher:ping')
  bare.answerPings()
  await bare.arrived()
  await pass(server, 50)
  await bare.answered(frame(1, way.message('')), way.answer)
})

test('a fragment behind thousands of messages may be headers of theirs: its client is pinged, and does not answer', async () => {
  const way = WAYS.Pusher!
  await using server = await startAs(way)
  using bare = await Bare.open(server, way)
  const burst = Buffer.concat(Array<Buffer>(2000).fill(frame(1, way.message('x'))))
  await bare.answered(burst, way.answer, 2000)
  bare.write(begin(60 * KB))
  await bare.arrived()
  await pass(server, 39, () => bare.socket.write(PING))
  expect(bare.conn.closed).toBe(false)
  await pass(server, 15, () => bare.socket.write(PING))
  expect(await bare.closeCode()).toBe(way.code)
})

test('150 sockets with unfinished messages are all closed, and their neighbours stay', async () => {
  const way = WAYS.Pusher!
  await using server = await startAs(way)
  const neighbours = await Promise.all(Array.from({ length: 20 }, () => server.raw()))
  const stalling: Bare[] = []
  for (let each = 0; each < 150; each++) stalling.push(await Bare.open(server, way))
  for (const bare of stalling) bare.write(begin(100 * KB))
  await Promise.all(stalling.map((bare) => bare.arrived()))
  await pass(server, 21, () => stalling.forEach((bare) => bare.socket.write(PING)))
  for (const bare of stalling) {
    expect(await bare.closeCode()).toBe(way.code)
    bare.socket.destroy()
  }
  expect(server.totals.unfinishedClosed).toBe(150)
  for (const client of neighbours) await client.expectNothing()
})
