/** The busiest apps in one call: their order, their last hour, who sees which, and how long it may take. */
import { expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { findBusiest } from '../../src/core/busiest'
import { start, type TestServer } from '../harness'
import { bearer, makeToken } from '../tokens'

/** A minute begins. */
const NOON = Date.UTC(2026, 0, 1, 12)
const MINUTE_MS = 60_000

type Row = {
  readonly slug: string
  readonly now: Readonly<Record<string, number>>
  readonly per_second: Readonly<Record<string, number>> | null
  readonly minutes: Readonly<Record<string, readonly number[]>>
}
type Answer = {
  readonly count: number
  readonly minutes: readonly number[]
  readonly apps: readonly Row[]
}

async function read(server: TestServer, query = '', headers = {}): Promise<Answer> {
  return (await (await server.admin(`/api/admin/stats/apps${query}`, { headers })).json()).data
}

const slugsOf = ({ apps }: Answer): string[] => apps.map(({ slug }) => slug)

/** Apps `app-0` and so on beside the first one. */
function addApps(server: TestServer, count: number): App[] {
  const base = server.core.apps.byId('1')!.record
  return Array.from({ length: count }, (_, n) => {
    const names = { id: `${10 + n}`, name: `App ${n}`, slug: `app-${n}` }
    return server.core.apps.create({ ...base, ...names, keys: [{ key: `k${n}`, secret: 's' }] }, 0)
  })
}

test('each app has what it does now, and each minute of its last hour', async () => {
  await using server = await start({ now: NOON })
  const other = server.addTenant()
  const app = server.core.apps.byId('1')!
  app.gauges.connections = 2
  for (let n = 0; n < 5; n++) await server.trigger({ channel: 'room', name: 'e', data: 'x' })
  app.counters.deliveries += 40
  server.advance(10_000)
  other.counters.publications += 120
  expect((await read(server)).apps.map(({ per_second: rates }) => rates)).toEqual([
    { events: 0.5, deliveries: 4 },
    { events: 0, deliveries: 0 },
  ])
  server.advance(3 * MINUTE_MS)
  const answer = await read(server)
  expect(answer.minutes).toEqual([NOON, NOON + MINUTE_MS, NOON + 2 * MINUTE_MS])
  const [own, second] = answer.apps
  expect(own).toMatchObject({
    slug: 'test-app',
    now: { connections: 2 },
    per_second: { events: 0, deliveries: 0 },
    minutes: { connections: [2, 2, 2], events: [0.083, 0, 0], deliveries: [0.667, 0, 0] },
  })
  expect(second).toMatchObject({ slug: 'other', minutes: { events: [2, 0, 0] } })
})

test('of an app that is silent, connections go on as they were before the hour', async () => {
  await using server = await start({ now: NOON })
  server.core.apps.byId('1')!.gauges.connections = 3
  server.advance(90 * MINUTE_MS)
  const { apps, minutes } = await read(server)
  expect(minutes).toHaveLength(60)
  expect(apps[0]!.minutes['connections']).toEqual(Array.from({ length: 60 }, () => 3))
})

test('the busiest come first, as many as are asked for, or those that are searched', async () => {
  await using server = await start()
  const apps = addApps(server, 6)
  apps[3]!.gauges.connections = 7
  apps[5]!.gauges.connections = 9
  apps[1]!.counters.clientEvents = 4
  expect(slugsOf(await read(server, '?limit=4'))).toEqual(['app-5', 'app-3', 'app-1', 'app-0'])
  expect(await read(server, '?search=APP%205')).toMatchObject({ count: 1, apps: [{ id: '15' }] })
  expect(await read(server, '?search=nothing')).toMatchObject({ count: 0, apps: [] })
  for (const limit of ['0', '101', 'x', '']) {
    const answer = await server.admin(`/api/admin/stats/apps?limit=${limit}`)
    expect([answer.status, (await answer.json()).errors.limit[0]]).toEqual([
      422,
      `is ${limit}; expected a number from 1 to 100`,
    ])
  }
})

test('a token of an app sees that one only', async () => {
  await using server = await start()
  addApps(server, 2)
  const { token } = await makeToken(server, { name: 'one', scope: 'app:app-1' })
  const answer = await read(server, '', bearer(token))
  expect([slugsOf(answer), answer.count]).toEqual([['app-1'], 1])
  const statuses = ['app-1', 'app-0'].map(async (slug) => {
    const path = `/api/admin/apps/${slug}/stats?period=day`
    return (await server.http(path, { headers: bearer(token) })).status
  })
  expect(await Promise.all(statuses)).toEqual([200, 404])
})

test('without rows of statistics there is what is now, and no course', async () => {
  await using server = await start({ config: { statisticsMaxRows: 0 } })
  server.advance(2 * MINUTE_MS)
  expect(await read(server)).toMatchObject({
    minutes: [],
    apps: [{ per_second: null, now: { connections: 0 }, minutes: { events: [] } }],
  })
})

test('many apps are looked at in as many turns as that takes', async () => {
  let [ms, looked] = [0, 0]
  await using server = await start({ meter: () => ms })
  const apps = addApps(server, 800)
  for (const app of apps) app.gauges.connections = (Number(app.id) * 7919) % 800
  const before = server.core.slices.turns
  const isMeant = (): boolean => ++looked % 32 !== 0 || ++ms > 0 // a millisecond for 32 of them
  const found = await findBusiest(server.core, { limit: 100, isMeant })
  expect(found.apps.map(({ gauges }) => gauges.connections)).toEqual(
    Array.from({ length: 100 }, (_, n) => 799 - n),
  )
  expect(found.count).toBe(801)
  expect(server.core.slices.turns - before).toBeGreaterThanOrEqual(801 / 32 / 3 - 1)
})
