/**
 * Two nodes, each drained and started again in turn, under load: as docs/upgrades.md says. Clients and publishers know
 * both and go to the other one; nothing is in front. And two workers, which have one port, at one signal.
 */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { findFreePort } from '../../../bench/lib/processes'
import { Page } from '../../client/page'
import { waitUntil, type TestServer } from '../../harness'
import { Executable } from '../../built'
import { startRedis, type TestRedis } from '../../redis/redis'
import { Receiver } from '../../webhooks/receiver'
import { Crowd } from '../processes/crowd'
import { ADMIN, APP } from '../processes/takeovers'
import { Workers } from '../processes/worker-programs'
import { describeWith } from '../programs'
import { Member, Publishers } from './travellers'

const CLIENTS = 100
const MEMBERS = Array.from({ length: 8 }, (_, index) => `user-${index}`)
const PEOPLE = 'presence-people'
const TOLD = ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed']
const rule = { prefix: '', size: 100_000, ttl_seconds: 600, durable: true }

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What is upgraded. */
type Fleet = AsyncDisposable & {
  /** Where clients and publishers go, one after the other. */
  readonly ports: readonly number[]
  /** Replaces each process; `publishMore` is done when events came since. */
  replaceAll(publishMore: () => Promise<void>): Promise<void>
}

const envOf = (redis: TestRedis, port: number): Record<string, string> => ({
  DATABASE_PATH: join(folder, `${port}.sqlite`),
  PORT: String(port),
  CARILLON_REDIS_URL: redis.url,
  CARILLON_DRAIN_SECONDS: '1',
  CARILLON_WEBHOOK_SETTLE_MS: '6000', // whoever comes back takes seconds on a busy machine
})

async function startNodes(redis: TestRedis): Promise<Fleet> {
  const ports = [findFreePort(), findFreePort()]
  const start = async (port: number): Promise<Executable> => {
    const program = new Executable(envOf(redis, port))
    await program.waitUntilListening()
    return program
  }
  const nodes = await Promise.all(ports.map(start))
  return {
    ports,
    async replaceAll(publishMore) {
      for (const [index, port] of ports.entries()) {
        await publishMore()
        nodes[index]!.process.kill('SIGTERM')
        expect(await nodes[index]!.process.exited).toBe(0)
        nodes[index] = await start(port)
      }
    },
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await node[Symbol.asyncDispose]()
    },
  }
}

async function startWorkers(redis: TestRedis): Promise<Fleet> {
  const program = new Workers({ ...envOf(redis, findFreePort()), CARILLON_WORKERS: '2' })
  const { port } = await program.waitUntilAllListen()
  return {
    ports: [port],
    async replaceAll(publishMore) {
      await publishMore()
      program.process.kill('SIGUSR2')
      const { connections } = await program.logged('has sent connections to another worker')
      expect(connections).toBeWithin(CLIENTS / 3, CLIENTS)
      await program.logged('all workers were replaced')
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }
}

describeWith('redis-server', 'a rolling upgrade', () => {
  test.each([
    ['two nodes', startNodes],
    ['two workers', startWorkers],
  ])(
    'of %s fails no trigger, loses no event, and nobody is thought to be away',
    async (_, start) => {
      await using redis = await startRedis()
      await using receiver = new Receiver()
      await using fleet = await start(redis)
      const { ports } = fleet
      for (const port of ports) {
        const webhooks = [{ url: receiver.url, event_types: TOLD }]
        const changed = await fetch(`http://127.0.0.1:${port}/api/admin/apps/1`, {
          method: 'PATCH',
          headers: { authorization: ADMIN, 'content-type': 'application/json' },
          body: JSON.stringify({ app: { history: [rule], webhooks } }),
        })
        expect(changed.status).toBe(200)
      }
      const sdks = ports.map(
        (port) => new Server({ ...APP, host: '127.0.0.1', port: String(port) }),
      )
      const [sdk] = sdks as [Server]

      const crowd = new Crowd(ports, 'room')
      await crowd.open(CLIENTS)
      const members = MEMBERS.map((user, index) => new Member(ports, index, PEOPLE, user, sdk))
      await Promise.all(members.map((member) => member.isIn))
      const pages = [0, 1].map((turn) => pageOf(ports, turn, sdk))
      for (const page of pages) await page.subscribe('room')
      const told: string[] = []
      const hear = async (): Promise<void> => void told.push(...(await receiver.next(sdk)).events)
      while (told.length < 2 + MEMBERS.length) await hear()
      for (const member of members) member.begin()

      const publishers = new Publishers(sdks)
      const publishMore = async (): Promise<void> => {
        const before = publishers.accepted.length
        await waitUntil('some events', () => publishers.accepted.length > before + 50)
      }
      await fleet.replaceAll(publishMore)
      await publishMore()
      await publishers.stop()
      await sdk.trigger('room', 'e', { n: -1 })
      await crowd.hear(-1)

      expect(publishers.failures).toEqual([])
      // One port is never without a worker.
      if (ports.length === 1) expect(publishers.repeats).toBe(0)
      else expect(publishers.repeats).toBeGreaterThan(0)
      expect(crowd.unrecovered).toBe(0)
      expect(Array.from(crowd.codes.keys())).toEqual([4200])
      const [first] = crowd.clients
      for (const { heard } of crowd.clients) expect(heard).toEqual(first!.heard)
      const sorted = (numbers: readonly number[]) => numbers.toSorted((one, other) => one - other)
      expect(sorted(first!.heard)).toEqual(sorted([...publishers.accepted, -1]))
      for (const { recoveries } of pages) {
        expect(recoveries.length).toBeGreaterThan(0)
        expect(recoveries.every(([, { recovered }]) => recovered)).toBe(true)
      }
      for (const { news, rosters } of members) {
        expect(news).toEqual([])
        for (const roster of rosters) expect(roster).toEqual(MEMBERS)
      }
      // Whoever leaves now is told of; and nobody else was.
      for (const member of members) member.leave()
      while (!told.some((event) => event === `channel_vacated ${PEOPLE}`)) await hear()
      const count = (start: string) => told.filter((event) => event.startsWith(start)).length
      expect([count('channel_occupied'), count('channel_vacated')]).toEqual([2, 1])
      expect([count('member_added'), count('member_removed')]).toEqual([
        MEMBERS.length,
        MEMBERS.length,
      ])
      console.log(`${publishers.accepted.length} events, ${publishers.repeats} repeats`)
      crowd.close()
      for (const page of pages) page.pusher.disconnect()
    },
    120_000,
  )
})

/** pusher-js and the helper, on sockets that go to the other node each time. */
function pageOf(ports: readonly number[], first: number, sdk: Server): Page {
  let turn = first
  class Rotating extends WebSocket {
    constructor(url: string) {
      super(url.replace(/:\d+\//, `:${ports[turn++ % ports.length]}/`))
    }
  }
  const [port] = ports
  const server = { app: { key: APP.key }, sdk: () => sdk, socketPort: port, port }
  return new Page(server as unknown as TestServer, { native: Rotating as typeof WebSocket })
}
