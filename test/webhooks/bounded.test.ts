/** What one endpoint, one crowd or one call of the operator may cost the others: rows, requests, turns. */
import { describe, expect, spyOn, test } from 'bun:test'
import { Lane } from '../../src/webhooks/lane'
import { Breaker } from '../../src/webhooks/retries'
import type { TestServer } from '../harness'
import {
  readDeliveries,
  emit,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
  waitUntil,
} from './receiver'

const DEAD = 'http://127.0.0.1:1/hook'
const SETTLE_MS = 3000

/** The endpoint is left in peace, and for longer than a few seconds from now on. */
async function leftInPeace(server: TestServer): Promise<void> {
  occupy(server, 'first')
  await passTime(server, 60_000)
  const before = server.totals.webhookRequests
  while (server.totals.webhookRequests === before) await passTime(server, 1000)
}

describe('an endpoint that does not answer', () => {
  test('keeps its share for what is so: who was never told to be there takes no room', async () => {
    const config = { webhookMaxStoredPerEndpoint: 30 }
    await using server = await startWithWebhooks([{ url: DEAD }], { config })
    await leftInPeace(server)
    const sockets = await Promise.all(Array.from({ length: 5 }, () => server.raw()))
    for (let round = 0; round < 10; round++) {
      for (const [n, client] of sockets.entries()) await client.subscribed(`cache-${round}-${n}`)
      for (const client of sockets) await client.next('the cache miss')
      for (const [n, client] of sockets.entries())
        client.send({ event: 'pusher:unsubscribe', data: { channel: `cache-${round}-${n}` } })
      for (const client of sockets) {
        client.send({ event: 'pusher:ping', data: {} })
        await client.next('the pong')
      }
      server.advance(SETTLE_MS)
      await waitUntilSettled(server)
    }
    expect(server.totals.webhookEventsDropped).toBe(0)
    // Those that were probed with may have been told.
    expect(server.totals.webhookEventsCancelled).toBeGreaterThan(3 * 30)
    expect((await readDeliveries(server)).pending).toBeLessThan(30)
  })

  test('is told of nobody who left before, and of everybody of whom something else has to be told', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: receiver.url }])
    await leftInPeace(server)
    const message = { type: 'client_event', event: 'client-e', data: '1', socketId: '1.1' }
    occupy(server, 'gone', 'talks', 'presence-a')
    emit(server, { type: 'subscription_count', channel: 'gone', count: 1 } as never)
    emit(server, { ...message, channel: 'talks' } as never)
    for (const userId of ['ada', 'eve'])
      emit(server, { type: 'member_added', channel: 'presence-a', userId } as never)
    emit(server, { type: 'member_removed', channel: 'presence-a', userId: 'ada' } as never)
    for (const channel of ['gone', 'talks'])
      emit(server, { type: 'channel_vacated', channel } as never)
    server.advance(SETTLE_MS)
    await waitUntilSettled(server)
    receiver.answer = () => 200
    await receiver.requests.take(receiver.requests.unread.length)
    await passTime(server, 90_000)
    const events = receiver.requests.unread.flatMap((request) => request.events)
    expect(events.filter((event) => !event.endsWith('first'))).toEqual([
      'channel_occupied talks',
      'channel_occupied presence-a',
      'client_event talks',
      'member_added presence-a eve',
      'channel_vacated talks',
    ])
    expect(server.totals.webhookEventsCancelled).toBe(5)
  })

  test('that was told is told of the departure, whatever comes and goes behind it', async () => {
    await using receiver = new Receiver()
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'room')
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
    await waitUntilSettled(server)
    receiver.answer = () => 500
    await leftInPeace(server)
    for (let round = 0; round < 3; round++) {
      emit(server, { type: 'channel_vacated', channel: 'room' } as never)
      server.advance(SETTLE_MS)
      await waitUntilSettled(server)
      occupy(server, 'room')
    }
    receiver.answer = () => 200
    await receiver.requests.take(receiver.requests.unread.length)
    await passTime(server, 90_000)
    const events = receiver.requests.unread.flatMap((request) => request.events)
    expect(events.filter((event) => !event.endsWith('first'))).toEqual([
      'channel_vacated room',
      'channel_occupied room',
    ])
  })
})

describe('an endpoint that takes one request of five', () => {
  const minute = (breaker: Breaker): number => {
    let requests = 0
    for (let now = 0; now < 60_000; now += 100) {
      if (breaker.quietMs(now) > 0) continue
      if (requests++ % 5 === 4) breaker.recordSuccess()
      else breaker.recordFailure(now)
    }
    return requests
  }

  test('is left in peace, too, and asked again within six seconds', () => {
    const breaker = new Breaker()
    expect(minute(breaker)).toBeWithin(60, 160) // of 600
    expect(breaker.quietMs(60_000)).toBeLessThanOrEqual(6000)
  })

  test('is not while it takes every second one', () => {
    const breaker = new Breaker()
    for (let n = 0; n < 1000; n++) {
      if (n % 2) breaker.recordSuccess()
      else expect(breaker.recordFailure(n)).toBeFalse()
    }
  })

  test('gets all in the end, each channel in order, in few requests while it fails', async () => {
    await using receiver = new Receiver()
    let requests = 0
    receiver.answer = () => (requests++ % 5 === 4 ? 200 : 503)
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookFlushMs: 50, webhookSettleMs: 0 },
    })
    const channels = Array.from({ length: 600 }, (_, n) => `c${n}`)
    occupy(server, ...channels)
    for (const channel of channels)
      emit(server, { type: 'subscription_count', channel, count: 1 } as never)
    await passTime(server, 30_000, 500)
    expect(requests).toBeLessThan(120)
    expect(server.log.lines.map(({ message }) => message)).toContain(
      'webhook endpoint fails, and is probed',
    )
    receiver.answer = () => 200
    await receiver.requests.take(receiver.requests.unread.length)
    await passTime(server, 120_000, 1000)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, failing: 0, dead: 0 })
    expect(server.totals.webhookEventsDelivered).toBe(1200)
    const events = receiver.requests.unread.flatMap((request) => request.events)
    const counted = new Set<string>()
    for (const event of events) {
      const [name, channel] = event.split(' ') as [string, string]
      if (name === 'subscription_count') counted.add(channel)
      else expect(counted.has(channel)).toBeFalse()
    }
  })
})

