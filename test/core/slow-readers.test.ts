/** Slow readers: cut at what they have not read, by the server's limit or a lower one of their app. */
import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config/config'
import type { Connection } from '../../src/core/connection'
import { leastUnreadBytes } from '../../src/core/limits'
import type { Fact } from '../../src/core/messages'
import { change } from '../http/admin-requests'
import { publish } from '../publish'
import { start, type RawClient, type TestServer } from '../harness'
import { StalledReader } from '../stalled-reader'
import { XhrClient } from '../transports/xhr-client'

const PAYLOAD = 'x'.repeat(10_000)
/** The least that an app may have. */
const LEAST = 589_824
const MEGABYTE = 1024 * 1024

/** Publishes in this turn of the loop, without the detour over HTTP. */
function publishNow(server: TestServer): void {
  const app = server.core.apps.byId(server.app.id)!
  publish(server.core, app, [{ name: 'e', data: PAYLOAD, channels: ['room'], socketId: undefined }])
}

/** Subscribes to room and then reads nothing more. */
const stalledReader = ({ port, app }: TestServer): Promise<StalledReader> =>
  StalledReader.open({
    port,
    key: app.key,
    data: { channel: 'room' },
    until: 'subscription_succeeded',
  })

function listenToCuts(server: TestServer): Extract<Fact, { type: 'cut' }>[] {
  const cut: Extract<Fact, { type: 'cut' }>[] = []
  const receive = (fact: Fact) => void (fact.type === 'cut' && cut.push(fact))
  server.core.facts.listen({ types: ['cut'], receive })
  return cut
}

/** Publishes until `isDone`, to a client that reads, too. */
async function publishUntil(server: TestServer, healthy: RawClient, isDone: () => boolean) {
  for (let sent = 0; !isDone() && sent < 5000; sent++) {
    publishNow(server)
    await healthy.next()
  }
  expect(isDone()).toBe(true)
}

const setOwnLimit = (server: TestServer, bytes: number) =>
  change(server, 'test-app', { limits: { max_unread_bytes: bytes } })

