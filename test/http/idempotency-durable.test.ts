/** Keys stand with the events of durable streams: a repeat after a restart is not published there again. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makePlugin, start, type TestServer } from '../harness'
import { makeEvent, post } from './event-requests'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const firstPath = join(folder, 'first.sqlite')

/** Requests are signed at the real time, which may be ten minutes off. */
const BEGAN = Date.now() - 300_000
const rule = (prefix: string, more = {}): object => ({ prefix, ttl_seconds: 3600, ...more })
const RULES = [
  rule('small', { size: 1, durable: true }),
  rule('memory'),
  rule('', { durable: true }),
]

/** Channels of the events that plugins were asked about. */
let asked: string[] = []
const plugin = makePlugin('curious', {
  publish: (_, { channel }) => {
    asked.push(channel)
  },
})

async function startOn(databasePath: string, seconds: number): Promise<TestServer> {
  const now = BEGAN + seconds * 1000
  const server = await start({ config: { databasePath }, now, plugins: [plugin] })
  await server.change({ history: RULES as never })
  return server
}

/** Starts a server on a copy of what the first one has left. */
function restart(seconds: number): Promise<TestServer> {
  const path = join(folder, `${crypto.randomUUID()}.sqlite`)
  copyFileSync(firstPath, path)
  return startOn(path, seconds)
}

/** A POST of a backend of a dialect with a key in its header. */
async function push(server: TestServer, path: string, body: object, key: string) {
  const { key: name, secret } = server.app
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    authorization: `Basic ${btoa(`${name}:${secret}`)}`,
  }
  const response = await server.http(path, { method: 'POST', headers, body: JSON.stringify(body) })
  return response.status
}

const keyed = (key: string, more: object = {}): object =>
  makeEvent({ idempotency_key: key, ...more })

async function kept(server: TestServer, channel: string): Promise<string[]> {
  const response = await server.sdk().get({ path: `/channels/${channel}/history` })
  const { events } = (await response.json()) as { events: { data: string }[] }
  return events.map(({ data }) => data)
}

const batch = (...channels: string[]): object => ({
  batch: channels.map((channel) => ({ name: 'e', channel, data: 'batched' })),
})

async function postBatch(server: TestServer, body: object, key: string): Promise<number> {
  const text = JSON.stringify(body)
  const path = `/apps/${server.app.id}/batch_events`
  const query = server.sdk().createSignedQueryString({ method: 'POST', path, body: text })
  const headers = { 'idempotency-key': key }
  return (await server.http(`${path}?${query}`, { method: 'POST', headers, body: text })).status
}

const SCOPED = { scope: 'public', topic: 'scoped', event: 'e', payload: '{}' }

/** What the first life has published, under keys that begin with its seconds. */
async function publishAll(server: TestServer, life: string): Promise<void> {
  const triggers: readonly object[] = [
    keyed(`${life} one`, { channels: ['room'], data: `${life} one` }),
    keyed(`${life} more`, { channels: ['a', 'memory', 'b'], data: `${life} more` }),
    keyed(`${life} first`, { channels: ['small'], data: 'first' }),
    keyed(`${life} last`, { channels: ['small'], data: 'last' }),
  ]
  for (const body of triggers)
    expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
  expect(await postBatch(server, batch('batched', 'memory'), `${life} batch`)).toBe(200)
  expect(await push(server, '/api/apps/test-app/events', SCOPED, `${life} scoped`)).toBe(200)
}

beforeAll(async () => {
  await using server = await startOn(firstPath, 0)
  await publishAll(server, 'old')
  server.advance(300_000)
  await publishAll(server, 'new')
})
beforeEach(() => {
  asked = []
})

test('a repeat is not published again where it is kept, and asks no plugin', async () => {
  await using server = await restart(400)
  await using client = await server.raw()
  for (const channel of ['room', 'batched', 'scoped']) await client.subscribed(channel)
  const before = await kept(server, 'room')
  const body = keyed('new one', { channels: ['room'], data: 'new one' })
  const info = { info: 'subscription_count' }
  const counts = '{"channels":{"room":{"subscription_count":1}}}'
  expect(await post(server.sdk(), '/events', { ...body, ...info })).toEqual([200, counts])
  expect(await post(server.sdk(), '/events', { ...body, ...info })).toEqual([200, counts])
  expect(await push(server, '/api/apps/test-app/events', SCOPED, 'new scoped')).toBe(200)
  expect(await push(server, '/api/apps/test-app/events', SCOPED, 'old scoped')).toBe(200)
  expect([asked, server.totals.publications]).toEqual([[], 0])
  expect(server.totals.repeatsAnswered).toBe(4)
  expect(await kept(server, 'room')).toEqual(before)
  await client.expectNothing()
})

test('channels that keep nothing over a restart get it again', async () => {
  await using server = await restart(400)
  const body = keyed('old more', { channels: ['a', 'memory', 'b'], data: 'old more' })
  const [a, b] = [await kept(server, 'a'), await kept(server, 'b')]
  for (let n = 0; n < 2; n++) expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
  expect(await postBatch(server, batch('batched', 'memory'), 'old batch')).toBe(200)
  expect(asked).toEqual(['memory', 'memory'])
  expect(await kept(server, 'memory')).toEqual(['old more', 'batched'])
  expect([await kept(server, 'a'), await kept(server, 'b')]).toEqual([a, b])
})

test('a key of before belongs to its request', async () => {
  await using server = await restart(400)
  const other = (key: string) => post(server.sdk(), '/events', keyed(key, { data: 'other' }))
  for (const key of ['old one', 'new more', 'new batch', 'old scoped'])
    expect(await other(key)).toEqual([422, `Idempotency key '${key}' belongs to another request\n`])
  expect(await postBatch(server, batch('batched'), 'new batch')).toBe(422)
  const item = { name: 'e', channel: 'room', data: 'other' }
  const items = { batch: [item, { ...item, idempotency_key: 'new one' }] }
  expect(await postBatch(server, items, 'another')).toBe(422)
  expect(server.totals.publications).toBe(0)
})

test('a key stands with its event only, and for ten minutes', async () => {
  await using server = await restart(599)
  const first = keyed('new first', { channels: ['small'], data: 'given up' })
  expect(await post(server.sdk(), '/events', first)).toEqual([200, '{}'])
  const body = keyed('old one', { channels: ['room'], data: 'another' })
  expect((await post(server.sdk(), '/events', body))[0]).toBe(422)
  server.advance(1000)
  expect(await post(server.sdk(), '/events', body)).toEqual([200, '{}'])
  expect(await post(server.sdk(), '/events', keyed('new one', { data: 'x' }))).toEqual([
    422,
    expect.any(String),
  ])
  expect(await kept(server, 'room')).toEqual(['old one', 'new one', 'another'])
})
