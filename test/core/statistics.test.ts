/** The time series of statistics: what a step has, how steps add up, what a restart, a full disk and a wrong clock do. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readAppStats, readServerStats, valuesOf } from '../http/stats'
import { start, type StartOptions, type TestServer } from '../harness'

/** A minute, and so an hour, begins. */
const NOON = Date.UTC(2026, 0, 1, 12)
const [STEP_MS, MINUTE_MS, HOUR_MS] = [10_000, 60_000, 3_600_000]

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const begin = (options: StartOptions = {}): Promise<TestServer> => start({ now: NOON, ...options })
const inFile = (name: string): StartOptions => ({ config: { databasePath: join(folder, name) } })

async function trigger(server: TestServer, times: number): Promise<void> {
  for (let count = 0; count < times; count++)
    await server.trigger({ channel: 'room', name: 'e', data: 'x' })
}

describe('the hour', () => {
  test('has a point for every ten seconds: counters of the step, gauges of its end, the highest peak', async () => {
    await using server = await begin()
    const clients = [await server.raw(), await server.raw()]
    for (const client of clients) await client.subscribed('room')
    await trigger(server, 2)
    await clients.pop()![Symbol.asyncDispose]()
    await server.waitForConnections(1)
    server.advance(STEP_MS)
    await trigger(server, 1)
    server.advance(STEP_MS)
    await clients.pop()![Symbol.asyncDispose]()
    await server.waitForConnections(0)
    server.advance(STEP_MS)
    const stats = await readAppStats(server)
    expect(stats.series).toMatchObject({
      period: 'hour',
      step_seconds: 10,
      from: NOON - HOUR_MS + 30_000,
    })
    expect(valuesOf(stats, 'at')).toEqual([NOON, NOON + STEP_MS, NOON + 2 * STEP_MS])
    expect(valuesOf(stats, 'publications')).toEqual([2, 1, 0])
    expect(valuesOf(stats, 'deliveries')).toEqual([4, 1, 0])
    expect(valuesOf(stats, 'connections')).toEqual([1, 1, 0])
    expect(valuesOf(stats, 'connections_peak')).toEqual([2, 1, 1])
    expect(valuesOf(stats, 'subscriptions')).toEqual([1, 1, 0])
    expect(stats.series.points.map((point) => point['publications_by_api'] as unknown)).toEqual([
      { pusher: 2 },
      { pusher: 1 },
      undefined,
    ])
    const all = await readServerStats(server)
    expect(valuesOf(all, 'publications')).toEqual([2, 1, 0])
    expect(valuesOf(all, 'connections_peak')).toEqual([2, 1, 1])
    expect(all.apps).toMatchObject([
      { id: '1', totals: { publications: 3 }, peak: { connections: 2 } },
    ])
  })

  test('goes on as it was where an app did nothing, which takes no rows', async () => {
    await using server = await begin(inFile('quiet.sqlite'))
    await using client = await server.raw()
    await client.subscribed('room')
    server.advance(3 * STEP_MS)
    const stats = await readAppStats(server)
    expect(valuesOf(stats, 'connections')).toEqual([1, 1, 1])
    expect(valuesOf(stats, 'connections_peak')).toEqual([1, 1, 1])
    expect(valuesOf(stats, 'subscriptions_accepted')).toEqual([1, 0, 0])
    using db = new Database(server.config.databasePath, { readonly: true })
    const rows = db.query("SELECT step FROM statistics WHERE app_id = '1' AND step = 10").all()
    expect(rows).toHaveLength(1)
  })

  test('of the server has memory, the lag of the loop and the latency of deliveries; of an app it has none', async () => {
    await using server = await begin()
    const { loopLag, delivery } = server.core.latencies
    for (const ms of [3, 42]) loopLag.observe(ms)
    for (const ms of [1, 2]) delivery.observe(ms)
    server.advance(2 * STEP_MS)
    const stats = await readServerStats(server)
    expect(valuesOf(stats, 'loop_lag_peak_ms')).toEqual([42, 0])
    expect(valuesOf(stats, 'delivery_ms')).toEqual([3, 0])
    expect(valuesOf(stats, 'deliveries_timed')).toEqual([2, 0])
    expect(valuesOf(stats, 'delivery_peak_ms')).toEqual([2, 0])
    expect(Math.min(...valuesOf(stats, 'memory_bytes'))).toBeGreaterThan(1_000_000)
    expect(new Set(valuesOf(await readAppStats(server), 'memory_bytes'))).toEqual(new Set([0]))
  })

  test('of an app that was silent for an hour is as it was before', async () => {
    await using server = await begin()
    server.core.apps.byId('1')!.gauges.users = 7
    server.advance(90 * MINUTE_MS)
    const { series } = await readAppStats(server)
    expect(series.points.length).toBeWithin(359, 362)
    expect(new Set(series.points.map(({ users }) => users))).toEqual(new Set([7]))
  })
})

