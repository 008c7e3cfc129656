/**
 * What runs by itself, in slices and by timers, outlives a fault of ours: it is counted, and whoever is
 * next is served.
 */
import { expect, spyOn, test } from 'bun:test'
import { dismissApp } from '../../src/core/dismiss'
import { refusal } from '../../src/core/errors'
import type { QueuedSink } from '../../src/transports/queued-sink'
import type { XhrSession } from '../../src/transports/xhr-session'
import { throwSecret, start, waitFor, type TestServer } from '../harness'
import { openSession } from '../transports/longpoll-client'
import { waitForRequest, XhrClient } from '../transports/xhr-client'

const connections = ({ core }: TestServer) => [...core.hub.connections()]

const sessionOf = (server: TestServer, index: number) =>
  (connections(server)[index]!.sink as QueuedSink).session as XhrSession

/** Two of a kind: the first fails, the second has been served when `run` returns. */
const ROWS: readonly (readonly [string, (server: TestServer) => Promise<void>])[] = [
  [
    'a sweep that asks the silent for life',
    async (server) => {
      const [, second] = [await server.raw(), await server.raw()]
      spyOn(connections(server)[0]!.sink, 'ping').mockImplementation(throwSecret)
      while (server.core.counters.faults === 0) server.advance(server.core.timing.sweepIntervalMs)
      expect((await second.nextJson()).event).toBe('pusher:ping')
    },
  ],
  [
    'a sweep of what core keeps, before those of the transports',
    async (server) => {
      await new XhrClient(server).open()
      spyOn(server.core.engine, 'sweep').mockImplementation(throwSecret)
      server.advance(15_000)
      expect(server.server.xhr.count).toBe(0)
    },
  ],
  [
    'a drain',
    async (server) => {
      const [, second] = [await server.raw(), await server.raw()]
      spyOn(connections(server)[0]!.sink, 'close').mockImplementation(throwSecret)
      await server.leave()
      expect((await second.closing()).code).toBe(4200)
    },
  ],
  [
    'a dismissal',
    async (server) => {
      const [, second] = [await server.raw(), await server.raw()]
      const { core } = server
      spyOn(connections(server)[0]!.sink, 'close').mockImplementation(throwSecret)
      dismissApp(core, core.apps.byId('1')!, refusal('app_disabled', 'over'))
      expect((await second.closing()).code).toBe(4003)
    },
  ],
  [
    'a sweep of xhr sessions',
    async (server) => {
      await new XhrClient(server).open()
      await new XhrClient(server).open()
      spyOn(sessionOf(server, 0), 'sweep').mockImplementation(throwSecret)
      server.advance(15_000)
      expect(server.server.xhr.count).toBe(1)
    },
  ],
  [
    'a sweep of long-poll sessions',
    async (server) => {
      await openSession(server)
      await openSession(server)
      spyOn(sessionOf(server, 0), 'sweep').mockImplementation(throwSecret)
      server.advance(20_000)
      expect(connections(server)).toHaveLength(1)
    },
  ],
  [
    'what a session of xhr is told and cannot be given: the session ends, without a gap',
    async (server) => {
      const client = await new XhrClient(server).open()
      const polling = client.poll()
      await waitForRequest(server, connections(server)[0]!)
      spyOn(sessionOf(server, 0), 'write').mockImplementation(throwSecret)
      connections(server)[0]!.reply({ type: 'ping' })
      expect(await waitFor('the end', polling)).toEqual([])
      expect(server.server.xhr.count).toBe(0)
    },
  ],
  [
    'departures that webhooks are told of',
    async (server) => {
      const { apps } = server.core
      const app = apps.byId('1')!
      const endpoint = { url: 'http://127.0.0.1:9/', event_types: ['channel_vacated'] }
      apps.change(app, { ...app.record, webhooks: [endpoint] }, 0)
      const clients = [await server.raw(), await server.raw()]
      for (const [index, client] of clients.entries()) {
        await client.subscribed(`room-${index}`)
        client.send({ event: 'pusher:unsubscribe', data: { channel: `room-${index}` } })
        await client.expectNothing()
      }
      spyOn(apps, 'byId').mockImplementationOnce(throwSecret)
      server.advance(60_000)
      expect(server.totals.webhookEvents).toBe(1)
    },
  ],
]

test.each(ROWS)('%s', async (_, run) => {
  await using server = await start({ config: { drainSeconds: 0, webhookSettleMs: 3000 } })
  await run(server)
  expect(server.core.counters.faults).toBeGreaterThan(0)
  expect(server.log.lines.map(({ message }) => message)).toContain('fault')
})
