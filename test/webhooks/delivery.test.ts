/** Endpoints that fail: what is tried again, in which order, when it is given up, what the operator sees. */
import { describe, expect, test } from 'bun:test'
import {
  readDeliveries,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
  waitUntil,
} from './receiver'

const MINUTE_MS = 60_000

const texts = (receiver: Receiver): string[] =>
  receiver.requests.unread.flatMap(({ events }) => events)

describe('7.6 an endpoint that refuses', () => {
  test.each([
    ['500', () => 500],
    ['404', () => 404],
    ['301', () => Response.redirect('http://127.0.0.1:1/elsewhere', 301)],
    ['302 to itself', () => Response.redirect('/hook', 302)],
  ])('with %s is asked again, with the same time', async (_, refuse) => {
    await using receiver = new Receiver()
    let requests = 0
    receiver.answer = () => (requests++ === 0 ? refuse() : 200)
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'room')
    const first = await receiver.next(server.sdk())
    await waitUntil('the answer is read', () => server.totals.webhookRequestsFailed === 1)
    server.advance(700)
    await waitUntilSettled(server)
    expect(requests).toBe(1)
    server.advance(600)
    expect(await receiver.next(server.sdk())).toMatchObject({ body: first.body })
    await waitUntil('it is delivered', () => server.totals.webhookEventsDelivered === 1)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, failing: 0, dead: 0 })
  })

  test('gives up an event after five minutes; replay sends it as new', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 503
    await using server = await startWithWebhooks([{ url: receiver.url }])
    const began = server.clock.now()
    occupy(server, 'room')
    await receiver.next(server.sdk())
    await passTime(server, 4.9 * MINUTE_MS, 2000)
    expect(await readDeliveries(server)).toMatchObject({ pending: 1, failing: 1, dead: 0 })
    await passTime(server, 1.5 * MINUTE_MS, 2000)
    const report = await readDeliveries(server)
    expect(report).toMatchObject({ pending: 0, failing: 0, dead: 1 })
    expect(report.dead_letters).toEqual([
      {
        id: 1,
        endpoint: receiver.url,
        event: { name: 'channel_occupied', channel: 'room' },
        attempts: expect.any(Number),
        status: 503,
        error: 'answered 503',
        dead_at: expect.any(Number),
      },
    ])
    expect(report.dead_letters[0].attempts).toBeWithin(8, 18)
    for (const { timeMs } of receiver.requests.unread) expect(timeMs).toBe(began)

    receiver.answer = () => 200
    await receiver.requests.take(receiver.requests.unread.length)
    const answer = await server.admin('/api/admin/apps/test-app/webhooks/replay', {
      method: 'POST',
    })
    expect(await answer.json()).toEqual({ data: { replayed: 1 } })
    await passTime(server, MINUTE_MS)
    const { timeMs, events } = await receiver.next(server.sdk())
    expect(events).toEqual(['channel_occupied room'])
    expect(timeMs).toBeGreaterThan(began + 5 * MINUTE_MS)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 0, dead_letters: [] })
  })

  test('gives up thousands as it does one; so are they replayed, and dropped with it', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookFlushMs: 10 },
    })
    const replay = async () => {
      const path = '/api/admin/apps/test-app/webhooks/replay'
      return (await server.admin(path, { method: 'POST' })).json()
    }
    const many = Array.from({ length: 1200 }, (_, n) => `c${n}`)
    occupy(server, ...many)
    // What a probe tries alone for the first time gets a whole window from then on.
    await passTime(server, 40 * MINUTE_MS, 5000)
    const { pending, dead } = await readDeliveries(server)
    expect([pending, dead]).toEqual([0, 1200])
    receiver.answer = () => 200
    await receiver.requests.take(receiver.requests.unread.length)
    expect(await replay()).toEqual({ data: { replayed: 1200 } })
    await passTime(server, 90_000, 5000)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 0 })
    expect(new Set(texts(receiver)).size).toBe(1200)

    receiver.answer = () => 500
    occupy(server, ...many)
    await passTime(server, 2000)
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, webhooks: [] }, 0)
    await passTime(server, 10_000)
    expect(server.totals.webhookEventsDropped).toBe(1200)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 0, endpoints: [] })
  })

  test('one event for ever delays its own channel only, and its followers get their turn', async () => {
    await using receiver = new Receiver()
    receiver.answer = ({ body }) => (body.includes('"client_event"') ? 500 : 200)
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookFlushMs: 50 },
    })
    const app = server.core.apps.byId('1')!
    const poison = { type: 'client_event', app, channel: 'b', event: 'client-e', data: '1' }
    occupy(server, 'a')
    server.core.facts.emit({ ...poison, socketId: '1.1', userId: undefined } as never)
    occupy(server, 'b', 'c', 'd')
    server.advance(50)
    await passTime(server, 15_000)
    expect(texts(receiver)).toContain('channel_occupied d')
    expect(await readDeliveries(server)).toMatchObject({ pending: 2, dead: 0 })
    await passTime(server, 7 * MINUTE_MS, 2000)
    expect(await readDeliveries(server)).toMatchObject({ pending: 0, dead: 1 })
    const last = receiver.requests.unread.at(-1)!
    expect(last.events).toEqual(['channel_occupied b'])
    expect(server.clock.now() - last.timeMs).toBeLessThan(3 * MINUTE_MS)
  })

  test('is left in peace after five failures, probed with one event, and gets all when it is back', async () => {
    await using receiver = new Receiver()
    receiver.answer = () => 500
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'first')
    await passTime(server, 40_000)
    const before = receiver.requests.unread.length
    const channels = Array.from({ length: 300 }, (_, n) => `c${n}`)
    occupy(server, ...channels)
    await waitUntilSettled(server)
    expect(receiver.requests.unread.length).toBe(before)
    const { endpoints, pending } = await readDeliveries(server)
    expect([endpoints[0].state, pending]).toEqual(['probed', 301])
    expect(endpoints[0].attempts[0]).toEqual({
      number: expect.any(Number),
      at: expect.any(Number),
      duration_ms: expect.any(Number),
      events: 1,
      status: 500,
      error: 'answered 500',
    })
    receiver.answer = () => 200
    await passTime(server, 80_000)
    expect((await readDeliveries(server)).pending).toBe(0)
    const after = receiver.requests.unread.slice(before)
    expect(after[0]!.events.length).toBe(1)
    expect(after.length).toBeLessThan(7)
    expect((await readDeliveries(server)).endpoints[0].state).toBe('ok')
  })

  test('a dead or a slow one delays nobody else', async () => {
    await using slow = new Receiver()
    await using live = new Receiver()
    slow.answer = () => new Promise(() => {})
    const dead = 'http://127.0.0.1:1/hook'
    await using server = await startWithWebhooks([
      { url: dead },
      { url: slow.url },
      { url: live.url },
    ])
    occupy(server, 'a', 'b')
    expect(await live.events(server.sdk())).toEqual(['channel_occupied a'])
    expect(await live.events(server.sdk())).toEqual(['channel_occupied b'])
    await waitUntilSettled(server, 1)
    const { endpoints } = await readDeliveries(server)
    const states = endpoints.map(({ endpoint, state, pending }: Record<string, unknown>) => [
      endpoint,
      state,
      pending,
    ])
    expect(states).toEqual([
      [dead, 'failing', 2],
      [slow.url, 'failing', 2],
      [live.url, 'ok', 0],
    ])
    expect(endpoints[0].attempts[0]).toMatchObject({
      status: null,
      error: expect.stringContaining('ECONNREFUSED'),
    })
  })
})

