/** What is measured, when, and in which bucket. The clock is moved by hand, so each latency is exact. */
import { expect, test } from 'bun:test'
import {
  Histogram,
  LATENCIES,
  LOOP_TICK_MS,
  newLatencies,
  newLoopTick,
} from '../../src/core/latencies'
import { occupy, Receiver, startWithWebhooks, waitUntil } from '../webhooks/receiver'
import { publish } from '../publish'
import { start, type TestServer } from '../harness'

const total = ({ counts }: Histogram): number => counts.reduce((sum, count) => sum + count, 0)

/** How many were observed in the bucket of the bound. */
const upTo = ({ counts, boundsMs }: Histogram, ms: number): number => counts[boundsMs.indexOf(ms)]!

function publishNow(server: TestServer, events = 1): void {
  const app = server.core.apps.byId(server.app.id)!
  const event = { name: 'e', data: 'x', channels: ['room'], socketId: undefined }
  for (let n = 0; n < events; n++) publish(server.core, app, [event])
}

async function subscribed(server: TestServer, count: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: count }, () => server.raw()))
  await Promise.all(clients.map((client) => client.subscribed('room')))
}

test('a bound belongs to its bucket, and what is above all has the last', () => {
  const histogram = new Histogram([1, 5])
  for (const ms of [0, 1, 1.1, 5, 5.1, 1e9]) histogram.observe(ms)
  expect(histogram.counts).toEqual([2, 2, 2])
  expect(histogram.sumMs).toBeCloseTo(1e9 + 12.2)
})

test.each(Object.entries(LATENCIES))('%s has bounds in ascending order, and a text', (_, row) => {
  expect([...row.boundsMs].sort((a, b) => a - b)).toEqual([...row.boundsMs])
  expect(new Set(row.boundsMs).size).toBe(row.boundsMs.length)
  expect(row.about).not.toBe('')
})

test('no two histograms share their numbers', () => {
  const [one, other] = [newLatencies(), newLatencies()]
  one.delivery.observe(1)
  expect([total(one.loopLag), total(other.delivery)]).toEqual([0, 0])
})

test('the first delivery is measured, one in 64 after it, and the first after each tick', async () => {
  await using server = await start()
  await subscribed(server, 1)
  const { delivery } = server.core.latencies
  publishNow(server, 200)
  await waitUntil('the samples', () => total(delivery) >= 4)
  for (const _ of [1, 2, 3]) {
    const before = total(delivery)
    server.advance(LOOP_TICK_MS)
    publishNow(server, 2)
    await waitUntil('the sample', () => total(delivery) > before)
  }
  expect(total(delivery)).toBe(7)
})

test('a delivery is measured until the turn after its last shard went out', async () => {
  await using server = await start()
  await subscribed(server, 100)
  const { delivery, fanOutLag } = server.core.latencies
  publishNow(server)
  server.advance(30)
  await waitUntil('the sample', () => total(delivery) === 1)
  expect([upTo(fanOutLag, 50), total(fanOutLag)]).toEqual([1, 1])
  expect([upTo(delivery, 50), total(delivery)]).toEqual([1, 1])
})

test('each frame that waits for its turn has its lag observed, as the counters have', async () => {
  await using server = await start()
  await subscribed(server, 100)
  const { latencies } = server.core
  publishNow(server, 40)
  server.advance(7)
  await waitUntil('the frames', () => server.totals.framesQueued === 40)
  expect([upTo(latencies.fanOutLag, 10), total(latencies.fanOutLag)]).toEqual([40, 40])
  expect(Math.round(latencies.fanOutLag.sumMs)).toBe(server.totals.fanOutLagMs)
})

test('the lag of the loop is how much later than due the timer ran', async () => {
  await using server = await start()
  const tick = newLoopTick(server.core)
  const { loopLag } = server.core.latencies
  server.advance(LOOP_TICK_MS)
  tick()
  const before = total(loopLag)
  expect(upTo(loopLag, 0.25)).toBe(before)
  server.advance(LOOP_TICK_MS + 70)
  tick()
  expect(upTo(loopLag, 100)).toBe(1)
})

test('a webhook request is measured until its answer', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url }])
  receiver.answer = () => {
    server.advance(40)
    return 503
  }
  occupy(server, 'room')
  await waitUntil('the answer is read', () => server.totals.webhookRequestsFailed === 1)
  const { webhookRequest } = server.core.latencies
  expect([upTo(webhookRequest, 50), total(webhookRequest)]).toEqual([1, 1])
})
