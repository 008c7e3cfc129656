/** Test events: what an endpoint gets, how its answer is shown, and to whom; how many may be sent. */
import { expect, test } from 'bun:test'
import type { Fact } from '../../src/core/messages'
import { rowOf } from '../../src/http/live-rows'
import { startCommon, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'
import { occupy, readDeliveries, Receiver, startWithWebhooks, waitUntilSettled } from './receiver'

const APP = '/api/admin/apps/test-app/webhooks/endpoints'

const post = async (
  server: TestServer,
  name: string,
  change = 'test',
  headers?: Record<string, string>,
): Promise<Response> =>
  server.admin(`${APP}/${encodeURIComponent(name)}/${change}`, {
    method: 'POST',
    ...(headers && { headers }),
  })

const WANTED: readonly (readonly [fields: object, events: readonly string[]])[] = [
  [{}, ['channel_occupied carillon-test', 'channel_vacated carillon-test']],
  [{ event_types: ['channel_vacated'] }, ['channel_vacated carillon-test']],
  [
    { filter: { channel_name_starts_with: 'private-', channel_name_ends_with: '-eu' } },
    ['channel_occupied private-carillon-test-eu', 'channel_vacated private-carillon-test-eu'],
  ],
  [
    { event_types: ['subscription_count', 'member_added'] },
    ['member_added presence-carillon-test carillon-test'],
  ],
  [{ event_types: ['client_event', 'cache_miss'] }, ['client_event private-carillon-test']],
  [{ event_types: ['cache_miss'] }, ['cache_miss cache-carillon-test']],
  [{ event_types: ['subscription_count'] }, ['subscription_count carillon-test']],
  [{ event_types: [] }, ['channel_occupied carillon-test', 'channel_vacated carillon-test']],
]

test('an endpoint gets events that it may get anyway, signed', async () => {
  await using receiver = new Receiver()
  const urlOf = (index: number): string => `${receiver.url}/${index}`
  const endpoints = WANTED.map(([fields], index) => ({ url: urlOf(index), ...fields }))
  await using server = await startWithWebhooks(endpoints)
  const told: Fact[] = []
  server.core.facts.listen({ types: ['webhook_answered'], receive: (fact) => told.push(fact) })
  for (const [index, [, events]] of WANTED.entries()) {
    expect(await (await post(server, urlOf(index))).json()).toMatchObject({
      data: { status: 200, error: null, events: events.length, at: server.clock.now() },
    })
    const received = await receiver.next(server.sdk())
    expect([received.path, received.events]).toEqual([`/hook/${index}`, [...events]])
    expect(received.headers.get('x-carillon-test')).toBe('1')
    expect(received.timeMs).toBe(server.clock.now())
  }
  const rows = told.map((fact) => JSON.parse(rowOf(server.core, 'webhook', fact, [])))
  expect(rows.map(({ status, test: isTest }) => [status, isTest])).toEqual(
    WANTED.map(() => [200, true]),
  )
  const { webhookRequests, webhookEvents } = server.totals
  expect([webhookRequests, webhookEvents]).toEqual([0, 0])
  expect((await readDeliveries(server)).endpoints[0].attempts).toEqual([])
})

test('it goes out beside a request that hangs, and while the endpoint is paused', async () => {
  await using receiver = new Receiver()
  receiver.answer = ({ events }) =>
    events[0]!.includes('carillon-test')
      ? new Response('no test, please', { status: 418 })
      : new Promise(() => {})
  const refusing = 'http://127.0.0.1:1/hook'
  await using server = await startWithWebhooks([{ url: receiver.url }, { url: refusing }], {
    config: { webhookTimeoutMs: 60_000 },
  })
  occupy(server, 'a')
  await receiver.next(server.sdk())
  await post(server, receiver.url, 'pause')
  const answered = await (await post(server, receiver.url)).json()
  expect(answered.data).toMatchObject({
    status: 418,
    error: 'answered 418',
    answer: 'no test, please',
  })
  expect(JSON.parse(answered.data.request.body).events).toHaveLength(2)
  expect(await (await post(server, refusing)).json()).toMatchObject({
    data: { status: null, error: expect.stringContaining('ECONNREFUSED'), answer: '' },
  })
})

test('one that hangs is waited for as long as for any other; ten may be sent a minute', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => new Promise(() => {})
  await using server = await startWithWebhooks([{ url: receiver.url }])
  const hanging = Array.from({ length: 10 }, () => post(server, receiver.url))
  await receiver.requests.take(10)
  const refused = await post(server, receiver.url)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '6'])
  server.advance(5000)
  for (const answer of await Promise.all(hanging))
    expect(await answer.json()).toMatchObject({
      data: { status: null, error: 'no answer within 5000 ms', duration_ms: 5000, answer: '' },
    })
  receiver.answer = () => 200
  server.advance(1001)
  expect((await post(server, receiver.url)).status).toBe(200)
  expect((await post(server, receiver.url)).status).toBe(429)
})

