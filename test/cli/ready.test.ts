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

test('settings that no server starts with are one line', async () => {
  const ended = await new Running(['ready'], { env: { PORT: 'x', PUSHER_APP_ID: '7' } }).finished
  expect([ended.code, ended.err.split('\n').length]).toEqual([1, 2])
  expect(ended.err).toStartWith('carillon: PORT=x: expected an integer')
})
