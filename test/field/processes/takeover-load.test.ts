/**
 * A takeover under load: many clients and four publishers. `CLIENTS=2000` plays it with as many; the suite has fewer, so
 * that it has time for them.
 */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { findFreePort } from '../../../bench/lib/processes'
import { RawClient, waitUntil, type TestServer } from '../../harness'
import { Page } from '../../client/page'
import { PhoenixPage } from '../../client/phoenix-page'
import { Executable } from '../../built'
import { PusherClient } from '../../pusher-client'
import { Receiver } from '../../webhooks/receiver'
import { Crowd } from './crowd'
import { TAKEOVER } from './takeovers'

const CLIENTS = Number(process.env['CLIENTS'] ?? 500)
const PUBLISHERS = 4
const MEMBERS = 10

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret', useTLS: false }
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
const TOLD = ['channel_occupied', 'channel_vacated', 'member_added', 'member_removed']
const rule = { prefix: '', size: 100_000, ttl_seconds: 600, durable: true }

/** Publishes one event after the other, and times them. */
class Publishers {
  readonly answered: number[] = []
  readonly failures: unknown[] = []
  #longestMs = 0
  #last = 0
  #isOver = false
  readonly #running: Promise<void>[]

  constructor(readonly port: number) {
    // Half of them keep their connections.
    this.#running = Array.from({ length: PUBLISHERS }, (_, index) => this.#run(index % 2 === 0))
  }

  async #run(keepAlive: boolean): Promise<void> {
    const agent = new Agent({ keepAlive })
    const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(this.port), agent })
    while (!this.#isOver) {
      const n = ++this.#last
      const began = performance.now()
      await sdk.trigger('room', 'e', { n }).then(
        () => this.answered.push(n),
        (cause: unknown) => this.failures.push(cause),
      )
      this.#longestMs = Math.max(this.#longestMs, performance.now() - began)
      await Bun.sleep(10)
    }
  }

  /** Of all triggers since the last call, in milliseconds. */
  takeLongestMs(): number {
    const longest = this.#longestMs
    this.#longestMs = 0
    return longest
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#running)
  }
}

test(`of ${CLIENTS} clients and ${PUBLISHERS} publishers nobody misses anything`, async () => {
  await using receiver = new Receiver()
  const port = findFreePort()
  const env = {
    DATABASE_PATH: join(folder, 'load.sqlite'),
    PORT: String(port),
    CARILLON_DRAIN_SECONDS: String(Math.ceil(CLIENTS / 250)),
    CARILLON_WEBHOOK_SETTLE_MS: '1000',
  }
  await using old = new Executable(env)
  await old.waitUntilListening()
  const change = {
    history: [rule],
    webhooks: [{ url: receiver.url, event_types: TOLD }],
  }
  const changed = await fetch(`http://127.0.0.1:${port}/api/admin/apps/1`, {
    method: 'PATCH',
    headers: { authorization: ADMIN, 'content-type': 'application/json' },
    body: JSON.stringify({ app: change }),
  })
  expect(changed.status).toBe(200)
  const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(port) })
  const server = {
    app: { key: APP.key },
    sdk: () => sdk,
    socketPort: port,
    port,
  } as unknown as TestServer
  const pages = [new Page(server), new Page(server, { transport: 'xhr_streaming' })]
  for (const page of pages) await page.subscribe('room')
  const phoenix = new PhoenixPage(server, '1.8.16')
  await phoenix.join('room')
  const members = Array.from(
    { length: MEMBERS },
    (_, index) => new PusherClient(server, { user: { user_id: `user-${index}` } }),
  )
  await Promise.all(members.map((member) => member.subscribe('presence-people')))
  const crowd = new Crowd(port, 'room')
  await crowd.open(CLIENTS)
  const told: string[] = []
  while (told.length < 2 + MEMBERS) told.push(...(await receiver.next(sdk)).events)

  const once = (): Promise<unknown> =>
    sdk.trigger('cache-last', 'e', { n: 0 }, { idempotency_key: 'once' } as never)
  await once()
  const publishers = new Publishers(port)
  await waitUntil('some events', () => publishers.answered.length > 50)
  const usualMs = publishers.takeLongestMs()
  await using next = new Executable(env, { command: TAKEOVER })
  await next.waitUntilListening()
  expect(await waitExit(old)).toBe(0)
  const atExit = publishers.answered.length
  await waitUntil('some more', () => publishers.answered.length > atExit + 50)
  await publishers.stop()
  const longestMs = publishers.takeLongestMs()
  await sdk.trigger('room', 'e', { n: -1 })
  await crowd.hear(-1)
  for (const page of pages) await page.subscribed.next('a page is back')
  await phoenix.joined.next('the page of Phoenix is back')

  expect(publishers.failures).toEqual([])
  expect([...crowd.codes]).toEqual([[4200, CLIENTS]])
  expect(crowd.unrecovered).toBe(0)
  const all = publishers.answered.toSorted((one, other) => one - other)
  for (const { heard } of crowd.clients)
    expect(heard.slice(0, -1).toSorted((one, other) => one - other)).toEqual(all)
  for (const { recoveries } of [...pages, phoenix])
    expect(recoveries).toMatchObject([['room', { recovered: true }]])
  // Whoever leaves now is told of; and nobody else was.
  for (const member of members) member.pusher.disconnect()
  while (!told.some((event) => event.startsWith('channel_vacated presence-people')))
    told.push(...(await receiver.next(sdk)).events)
  expect(told.filter((event) => event.startsWith('channel_vacated'))).toHaveLength(1)
  expect(told.filter((event) => event.startsWith('channel_occupied'))).toHaveLength(2)
  expect(told.filter((event) => event.startsWith('member_added'))).toHaveLength(MEMBERS)
  expect(told.filter((event) => event.startsWith('member_removed'))).toHaveLength(MEMBERS)
  // What was in memory only is there still.
  await once()
  await using late = new RawClient(`ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`)
  await late.hello()
  await late.subscribed('cache-last')
  expect(JSON.parse(await late.next())).toMatchObject({ channel: 'cache-last', data: '{"n":0}' })
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { authorization: ADMIN },
  })
  const text = await metrics.text()
  expect(text).toContain('\ncarillon_takeovers_total 1\n')
  expect(text).toMatch(/^carillon_repeats_answered_total\{app_id="1"[^}]*\} 1$/m)
  const resets = /^carillon_takeover_resets_total (\d+)$/m.exec(text)?.[1]
  const longest = `longest trigger ${longestMs.toFixed(0)} ms, before it ${usualMs.toFixed(0)} ms`
  console.log(`${longest}; ${all.length} events, ${resets} resets`)
  crowd.close()
  for (const page of pages) page.pusher.disconnect()
  await phoenix[Symbol.asyncDispose]()
}, 120_000)

const waitExit = (program: Executable): Promise<number> => program.process.exited
