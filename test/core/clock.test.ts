/** The time of day is corrected while the server runs: what lasts a while lasts as long as ever. */
import { describe, expect, test } from 'bun:test'
import { generateKeyPairSync } from 'node:crypto'
import { guardian } from '../../plugins/guardian'
import { rateLimit } from '../../plugins/rate-limit'
import type { ChannelName } from '../../src/core/types'
import { makePlugin, start, type StartOptions, type TestServer } from '../harness'
import { makeClaims, makeHmacToken, makeKeyToken, makePath } from '../plugins/tokens'
import * as longPoll from '../transports/longpoll-client'
import { waitForRequest, XhrClient } from '../transports/xhr-client'
import { Receiver, startWithWebhooks } from '../webhooks/receiver'

const HOUR_MS = 3_600_000
const JUMPS_MS = [-HOUR_MS, HOUR_MS]
const CHANNEL = 'private-room'
const CACHE = 'cache-x' as ChannelName

type Row = {
  readonly name: string
  readonly options?: StartOptions
  readonly run: (server: TestServer, jump: () => void) => Promise<void>
}

async function statusOf(server: TestServer): Promise<number> {
  return (await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status
}

const connections = ({ core }: TestServer): number => core.hub.connectionCount

/** What is there until `ms` have gone by, and not from then on. */
async function lasts(
  server: TestServer,
  ms: number,
  isThere: () => boolean | Promise<boolean>,
): Promise<void> {
  const { sweepIntervalMs } = server.core.timing
  server.advance(ms - sweepIntervalMs - 1)
  expect(await isThere()).toBe(true)
  server.advance(2 * sweepIntervalMs + 1)
  expect(await isThere()).toBe(false)
}

const oncePerSecond: Row['run'] = async (server, jump) => {
  expect([await statusOf(server), await statusOf(server)]).toEqual([200, 429])
  jump()
  expect(await statusOf(server)).toBe(429)
  server.advance(1000)
  expect(await statusOf(server)).toBe(200)
}

const ROWS: readonly Row[] = [
  {
    name: 'client events of a connection go on',
    run: async (server, jump) => {
      const [speaker, listener] = [await server.raw(), await server.raw()]
      for (const client of [speaker, listener]) await server.signedIn(client, CHANNEL)
      const sendEvent = (n: number) =>
        speaker.send({ event: `client-${n}`, channel: CHANNEL, data: 1 })
      for (let n = 0; n < 10; n++) sendEvent(n)
      await listener.frames.take(10)
      jump()
      sendEvent(10)
      expect((await speaker.nextJson()).data).toMatchObject({ code: 4301 })
      server.advance(1000)
      for (let n = 20; n < 30; n++) sendEvent(n)
      const names = (await listener.frames.take(10)).map((text) => JSON.parse(text).event)
      expect(names).toEqual(Array.from({ length: 10 }, (_, n) => `client-${20 + n}`))
    },
  },
  {
    name: 'triggers of an app go on',
    options: { limits: { maxBackendEventsPerSecond: 1 } },
    run: oncePerSecond,
  },
  {
    name: 'a plugin counts per second of its own',
    options: { plugins: [rateLimit({ triggers: { perSecond: 1 } })] },
    run: oncePerSecond,
  },
  {
    name: 'an abandoned session of the fallback ends',
    run: async (server, jump) => {
      await new XhrClient(server).open()
      jump()
      await lasts(server, 10_000, () => connections(server) === 1)
    },
  },
  {
    name: 'an abandoned session of the long-poll ends',
    run: async (server, jump) => {
      await longPoll.openSession(server)
      jump()
      await lasts(server, 15_000, () => connections(server) === 1)
    },
  },
  {
    name: 'a poll that waits is answered',
    run: async (server, jump) => {
      const { poll } = await longPoll.openSession(server)
      server.advance(5000)
      const answer = poll()
      await longPoll.waitForPoll(server)
      jump()
      server.advance(5000)
      expect(connections(server)).toBe(1)
      server.advance(5000)
      expect((await answer).status).toBe(204)
    },
  },
  {
    name: 'a silent stream has its beat',
    run: async (server, jump) => {
      const stream = await new XhrClient(server).openStream()
      const [conn] = server.core.hub.connections()
      await waitForRequest(server, conn!)
      jump()
      server.advance(25_000)
      expect(await stream.lines.next('a beat')).toBe('a[]')
      stream.abort.abort()
    },
  },
  {
    name: 'who is to show who they are has as long for it',
    options: { limits: { authorizeWithinSeconds: 30 } },
    run: async (server, jump) => {
      await server.raw()
      jump()
      await lasts(server, 30_000, () => connections(server) === 1)
    },
  },
  {
    name: 'the event of a cache channel is kept as long',
    options: { config: { cacheTtlSeconds: 600 } },
    run: async (server, jump) => {
      await server.trigger({ channel: CACHE, name: 'e', data: 'x' })
      jump()
      const readKept = async (): Promise<{ ttl: number } | null> => {
        const answer = await server.signed('GET', `/channels/${CACHE}`, '', 'info=cache')
        return ((await answer.json()) as { cache: { ttl: number } | null }).cache
      }
      server.advance(1000)
      expect((await readKept())?.ttl).toBe(599)
      await lasts(server, 599_000, async () => (await readKept()) !== null)
    },
  },
  {
    name: 'a leaving server leaves',
    options: { config: { drainSeconds: 10 } },
    run: async (server, jump) => {
      await Promise.all(Array.from({ length: 5 }, () => server.raw()))
      const slow = Array.from(server.core.hub.connections())[0]!
      slow.sink.getBufferedAmount = () => 1
      let isGone = false
      const leaving = server.server.leave().then(() => (isGone = true))
      jump()
      server.advance(9900)
      expect(connections(server)).toBe(1)
      server.advance(200)
      expect(connections(server)).toBe(0)
      while (!isGone) {
        server.advance(1000)
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      await leaving
    },
  },
  {
    name: 'a gate that does not answer has as long for it',
    options: { plugins: [makePlugin('mute', { subscribe: () => new Promise(() => undefined) })] },
    run: async (server, jump) => {
      const client = await server.raw()
      client.send({ event: 'pusher:subscribe', data: { channel: 'room' } })
      await client.heard()
      jump()
      server.advance(server.config.gateTimeoutMs)
      expect((await client.nextJson()).event).toBe('pusher:subscription_error')
    },
  },
  {
    name: 'counts of many subscribers are told as seldom',
    run: async (server, jump) => {
      const app = server.core.apps.byId('1')!
      server.core.apps.change(app, { ...app.record, subscriptionCounts: true }, 0)
      const clients = await Promise.all(Array.from({ length: 103 }, () => server.raw()))
      const [first] = clients
      for (const client of clients.slice(0, 102)) await client.subscribed('room')
      await first!.frames.take(101)
      server.advance(5000)
      expect(await first!.next()).toContain('102')
      jump()
      await clients.at(-1)!.subscribed('room')
      server.advance(4999)
      await first!.expectNothing()
      server.advance(1)
      expect(await first!.next()).toContain('103')
    },
  },
  {
    name: 'the expiry of a token is a time of day, of those from after the jump too',
    options: { plugins: [guardian()], config: { activityTimeoutSeconds: 120 } },
    run: async (server, jump) => {
      jump()
      const token = makeHmacToken(server.app.secret, makeClaims(server))
      const client = await server.raw({ path: makePath(server, { token }) })
      server.advance(64_000)
      await client.expectNothing()
      server.advance(2000)
      expect((await client.closing()).code).toBe(4200)
    },
  },
]

describe.each(JUMPS_MS)('after a jump of %d ms', (ms) => {
  test.each(ROWS)('$name', async ({ options, run }) => {
    await using server = await start(options)
    await run(server, () => server.clock.set(ms))
  })

  test('a departure from a channel is told as late, and a cache miss again as late', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }])
    await using client = await server.raw()
    await client.subscribed('room')
    client.send({ event: 'pusher:unsubscribe', data: { channel: 'room' } })
    await client.subscribed('cache-x')
    await client.next('the miss')
    expect(await receiver.events(server.sdk(), 3)).toHaveLength(3)
    const app = server.core.apps.byId('1')!
    await using other = await server.raw()
    const miss = async (): Promise<void> => {
      await other.subscribed(CACHE)
      await other.next('the miss')
      other.send({ event: 'pusher:unsubscribe', data: { channel: CACHE } })
      await other.expectNothing()
    }
    server.clock.set(ms)
    await miss()
    server.advance(2999)
    server.core.facts.emit({ type: 'channel_occupied', app, channel: 'marker' as ChannelName })
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied marker'])
    server.advance(1)
    expect(await receiver.events(server.sdk())).toEqual(['channel_vacated room'])
    server.advance(7000)
    await miss()
    expect(await receiver.events(server.sdk())).toEqual(['cache_miss cache-x'])
  })

  test('keys that could not be had are asked for again as late', async () => {
    let requests = 0
    const { privateKey } = generateKeyPairSync('ed25519')
    await using keys = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      fetch: () => {
        requests++
        return new Response(null, { status: 503 })
      },
    })
    const options = { jwks: [`http://127.0.0.1:${keys.port}/`] }
    await using server = await start({ plugins: [guardian(options)] })
    await using client = await server.raw()
    const request = async (): Promise<void> => {
      client.subscribe(CHANNEL, makeKeyToken(privateKey, makeClaims(server), { alg: 'EdDSA' }))
      await client.frames.take(2)
    }
    await request()
    expect(requests).toBe(1)
    server.clock.set(ms)
    await request()
    expect(requests).toBe(1)
    server.advance(10_000)
    await request()
    expect(requests).toBe(2)
  })
})
