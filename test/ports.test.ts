/** Two addresses: opened, announced, drained and closed together. */
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { announcement } from '../src/announce'
import { AddressError } from '../src/bind'
import type { ListenAddress } from '../src/core/addresses'
import { claimDatabase } from '../src/standby'
import { ManualClock, MemoryLog } from '../kit/clock'
import { start, startCommon, type TestServer } from './harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOST = '127.0.0.1'
const startWith = (adminListen: ListenAddress, config: object = {}) =>
  start({ config: { adminListen, ...config } })

function portOf({ server: { adminAddress: at } }: TestServer): number {
  if (!at || 'path' in at) throw new Error('admins have no port')
  return at.port
}

const ask = (server: TestServer, path: string) =>
  Promise.all(
    [server.http(path), server.adminHttp(path)].map(async (answer) => {
      const response = await answer
      return [response.status, await response.json()]
    }),
  )

describe('two addresses', () => {
  test('answer health checks, and end together', async () => {
    await using server = await startWith({ host: HOST, port: 0 })
    expect(await ask(server, '/up')).toEqual([
      [200, { health: 'OK' }],
      [200, { health: 'OK' }],
    ])
    await using client = await server.raw()
    const leaving = server.server.leave()
    expect(await ask(server, '/ready')).toEqual([
      [503, { ready: false, reason: 'draining' }],
      [503, { ready: false, reason: 'draining' }],
    ])
    const urls = [server.port, portOf(server)].map((port) => `http://${HOST}:${port}/up`)
    let isOver = false
    void leaving.then(() => (isOver = true))
    while (!isOver) {
      server.advance(1000)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    expect((await client.closing()).code).toBe(4200)
    for (const url of urls) await expect(fetch(url)).rejects.toThrow()
  })

  test('are named to whoever starts the server', async () => {
    const terminal = { files: undefined, isTerminal: true }
    await using server = await startWith({ host: '::1', port: 0 })
    const text = announcement(server.server, server.config, terminal)
    expect(text).toContain(`admin API   http://[::1]:${portOf(server)}/api/admin\n`)
    expect(text).toContain(`reference   http://[::1]:${portOf(server)}/swagger\n`)
    expect(text).toContain(`HTTP API    http://${HOST}:${server.port}/apps/1/events\n`)
    const path = join(folder, 'announced.sock')
    await using other = await startWith({ path })
    const lines = announcement(other.server, other.config, terminal)
    expect(lines).toContain(`admin API   unix:${path}\n`)
    expect(lines).not.toContain('reference')
  })
})

describe('an address that is taken', () => {
  test('ends the start in one line that names it, and nothing is left open', async () => {
    await using first = await startWith({ host: HOST, port: 0 })
    const path = join(folder, 'left.sock')
    const taken = { port: portOf(first), setting: 'CARILLON_ADMIN_LISTEN' }
    const line = ({ port, setting }: typeof taken) =>
      new AddressError(
        `${HOST}:${port} is in use by another process (set ${setting} to another one)`,
      )
    await expect(startWith({ host: HOST, port: taken.port })).rejects.toThrow(line(taken))
    await expect(startWith({ path }, { port: first.port })).rejects.toThrow(
      line({ port: first.port, setting: 'PORT' }),
    )
    expect(existsSync(path)).toBe(false)
    const metrics = { metricsPort: first.port, metricsHost: HOST }
    await expect(startWith({ path }, metrics)).rejects.toThrow(
      line({ port: first.port, setting: 'CARILLON_METRICS_PORT' }),
    )
    expect(existsSync(path)).toBe(false)
  })
})

test('a server that waits for the database answers at both, where they are free', async () => {
  const databasePath = join(folder, 'waited-for.sqlite')
  const path = join(folder, 'waiting.sock')
  await using first = await start({ config: { databasePath } })
  const [clock, log, givingUp] = [new ManualClock(0), new MemoryLog(), new AbortController()]
  const config = {
    ...first.config,
    port: first.port, // taken
    adminListen: { path },
    waitForDatabaseSeconds: 5,
  }
  const claim = claimDatabase({ config, clock, log, givenUp: givingUp.signal })
  let isOver = false
  claim.catch(() => (isOver = true))
  while (log.lines.length === 0) await new Promise<void>((resolve) => setImmediate(resolve))
  expect(log.lines).toMatchObject([{ fields: { seconds: 5, at: [`unix:${path}`] } }])
  expect((await fetch('http://localhost/up', { unix: path })).status).toBe(200)
  expect((await fetch('http://localhost/ready', { unix: path })).status).toBe(503)
  givingUp.abort()
  while (!isOver) {
    clock.advance(50)
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await expect(claim).rejects.toThrow('is in use by another process')
  expect(existsSync(path)).toBe(false)
})

describe.each(['swagger', 'console'] as const)('%s off', (page) => {
  const config = { [page]: 'off' as const }
  const offOf = startCommon({ config })
  const splitOf = startCommon({ config: { ...config, adminListen: { host: HOST, port: 0 } } })
  const PATHS = ['', '/', '/json', '/defaults', '/public/up'].map((rest) => `/${page}${rest}`)

  test('leaves nothing of the page, at no address, nor a link to it', async () => {
    for (const server of [offOf(), splitOf()])
      for (const ask of [server.http.bind(server), server.adminHttp.bind(server)]) {
        for (const path of PATHS) {
          const response = await ask(path)
          expect([path, response.status, await response.text()]).toEqual([
            path,
            404,
            'Unknown route\n',
          ])
        }
        const start = await (await ask('/')).text()
        expect(start).toContain('/ready')
        expect(start).not.toContain(page)
      }
    const text = announcement(offOf().server, offOf().config, {
      files: undefined,
      isTerminal: true,
    })
    expect(text).not.toContain(`/${page}`)
    expect((await splitOf().admin('/api/admin/apps')).status).toBe(200)
  })
})

test('the start page says for whom its address is, and links what is there', async () => {
  await using server = await startWith({ host: HOST, port: 0 })
  const [own, theirs] = await Promise.all(
    [server.adminHttp('/'), server.http('/')].map(async (answer) => (await answer).text()),
  )
  expect(own).toContain('its address for admins')
  expect(own).toContain('href="swagger"')
  expect(own).toContain('href="console"')
  expect(theirs).toContain('Pusher clients connect')
  expect(theirs).not.toMatch(/swagger|console/)
})

test('an address for admins outside of this machine has no published credentials', async () => {
  await using server = await startWith({ host: '0.0.0.0', port: 0 })
  const { app, admin } = server.server.credentials
  expect([app.origin, admin.origin]).toEqual(['generated', 'generated'])
  const published = { appSecret: 'test-app-fake-secret', appId: '1', appKey: 'k' }
  await expect(startWith({ host: '0.0.0.0', port: 0 }, published)).rejects.toThrow(
    'PUSHER_APP_SECRET is the published one: expected one of your own, since CARILLON_ADMIN_LISTEN=0.0.0.0:0 is not loopback',
  )
})
