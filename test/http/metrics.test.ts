/** `/metrics`: every row is there and readable, who may read it, and how much it may be. */
import { describe, expect, test } from 'bun:test'
import { METRICS } from '../../src/http/metrics-table'
import { LATENCIES } from '../../src/core/latencies'
import { newToken } from '../../src/http/token-text'
import { makeBasicAuth, PAIR } from '../credentials'
import { reject } from '../../src/plugin'
import { makePlugin, start, startCommon, type TestServer } from '../harness'
import { scrape, Scraped } from '../prometheus'
import { makeTokenRecord, NOBODY } from '../tokens'

const TOKEN = 'a-token-of-the-metrics'
const serverOf = startCommon({ config: { metricsToken: TOKEN } })

/** After one connection, one subscribe, and one event over HTTP. */
const SOKETI_COUNTS = [
  ['new_connections_total', 1],
  ['new_disconnections_total', 0],
  ['ws_messages_received_total', 1],
  ['ws_messages_sent_total', 3],
  ['http_calls_received_total', 1],
] as const

const shownName = (row: (typeof METRICS)[number]): string =>
  row.isSoketi ? `soketi_${row.name}` : row.name

describe('a scrape', () => {
  test.each(METRICS.map((row) => [shownName(row), row] as const))(
    'has %s, with its kind, help and labels',
    async (name, { kind, help, labels }) => {
      const family = (await scrape(serverOf())).families.get(name)!
      expect({ type: family.type, help: family.help }).toEqual({ type: kind.toUpperCase(), help })
      expect(help).not.toBe('')
      const own = labels.filter((label) => label !== 'le')
      for (const sample of family.metrics)
        expect(Object.keys(sample.labels ?? {}).sort()).toEqual([...own].sort())
    },
  )

  test('has nothing else, each name once, a counter with `_total` and in a unit of Prometheus', async () => {
    const { families, text } = await scrape(serverOf())
    expect([...families.keys()]).toEqual(METRICS.map(shownName))
    expect(new Set(families.keys()).size).toBe(METRICS.length)
    expect(text).not.toMatch(/_ms\b|_ms_/)
    const counters = METRICS.filter(({ kind, isSoketi }) => kind === 'counter' && !isSoketi)
    expect(counters.filter(({ name }) => !name.endsWith('_total'))).toEqual([])
  })

  test('is what Prometheus takes: type, encoding, a line end at the end', async () => {
    const response = await serverOf().admin('/metrics')
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect((await response.text()).endsWith('\n')).toBe(true)
  })

  test('has histograms whose buckets add up', async () => {
    await using server = await start()
    const { loopLag } = server.core.latencies
    for (const ms of [0.1, 3, 3, 70, 1e6]) loopLag.observe(ms)
    const family = (await scrape(server)).families.get('carillon_loop_lag_seconds')!
    const { buckets, count, sum } = family.metrics[0]!
    expect(Object.keys(buckets!)).toHaveLength(LATENCIES.loopLag.boundsMs.length + 1)
    expect([buckets!['0.00025'], buckets!['0.005'], buckets!['0.1'], buckets!['5']]).toEqual([
      '1',
      '3',
      '4',
      '4',
    ])
    expect([buckets!['+Inf'], count, Number(sum)]).toEqual(['5', '5', 1000.0761])
  })

  test('has what happened, of the app and of nobody else', async () => {
    await using server = await start()
    await using client = await server.raw()
    await client.subscribed('room')
    await server.trigger({ channel: 'room', name: 'e', data: 'x' })
    const { id } = server.app
    const read = await scrape(server)
    const of = (name: string, app: string) => read.value(name, { app_id: app })
    expect(of('carillon_connections', id)).toBe(1)
    expect(of('carillon_publications_total', id)).toBe(1)
    expect(of('carillon_messages_received_total', id)).toBe(1)
    expect(of('carillon_publications_total', 'other')).toBe(0)
    expect(read.value('soketi_connected', { app_id: id, port: String(server.port) })).toBe(1)
    for (const [name, value] of SOKETI_COUNTS)
      expect([name, of(`soketi_${name}`, id)]).toEqual([name, value])
    expect(read.value('carillon_ready')).toBe(1)
    client.socket.close()
    await server.waitForConnections(0)
    const after = await scrape(server)
    expect(after.value('soketi_connected', { app_id: id })).toBe(0)
    expect(after.value('soketi_new_disconnections_total', { app_id: id })).toBe(1)
    expect(after.value('soketi_new_disconnections_total', { app_id: 'other' })).toBe(0)
  })

  test('has connections that name no app among the others', async () => {
    await using server = await start()
    await using device = await server.raw({ path: '/socket/websocket?vsn=2.0.0', hello: false })
    await device.opened
    device.send('[null,"1","phoenix","heartbeat",{}]')
    await device.next('the reply')
    const read = await scrape(server)
    expect(read.value('carillon_connections', { app_id: 'other' })).toBe(1)
    expect(read.value('soketi_new_disconnections_total', { app_id: 'other' })).toBe(0)
  })

  test('has counters that never go back', async () => {
    await using server = await start()
    let before = await scrape(server)
    for (let round = 0; round < 3; round++) {
      await using client = await server.raw()
      await client.subscribed(`room-${round}`)
      await server.trigger({ channel: `room-${round}`, name: 'e', data: 'x' })
      const after = await scrape(server)
      expect(fallen(before, after)).toEqual([])
      before = after
    }
  })

  test('has the numbers of the process, as the system has them', async () => {
    const read = await scrape(serverOf())
    const { rss } = process.memoryUsage()
    const resident = read.value('process_resident_memory_bytes')!
    expect(resident).toBeGreaterThan(rss / 4)
    expect(resident).toBeLessThan(rss * 4)
    const startedMs = Date.now() - process.uptime() * 1000
    expect(Math.abs(read.value('process_start_time_seconds')! * 1000 - startedMs)).toBeLessThan(
      60_000,
    )
    const [open, most] = [read.value('process_open_fds')!, read.value('process_max_fds')!]
    expect(open).toBeGreaterThan(3)
    expect(most).toBeGreaterThan(open)
    expect(read.value('process_cpu_seconds_total')).toBeGreaterThan(0)
  })

  test('is red while /ready is', async () => {
    await using server = await start()
    server.core.readiness.fail('webhooks', 'full')
    const read = await scrape(server)
    expect(read.value('carillon_ready')).toBe(0)
    expect(read.valuesOf('carillon_in_trouble', 'part')).toEqual(['webhooks'])
  })

  test('has tallies by their labels, and what the plugins did', async () => {
    const refuse = () => reject('no "quotes"\n\\ here')
    await using server = await start({ plugins: [makePlugin('strict', { publish: refuse })] })
    await using client = await server.raw()
    await client.subscribed('room')
    expect((await server.trigger({ channel: 'room', name: 'e', data: 'x' })).status).toBe(403)
    const app_id = server.app.id
    const read = await scrape(server)
    const refused = 'carillon_refusals_by_code_total'
    expect(read.value(refused, { app_id, code: 'publish_refused' })).toBe(1)
    expect(read.value('carillon_refusals_by_plugin_total', { app_id, plugin: 'strict' })).toBe(1)
    expect(read.value('carillon_subscriptions_by_kind', { app_id, kind: 'public' })).toBe(1)
    const hook = { plugin: 'strict', hook: 'publish' }
    expect(read.value('carillon_plugin_calls_total', hook)).toBe(1)
    expect(read.value('carillon_plugin_refusals_total', hook)).toBe(1)
    expect(read.value('carillon_plugin_faults_total', hook)).toBe(0)
  })

  test("has requests to an app's API by each of the APIs", async () => {
    await using server = await start()
    const pair = makeBasicAuth(PAIR)
    await server.signed('GET', '/channels')
    await server.http('/api/apps/test-app/channels', { headers: pair })
    const body = '{"channel":"a","event":"e","data":{}}'
    const headers = { ...pair, 'content-type': 'application/json' }
    expect((await server.http('/api/push', { method: 'POST', headers, body })).status).toBe(200)
    await server.http('/api/push', { method: 'POST', headers: makeBasicAuth('a:b'), body })
    const read = await scrape(server)
    expect(read.value('soketi_http_calls_received_total', { app_id: server.app.id })).toBe(3)
    expect(read.value('soketi_http_received_bytes', { app_id: server.app.id })).toBe(body.length)
  })
})

