/** Durable streams: over a restart the epoch stays; over a crash all that was answered is there, and no offset twice. */
import { afterAll, describe, expect, test } from 'bun:test'
import { Database } from 'bun:sqlite'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Server from 'pusher'
import { makeBasicAuth, PAIR } from '../../credentials'
import { start, type RawClient, type TestServer } from '../../harness'
import { Executable } from '../../built'
import { makeRandom } from '../../random'
import { backup } from '../../../src/store/backup'
import { restore } from '../../../src/store/restore'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const newPath = (): string => join(folder, `${crypto.randomUUID()}.sqlite`)

const rule = { prefix: '', size: 1000, ttl_seconds: 36_000, durable: true, rewind: 0 }

type Page = {
  readonly epoch: string
  readonly offset: number
  readonly events: { readonly offset: number; readonly name: string; readonly data: string }[]
  readonly recovered: boolean
}

async function read(sdk: Server, channel: string, params = {}): Promise<Page> {
  const response = await sdk.get({ path: `/channels/${channel}/history`, params })
  return (await response.json()) as Page
}

const names = ({ events }: Page): string[] => events.map(({ name }) => name)

async function startOn(databasePath: string, now: number, changed = {}): Promise<TestServer> {
  const server = await start({ config: { databasePath }, now })
  await server.change({ history: [{ ...rule, ...changed }] })
  return server
}

const trigger = (server: TestServer, name: string, channel = 'room') =>
  server.trigger({ channel, name, data: `data of ${name}` })

async function subscribe(client: RawClient, data: object): Promise<string> {
  client.send({ event: 'pusher:subscribe', data: { channel: 'room', ...data } })
  return client.next('the reply')
}

test('after a restore who had later events is told so, and gets none of others with their offsets', async () => {
  const [path, copy] = [newPath(), newPath()]
  {
    await using server = await startOn(path, Date.now())
    await trigger(server, 'before')
  }
  await backup(path, copy)
  let later: Page
  {
    await using server = await startOn(path, Date.now())
    for (const name of ['lost', 'lost, too']) await trigger(server, name)
    later = await read(server.sdk(), 'room')
  }
  await restore(copy, path)
  await using server = await startOn(path, Date.now())
  for (const name of ['new', 'newer', 'newest']) await trigger(server, name)
  await using client = await server.raw()
  const since = { epoch: later.epoch, offset: later.offset }
  expect(await subscribe(client, { since })).toContain('"recovered":false')
  const kept = await read(server.sdk(), 'room')
  expect(names(kept)).toEqual(['before', 'new', 'newer', 'newest'])
  expect(kept.epoch).not.toBe(later.epoch)
})

describe('a restart', () => {
  test('keeps epoch, offsets, events and whom they excluded, and goes on with the next offset', async () => {
    const path = newPath()
    const now = Date.now()
    let before: Page
    {
      await using server = await startOn(path, now)
      await trigger(server, 'a"\u{1f514}')
      const body = { name: 'b', channels: ['room'], data: 'x', socket_id: '1.1' }
      await server.signed('POST', '/events', JSON.stringify(body))
      before = await read(server.sdk(), 'room')
    }
    await using server = await startOn(path, now + 1000)
    expect(await read(server.sdk(), 'room')).toEqual(before)
    await using client = await server.raw()
    const since = { epoch: before.epoch, offset: 1, socket_id: '1.1' }
    expect(await subscribe(client, { since })).toContain('"recovered":true,"missed":0')
    await trigger(server, 'c')
    const after = await read(server.sdk(), 'room')
    expect([after.epoch, after.events.map(({ offset }) => offset)]).toEqual([
      before.epoch,
      [1, 2, 3],
    ])
  })

  test('keeps no more than the rule says, and nothing of what was given up', async () => {
    const path = newPath()
    const now = Date.now()
    {
      await using server = await startOn(path, now, { size: 2 })
      for (const name of ['a', 'b', 'c']) await trigger(server, name)
      for (const name of ['x', 'y']) await trigger(server, name, 'other')
      await server.signed('DELETE', '/channels/other/history')
    }
    using db = new Database(path)
    const count = (): unknown => db.query('SELECT COUNT(*) AS n FROM history_events').get()
    expect(count()).toEqual({ n: 2 })
    {
      await using server = await startOn(path, now + 1000, { size: 2 })
      expect(names(await read(server.sdk(), 'room'))).toEqual(['b', 'c'])
      expect(names(await read(server.sdk(), 'other'))).toEqual([])
      await server.change({ history: [{ ...rule, durable: false }] })
    }
    await using server = await startOn(path, now + 2000)
    expect(names(await read(server.sdk(), 'room'))).toEqual([])
    await trigger(server, 'd')
    expect(count()).toEqual({ n: 1 })
  })
})

/** CARILLON_CACHE_TTL_SECONDS. */
const CACHED_MS = 1_800_000

test('a restart keeps the last event of a cache channel for as long as it would have been kept', async () => {
  const path = newPath()
  const now = Date.now()
  {
    await using server = await startOn(path, now)
    for (const name of ['a', 'b']) await trigger(server, name, 'cache-room')
  }
  await using server = await startOn(path, now + 500_000)
  const heard = async (): Promise<string> => {
    await using client = await server.raw()
    await client.subscribed('cache-room')
    return await client.next('the last event')
  }
  expect(await heard()).toContain('"event":"b"')
  server.advance(CACHED_MS - 500_001)
  expect(await heard()).toContain('"event":"b"')
  server.advance(1)
  expect(await heard()).toContain('"event":"pusher:cache_miss"')
})

