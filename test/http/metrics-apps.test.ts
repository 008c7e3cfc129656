/** Which apps have metrics of their own, and what becomes of the numbers of all others: no counter goes back. */
import { expect, test } from 'bun:test'
import { count, TALLIES, type Tallies } from '../../src/core/counters'
import { LabelledApps } from '../../src/http/metrics-apps'
import { METRICS } from '../../src/http/metrics-table'
import type { ChannelName } from '../../src/core/types'
import { startRationed } from '../core/rationed'
import { start, type TestServer } from '../harness'
import { scrape } from '../prometheus'
import { waitUntil } from '../webhooks/receiver'

/** An endpoint at which nobody listens. */
const HOOK = { url: 'http://127.0.0.1:1/hook' }

/** Counts events, and something under each label that there may be. */
function publish(server: TestServer, id: string, times: number): void {
  const { counters, tallies, subscriptionsByKind } = server.core.apps.byId(id)!
  counters.publications += times
  for (const name in TALLIES) count(tallies[name as keyof Tallies], 'x', times)
  count(subscriptionsByKind, 'public')
}

const NAMES = ['carillon_publications_total', 'carillon_refusals_by_code_total']

/** What was published, by app; what the tallies say is the same. */
async function published(server: TestServer): Promise<Record<string, number>> {
  const read = await scrape(server)
  const [events, tally] = NAMES.map((name) =>
    read.families
      .get(name)!
      .metrics.map(({ labels, value }) => [labels!['app_id'] ?? '', Number(value)] as const)
      .filter(([app, value]) => value > 0 || app === 'other'),
  )
  expect(tally!.filter(([, value]) => value > 0)).toEqual(events!.filter(([, value]) => value > 0))
  return Object.fromEntries(events!)
}

function tenant(server: TestServer, id: string): void {
  const [base] = Array.from(server.core.apps.all(), ({ record }) => record)
  const keys = [{ key: `k${id}`, secret: 's' }]
  const record = { ...base!, id, name: `name ${id}`, slug: `slug-${id}`, keys }
  server.core.apps.create(record, server.clock.now())
}

test('the first apps that are active have metrics of their own, as many as the setting says; the others are one', async () => {
  await using server = await start({ config: { metricsMaxApps: 2 } })
  for (const id of ['2', '3', '4']) tenant(server, id)
  publish(server, '3', 1)
  expect(await published(server)).toEqual({ 3: 1, other: 0 })
  for (const id of ['1', '2', '4']) publish(server, id, 10)
  expect(await published(server)).toEqual({ 1: 10, 3: 1, other: 20 })
  publish(server, '4', 5)
  expect(await published(server)).toEqual({ 1: 10, 3: 1, other: 25 })
})

test('an app with the id `other` is one of the others: no series is there twice', async () => {
  await using server = await start()
  tenant(server, 'other')
  publish(server, 'other', 3)
  const read = await scrape(server)
  expect(read.valuesOf('carillon_publications_total', 'app_id')).toEqual(['other'])
  expect(read.value('carillon_publications_total', { app_id: 'other' })).toBe(3)
})

test('no counter goes back when apps end, and others come', async () => {
  await using server = await start({ config: { metricsMaxApps: 1 } })
  tenant(server, '2')
  publish(server, '1', 5)
  publish(server, '2', 7)
  expect(await published(server)).toEqual({ 1: 5, other: 7 })
  publish(server, '1', 1)
  server.core.apps.remove(server.core.apps.byId('1')!, 0)
  publish(server, '2', 2)
  expect(await published(server)).toEqual({ other: 9 })
  tenant(server, '1')
  publish(server, '1', 4)
  expect(await published(server)).toEqual({ 1: 4, other: 9 })
  server.core.apps.remove(server.core.apps.byId('2')!, 0)
  expect(await published(server)).toEqual({ 1: 4, other: 9 })
})

test('they are at most so many, however many there are', async () => {
  await using server = await start({ config: { metricsMaxApps: 100 } })
  for (let n = 0; n < 300; n++) {
    tenant(server, `t${n}`)
    publish(server, `t${n}`, 1)
  }
  const read = await scrape(server)
  for (const row of METRICS.filter(({ labels }) => labels.includes('app_id'))) {
    const name = row.isSoketi ? `soketi_${row.name}` : row.name
    const shown = new Set(read.valuesOf(name, 'app_id')).size
    expect({ name, shown }).toEqual({ name, shown: 101 })
  }
  expect(read.value('carillon_publications_total', { app_id: 'other' })).toBe(200)
})

test('webhooks that wait are shown by app, those of the others as one', async () => {
  await using server = await start({ config: { metricsMaxApps: 1, webhooks: [HOOK] } })
  tenant(server, '2')
  for (const id of ['1', '2', '2']) {
    const app = server.core.apps.byId(id)!
    server.core.facts.emit({ type: 'channel_occupied', app, channel: 'room' as ChannelName })
  }
  server.advance(server.config.webhookFlushMs)
  const read = await scrape(server)
  const pending = 'carillon_webhook_events_pending'
  expect(read.value(pending, { app_id: '1' })).toBe(1)
  expect(read.value(pending, { app_id: 'other' })).toBe(2)
  expect(read.value('carillon_webhook_dead_letters', { app_id: '1' })).toBe(0)
  server.advance(90_000)
  const oldest = 'carillon_webhook_oldest_pending_seconds'
  expect((await scrape(server)).value(oldest, { app_id: '1' })).toBeCloseTo(90, 0)
})

test('they are added up in slices; an app that ends meanwhile does not count twice', async () => {
  await using rationed = await startRationed({ config: { metricsMaxApps: 1 } })
  const { server, slow, fast } = rationed
  for (let n = 0; n < 200; n++) {
    tenant(server, `t${n}`)
    publish(server, `t${n}`, 1)
  }
  expect(await published(server)).toEqual({ t0: 1, other: 199 })
  for (const ends of [1, 2, 3]) {
    const { turns } = server.core.slices
    slow()
    const reading = published(server)
    await waitUntil('some are added', () => server.core.slices.turns > turns + 2)
    server.core.apps.remove(server.core.apps.byId(`t${ends}`)!, 0)
    fast()
    expect(await reading).toEqual({ t0: 1, other: 199 })
  }
})

test('while one ends in each walk, the last is made at once', async () => {
  await using rationed = await startRationed({ config: { metricsMaxApps: 1 } })
  const { server, slow } = rationed
  for (let n = 0; n < 100; n++) {
    tenant(server, `t${n}`)
    publish(server, `t${n}`, 1)
  }
  expect(await published(server)).toEqual({ t0: 1, other: 99 })
  slow()
  let isRead = false
  const reading = published(server).finally(() => (isRead = true))
  for (let n = 1; n < 99 && !isRead; n++) {
    const { turns } = server.core.slices
    await waitUntil('a turn is over', () => isRead || server.core.slices.turns > turns)
    server.core.apps.remove(server.core.apps.byId(`t${n}`)!, 0)
  }
  expect(await reading).toEqual({ t0: 1, other: 99 })
})

test('an app of which nothing is known but its dead letters is shown', async () => {
  await using server = await start({ config: { webhooks: [HOOK] } })
  const dead = { pending: 0, failing: 0, dead: 4, oldest: null, paused: 0 }
  const labelled = new LabelledApps(server.core, 10, () => dead)
  expect(await labelled.read()).toMatchObject([
    { appId: '1', backlog: dead },
    { appId: 'other', backlog: { dead: 0 } },
  ])
})
