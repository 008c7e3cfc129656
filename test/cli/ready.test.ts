/** `carillon ready`: the health check of the server that the settings describe. */
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askReady } from '../../src/cli/ready'
import { start } from '../harness'
import { envOf, Running, runOn } from './run'

const PAIR = join(import.meta.dir, '../tls')

test('a ready server is 0, one that is not says why', async () => {
  await using server = await start({ config: { pathPrefix: '/ws' } })
  const env = { CARILLON_PATH_PREFIX: '/ws', CARILLON_URL: 'http://127.0.0.1:1' }
  const base = `http://127.0.0.1:${server.port}/ws`
  const calm = await runOn(server, 'ready', { env })
  expect(calm).toEqual({ code: 0, out: `${base} is ready\n`, err: '' })
  server.core.readiness.fail('writes', 'the disk is full')
  const full = await runOn(server, 'ready', { env })
  const err = `carillon: ${base} is not ready: writes: the disk is full\n`
  expect(full).toEqual({ code: 1, out: '', err })
  server.core.state.draining = true
  const leaving = await askReady({ ...envOf(server), HOST: '0.0.0.0' })
  expect(leaving).toEqual({
    isReady: false,
    line: `${base.slice(0, -3)} is not ready: draining`,
  })
})

test('the address is that of the settings: a unix socket, a port with a certificate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  const HOST = `unix:${join(folder, 'carillon.sock')}`
  {
    await using _server = await start({ config: { host: HOST } })
    expect(await askReady({ HOST })).toEqual({ isReady: true, line: `${HOST} is ready` })
  }
  expect(await askReady({ HOST })).toEqual({
    isReady: false,
    line: `${HOST}: nothing answers there`,
  })
  rmSync(folder, { recursive: true })
  const files = { tlsCertFile: join(PAIR, 'first.crt'), tlsKeyFile: join(PAIR, 'first.key') }
  await using server = await start({ config: files })
  const tls = { CARILLON_TLS_CERT_FILE: files.tlsCertFile, CARILLON_TLS_KEY_FILE: files.tlsKeyFile }
  const line = `https://127.0.0.1:${server.port} is ready`
  expect(await askReady({ ...envOf(server), ...tls })).toEqual({ isReady: true, line })
  // Its certificate has another name than this machine's address, for all commands.
  expect((await runOn(server, 'apps list', { env: tls })).code).toBe(0)
  const listening = new Running(['listen', 'room', '--count', '1'], {
    env: { ...envOf(server), ...tls },
  })
  await listening.err.inbox.next('the subscription')
  expect((await runOn(server, 'trigger room e {}', { env: tls })).code).toBe(0)
  expect((await listening.finished).code).toBe(0)
  const url = `https://127.0.0.1:${server.port}`
  expect((await runOn(server, `apps list --url ${url}`, { env: tls })).code).toBe(3)
})

test('who waits hears of it once a server is ready, or why none is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  const HOST = `unix:${join(folder, 'carillon.sock')}`
  const late = await new Running(['ready', '--wait', '0'], { env: { HOST } }).finished
  expect([late.code, late.err]).toEqual([1, `carillon: ${HOST}: nothing answers there\n`])
  const waiting = new Running(['ready', '--wait', '60'], { env: { HOST } })
  await using _server = await start({ config: { host: HOST } })
  expect((await waiting.finished).code).toBe(0)
  rmSync(folder, { recursive: true })
})

test('another program at the port is no ready server', async () => {
  const bodies = [
    () => new Response('<p>It works</p>'),
    () => new Response('{"ready":"yes"}'),
    () => new Response(new ReadableStream({ pull: (to) => to.enqueue('x'.repeat(65_536)) })),
  ]
  let next = 0
  await using other = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => bodies[next]!() })
  for (next = 0; next < bodies.length; next++)
    expect(await askReady({ PORT: String(other.port) })).toEqual({
      isReady: false,
      line: `http://127.0.0.1:${other.port} is not ready: what answers there is another program`,
    })
})

test('a proxy of the environment is asked neither for health nor with passwords', async () => {
  await using server = await start()
  const before = { ...process.env }
  const nothing = 'http://127.0.0.1:1'
  Object.assign(process.env, { http_proxy: nothing, no_proxy: '', NO_PROXY: '' })
  try {
    expect((await runOn(server, 'ready')).code).toBe(0)
    expect((await runOn(server, 'apps list')).code).toBe(0)
    const other = await fetch(`http://127.0.0.1:${server.port}/up`).catch(() => 'not reached')
    expect(other).toBe('not reached')
  } finally {
    for (const name of ['http_proxy', 'no_proxy', 'NO_PROXY'])
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
  }
})

test('settings that no server starts with are one line', async () => {
  const env = { PORT: 'x', PUSHER_APP_ID: '7' }
  const ended = await new Running(['ready', '--wait', '3600'], { env }).finished
  expect([ended.code, ended.err.split('\n').length]).toEqual([1, 2])
  expect(ended.err).toStartWith('carillon: PORT=x: expected an integer')
})