test('a database that cannot write answers 503, and loses nothing that it has answered', async () => {
  const path = newPath()
  const now = Date.now()
  {
    await using server = await startOn(path, now)
    await trigger(server, 'a')
    using lock = new Database(path)
    lock.run('BEGIN IMMEDIATE')
    const refused = await trigger(server, 'b')
    expect([refused.status, await refused.text()]).toEqual([
      503,
      'database: is locked by another process; the event may have been published\n',
    ])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    lock.run('ROLLBACK')
    // It is not tried at each event.
    expect((await trigger(server, 'b')).status).toBe(503)
    server.advance(5000)
    expect((await trigger(server, 'c')).status).toBe(200)
  }
  await using server = await startOn(path, now + 1000)
  expect(names(await read(server.sdk(), 'room'))).toEqual(['a', 'c'])
})

describe('what is given up while the database cannot write', () => {
  test('is not, where an app has asked for it, and it is told so', async () => {
    const path = newPath()
    const now = Date.now()
    {
      await using server = await startOn(path, now)
      await trigger(server, 'a')
      using lock = new Database(path)
      lock.run('BEGIN IMMEDIATE')
      const refusals = [
        await server.signed('DELETE', '/channels/room/history'),
        await server.http('/api/apps/test-app/channels/room/history', {
          method: 'DELETE',
          headers: makeBasicAuth(PAIR),
        }),
      ]
      for (const refused of refusals) {
        expect(refused.status).toBe(503)
        expect(await refused.text()).toContain('; nothing was given up')
        expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
      }
      lock.run('ROLLBACK')
      expect(names(await read(server.sdk(), 'room'))).toEqual(['a'])
    }
    {
      await using server = await startOn(path, now + 1000)
      expect(names(await read(server.sdk(), 'room'))).toEqual(['a'])
      expect((await server.signed('DELETE', '/channels/room/history')).status).toBe(200)
    }
    await using server = await startOn(path, now + 2000)
    expect(names(await read(server.sdk(), 'room'))).toEqual([])
  })

  test('is never taken for what a later stream of the channel keeps', async () => {
    const path = newPath()
    const now = Date.now()
    {
      await using server = await startOn(path, now)
      for (const name of ['a', 'b']) await trigger(server, name)
      await server.change({ history: [{ ...rule, durable: false }] })
      using lock = new Database(path)
      lock.run('BEGIN IMMEDIATE')
      expect((await trigger(server, 'c')).status).toBe(200)
      await server.http('/up')
      lock.run('ROLLBACK')
      await server.signed('DELETE', '/channels/room/history')
      await server.change({ history: [rule] })
      server.advance(5000)
      expect((await trigger(server, 'd')).status).toBe(200)
    }
    await using server = await startOn(path, now + 6000)
    expect(names(await read(server.sdk(), 'room'))).toEqual(['d'])
  })
})

const APP = { appId: '1', key: 'test-app-fake-key', secret: 'test-app-fake-secret', useTLS: false }
const ADMIN = `Basic ${btoa('pusher_admin_username:pusher_admin_password')}`

const keyed = (name: string) => ({ idempotency_key: name }) as never

test('killed while it publishes, again and again, it keeps every event that it answered, once', async () => {
  const random = makeRandom(seed)
  const path = newPath()
  const answered: string[] = []
  const unanswered: string[] = []
  const heard = new Map<string, string>()
  let published = 0
  let epoch: string | undefined
  for (let life = 0; life < 4; life++) {
    await using program = new Executable({ DATABASE_PATH: path })
    const port = await program.waitUntilListening()
    const headers = { authorization: ADMIN, 'content-type': 'application/json' }
    const body = JSON.stringify({ app: { history: [rule] } })
    await fetch(`http://127.0.0.1:${port}/api/admin/apps/1`, { method: 'PATCH', headers, body })
    const sdk = new Server({ ...APP, host: '127.0.0.1', port: String(port) })
    const page = await read(sdk, 'room', { limit: 1000 })
    epoch ??= page.epoch
    if (life > 0) expect(page.epoch).toBe(epoch)
    const kept = names(page)
    expect(answered.filter((name) => !kept.includes(name))).toEqual([])
    expect(kept).toEqual([...new Set(kept)])
    for (const { offset, name } of page.events) {
      const position = `${page.epoch}:${offset}`
      expect(heard.get(position) ?? name).toBe(name)
    }
    const socket = new WebSocket(`ws://127.0.0.1:${port}/app/${APP.key}?protocol=7`)
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data as string) as { epoch?: string; offset?: number; event: string }
      if (frame.event === 'pusher:connection_established')
        socket.send('{"event":"pusher:subscribe","data":{"channel":"room","positions":true}}')
      if (!frame.epoch) return
      const position = `${frame.epoch}:${frame.offset}`
      expect(heard.get(position) ?? frame.event).toBe(frame.event)
      heard.set(position, frame.event)
    }
    const lives = 20 + Math.floor(random() * 60)
    // Whoever was not answered asks again, and some who were.
    const again = [...unanswered.splice(0), ...answered.slice(-3)]
    for (const name of again) await sdk.trigger('room', name, 'x', keyed(name))
    const whole = names(await read(sdk, 'room', { limit: 1000 }))
    expect(whole).toEqual([...new Set(whole)])
    expect(again.filter((name) => !whole.includes(name))).toEqual([])
    const publishing = Array.from({ length: 4 }, async () => {
      for (;;) {
        const name = `e${published++}`
        try {
          await sdk.trigger('room', name, 'x', keyed(name))
        } catch {
          unanswered.push(name)
          return // the server was killed
        }
        answered.push(name)
        if (answered.length % lives === 0) program.process.kill('SIGKILL')
      }
    })
    await Promise.all(publishing)
    socket.close()
  }
  expect(answered.length).toBeGreaterThan(50)
  expect(heard.size).toBeGreaterThan(10)
}, 60_000)
