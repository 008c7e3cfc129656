/** rate-limit over HTTP: the requests of an app's backend. */
import { describe, expect, test } from 'bun:test'
import { rateLimit, type RateLimitOptions } from '../../plugins/rate-limit'
import type { LimitStore } from '../../plugins/rate-limit/store'
import { allow } from 'carillon/plugin'
import { makePlugin, start, type TestServer } from '../harness'

const startLimited = (options: RateLimitOptions) => start({ plugins: [rateLimit(options)] })

type Answer = { status: number; body: string; headers: Headers }

/** What the stock server library gets, or is thrown; it shows no headers. */
const viaSdk = (call: Promise<unknown>): Promise<{ status: number; body?: string }> =>
  call.then(
    (response) => response as Response,
    (error: { status: number; body: string }) => error,
  ) as Promise<{ status: number; body?: string }>

async function get(server: TestServer, path: string, signed = true): Promise<Answer> {
  const query = server.sdk().createSignedQueryString({ method: 'GET', path, params: {} })
  const response = await server.http(signed ? `${path}?${query}` : path)
  return { status: response.status, body: await response.text(), headers: response.headers }
}

async function post(server: TestServer, path: string, body: string): Promise<Answer> {
  const query = server.sdk().createSignedQueryString({ method: 'POST', path, body })
  const headers = { 'content-type': 'application/json' }
  const response = await server.http(`${path}?${query}`, { method: 'POST', body, headers })
  return { status: response.status, body: await response.text(), headers: response.headers }
}

const quota = ({ status, headers }: Answer): (string | number | null)[] => [
  status,
  headers.get('x-ratelimit-limit'),
  headers.get('x-ratelimit-remaining'),
  headers.get('retry-after'),
]

const EVENT = JSON.stringify({ name: 'e', channels: ['room'], data: 'x' })
const trigger = (server: TestServer) => post(server, '/apps/1/events', EVENT)

describe('triggers', () => {
  test('the stock server library gets 429 with a text, and is served as time goes by', async () => {
    await using server = await startLimited({ triggers: { perSecond: 2 } })
    const sdk = server.sdk()
    for (let n = 0; n < 2; n++)
      expect((await viaSdk(sdk.trigger('room', 'e', 'x'))).status).toBe(200)
    const { status, body } = await viaSdk(sdk.trigger('room', 'e', 'x'))
    expect([status, body]).toEqual([
      429,
      'Too many triggers of one app: the limit is 2 per second (triggers)\n',
    ])
    server.advance(500)
    expect((await viaSdk(sdk.trigger('room', 'e', 'x'))).status).toBe(200)
  })

  test('every answer says what is left, refused ones too', async () => {
    await using server = await startLimited({ triggers: { perMinute: 6, burst: 2 } })
    expect(quota(await trigger(server))).toEqual([200, '2', '1', null])
    expect(quota(await post(server, '/apps/1/events', '{}'))).toEqual([400, '2', '0', null])
    expect(quota(await trigger(server))).toEqual([429, '2', '0', '10'])
    server.advance(500)
    expect(quota(await trigger(server))).toEqual([429, '2', '0', '10'])
    server.advance(9499)
    expect(quota(await trigger(server))).toEqual([429, '2', '0', '1'])
    server.advance(1)
    expect(quota(await trigger(server))).toEqual([200, '2', '0', null])
  })

  test('batches count as one, and reads do not count', async () => {
    await using server = await startLimited({ triggers: { perSecond: 2 } })
    const item = { name: 'e', channel: 'room', data: 'x' }
    const batch = JSON.stringify({ batch: [item, item, item] })
    expect(quota(await post(server, '/apps/1/batch_events', batch))).toEqual([200, '2', '1', null])
    expect(quota(await get(server, '/apps/1/channels'))).toEqual([200, null, null, null])
    expect(quota(await trigger(server))).toEqual([200, '2', '0', null])
  })

  test('an app may have its own limit', async () => {
    await using server = await startLimited({
      triggers: { perSecond: 1 },
      apps: { '1': { triggers: { perSecond: 5 } } },
    })
    expect(quota(await trigger(server))).toEqual([200, '5', '4', null])
  })

  test('without a limit no answer speaks of one', async () => {
    await using server = await startLimited({})
    expect(quota(await trigger(server))).toEqual([200, null, null, null])
  })
})

describe('reads', () => {
  test('are limited by app', async () => {
    await using server = await startLimited({ reads: { perSecond: 1 } })
    expect(quota(await get(server, '/apps/1/channels'))).toEqual([200, '1', '0', null])
    const refused = await get(server, '/apps/1/channels/room')
    expect(quota(refused)).toEqual([429, '1', '0', '1'])
    expect(refused.body).toBe('Too many reads of one app: the limit is 1 per second (reads)\n')
    expect(quota(await trigger(server))).toEqual([200, null, null, null])
  })

  test('strangers neither use up an app’s quota nor learn of it', async () => {
    const nobody = makePlugin('nobody', { authenticate: () => undefined })
    await using server = await start({ plugins: [rateLimit({ reads: { perSecond: 2 } }), nobody] })
    for (let n = 0; n < 3; n++)
      expect(quota(await get(server, '/apps/1/channels', false))).toEqual([401, null, null, null])
    expect(quota(await get(server, '/apps/1/channels'))).toEqual([200, '2', '1', null])
  })

  test('a backend that another plugin vouches for has the same quota', async () => {
    const everybody = makePlugin('everybody', { authenticate: () => allow() })
    await using server = await start({
      plugins: [rateLimit({ reads: { perSecond: 1 } }), everybody],
    })
    expect(quota(await get(server, '/apps/1/channels', false))).toEqual([200, '1', '0', null])
    expect(quota(await get(server, '/apps/1/channels', false))).toEqual([429, '1', '0', '1'])
  })
})

describe('a store of one’s own', () => {
  test('is asked for what outlives a connection, with key, rate, cost and time', async () => {
    const calls: unknown[] = []
    const store: LimitStore = {
      take: (...all) => {
        calls.push(all)
        return { waitSeconds: 2.5, remaining: 0 }
      },
    }
    await using server = await startLimited({ triggers: { perSecond: 3 }, store })
    expect(quota(await trigger(server))).toEqual([429, '3', '0', '3'])
    const rate = { perSecond: 3, burst: 3 }
    expect(calls).toEqual([['triggers 1', rate, 1, server.clock.now()]])
  })

  test('one that throws lets nobody through', async () => {
    const store: LimitStore = {
      take: () => {
        throw new Error('out of reach')
      },
    }
    await using server = await startLimited({ triggers: { perSecond: 3 }, store })
    expect((await trigger(server)).status).toBe(500)
  })
})