/** Counters of labelled samples that are less than they were, or gone. */
function fallen(before: Scraped, after: Scraped): string[] {
  const lost: string[] = []
  for (const { name, type, metrics } of before.families.values())
    for (const { labels = {}, value } of metrics)
      if (type === 'COUNTER' && !((after.value(name, labels) ?? -1) >= Number(value)))
        lost.push(`${name} ${JSON.stringify(labels)}`)
  return lost
}

describe('who may read it', () => {
  const get = async (
    server: TestServer,
    headers: Record<string, string>,
    path = '/metrics',
  ): Promise<[status: number, text: string]> => {
    const response = await server.http(path, { headers })
    const text = await response.text()
    return [response.status, response.status === 200 ? '' : text]
  }
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  test.each(['/metrics', '/usage'])('%s: whoever has the token, or is the admin', async (path) => {
    const server = serverOf()
    expect(await get(server, bearer(TOKEN), path)).toEqual([200, ''])
    expect((await server.admin(path)).status).toBe(200)
    const [status, text] = await get(server, {}, path)
    expect([status, text]).toEqual([
      401,
      'Expected Authorization: Basic with user and password of the admin, or Bearer with CARILLON_METRICS_TOKEN or a token that may read\n',
    ])
  })

  test('no page of another site', async () => {
    const headers = { ...makeBasicAuth('a:b'), 'sec-fetch-site': 'cross-site' }
    expect(await get(serverOf(), headers)).toEqual([
      403,
      'Pages of another site may not use the admin API (CARILLON_ADMIN_ORIGINS)\n',
    ])
  })

  test('nobody by a token that is wrong, and after ten of them nobody from there for a while', async () => {
    await using server = await start({ config: { metricsToken: TOKEN } })
    for (let n = 0; n < 10; n++)
      expect(await get(server, bearer(`${TOKEN}x`))).toEqual([
        401,
        'The password or token is wrong\n',
      ])
    const [status, text] = await get(server, bearer(TOKEN))
    expect([status, text]).toEqual([429, expect.stringContaining('Too many failed logins')])
    expect((await server.admin('/metrics')).status).toBe(200)
    server.advance(60_000)
    expect(await get(server, bearer(TOKEN))).toEqual([200, ''])
  })

  test('whoever has one that another server has made, unless it is known here', async () => {
    const { token, hash } = newToken()
    await using server = await start({ config: { metricsToken: token } })
    expect((await get(server, bearer(token)))[0]).toBe(200)
    expect((await get(server, bearer(newToken().token)))[0]).toBe(401)
    const record = { ...makeTokenRecord('gone', 'read', { hash }), revokedAt: 1 }
    const deed = { by: NOBODY, action: 'token.created' } as const
    server.core.tokens.apply({ type: 'create', record, deed }, server.clock.now())
    expect((await get(server, bearer(token)))[0]).toBe(401)
  })

  test('nobody by a token where there is none', async () => {
    await using server = await start()
    expect((await get(server, bearer('undefined')))[0]).toBe(401)
    expect((await get(server, bearer('')))[0]).toBe(401)
  })
})

test('/usage has the shape that soketi gives it', async () => {
  const usage = await (await serverOf().admin('/usage')).json()
  const { free, used, total, percent } = usage.memory
  expect(Object.keys(usage)).toEqual(['memory'])
  expect(free + used).toBe(total)
  expect(percent).toBeCloseTo((used / total) * 100, 1)
})

test('scrapes at the same time are one', async () => {
  const server = serverOf()
  const texts = await Promise.all(Array.from({ length: 20 }, () => scrape(server)))
  expect(new Set(texts.map(({ text }) => text.replace(/^.*process_.*$/gm, ''))).size).toBe(1)
})
