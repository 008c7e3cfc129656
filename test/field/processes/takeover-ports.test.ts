/** A takeover with every listener that a server may have: connections that clients keep are served by the new process. */
import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import net, { type Socket } from 'node:net'
import { join } from 'node:path'
import tls from 'node:tls'
import { findFreePort } from '../../../bench/lib/processes'
import { waitFor } from '../../harness'
import { Executable } from '../../built'
import { ADMIN, Place, TAKEOVER } from './takeovers'

const CERTIFICATES = join(import.meta.dir, '../../tls')

/** A client with one connection, which it keeps for as long as the server does. */
class Keeper {
  connections = 0
  #socket: Socket | undefined
  #text = ''
  #news = Promise.withResolvers<void>()

  constructor(readonly open: () => Socket) {}

  /** The whole answer, as it was sent. */
  async ask(method: string, path: string): Promise<string> {
    const socket = (this.#socket ??= this.#connect())
    const body = method === 'POST' ? '{}' : ''
    const head = `host: 127.0.0.1\r\nauthorization: ${ADMIN}\r\ncontent-length: ${body.length}`
    this.#text = ''
    socket.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n\r\n${body}`)
    while (!isWhole(this.#text)) await waitFor('an answer', this.#news.promise)
    const answer = this.#text
    if (/^connection: close\r$/im.test(answer)) {
      await waitFor('the end', new Promise((resolve) => socket.on('close', resolve)))
      this.#socket = undefined
    }
    return answer
  }

  #connect(): Socket {
    this.connections++
    const socket = this.open()
    socket.on('data', (bytes) => {
      this.#text += bytes.toString('latin1')
      this.#news.resolve()
      this.#news = Promise.withResolvers()
    })
    return socket
  }
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  const length = /^content-length: (\d+)\r$/im.exec(text)?.[1]
  return (
    end !== -1 && (length ? text.length >= end + 4 + Number(length) : text.endsWith('0\r\n\r\n'))
  )
}

/** Without what differs from answer to answer. */
const plainly = (answer: string): string[] =>
  answer
    .split('\r\n')
    .filter((line) => !/^(?:date|x-request-id|connection):/i.test(line))
    .toSorted()

const TAKEN = /^carillon_takeovers_total 1$/m

test('TLS, the port without it, the address for admins and the port of the metrics pass over', async () => {
  const [port, plainPort] = [findFreePort(), findFreePort()]
  const [adminPort, metricsPort] = [findFreePort(), findFreePort()]
  using place = new Place(port)
  const env = {
    ...place.env,
    CARILLON_TLS_CERT_FILE: join(CERTIFICATES, 'first.crt'),
    CARILLON_TLS_KEY_FILE: join(CERTIFICATES, 'first.key'),
    CARILLON_PLAIN_PORT: String(plainPort),
    CARILLON_PLAIN_HTTP: 'redirect',
    CARILLON_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    CARILLON_METRICS_PORT: String(metricsPort),
  }
  const host = '127.0.0.1'
  await using old = new Executable(env)
  const left = old.waitForExit()
  const keepers = {
    tls: new Keeper(() => tls.connect({ host, port, rejectUnauthorized: false })),
    plain: new Keeper(() => net.connect(plainPort, host)),
    admin: new Keeper(() => net.connect(adminPort, host)),
    metrics: new Keeper(() => net.connect(metricsPort, host)),
  }
  await old.waitForText('Connect with pusher-js')
  const ask = async () => ({
    tls: await keepers.tls.ask('POST', '/apps/1/events?x=%2F'),
    plain: await keepers.plain.ask('GET', '/apps/1//events?x=%2F'),
    admin: await keepers.admin.ask('GET', '/api/admin/apps'),
    metrics: await keepers.metrics.ask('GET', '/metrics'),
  })
  const before = await ask()
  await using next = new Executable(env, { command: TAKEOVER })
  await next.waitForText('Connect with pusher-js')
  const after = await ask()
  const again = await ask()
  for (const name of ['tls', 'plain', 'admin'] as const)
    for (const answers of [after, again])
      expect(plainly(answers[name])).toEqual(plainly(before[name]))
  expect(before.metrics).not.toMatch(TAKEN)
  for (const { metrics } of [after, again]) expect(metrics).toMatch(TAKEN)
  expect(Object.values(keepers).map(({ connections }) => connections)).toEqual([2, 2, 2, 2])
  expect(await left).toBe(0)
}, 30_000)

test('the file of a unix socket is the new process\u2019s, and is gone when that has left', async () => {
  using place = new Place(findFreePort())
  const path = place.path('public.sock')
  const env = { ...place.env, HOST: `unix:${path}`, CARILLON_TRUSTED_PROXIES: 'unix' }
  await using old = new Executable(env)
  const left = old.waitForExit()
  await old.waitForText('Connect with pusher-js')
  const up = async (): Promise<number> =>
    (await fetch('http://localhost/up', { unix: path })).status
  expect(await up()).toBe(200)
  await using next = new Executable(env, { command: TAKEOVER })
  const ended = next.waitForExit()
  await next.waitForText('Connect with pusher-js')
  expect(await up()).toBe(200)
  expect(await left).toBe(0)
  expect(await up()).toBe(200)
  next.process.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(existsSync(path)).toBe(false)
})