test('an address that webhooks may not go to is not connected to', async () => {
  await using receiver = new Receiver()
  await using server = await startWithWebhooks([])
  const { port } = new URL(receiver.url)
  // Put there by hand: the admin API refuses it.
  await server.change({ webhooks: [{ url: `http://[::ffff:169.254.169.254]:${port}/` }] })
  const [{ id }] = (await readDeliveries(server)).endpoints
  const { data } = await (await post(server, id)).json()
  expect(data).toMatchObject({ status: null, error: expect.stringContaining('link-local') })
})

test('the last requests show the body as it was signed, and no secret to who only reads', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => new Response(`${'é'.repeat(2000)}`, { status: 500 })
  const url = receiver.url.replace('//', '//me:secret-1@')
  const headers = { 'x-token': 'secret-2', 'X-Pusher-Key': 'mine' }
  await using server = await startWithWebhooks([{ url, headers }])
  const app = server.core.apps.byId('1')!
  const data = JSON.stringify('é'.repeat(10_000))
  const event = { type: 'client_event', app, channel: 'private-a', event: 'client-e', data }
  server.core.facts.emit({ ...event, socketId: '1.1', userId: undefined } as never)
  const { body } = await receiver.next(server.sdk())
  await waitUntilSettled(server)
  const [{ id }] = (await readDeliveries(server)).endpoints
  const read = async (headers?: Record<string, string>) => {
    const answer = await server.http(`${APP}/${id}/requests`, { headers: headers ?? {} })
    return (await answer.json()).data[0]
  }
  const credentialOf = async (scope: string) =>
    bearer((await makeToken(server, { name: scope, scope })).token)
  const all = await read(await credentialOf('all'))
  expect(all).toMatchObject({ number: 1, status: 500, error: 'answered 500', events: 1 })
  const bytes = Buffer.from(body)
  expect(all.request.body_bytes).toBe(bytes.length)
  expect(body.startsWith(all.request.body)).toBe(true)
  expect(Buffer.byteLength(all.request.body)).toBeWithin(16_380, 16_385)
  const signature = new Bun.CryptoHasher('sha256', server.app.secret).update(bytes).digest('hex')
  expect(all.request.headers).toMatchObject({
    'x-token': '***',
    'X-Pusher-Key': server.app.key,
    'X-Pusher-Signature': signature,
  })
  expect(Buffer.byteLength(all.answer)).toBeWithin(1000, 1030)
  const ofApp = await read(await credentialOf('app:1'))
  expect([ofApp.answer, ofApp.request]).toEqual([null, all.request])
  const reader = await read(await credentialOf('read'))
  expect([reader.answer, reader.request.body]).toEqual([null, all.request.body])
  expect(JSON.stringify(reader)).not.toMatch(new RegExp(`secret-|${signature}`))
})

const idle = startCommon()

test.each([
  'nobody',
  '0123456789abcdef',
  'http%3A%2F%2F127.0.0.1%3A1%2Fno',
  '%00',
  'x'.repeat(3000),
])('there is no endpoint %#', async (id) => {
  const paths = [`${id}/test`, `${id}/pause`, `${id}/resume`]
  for (const path of paths)
    expect((await idle().admin(`${APP}/${path}`, { method: 'POST' })).status).toBe(404)
  expect((await idle().admin(`${APP}/${id}/requests`)).status).toBe(404)
})
