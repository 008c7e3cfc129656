/** An outbox that cannot grow is logged and red on /ready; it costs no socket and no trigger. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestServer } from '../harness'
import {
  readDeliveries,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
  waitUntil,
} from './receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const file = (): string => join(folder, `${files++}.sqlite`)

const readiness = async (server: TestServer) => (await server.http('/ready')).json()

describe('an outbox that cannot grow', () => {
  test('because the database takes nothing: events wait, and everything else goes on', async () => {
    await using receiver = new Receiver()
    const databasePath = file()
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { databasePath },
    })
    const other = new Database(databasePath)
    other.run('BEGIN IMMEDIATE')
    await using client = await server.raw()
    await client.subscribed('room')
    expect((await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status).toBe(200)
    expect((await client.nextJson()).data).toBe('x')
    expect(await readiness(server)).toEqual({
      ready: false,
      reason: 'webhooks: events cannot be written down',
    })
    server.advance(1000)
    await client.expectNothing()
    const errors = server.log.lines.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([{ message: 'webhooks: events cannot be written down' }])
    other.run('ROLLBACK')
    other.close()
    server.advance(1000)
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
    expect(await readiness(server)).toEqual({ ready: true })
    expect(server.totals.webhookEventsDropped).toBe(0)
  })

  test('until the end: what could not be written is said to be lost', async () => {
    const databasePath = file()
    const server = await startWithWebhooks([{ url: 'http://127.0.0.1:1/' }], {
      config: { databasePath },
    })
    const other = new Database(databasePath)
    other.run('BEGIN IMMEDIATE')
    await using client = await server.raw()
    for (const channel of ['a', 'b']) await client.subscribed(channel)
    await server.stop()
    other.close()
    expect(server.log.lines).toContainEqual({
      level: 'error',
      message: 'webhooks: events are lost with this process',
      fields: { lost: 2 },
    })
  })

  test('because it is full: events wait until there is room', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookMaxStored: 2 },
    })
    await using client = await server.raw()
    for (const channel of ['a', 'b', 'c', 'd']) await client.subscribed(channel)
    expect((await readDeliveries(server)).pending).toBe(2)
    expect(await readiness(server)).toEqual({
      ready: false,
      reason: 'webhooks: the outbox is full (CARILLON_WEBHOOK_MAX_STORED)',
    })
    expect((await server.trigger({ channel: 'a', name: 'e', data: 'x' })).status).toBe(200)
    expect((await client.nextJson()).data).toBe('x')
    receiver.answer = () => 200
    await waitUntil('all are delivered', () => {
      server.advance(500)
      return server.totals.webhookEventsDelivered === 4
    })
    expect(await readiness(server)).toEqual({ ready: true })
    expect(server.totals.webhookEventsDropped).toBe(0)
  })

  test('for one endpoint: its new events are dropped and said, and the others have theirs', async () => {
    await using dead = new Receiver()
    await using live = new Receiver()
    dead.answer = () => 500
    const config = { databasePath: file(), webhookMaxStored: 10, webhookMaxStoredPerEndpoint: 2 }
    const webhooks = [{ url: dead.url }, { url: live.url }]
    const server = await startWithWebhooks(webhooks, { config })
    await using client = await server.raw()
    for (const channel of ['a', 'b', 'c', 'd']) {
      await client.subscribed(channel)
      expect(await live.events(server.sdk())).toEqual([`channel_occupied ${channel}`])
      await waitUntilSettled(server)
    }
    const states = async (at: TestServer) =>
      (await readDeliveries(at)).endpoints.map(({ state, pending }: never) => [state, pending])
    expect(await states(server)).toEqual([
      ['full', 2],
      ['ok', 0],
    ])
    expect(server.totals.webhookEventsDropped).toBe(2)
    const warnings = server.log.lines.filter(({ message }) => message.includes('its share'))
    expect(warnings).toMatchObject([{ level: 'warn', fields: { appId: '1', stored: 2 } }])
    expect(await readiness(server)).toEqual({ ready: true })
    await server.stop()

    await using second = await startWithWebhooks(webhooks, { config })
    await using returned = await second.raw() // or the channels would be vacated
    for (const channel of ['a', 'b', 'c', 'd']) await returned.subscribed(channel)
    expect(await states(second)).toEqual([
      ['full', 2],
      ['ok', 0],
    ])
    dead.answer = () => 200
    await waitUntil('it has taken them', () => {
      second.advance(500)
      return second.totals.webhookEventsDelivered === 2
    })
    expect((await states(second))[0]).toEqual(['ok', 0])
  })

  test('keeps a hundred thousand events in memory; more are dropped and counted', async () => {
    await using server = await startWithWebhooks([{ url: 'http://127.0.0.1:1/hook' }], {
      config: { webhookMaxStored: 1 },
    })
    const app = server.core.apps.byId('1')!
    for (let n = 0; n < 100_010; n++)
      server.core.facts.emit({ type: 'cache_miss', app, channel: `cache-${n}` } as never)
    expect(server.totals.webhookEventsDropped).toBe(9)
  })

  test('keeps fewer where they are long', async () => {
    await using server = await startWithWebhooks([{ url: 'http://127.0.0.1:1/hook' }], {
      config: { webhookMaxStored: 1 },
    })
    const app = server.core.apps.byId('1')!
    const talk = { type: 'client_event', app, event: 'client-e', socketId: '1.1' }
    const data = JSON.stringify('x'.repeat(1_000_000))
    for (let n = 0; n < 70; n++)
      server.core.facts.emit({ ...talk, channel: `private-${n}`, data } as never)
    expect(server.totals.webhookEventsDropped).toBe(2)
  })

  test('for one app that talks too much: another’s events have room', async () => {
    await using receiver = new Receiver()
    const config = { webhookFlushMs: 50 }
    await using server = await startWithWebhooks([{ url: receiver.url }], { config })
    const { apps, facts } = server.core
    const loud = apps.byId('1')!
    const keys = [{ key: 'quiet-key', secret: 'quiet-secret' }]
    const quiet = { ...loud.record, id: '2', name: 'quiet', slug: 'quiet', keys }
    const app = apps.create({ ...quiet, webhooks: [{ url: `${receiver.url}/quiet` }] }, 0)
    for (let n = 0; n < 100_010; n++)
      facts.emit({ type: 'cache_miss', app: loud, channel: `cache-${n}` } as never)
    facts.emit({ type: 'cache_miss', app, channel: 'cache-quiet' } as never)
    expect(server.totals.webhookEventsDropped).toBe(10)
    server.advance(50)
    expect(server.totals.webhookEvents).toBe(100_001)
    while ((await receiver.requests.next()).path !== '/hook/quiet');
  })

  test('as fast as events come: what is dropped is said once, and red until it is calm', async () => {
    await using receiver = new Receiver()
    let [ms, stepMs] = [0, 0]
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookFlushMs: 50, webhookMaxStoredPerEndpoint: 200_000 },
      meter: () => (ms += stepMs),
    })
    const app = server.core.apps.byId('1')!
    const miss = (from: number, to: number): void => {
      for (let n = from; n < to; n++)
        server.core.facts.emit({ type: 'cache_miss', app, channel: `cache-${n}` } as never)
    }
    miss(0, 100_010)
    expect(server.totals.webhookEventsDropped).toBe(10)
    const reason = 'webhooks: more happens than can be written down'
    expect(await readiness(server)).toEqual({ ready: false, reason })
    stepMs = 5 // each step is a turn
    server.advance(50)
    miss(100_010, 100_126) // when the first sixteen are written
    expect(server.totals.webhookEventsDropped).toBe(110)
    stepMs = 0
    await waitUntil('all are written', () => server.totals.webhookEvents === 100_016)
    const errors = server.log.lines.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([{ message: reason, fields: { stored: 0 } }])
    expect(await readiness(server)).toEqual({ ready: true })
  })
})