describe('7.4 order', () => {
  test('is kept per channel while requests fail at random', async () => {
    await using receiver = new Receiver()
    let requests = 0
    receiver.answer = () => (requests++ % 3 === 0 ? 500 : 200)
    await using server = await startWithWebhooks([{ url: receiver.url }])
    const app = server.core.apps.byId('1')!
    for (let n = 0; n < 60; n++) {
      const channel = `private-${n % 4}`
      const event = { type: 'client_event', app, channel, event: `client-${n}`, data: '1' }
      server.core.facts.emit({ ...event, socketId: '1.1', userId: undefined } as never)
    }
    await passTime(server, 4 * MINUTE_MS, 500)
    expect((await readDeliveries(server)).pending).toBe(0)
    const seen = new Map<string, number>()
    for (const { body } of receiver.requests.unread)
      for (const { channel, event } of JSON.parse(body).events) {
        const number = Number(event.slice(7))
        const last = seen.get(channel) ?? -1
        expect(number).toBeLessThanOrEqual(last === -1 ? 3 : last + 4)
        seen.set(channel, Math.max(last, number))
      }
    expect([...seen.values()].toSorted()).toEqual([56, 57, 58, 59])
  })
})

describe('7.6 an answer', () => {
  test('that does not come is not waited for longer than the setting says', async () => {
    await using receiver = new Receiver()
    let requests = 0
    receiver.answer = () => (requests++ === 0 ? new Promise(() => {}) : 200)
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config: { webhookTimeoutMs: 5000 },
    })
    occupy(server, 'room')
    await receiver.next(server.sdk())
    server.advance(5000)
    await waitUntilSettled(server)
    await passTime(server, 2000)
    expect(await receiver.events(server.sdk())).toEqual(['channel_occupied room'])
    const { endpoints } = await readDeliveries(server)
    expect(endpoints[0].attempts[1]).toMatchObject({
      duration_ms: 5000,
      status: null,
      error: 'no answer within 5000 ms',
    })
  })

  test('that comes a byte at a time counts by its status when its time is over', async () => {
    await using receiver = new Receiver()
    const start = (controller: ReadableStreamDefaultController): void =>
      controller.enqueue(new Uint8Array(1))
    const pull = (): Promise<void> => new Promise(() => {})
    receiver.answer = () => new Response(new ReadableStream({ start, pull }))
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'room')
    await receiver.next(server.sdk())
    await waitUntil('its time is over', () => {
      server.advance(50)
      return server.totals.webhookEventsDelivered === 1
    })
    expect((await readDeliveries(server)).endpoints[0].attempts[0]).toMatchObject({
      status: 200,
      error: null,
    })
  })

  test('without an end counts by its status, and is not read', async () => {
    await using receiver = new Receiver()
    let sent = 0
    const pull = (controller: ReadableStreamDefaultController): void => {
      sent += 65_536
      controller.enqueue(new Uint8Array(65_536))
    }
    receiver.answer = () => new Response(new ReadableStream({ pull }))
    await using server = await startWithWebhooks([{ url: receiver.url }])
    occupy(server, 'room')
    await waitUntil('it is delivered', () => server.totals.webhookEventsDelivered === 1)
    expect(sent).toBeLessThan(20_000_000)
  })
})

test('7.1 a request is signed with the oldest live pair', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([{ url: receiver.url }])
  const keys = ['old', 'new'].map((name) => ({ key: `key-${name}`, secret: `secret-${name}` }))
  for (const [channel, live, key] of [
    ['a', keys, 'key-old'],
    ['b', keys.slice(1), 'key-new'],
  ] as const) {
    await server.change({ keys: live })
    occupy(server, channel)
    const secret = key.replace('key', 'secret')
    const received = await receiver.next(server.sdk({ key, secret }))
    expect(received.headers.get('x-pusher-key')).toBe(key)
  }
})