/** A meter by which each step takes a whole turn's share. */
const slow = () => {
  let ms = 0
  return () => (ms += 5)
}

describe('who leaves two thousand channels at once', () => {
  test('has sixteen rows written in a step, and as many steps in a turn as it has time for', async () => {
    const config = { webhookFlushMs: 50 }
    await using server = await startWithWebhooks([{ url: DEAD }], { config, meter: slow() })
    const { slices } = server.core
    const before = slices.turns
    occupy(server, ...Array.from({ length: 1000 }, (_, n) => `c${n}`))
    server.advance(50)
    expect(server.totals.webhookEvents).toBeLessThanOrEqual(8) // and as many announcements
    await waitUntil('all are written', () => server.totals.webhookEvents === 1000)
    expect(slices.turns - before).toBeGreaterThan(100)
  })

  test('has fifty endpoints told in turns, which answer in turns and are told again in turns', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    const endpoints = Array.from({ length: 50 }, (_, n) => ({ url: `${receiver.url}/${n}` }))
    const config = { webhookFlushMs: 50 }
    await using server = await startWithWebhooks(endpoints, { config, meter: slow() })
    const { slices } = server.core
    const before = slices.turns
    occupy(server, 'room')
    server.advance(50)
    expect(server.totals.webhookRequests).toBeLessThan(3)
    await waitUntil('all were asked', () => server.totals.webhookRequestsFailed === 50)
    receiver.answer = () => 200
    await waitUntil('all is done', () => slices.isIdle)
    server.advance(2000)
    expect(server.totals.webhookRequests).toBeLessThan(53) // they are due at once
    await waitUntil('all are told', () => server.totals.webhookEventsDelivered === 50)
    await waitUntil('all is done', () => slices.isIdle)
    expect(slices.turns - before).toBeGreaterThan(140)
  })
})

test('an endpoint that is left in peace is not looked at for each new event', async () => {
  const config = { webhookFlushMs: 50 }
  await using server = await startWithWebhooks([{ url: DEAD }], { config })
  await leftInPeace(server)
  using looks = spyOn(Lane.prototype, 'wake')
  for (let n = 0; n < 20; n++) {
    occupy(server, `c${n}`)
    server.advance(50)
  }
  expect(server.totals.webhookEvents).toBeGreaterThan(20)
  expect(looks.mock.calls.length).toBeLessThan(3)
})

describe('one call of the operator', () => {
  test('that replays or drops a thousand takes many turns, and twice is once', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    const config = { webhookFlushMs: 50 }
    await using server = await startWithWebhooks([{ url: receiver.url }], { config, meter: slow() })
    const { slices, apps } = server.core
    const rest = () => waitUntil('all is done', () => slices.isIdle)
    occupy(server, ...Array.from({ length: 1000 }, (_, n) => `c${n}`))
    for (let minute = 0; server.totals.webhookEventsDead < 1000; minute++) {
      expect(minute).toBeLessThan(60)
      await passTime(server, 60_000, 10_000)
      await rest()
    }
    const path = '/api/admin/apps/test-app/webhooks/replay'
    const replay = () => server.admin(path, { method: 'POST' })
    receiver.answer = () => new Promise(() => {})
    let before = slices.turns
    expect(await Promise.all([replay(), replay()])).toMatchObject([
      { status: 200 },
      { status: 200 },
    ])
    await rest()
    expect(slices.turns - before).toBeWithin(8, 17) // and the first slice with the request
    expect(await readDeliveries(server)).toMatchObject({ dead: 0, pending: 1000 })
    before = slices.turns
    const app = apps.byId('1')!
    apps.change(app, { ...app.record, webhooks: [] }, 0)
    server.advance(5000)
    await waitUntil('all are dropped', () => server.totals.webhookEventsDropped === 1000)
    expect(slices.turns - before).toBeGreaterThan(8) // with those of what a second brings anyway
  })

  test('that shows dead letters is shown as many as an answer may hold', async () => {
    await using server = await startWithWebhooks([{ url: DEAD }, { url: `${DEAD}/2` }])
    const data = JSON.stringify('x'.repeat(10_000))
    const talk = { type: 'client_event', event: 'client-e', data, socketId: '1.1' }
    for (let n = 0; n < 120; n++) emit(server, { ...talk, channel: `private-${n}` } as never)
    await passTime(server, 40 * 60_000, 10_000)
    const { dead, dead_letters: letters } = await readDeliveries(server)
    expect(dead).toBe(240)
    expect(JSON.stringify(letters).length).toBeWithin(900_000, 1_200_000)
  })
})
