/** What clients can cause at their own rate is a line and a count, not a line each. */
import { describe, expect, test } from 'bun:test'
import { QuietLog } from '../../src/core/quiet-log'
import type { Client } from '../../src/protocols/codec'
import { reportSlowReader } from '../../src/core/slow-reader'
import { ManualClock, MemoryLog } from '../../kit/clock'
import { throwSecret, makePlugin, start, type TestServer } from '../harness'

const MANY = 2000

type Row = {
  readonly name: string
  /** Causes it so often. */
  readonly cause: (server: TestServer, times: number) => Promise<void>
  readonly message: string
  readonly atOnce: number
  /** For how long the others are held; until the next sweep if absent. */
  readonly holdMs?: number
}

const broken = makePlugin('broken', { frame: throwSecret })

const ROWS: readonly Row[] = [
  {
    name: 'slow readers',
    message: 'slow reader closed',
    atOnce: 1,
    cause: async (server, times) => {
      await server.raw()
      const [conn] = server.core.hub.connections()
      for (let n = 0; n < times; n++) reportSlowReader(server.core, conn as Client)
    },
  },
  {
    name: 'a plugin that fails',
    message: 'plugin failed',
    atOnce: 1,
    holdMs: 60_000,
    cause: async (server, times) => {
      await using client = await server.raw()
      for (let n = 0; n < times; n++) client.send({ event: 'x' })
      await client.heard()
    },
  },
  {
    name: 'faults of ours on a socket',
    message: 'fault',
    atOnce: 10,
    cause: async (server, times) => {
      await using client = await server.raw()
      server.core.hub.channel = throwSecret
      for (let n = 0; n < times; n++)
        client.send({ event: 'pusher:subscribe', data: { channel: 'room' } })
      await client.frames.take(2 * times)
    },
  },
  {
    name: 'faults of ours on a route',
    message: 'fault',
    atOnce: 10,
    cause: async (server, times) => {
      server.core.hub.deliver = throwSecret
      for (let n = 0; n < times / 100; n++)
        await Promise.all(
          Array.from({ length: 100 }, () =>
            server.trigger({ channel: 'room', name: 'e', data: 'x' }),
          ),
        )
    },
  },
]

test.each(ROWS)('$name', async ({ cause, message, atOnce, holdMs }) => {
  await using server = await start({ plugins: message === 'plugin failed' ? [broken] : [] })
  const lines = () => server.log.lines.filter((line) => line.message === message)
  await cause(server, MANY)
  expect(lines()).toHaveLength(atOnce)
  const sweepMs = server.core.timing.sweepIntervalMs
  if (holdMs) server.advance(holdMs - sweepMs)
  expect(lines()).toHaveLength(atOnce)
  server.advance(sweepMs)
  expect(lines()).toHaveLength(atOnce + 1)
  expect(lines().at(-1)!.fields).toMatchObject({ times: MANY - atOnce })
  server.advance(2 * (holdMs ?? sweepMs))
  expect(lines()).toHaveLength(atOnce + 1)
})

describe('kinds', () => {
  const readWritten = (log: MemoryLog): object[] =>
    log.lines.map(({ message, fields }) => ({ message, ...fields }))

  test('are told apart by app, plugin and error, and not by connection or request', () => {
    const log = new MemoryLog()
    const quiet = new QuietLog(log, new ManualClock(0))
    for (const appId of ['1', '2'])
      for (const socketId of ['1.1', '1.2']) quiet.warn({ appId, socketId }, 'slow')
    expect(readWritten(log)).toEqual([
      { message: 'slow', appId: '1', socketId: '1.1' },
      { message: 'slow', appId: '2', socketId: '1.1' },
    ])
  })

  test('are so many: what comes on top is one more', () => {
    const log = new MemoryLog()
    const quiet = new QuietLog(log, new ManualClock(0))
    for (let n = 0; n < 5000; n++) quiet.warn({ appId: String(n) }, 'slow')
    expect(log.lines).toHaveLength(1001)
    quiet.sweep()
    expect(log.lines).toHaveLength(1002)
    expect(log.lines.at(-1)!.fields).toMatchObject({ times: 3999 })
  })

  test('that are over are news again, and the end tells what was held back', async () => {
    const log = new MemoryLog()
    const quiet = new QuietLog(log, new ManualClock(0))
    quiet.warn({}, 'slow')
    quiet.sweep()
    quiet.warn({}, 'slow')
    quiet.warn({}, 'slow')
    quiet.sweep()
    expect(readWritten(log)).toEqual([
      { message: 'slow' },
      { message: 'slow' },
      { message: 'slow', times: 1 },
    ])
  })
})