describe('a reader that is too slow', () => {
  test('is closed and counted, and nobody else loses anything', async () => {
    await using server = await start()
    await using healthy = await server.raw()
    await healthy.subscribed('room')
    const cut = listenToCuts(server)
    const stalled = await stalledReader(server)
    const [, { id: socketId }] = [...server.core.hub.connections()] as [Connection, Connection]
    await publishUntil(server, healthy, () => server.totals.slowReadersClosed > 0)
    expect(server.totals.slowReadersClosed).toBe(1)
    expect(server.log.lines.map(({ message }) => message)).toContain('slow reader closed')
    const app = server.core.apps.byId('1')
    expect(cut).toEqual([{ type: 'cut', app: app!, socketId, bytes: expect.any(Number) }])
    await healthy.expectNothing()
    stalled.socket.end()
  })

  test('is closed at the bytes of the settings', async () => {
    await using server = await start({ limits: { maxUnreadBytes: 2 * MEGABYTE } })
    await using healthy = await server.raw()
    await healthy.subscribed('room')
    const cut = listenToCuts(server)
    const stalled = await stalledReader(server)
    await publishUntil(server, healthy, () => cut.length > 0)
    expect(cut[0]!.bytes).toBeGreaterThan(2 * MEGABYTE - 2 * PAYLOAD.length)
    expect(cut[0]!.bytes).toBeLessThan(2 * MEGABYTE + 2 * PAYLOAD.length)
    stalled.socket.end()
  })

  test('is closed at fewer of its app’s own', async () => {
    await using server = await start({ limits: { maxUnreadBytes: 4 * MEGABYTE } })
    expect((await setOwnLimit(server, LEAST)).status).toBe(200)
    await using healthy = await server.raw()
    await healthy.subscribed('room')
    const cut = listenToCuts(server)
    const stalled = await stalledReader(server)
    await publishUntil(server, healthy, () => cut.length > 0)
    expect(server.totals.slowReadersClosed).toBe(1)
    expect(cut[0]!.bytes).toBeGreaterThan(LEAST)
    expect(cut[0]!.bytes).toBeLessThan(LEAST + 2 * PAYLOAD.length)
    expect(server.log.lines.at(-1)).toMatchObject({
      message: 'slow reader closed',
      fields: { limitBytes: LEAST },
    })
    await server.waitForConnections(1)
    expect(server.countsOf('room').subscriptions).toBe(1)
    await healthy.expectNothing()
    stalled.socket.end()
  })

  test('is closed by the sweep where its app gets a limit of its own', async () => {
    await using server = await start({ limits: { maxUnreadBytes: 4 * MEGABYTE } })
    await using healthy = await server.raw()
    await healthy.subscribed('room')
    const cut = listenToCuts(server)
    const stalled = await stalledReader(server)
    const [, slow] = [...server.core.hub.connections()] as [Connection, Connection]
    await publishUntil(server, healthy, () => slow.behindBytes > MEGABYTE)
    await setOwnLimit(server, LEAST)
    expect(cut).toEqual([])
    server.advance(5000)
    await server.waitForConnections(1)
    expect(cut).toHaveLength(1)
    stalled.socket.end()
  })

  test('is closed over HTTP, too', async () => {
    await using server = await start({ limits: { maxUnreadBytes: 4 * MEGABYTE } })
    await setOwnLimit(server, LEAST)
    const cut = listenToCuts(server)
    const client = await new XhrClient(server).open()
    await client.subscribe('room')
    for (let n = 0; n < LEAST / PAYLOAD.length; n++) publishNow(server)
    await server.waitForConnections(0)
    expect(cut[0]!.bytes).toBeGreaterThan(LEAST - 2 * PAYLOAD.length)
    expect(cut[0]!.bytes).toBeLessThanOrEqual(LEAST)
  })

  test('a client that is cut with little outstanding is no slow reader', async () => {
    await using server = await start()
    const reader = await stalledReader(server)
    for (let n = 0; n < 20; n++) publishNow(server)
    reader.socket.terminate()
    await server.waitForConnections(0)
    expect(server.totals.slowReadersClosed).toBe(0)
  })
})

describe('the limit', () => {
  test('of an app is at most the server’s, and has room for what a client missed', async () => {
    await using server = await start()
    const errorOf = async (bytes: number) => (await setOwnLimit(server, bytes)).body.errors
    for (const bytes of [MEGABYTE + 1, LEAST - 1])
      expect(await errorOf(bytes)).toEqual({
        limits: [
          `has max_unread_bytes ${bytes}; expected from 589824 (a replay and one largest event) to 1048576 (the server's)`,
        ],
      })
    expect((await setOwnLimit(server, MEGABYTE)).status).toBe(200)
  })

  test('makes room for large events', () => {
    const limitsWith = (env: object) => readConfig({ CARILLON_LOG_LEVEL: 'silent', ...env }).limits
    expect(limitsWith({}).maxUnreadBytes).toBe(MEGABYTE)
    const large = limitsWith({ CARILLON_MAX_EVENT_DATA_BYTES: '1048576' })
    expect(large.maxUnreadBytes).toBe(leastUnreadBytes(large))
    expect(limitsWith({ CARILLON_MAX_UNREAD_BYTES: '4194304' }).maxUnreadBytes).toBe(4 * MEGABYTE)
  })

  test('of an app makes room for its own large events, as far as the server’s goes', async () => {
    await using server = await start()
    await setOwnLimit(server, LEAST)
    const allow = (bytes: number) =>
      change(server, 'test-app', { limits: { max_event_data_bytes: bytes } })
    const unread = () => server.core.apps.byId('1')!.limits.maxUnreadBytes
    expect(unread()).toBe(LEAST)
    await allow(20_480)
    expect(unread()).toBe(LEAST + 4 * 10_240)
    await allow(MEGABYTE)
    expect(unread()).toBe(MEGABYTE)
  })
})
