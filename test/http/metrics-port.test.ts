/** The port of the metrics: what is there, what is not, and who is let in. */
import { expect, test } from 'bun:test'
import { announcement } from '../../src/announce'
import { readConfig } from '../../src/config/config'
import { notes } from '../../src/config/notes'
import { ADMIN_PAIR, makeBasicAuth } from '../credentials'
import { start, type TestServer } from '../harness'

const TOKEN = 'a-token-of-the-metrics'
const ADMIN = { adminUsername: 'somebody', adminPassword: 'a-password' }
const BASIC = makeBasicAuth('somebody:a-password')

const get = (server: TestServer, path: string, headers = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.server.metricsPort}${path}`, { headers })

const statusOf = async (answer: Promise<Response>): Promise<number> => {
  const response = await answer
  await response.text()
  return response.status
}

test('has /metrics and /usage for whoever may read them on the other port, and nothing else', async () => {
  await using server = await start({ config: { ...ADMIN, metricsPort: 0, metricsToken: TOKEN } })
  const bearer = { authorization: `Bearer ${TOKEN}` }
  for (const path of ['/metrics', '/usage', '//metrics']) {
    expect(await statusOf(get(server, path))).toBe(401)
    expect(await statusOf(get(server, path, bearer))).toBe(200)
    expect(await statusOf(get(server, path, BASIC))).toBe(200)
  }
  for (const path of [
    '/',
    '/up',
    '/api/admin/apps',
    '/swagger',
    '/console',
    '/apps/1/channels',
    '/metrics/x',
  ]) {
    const response = await get(server, path, BASIC)
    expect([path, response.status, await response.text()]).toEqual([
      path,
      404,
      'Here are /metrics and /usage alone\n',
    ])
    expect(response.headers.get('x-request-id')).toMatch(/.{20,}/)
  }
})

test('takes the published admin from this machine, and from nowhere else', async () => {
  await using server = await start({ config: { metricsPort: 0 } })
  const published = makeBasicAuth(ADMIN_PAIR)
  expect(await statusOf(get(server, '/metrics', published))).toBe(200)
  for (const headers of [{ 'x-forwarded-for': '203.0.113.1' }, { host: 'evil.example' }])
    expect(await statusOf(get(server, '/metrics', { ...published, ...headers }))).toBe(403)
})

test('needs no credentials where the settings open it; the other port still does', async () => {
  await using server = await start({ config: { ...ADMIN, metricsPort: 0, metricsOpen: true } })
  expect(await statusOf(get(server, '/metrics'))).toBe(200)
  expect(await statusOf(get(server, '/usage'))).toBe(200)
  expect(await statusOf(server.http('/metrics'))).toBe(401)
})

test('takes the published password of a local request, as the other port does', async () => {
  await using server = await start({ config: { metricsPort: 0 } })
  expect(await statusOf(get(server, '/metrics', makeBasicAuth(ADMIN_PAIR)))).toBe(200)
})

test('is on loopback, whatever HOST is, unless its own setting says otherwise', async () => {
  const { metricsHost, metricsPort } = readConfig({ HOST: '0.0.0.0', CARILLON_METRICS_PORT: '0' })
  expect([metricsHost, metricsPort]).toEqual(['127.0.0.1', 0])
  await using server = await start({ config: { host: '0.0.0.0', metricsPort: 0 } })
  const elsewhere = `http://127.0.0.2:${server.server.metricsPort}/metrics`
  expect(await fetch(elsewhere).catch(({ code }) => code)).toBe('ECONNREFUSED')
})

test('is told at the start, and not there by itself', async () => {
  const shown = ({ server, config }: TestServer): string =>
    announcement(server, config, { files: undefined, isTerminal: false })
  await using without = await start()
  expect(without.server.metricsPort).toBeUndefined()
  expect(shown(without)).not.toContain('metrics')
  await using server = await start({ config: { metricsPort: 0 } })
  expect(shown(server)).toContain(`http://127.0.0.1:${server.server.metricsPort}/metrics\n`)
})

test('that is taken stops the start, in a line that names its setting', async () => {
  await using server = await start({ config: { metricsPort: 0 } })
  const { metricsPort } = server.server
  await expect(start({ config: { metricsPort } })).rejects.toThrow(
    `127.0.0.1:${metricsPort} is in use by another process (set CARILLON_METRICS_PORT to another one)`,
  )
})

test('ends with the server', async () => {
  const server = await start({ config: { ...ADMIN, metricsPort: 0, metricsOpen: true } })
  expect(await statusOf(get(server, '/usage'))).toBe(200)
  await server.stop()
  expect(await get(server, '/usage').catch(({ code }) => code)).toBe('ECONNREFUSED')
})

test('that is open must be there', () => {
  expect(() => readConfig({ CARILLON_METRICS_OPEN: 'true' })).toThrow(
    'CARILLON_METRICS_PORT is not set: expected a value, since it goes with CARILLON_METRICS_OPEN',
  )
})

const ALIASES: readonly (readonly [env: Record<string, string>, port: number | undefined])[] = [
  [{ SOKETI_METRICS_ENABLED: '1' }, 9601],
  [{ SOKETI_METRICS_ENABLED: 'true', SOKETI_METRICS_SERVER_PORT: '9700' }, 9700],
  [{ SOKETI_METRICS_ENABLED: '1', CARILLON_METRICS_PORT: '9800' }, 9800],
  [{ SOKETI_METRICS_ENABLED: '0' }, undefined],
  [{ SOKETI_METRICS_ENABLED: 'false' }, undefined],
  [{ SOKETI_METRICS_ENABLED: '0', SOKETI_METRICS_SERVER_PORT: '9700' }, undefined],
  [{ SOKETI_METRICS_SERVER_PORT: '9700' }, 9700],
]
test.each(ALIASES)("%j is read as soketi's settings are", (env, port) => {
  expect(readConfig(env).metricsPort).toBe(port)
  expect(readConfig({ ...env, SOKETI_METRICS_PROMETHEUS_PREFIX: 'ws_' })).toMatchObject({
    metricsSoketiPrefix: 'ws_',
  })
  expect(notes(env).filter(({ level }) => level === 'warn')).toEqual([])
})

test("soketi's names have the prefix of the settings", async () => {
  await using server = await start({ config: { metricsSoketiPrefix: 'ws_' } })
  const text = await (await server.admin('/metrics')).text()
  expect(text).toContain('\nws_connected{')
  expect(text).not.toContain('soketi_')
})
