/** A server inside another program: what it offers, what it refuses, and what it leaves alone. */
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Pusher from 'pusher'
import { RawClient } from '../../kit/client'
import { serve, type EmbeddedServer, type ServeOptions } from '../../src/embed'
import { readOptions } from '../../src/embed-options'
import { definePlugin } from '../../src/plugin'
import config from '../../carillon.config'
import { ROOT } from '../docs/pages'
import { execute } from './commands'

const folder = mkdtempSync(join(tmpdir(), 'carillon-embed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const sdkOf = ({ appId, key, secret, host, port }: EmbeddedServer): Pusher =>
  new Pusher({ appId, key, secret, host, port: String(port), useTLS: false })

const connect = async ({ url, key }: EmbeddedServer, appKey = key): Promise<RawClient> => {
  const client = new RawClient(`${url.replace('http', 'ws')}/app/${appKey}?protocol=7`)
  await client.hello()
  return client
}

describe('a server in this process', () => {
  test('tells what backends and clients publish, and waits for it', async () => {
    await using server = await serve()
    await sdkOf(server).trigger(['a', 'b'], 'made', { id: 1 })
    await sdkOf(server).trigger('a', 'noted', 'plain text')
    const from = 'backend'
    const { appId } = server
    expect(server.events).toEqual([
      { appId, channel: 'a', name: 'made', data: { id: 1 }, from, socketId: undefined },
      { appId, channel: 'b', name: 'made', data: { id: 1 }, from, socketId: undefined },
      { appId, channel: 'a', name: 'noted', data: 'plain text', from, socketId: undefined },
    ])
    expect((await server.waitForEvent({ channel: 'b' })).name).toBe('made')
    expect((await server.waitForEvent(({ data }) => data === 'plain text')).name).toBe('noted')
    server.reset()
    expect(server.events).toEqual([])

    await using client = await connect(server)
    const later = server.waitForEvent({ name: 'client-typed' })
    const auth = JSON.stringify(sdkOf(server).authorizeChannel(client.socketId, 'private-a'))
    await client.subscribed('private-a', (JSON.parse(auth) as { auth: string }).auth)
    client.send({ event: 'client-typed', channel: 'private-a', data: { text: 'x' } })
    expect(await later).toMatchObject({ from: 'client', data: { text: 'x' } })
    expect((await later).socketId).toBe(client.socketId)
  })

  test('keeps the last ten thousand', async () => {
    await using server = await serve()
    const batch = Array.from({ length: 100 }, (_, index) => `c${index}`)
    for (let round = 0; round < 101; round++) await server.trigger('last', String(round), round)
    expect(server.events).toHaveLength(101)
    for (let round = 0; round < 100; round++)
      await Promise.all(batch.map((channel) => server.trigger(channel, 'n', round)))
    expect(server.events).toHaveLength(10_000)
    expect(server.events[0]).toMatchObject({ channel: 'c0', data: 0 })
  }, 30_000)

  test('waits for subscribers, also of another app, and publishes there', async () => {
    const apps = ['one', 'two'].map((id) => ({ id, key: `${id}-key`, secret: `${id}-secret` }))
    await using server = await serve({ apps })
    expect(server.appId).toBe('one')
    const ready = server.waitForSubscribers('news', { appId: 'two', count: 2 })
    await using first = await connect(server, 'two-key')
    await using second = await connect(server, 'two-key')
    await first.subscribed('news')
    await second.subscribed('news')
    await ready
    await server.trigger('news', 'flash', { text: 'hello' }, { appId: 'two' })
    expect((await first.nextJson()).event).toBe('flash')
    expect(await server.waitForEvent({ appId: 'two' })).toMatchObject({ name: 'flash' })
    await server.waitForSubscribers('news', { appId: 'two' })
  })

  test('says what it has waited for in vain, and what there was', async () => {
    await using server = await serve()
    const soon = { timeoutMs: 1 }
    await expect(server.waitForEvent({ name: 'x' }, soon)).rejects.toThrow(
      'waited for an event {"name":"x"}: not within 1 ms; nothing was published',
    )
    await server.trigger('a', 'made', 1)
    await expect(server.waitForEvent(() => false, soon)).rejects.toThrow(
      'waited for such an event: not within 1 ms; published were made to a',
    )
    await expect(server.waitForSubscribers('a', soon)).rejects.toThrow('1 subscribers of a')
    const wait = server.waitForEvent({ name: 'x' })
    const told = wait.catch((cause: unknown) => String(cause))
    await server.stop()
    expect(await told).toContain('the server was stopped')
    await expect(server.waitForEvent({ name: 'x' })).rejects.toThrow('the server was stopped')
    await expect(server.trigger('a', 'made', 1)).rejects.toThrow('the server was stopped')
  })

  test('refuses as the API does, with the reason', async () => {
    await using server = await serve()
    await expect(server.trigger('not a name', 'x', 1)).rejects.toThrow('Invalid channel name')
    await expect(server.trigger('a', 'x', 1, { appId: '9' })).rejects.toThrow('there is no app 9')
    await expect(server.trigger('a', 'x', undefined)).rejects.toThrow('data has no JSON')
    await expect(server.waitForSubscribers('not a name')).rejects.toThrow('Invalid channel name')
    // As JavaScript may: none of these is every event.
    await server.trigger('a', 'made', 1)
    const wait = server.waitForEvent as (match: unknown) => Promise<unknown>
    for (const match of [{ event: 'sold' }, { channel: 'a', nmae: 'x' }, 'made'])
      await expect(wait(match)).rejects.toThrow('an event is matched by channel, name and appId')
    const trigger = server.trigger as (...values: unknown[]) => Promise<void>
    await expect(trigger('a', 5, 1)).rejects.toThrow('name: expected a string')
  })
})

const WRONG: readonly (readonly [object, readonly string[]])[] = [
  [{ port: -1 }, ['port=-1: expected an integer from 0 to 65535']],
  [{ clientEvents: 'perhaps' }, ['clientEvents=perhaps: expected true or false']],
  [{ drainSecond: 1 }, ['drainSecond is no option; did you mean drainSeconds?']],
  [{ configFile: 'x.ts', zzz: 1 }, ['configFile is no option', 'zzz is no option']],
  [{ PORT: 1 }, ['PORT is no option; did you mean port?']],
  [[6001], ['expected an object with options']],
  [
    { tlsCertFile: 'a.pem' },
    ['tlsKeyFile is not set: expected a path, since it goes with tlsCertFile'],
  ],
  [{ maxChannelNameChars: 0 }, ['maxChannelNameChars=0: expected an integer from 1 to 1000']],
  [{ plugins: [() => 1] }, ['serve: plugins[0]: expected a plugin (was its function called?)']],
  [{ apps: [{ id: '1' }] }, ['serve: apps[0].key', 'serve: apps[0].secret']],
  [{ log: {} }, ['log: expected an object with the methods debug, info, warn, error']],
  [
    { port: 'x', adminListen: '6002' },
    ['port=x: expected', 'adminListen=6002: expected a host too'],
  ],
  [
    {
      host: '0.0.0.0',
      adminUsername: 'pusher_admin_username',
      adminPassword: 'pusher_admin_password',
    },
    [
      'adminPassword is the published one: expected one of your own, since host=0.0.0.0 is not loopback',
    ],
  ],
]

test.each(WRONG)('the options %j are refused, each mistake in a line', async (options, lines) => {
  const cause: unknown = await serve(options as ServeOptions).catch((error: unknown) => error)
  const mistakes = (cause as Error).message.split('\n')
  expect(mistakes).toHaveLength(lines.length)
  for (const [index, line] of lines.entries()) expect(mistakes[index]).toStartWith(line)
})

test('what is undefined or empty is not set: no port and no file of anybody else', () => {
  const own = { port: 0, databasePath: ':memory:' }
  const none = { port: undefined, databasePath: undefined }
  expect(readOptions(none).config).toMatchObject(own)
  expect(readOptions({ databasePath: '', trustedProxies: [] }).config).toMatchObject(own)
})

test('options are settings, with the types that they have', async () => {
  const lines: string[] = []
  const push = (_: object, message: string): void => void lines.push(message)
  await using server = await serve({
    host: '127.0.0.1',
    databasePath: join(folder, 'data.sqlite'),
    trustedProxies: ['10.0.0.0/8', 'unix'],
    appId: '5',
    appKey: 'five',
    appSecret: 'five-secret',
    webhooks: [{ url: 'http://127.0.0.1:9/', event_types: ['channel_occupied'] }],
    clientEvents: false,
    pathPrefix: '/ws',
    maxConnections: undefined,
    log: { debug: push, info: push, warn: push, error: push },
  })
  expect(server).toMatchObject({ appId: '5', key: 'five', secret: 'five-secret' })
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  expect(existsSync(join(folder, 'data.sqlite'))).toBe(true)
  await server.stop()
  expect(existsSync(join(folder, 'data.sqlite-wal'))).toBe(false)
  const file = { databasePath: join(folder, 'data.sqlite') }
  await using again = await serve(file)
  await expect(serve(file)).rejects.toThrow('(waitForDatabaseSeconds waits for its end)')
  await expect(serve({ port: again.port })).rejects.toThrow('(set port to another one)')
})

test('it takes what a configuration file exports, and names an encrypted port and a unix socket', async () => {
  await using ours = await serve({ ...config })
  const authorization = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`
  const listed = await fetch(`${ours.url}/api/admin/plugins`, { headers: { authorization } })
  const { data } = (await listed.json()) as { data: readonly { name: string }[] }
  expect(data.map(({ name }) => name)).toEqual(['origin-check', 'rate-limit', 'guardian'])

  const tls = (name: string): string => join(ROOT, 'test/tls', name)
  const files = { tlsCertFile: tls('first.crt'), tlsKeyFile: tls('first.key') }
  await using encrypted = await serve(files)
  expect(encrypted.url).toBe(`https://127.0.0.1:${encrypted.port}`)
  const checked = await fetch(`${encrypted.url}/up`, { tls: { rejectUnauthorized: false } })
  expect(checked.status).toBe(200)

  const host = `unix:${join(folder, 'carillon.sock')}`
  await using behind = await serve({ host })
  expect(behind.url).toBe(host)
  const up = await fetch('http://localhost/up', { unix: host.slice('unix:'.length) })
  expect(up.status).toBe(200)
})

test('what a timer of the server throws is in the log, and ends nothing', async () => {
  const causes: unknown[] = []
  const nothing = (): void => undefined
  const error = (fields: object): void => void causes.push((fields as { err?: Error }).err?.message)
  const faulty = definePlugin({
    name: 'faulty',
    carillon: 1,
    setup: ({ clock }) => {
      clock.after(1, () => {
        throw new Error('of the timer')
      })
      return {}
    },
  })
  const log = { debug: nothing, info: nothing, warn: nothing, error }
  await using server = await serve({ plugins: [faulty], log })
  while (causes.length === 0) await fetch(`${server.url}/up`)
  expect(causes).toContain('of the timer')
})

/** A program that serves three times at once, is used, and says what it has left behind. */
const HOST_PROGRAM = `
import { readdirSync } from 'node:fs'
const listeners = () => process.eventNames().map((name) => [String(name), process.listenerCount(name)])
const before = { env: JSON.stringify(process.env), crypto: globalThis.crypto, listeners: listeners() }
const { serve } = await import(${JSON.stringify(join(ROOT, 'src/import.js'))})
const use = async () => {
  const servers = await Promise.all([serve(), serve(), serve()])
  const sockets = servers.map(({ port, key }) => new WebSocket('ws://127.0.0.1:' + port + '/app/' + key))
  const closings = sockets.map((socket) => new Promise((resolve) => (socket.onclose = resolve)))
  await Promise.all(sockets.map((socket) => new Promise((resolve) => (socket.onmessage = resolve))))
  for (const server of servers) await server.trigger('a', 'b', 1)
  await Promise.all(servers.flatMap((server) => [server.stop(), server.stop()]))
  await Promise.all(closings)
  for (const server of servers) await server.stop()
  return servers.map(({ port }) => port)
}
await use()
const files = readdirSync('/proc/self/fd').length
const ports = await use()
const left = readdirSync('/proc/self/fd').length - files
const refused = await Promise.all(ports.map((port) => fetch('http://127.0.0.1:' + port).then(() => 'open', () => 'closed')))
console.log(JSON.stringify({
  left: Math.max(0, left),
  refused,
  sameEnv: before.env === JSON.stringify(process.env),
  sameCrypto: before.crypto === globalThis.crypto,
  sameListeners: JSON.stringify(before.listeners) === JSON.stringify(listeners()),
  exitCode: process.exitCode ?? null,
}))
`

test('it leaves a program as it was: quiet, no signal, no file, and the program ends by itself', async () => {
  await Bun.write(join(folder, 'host.ts'), HOST_PROGRAM)
  const variables = { CARILLON_LOG_LEVEL: 'wrong', PORT: 'wrong', CARILLON_CONFIG: '/nowhere' }
  const child = Bun.spawn([process.execPath, join(folder, 'host.ts')], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...variables },
    stdout: 'pipe',
    stderr: 'pipe',
    timeout: 30_000,
  })
  const [said, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  expect({ code: await child.exited, errors }).toEqual({ code: 0, errors: '' })
  expect(JSON.parse(said)).toEqual({
    left: 0,
    refused: ['closed', 'closed', 'closed'],
    sameEnv: true,
    sameCrypto: true,
    sameListeners: true,
    exitCode: null,
  })
})

test('under Node.js it says where it runs, and what to do', async () => {
  const node = Bun.which('node')
  if (node === null) throw new Error('node is not installed: apt-get install nodejs')
  const code = `import(${JSON.stringify(join(ROOT, 'src/import.js'))})
    .then(({ serve }) => serve()).catch(({ message }) => console.log(message))`
  const said = await execute([node, '-e', code], { cwd: folder, timeoutMs: 30_000 })
  expect(said).toStartWith(`carillon runs on Bun, and this is Node.js v`)
  expect(said).toContain('bun test')
  expect(said).toContain(`DATABASE_PATH=:memory: (npx --yes bun@1.4.5 ${ROOT}/src/index.ts)`)
})