test('minutes and hours are the sums of their steps, the last gauges and the highest peaks', async () => {
  await using server = await begin()
  let published = 0
  for (let step = 0; step < 2 * 360; step++) {
    const times = step % 7
    published += times
    if (step % 60 === 0) await trigger(server, times)
    else server.core.apps.byId('1')!.counters.publications += times
    server.core.apps.byId('1')!.peaks.connections.note(step % 61)
    server.advance(STEP_MS)
  }
  server.advance(STEP_MS)
  const [hour, day, year] = [
    await readAppStats(server, 'hour'),
    await readAppStats(server, 'day'),
    await readAppStats(server, 'year'),
  ]
  const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0)
  expect(day.series.step_seconds).toBe(60)
  expect(year.series.step_seconds).toBe(3600)
  expect(valuesOf(day, 'at')).toEqual(
    Array.from({ length: 120 }, (_, minute) => NOON + minute * MINUTE_MS),
  )
  expect(valuesOf(year, 'at')).toEqual([NOON, NOON + HOUR_MS])
  expect(sum(valuesOf(day, 'publications'))).toBe(published)
  expect(sum(valuesOf(year, 'publications'))).toBe(published)
  expect(valuesOf(year, 'connections_peak')).toEqual([60, 60])
  for (const minute of day.series.points.slice(62)) {
    const steps = hour.series.points.filter(
      ({ at }) => at >= minute.at && at < minute.at + MINUTE_MS,
    )
    expect(steps).toHaveLength(6)
    expect(minute['publications']).toBe(sum(steps.map(({ publications }) => publications!)))
    expect(minute['connections_peak']).toBe(
      Math.max(...steps.map((step) => step['connections_peak']!)),
    )
    expect(minute['requests_accepted']).toBe(sum(steps.map((step) => step['requests_accepted']!)))
  }
})

describe('a restart', () => {
  test('keeps the series: what was not written is written at the stop', async () => {
    const options = inFile('restart.sqlite')
    const first = await begin(options)
    await using client = await first.raw()
    await client.subscribed('room')
    await trigger(first, 3)
    first.advance(STEP_MS)
    await trigger(first, 4)
    first.advance(3000)
    await first.stop()
    await using second = await begin({ ...options, now: NOON + 2 * MINUTE_MS })
    await trigger(second, 1)
    second.advance(MINUTE_MS + STEP_MS)
    const hour = await readAppStats(second)
    expect(valuesOf(hour, 'at').slice(0, 3)).toEqual([NOON, NOON + STEP_MS, NOON + 2 * MINUTE_MS])
    expect(valuesOf(hour, 'publications').slice(0, 3)).toEqual([3, 4, 1])
    expect(valuesOf(hour, 'connections').slice(-1)).toEqual([0])
    const day = await readAppStats(second, 'day')
    expect(valuesOf(day, 'at')).toEqual([NOON, NOON + 2 * MINUTE_MS])
    expect(valuesOf(day, 'publications')).toEqual([7, 1])
    expect(valuesOf(await readServerStats(second, 'year'), 'publications')).toEqual([8])
    expect(hour.totals['publications']).toBe(1)
  })

  test('after a crash the gauges of before are not taken for those of now', async () => {
    const options = inFile('crash.sqlite')
    const first = await begin(options)
    const client = await first.raw()
    await client.subscribed('room')
    first.advance(STEP_MS)
    using crashed = new Database(first.config.databasePath)
    crashed.run('VACUUM INTO ?', [join(folder, 'crashed.sqlite')])
    await first.stop()
    await using second = await begin({ ...inFile('crashed.sqlite'), now: NOON + MINUTE_MS })
    second.advance(2 * STEP_MS)
    const stats = await readAppStats(second)
    expect(valuesOf(stats, 'connections')).toEqual([1, 0, 0])
    expect(valuesOf(stats, 'connections_accepted')).toEqual([1, 0, 0])
  })
})

test('a database that refuses a write loses nothing, and it is counted', async () => {
  await using server = await begin(inFile('locked.sqlite'))
  await trigger(server, 1)
  server.advance(STEP_MS)
  const lock = new Database(server.config.databasePath)
  lock.run('BEGIN IMMEDIATE')
  await trigger(server, 2)
  server.advance(2 * STEP_MS)
  lock.run('ROLLBACK')
  lock.close()
  await trigger(server, 4)
  server.advance(2 * STEP_MS)
  const stats = await readAppStats(server)
  expect(valuesOf(stats, 'publications').reduce((sum, each) => sum + each, 0)).toBe(7)
  expect(stats.series.points.length).toBeLessThan(5)
  expect(server.totals.statisticsRefused).toBeGreaterThan(0)
  server.advance(MINUTE_MS)
  expect(valuesOf(await readAppStats(server, 'day'), 'publications')).toEqual([7])
})

test('a clock that is set moves points and changes no number', async () => {
  await using server = await begin()
  for (const byMs of [0, -3 * HOUR_MS, 2 * HOUR_MS, 400 * 24 * HOUR_MS, -400 * 24 * HOUR_MS, 0]) {
    server.clock.set(byMs)
    await trigger(server, 1)
    server.advance(STEP_MS)
  }
  server.clock.set(HOUR_MS)
  server.advance(MINUTE_MS)
  const sums = []
  for (const period of ['day', 'year']) {
    const values = valuesOf(await readAppStats(server, period), 'publications')
    sums.push(values.reduce((sum, each) => sum + each, 0))
  }
  expect(sums).toEqual([5, 5]) // all but what is a year ahead
})

test('an app that ends takes its series with it; one with the same id begins at nothing', async () => {
  await using server = await begin()
  const app = server.addTenant()
  app.counters.publications = 3
  server.advance(MINUTE_MS + STEP_MS)
  await server.admin('/api/admin/apps/8', { method: 'DELETE' })
  server.addTenant()
  const headers = { authorization: `Basic ${btoa('k:s')}` }
  const { data } = await (await server.http('/api/apps/other/stats?period=day', { headers })).json()
  expect(
    data.series.points.map(({ publications }: { publications: number }) => publications),
  ).toEqual([0])
})
