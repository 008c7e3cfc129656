/** What is written down survives a restart, and emitting an event writes nothing. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reject } from 'carillon/plugin'
import { makePlugin } from '../harness'
import { readDeliveries, occupy, Receiver, waitUntilSettled, startWithWebhooks } from './receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const file = (): string => join(folder, `${files++}.sqlite`)
const SETTLE_MS = 3000

describe('what was announced', () => {
  test('is known after a restart: who returns was never away, who does not has left', async () => {
    await using receiver = new Receiver()
    const config = { databasePath: file() }
    const webhooks = [{ url: receiver.url }]
    const first = await startWithWebhooks(webhooks, { config })
    const [ada, eve] = [await first.raw(), await first.raw()]
    await first.signedIn(ada, 'presence-room', { user_id: 'ada' })
    await first.signedIn(eve, 'presence-room', { user_id: 'eve' })
    await eve.subscribed('lonely')
    const sdk = first.sdk()
    expect(await receiver.events(sdk, 4)).toHaveLength(4)
    await waitUntilSettled(first)
    await first.stop()

    await using second = await startWithWebhooks(webhooks, { config })
    await using again = await second.raw()
    await second.signedIn(again, 'presence-room', { user_id: 'ada' })
    second.advance(SETTLE_MS - 1)
    await again.expectNothing()
    expect(second.totals.webhookEvents).toBe(0)
    second.advance(1)
    expect((await receiver.events(sdk, 2)).toSorted()).toEqual([
      'channel_vacated lonely',
      'member_removed presence-room eve',
    ])
    expect(receiver.requests.unread).toEqual([])
    await waitUntilSettled(second)
    await second.stop()

    await using third = await startWithWebhooks(webhooks, { config })
    third.advance(SETTLE_MS)
    expect((await receiver.events(sdk, 2)).toSorted()).toEqual([
      'channel_vacated presence-room',
      'member_removed presence-room ada',
    ])
  })

  test('is not withdrawn by a server that leaves', async () => {
    await using receiver = new Receiver()
    const config = { databasePath: file(), drainSeconds: 10 }
    const first = await startWithWebhooks([{ url: receiver.url }], { config })
    const client = await first.raw()
    await client.subscribed('room')
    await receiver.next(first.sdk())
    await waitUntilSettled(first)
    await first.leave()
    expect(receiver.requests.unread).toEqual([])
    await using second = await startWithWebhooks([{ url: receiver.url }], { config })
    second.advance(SETTLE_MS)
    expect(await receiver.events(second.sdk())).toEqual(['channel_vacated room'])
  })
})

test('what a thousand were told is read in slices, before anybody connects; strangers are forgotten', async () => {
  const config = { databasePath: file() }
  {
    await using first = await startWithWebhooks([{ url: 'http://127.0.0.1:1/hook' }], { config })
    const app = first.addTenant()
    const webhooks = [{ url: 'http://127.0.0.1:1/other' }]
    first.core.apps.change(app, { ...app.record, webhooks }, 0)
    occupy(first, ...Array.from({ length: 1000 }, (_, n) => `presence-${n}`))
    const other = first.core.apps.byId('8')!
    first.core.facts.emit({ type: 'channel_occupied', app: other, channel: 'x' as never })
    const joined = { type: 'member_added', app: first.core.apps.byId('1')!, userId: 'ada' }
    first.core.facts.emit({ ...joined, channel: 'presence-0' } as never)
    first.core.apps.remove(other, 0)
  }
  using db = new Database(config.databasePath)
  const apps = () => db.query('SELECT DISTINCT app_id FROM webhook_announced ORDER BY app_id').all()
  expect(apps()).toEqual([{ app_id: '1' }, { app_id: '8' }])
  let ms = 0
  const meter = () => (ms += 5) // each step is a turn
  await using second = await startWithWebhooks([], { config, meter })
  expect(second.core.slices.turns).toBeGreaterThanOrEqual(8)
  expect(apps()).toEqual([{ app_id: '1' }])
  for (let turn = 0; turn < 12; turn++) second.advance(SETTLE_MS / 6)
  expect(apps()).toEqual([])
})

test('a server that leaves hears the answers that are under way: nothing is sent twice', async () => {
  await using receiver = new Receiver()
  const late = Promise.withResolvers<number>()
  receiver.answer = () => late.promise
  const config = { databasePath: file() }
  const first = await startWithWebhooks([{ url: receiver.url }], { config })
  occupy(first, 'a')
  await receiver.next(first.sdk())
  occupy(first, 'b')
  const leaving = first.server.leave()
  late.resolve(200)
  await leaving
  expect(first.totals.webhookEventsDelivered).toBe(1)
  await using second = await startWithWebhooks([{ url: receiver.url }], { config })
  expect(await receiver.events(second.sdk())).toEqual(['channel_occupied b'])
})

test('what nobody accepted is sent after a restart, and what waited to be written', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  const config = { databasePath: file(), webhookFlushMs: 1000 }
  const first = await startWithWebhooks([{ url: receiver.url }], { config })
  const client = await first.raw()
  await client.subscribed('a')
  first.advance(1000)
  await receiver.next(first.sdk())
  await client.subscribed('b')
  await first.stop()
  expect(first.totals.webhookRequests).toBe(1)

  receiver.answer = () => 200
  await using second = await startWithWebhooks([{ url: receiver.url }], { config })
  expect(await receiver.events(second.sdk(), 2)).toEqual([
    'channel_occupied a',
    'channel_occupied b',
  ])
})

test('a server that stops writes first what turns had no time for', async () => {
  const config = { databasePath: file(), webhookFlushMs: 50 }
  const webhooks = [{ url: 'http://127.0.0.1:1/hook' }]
  let ms = 0
  const meter = () => (ms += 5) // each step is a turn
  const first = await startWithWebhooks(webhooks, { config, meter })
  occupy(first, ...Array.from({ length: 1000 }, (_, n) => `c${n}`))
  first.advance(50)
  expect(first.totals.webhookEvents).toBeLessThan(100)
  await first.stop()
  await using second = await startWithWebhooks(webhooks, { config })
  expect(await readDeliveries(second)).toMatchObject({ pending: 1000 })
})

test('what is not collected is written at once, whatever a turn has time for', async () => {
  let ms = 0
  const webhooks = [{ url: 'http://127.0.0.1:1/hook' }]
  await using server = await startWithWebhooks(webhooks, { meter: () => (ms += 5) })
  for (let n = 0; n < 20; n++) occupy(server, `c${n}`)
  expect(server.totals.webhookEvents).toBe(20)
})

test('the delivery log is there after a restart, its last twenty requests', async () => {
  await using receiver = new Receiver()
  let calls = 0
  receiver.answer = () => (calls++ % 2 ? 200 : 503)
  const config = { databasePath: file() }
  const first = await startWithWebhooks([{ url: receiver.url }], { config })
  const app = first.core.apps.byId('1')!
  for (let n = 0; n < 12; n++) {
    first.core.facts.emit({ type: 'channel_occupied', app, channel: `c${n}` as never })
    await waitUntilSettled(first)
    first.advance(2000)
    await waitUntilSettled(first)
  }
  const before = (await readDeliveries(first)).endpoints[0].attempts
  expect(before).toHaveLength(20)
  expect(before.slice(0, 2)).toMatchObject([
    {
      at: expect.any(Number),
      duration_ms: expect.any(Number),
      events: 1,
      status: 200,
      error: null,
    },
    {
      at: expect.any(Number),
      duration_ms: expect.any(Number),
      events: 1,
      status: 503,
      error: 'answered 503',
    },
  ])
  await first.stop()
  await using second = await startWithWebhooks([{ url: receiver.url }], { config })
  expect((await readDeliveries(second)).endpoints[0].attempts).toEqual(before)
})

test('a plugin drops an event for its app, and it is counted', async () => {
  await using receiver = new Receiver()
  const seen: unknown[] = []
  const plugin = makePlugin('discreet', {
    webhook: ({ slug }, event) => {
      seen.push([slug, event])
      return event.channel === 'private-staff' ? reject('not for outside') : undefined
    },
  })
  await using server = await startWithWebhooks([{ url: receiver.url }], { plugins: [plugin] })
  await using client = await server.raw()
  await server.signedIn(client, 'private-staff')
  await server.signedIn(client, 'private-room')
  client.send({ event: 'client-e', channel: 'private-room', data: [1] })
  expect(await receiver.events(server.sdk(), 2)).toEqual([
    'channel_occupied private-room',
    'client_event private-room',
  ])
  expect(server.totals.webhookEventsRefused).toBe(1)
  const nothing = { userId: undefined, event: undefined, data: undefined }
  expect(seen).toEqual([
    ['test-app', { name: 'channel_occupied', channel: 'private-staff', ...nothing }],
    ['test-app', { name: 'channel_occupied', channel: 'private-room', ...nothing }],
    [
      'test-app',
      {
        name: 'client_event',
        channel: 'private-room',
        userId: undefined,
        event: 'client-e',
        data: '[1]',
      },
    ],
  ])
})

test('thousands that leave at once are all told to have left', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url }])
  const app = server.core.apps.byId('1')!
  const emitAll = (type: 'channel_occupied' | 'channel_vacated'): void => {
    for (let n = 0; n < 1200; n++) server.core.facts.emit({ type, app, channel: `c${n}` as never })
  }
  emitAll('channel_occupied')
  await receiver.events(server.sdk(), 1200)
  await waitUntilSettled(server)
  emitAll('channel_vacated')
  server.advance(SETTLE_MS)
  expect(server.totals.webhookEvents).toBe(2400)
})

test('emitting a fact writes nothing: a burst is a few transactions of at most 500 rows', async () => {
  await using receiver = new Receiver()
  const config = { databasePath: file(), webhookFlushMs: 50 }
  receiver.answer = () => new Promise(() => {})
  await using server = await startWithWebhooks([{ url: receiver.url }], { config })
  using other = new Database(config.databasePath, { readonly: true })
  const rows = () =>
    other.query<{ n: number }, []>('SELECT COUNT(*) AS n FROM webhook_outbox').get()!.n
  const app = server.core.apps.byId('1')!
  for (let n = 0; n < 600; n++)
    server.core.facts.emit({ type: 'channel_occupied', app, channel: `c${n}` as never })
  expect(rows()).toBe(0)
  const sizes: number[] = []
  for (let step = 0; step < 60; step++) {
    server.advance(1)
    if (rows() !== sizes.at(-1)) sizes.push(rows())
  }
  // Each event is written beside what it announces.
  expect(sizes).toEqual([0, 600])
})
