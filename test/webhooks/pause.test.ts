/** Endpoints that somebody has paused: their events wait, over a restart too, and are sent when they are resumed. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestServer } from '../harness'
import {
  occupy,
  passTime,
  readDeliveries,
  Receiver,
  startWithWebhooks,
  waitUntil,
  waitUntilSettled,
} from './receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const APP = '/api/admin/apps/test-app'
const HOUR_MS = 3_600_000

/** Pauses or resumes the first endpoint of the report; resolves with the answer. */
async function set(server: TestServer, change: 'pause' | 'resume') {
  const { id } = (await readDeliveries(server)).endpoints[0]
  const answer = await server.admin(`${APP}/webhooks/endpoints/${id}/${change}`, { method: 'POST' })
  expect(answer.status).toBe(200)
  return (await answer.json()).data
}

test('the request under way ends, and nothing follows until it is resumed', async () => {
  await using receiver = new Receiver()
  await using other = new Receiver()
  const late = Promise.withResolvers<number>()
  receiver.answer = () => late.promise
  const secret = receiver.url.replace('//', '//me:secret-1@')
  await using server = await startWithWebhooks([{ url: secret }, { url: other.url }])
  occupy(server, 'a')
  await receiver.next(server.sdk())
  const pausedAt = server.clock.now()
  const shown = { endpoint: receiver.url.replace('//', '//***@'), paused_at: pausedAt }
  expect(await set(server, 'pause')).toMatchObject(shown)
  server.advance(1000)
  expect(await set(server, 'pause')).toMatchObject(shown) // it is already
  occupy(server, 'b')
  late.resolve(200)
  await waitUntil('the request has ended', () => server.totals.webhookRequestsAccepted === 3)
  await passTime(server, HOUR_MS, 600_000)
  expect(await other.events(server.sdk(), 2)).toEqual(['channel_occupied a', 'channel_occupied b'])
  expect(receiver.requests.unread).toEqual([])
  const { endpoints, dead } = await readDeliveries(server)
  expect(endpoints[0]).toMatchObject({ state: 'paused', paused_at: pausedAt, pending: 1, dead: 0 })
  expect([endpoints[1].state, endpoints[1].paused_at, dead]).toEqual(['ok', null, 0])

  // Nobody is late, and it is known why.
  const stats = await (await server.admin('/api/admin/stats')).json()
  expect(stats.data.now).toMatchObject({
    webhook_events_pending: 1,
    webhook_events_failing: 0,
    webhook_endpoints_paused: 1,
    webhook_oldest_pending_ms: null,
  })
  const metrics = await (await server.admin('/metrics')).text()
  expect(metrics).toContain('carillon_webhook_endpoints_paused{app_id="1"} 1')
  expect(metrics).toContain('carillon_webhook_oldest_pending_seconds{app_id="1"} 0')

  expect(await set(server, 'resume')).toMatchObject({ paused_at: null })
  const { events, timeMs } = await receiver.next(server.sdk())
  expect([events, timeMs]).toEqual([['channel_occupied b'], server.clock.now()])
  await set(server, 'resume') // it is already
  const audit = await (await server.admin('/api/admin/audit?app=1')).json()
  const told = audit.data.map(({ action, target }: Record<string, unknown>) => [action, target])
  expect(told).toEqual([
    ['webhook.resumed', shown.endpoint],
    ['webhook.paused', shown.endpoint],
  ])
})

test('a pause outlives the process, and ends with the endpoint', async () => {
  await using receiver = new Receiver()
  await using marker = new Receiver()
  const urls = [{ url: receiver.url }, { url: marker.url }]
  const config = { databasePath: join(folder, 'kept.sqlite') }
  const first = await startWithWebhooks(urls, { config })
  const paused = await set(first, 'pause')
  occupy(first, 'a')
  await waitUntilSettled(first)
  await first.stop()

  await using second = await startWithWebhooks(urls, { config })
  const { endpoints } = await readDeliveries(second)
  expect(endpoints[0]).toMatchObject({ ...paused, state: 'paused', pending: 1 })
  occupy(second, 'b')
  await waitUntilSettled(second)
  expect(await marker.events(second.sdk(), 2)).toEqual(['channel_occupied a', 'channel_occupied b'])
  expect(receiver.requests.unread).toEqual([])
  await second.change({ webhooks: [{ url: marker.url }] })
  await second.change({ webhooks: urls })
  const [again] = (await readDeliveries(second)).endpoints
  expect(again).toMatchObject({ id: paused.id, state: 'ok', paused_at: null, pending: 0 })
  occupy(second, 'c')
  expect(await receiver.events(second.sdk())).toEqual(['channel_occupied c'])
})

test('what has waited for long is tried for as long as what is new', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  // Before the endpoint is only probed, few of them are tried.
  const config = { webhookBatchEvents: 10 }
  await using server = await startWithWebhooks([{ url: receiver.url }], { config })
  occupy(server, 'tried')
  await passTime(server, 60_000)
  expect((await readDeliveries(server)).endpoints[0].state).toBe('probed')
  await set(server, 'pause')
  occupy(server, ...Array.from({ length: 150 }, (_, n) => `c${n}`))
  server.advance(HOUR_MS)
  await set(server, 'resume')
  // The next probe, up to 72 seconds later, is within the five minutes still.
  await passTime(server, 200_000, 2000)
  const { endpoints, dead } = await readDeliveries(server)
  expect([endpoints[0].state, endpoints[0].pending, dead]).toEqual(['probed', 151, 0])
  receiver.answer = () => 200
  await passTime(server, 90_000, 2000)
  expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 0 })
})

test('one that is full while it is paused says so: what is new is dropped', async () => {
  await using receiver = new Receiver()
  const config = { webhookMaxStoredPerEndpoint: 2 }
  await using server = await startWithWebhooks([{ url: receiver.url }], { config })
  await set(server, 'pause')
  occupy(server, 'a', 'b', 'c')
  await waitUntil('it is dropped', () => server.totals.webhookEventsDropped === 1)
  const { endpoints } = await readDeliveries(server)
  expect(endpoints[0]).toMatchObject({ state: 'full', paused_at: expect.any(Number), pending: 2 })
  await set(server, 'resume')
  expect(await receiver.events(server.sdk(), 2)).toHaveLength(2)
})
