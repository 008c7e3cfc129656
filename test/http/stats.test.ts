/** The routes of statistics: who may ask, what may be asked, what waits, and how long answers are written. */
import { afterAll, expect, test } from 'bun:test'
import { sumUp } from '../../src/core/totals'
import { ADMIN_PAIR, makeBasicAuth, PAIR } from '../credentials'
import { start, type TestServer } from '../harness'
import { Receiver, startWithWebhooks } from '../webhooks/receiver'
import { readAppStats, readServerStats, valuesOf } from './stats'

const common = await start()
afterAll(() => common.stop())

const [OF_APP, OF_SERVER] = ['/api/apps/test-app/stats', '/api/admin/stats']
/** Who asks. */
const HEADERS = {
  nobody: {},
  'the app': makeBasicAuth(PAIR),
  'another app': makeBasicAuth('k:s'),
  'the admin': makeBasicAuth(ADMIN_PAIR),
} as const
const NO_PERIOD = { errors: { period: ['is none of hour, day, year'] } }
const NO_TIME = { errors: { since: ['is no time in milliseconds since 1970'] } }
const NO_SELECTION = { errors: { apps: ['is neither all nor none'] } }

const ANSWERS: readonly (readonly [string, keyof typeof HEADERS, number, unknown])[] = [
  [OF_APP, 'nobody', 401, ''],
  [OF_APP, 'the admin', 401, ''],
  [OF_APP, 'another app', 401, ''],
  ['/api/apps/nobody/stats', 'the app', 404, { errors: { detail: 'Not Found' } }],
  [`${OF_APP}?period=week`, 'the app', 422, NO_PERIOD],
  [`${OF_APP}?period=__proto__`, 'the app', 422, NO_PERIOD],
  [OF_SERVER, 'nobody', 401, ''],
  [OF_SERVER, 'the app', 401, ''],
  [`${OF_SERVER}?period=`, 'the admin', 422, NO_PERIOD],
  [`${OF_SERVER}?since=-1`, 'the admin', 422, NO_TIME],
  [`${OF_SERVER}?apps=some`, 'the admin', 422, NO_SELECTION],
]
test.each(ANSWERS)('%s, asked for by %s, is %d', async (path, who, status, body) => {
  const answer = await common.http(path, { headers: HEADERS[who] })
  const text = await answer.text()
  expect([answer.status, text && JSON.parse(text)]).toEqual([status, body])
})

test('an app sees its own numbers and no other’s; the server those of all, or none of the apps', async () => {
  await using server = await start()
  const other = server.addTenant()
  other.counters.publications = 5
  other.peaks.connections.note(9)
  await server.trigger({ channel: 'room', name: 'e', data: 'x' })
  const own = await readAppStats(server)
  expect([own.totals['publications'], own.peak['connections']]).toEqual([1, 0])
  const all = await readServerStats(server)
  expect(all.totals['publications']).toBe(6)
  expect(all.now['apps']).toBe(2)
  expect(all.apps.map(({ id, totals }) => [id, totals['publications']])).toEqual([
    ['1', 1],
    ['8', 5],
  ])
  expect((await (await server.admin(`${OF_SERVER}?apps=none`)).json()).data.apps).toEqual([])
})

test('webhook events that wait are counted, with the age of the oldest', async () => {
  await using receiver = new Receiver()
  receiver.answer = () => 500
  await using server = await startWithWebhooks([{ url: receiver.url }])
  await using client = await server.raw()
  for (const channel of ['a', 'b']) await client.subscribed(channel)
  while ((await readAppStats(server)).now['webhook_events_failing']! < 2) {
    server.advance(1000)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  server.advance(20_000)
  const stats = await readAppStats(server)
  expect(stats.now).toMatchObject({ webhook_events_pending: 2, webhook_events_dead: 0 })
  expect(stats.now['webhook_oldest_pending_ms']).toBeGreaterThan(19_000)
  expect(valuesOf(stats, 'webhook_events_pending').at(-1)).toBe(2)
  const ages = valuesOf(stats, 'webhook_oldest_pending_ms')
  expect(ages.at(-1)! - ages.at(-2)!).toBe(10_000) // nothing else has happened
  const all = await readServerStats(server)
  expect(all.now['webhook_events_pending']).toBe(2)
  expect(Math.max(...valuesOf(all, 'webhook_oldest_pending_ms'))).toBeGreaterThan(9_000)
})

test('the points since a time go on as they were before it', async () => {
  await using server = await start({ now: Date.UTC(2026, 0, 1, 12) })
  server.core.apps.byId('1')!.gauges.users = 7
  server.advance(60_000)
  const all = await readAppStats(server)
  const since = all.series.points[3]!.at
  const later = await readAppStats(server, `hour&since=${since}`)
  expect(later.series.points).toEqual(all.series.points.slice(3))
  expect(later.series.points).toMatchObject([{ at: since, users: 7 }, {}, {}])
  expect((await readServerStats(server, `hour&since=${since + 1}`)).series.points).toHaveLength(2)
})

test('without rows there is no series, and all else is there', async () => {
  await using server = await start({ config: { statisticsMaxRows: 0 } })
  await server.trigger({ channel: 'room', name: 'e', data: 'x' })
  server.advance(60_000)
  const stats = await readAppStats(server)
  expect([stats.series.points, stats.totals['publications']]).toEqual([[], 1])
})

/** A server whose clock of turns moves with each app that is looked at. */
async function startSlow(apps: number): Promise<{ server: TestServer; look: () => void }> {
  let [ms, looked] = [0, 0]
  const server = await start({ meter: () => ms })
  const base = server.core.apps.byId('1')!.record
  for (let id = 10; id < 10 + apps; id++) {
    const names = { id: `${id}`, name: `app ${id}`, slug: `app-${id}` }
    server.core.apps.create({ ...base, ...names, keys: [{ key: `k${id}`, secret: 's' }] }, 0)
  }
  return { server, look: () => void (++looked % 8 === 0 && ms++) }
}

test('the numbers of many apps are summed up in as many turns as that takes', async () => {
  const { server, look } = await startSlow(400)
  const before = server.core.slices.turns
  const total = await sumUp(server.core, () => {
    look()
    return { pending: 1, failing: 0, dead: 0, oldest: null, paused: 0 }
  })
  expect([total.apps, total.backlog.pending]).toEqual([401, 401])
  expect(server.core.slices.turns - before).toBeGreaterThanOrEqual(401 / 8 / 3 - 1)
  await server.stop()
})
