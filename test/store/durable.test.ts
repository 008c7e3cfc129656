/** What an operator writes is on the disk when the answer goes out; what events cause need not be. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePlugin } from '../../src/plugin'
import { commitDurably, openDatabase } from '../../src/store/sqlite'
import { start, type TestServer } from '../harness'
import { makeToken } from '../tokens'
import { Receiver } from '../webhooks/receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Tables that only operators write to. */
const DURABLE = ['admin_tokens', 'admins', 'app_keys', 'app_overrides', 'apps', 'audit']

/** Tables that events and plugins write to. */
const PASSING = [
  'history_events',
  'history_streams',
  'plugin_values',
  'webhook_announced',
  'webhook_attempts',
  'webhook_lanes',
  'webhook_outbox',
]

/** Has each write note the level at which it will be committed: it cannot change within a transaction. */
function noteLevels(path: string): Database {
  const db = openDatabase(path)
  db.run('CREATE TABLE noted (written TEXT NOT NULL, synchronous INTEGER NOT NULL)')
  const tables = db.query<{ name: string }, []>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('noted', 'sqlite_sequence')",
  )
  for (const { name } of tables.all())
    for (const change of ['INSERT', 'UPDATE', 'DELETE'])
      db.run(`CREATE TRIGGER noted_${change}_${name} AFTER ${change} ON ${name} BEGIN
        INSERT INTO noted SELECT '${name}', synchronous FROM pragma_synchronous; END`)
  return db
}

/** Where an operator's request is answered, the row must last. */
async function changeApps(server: TestServer): Promise<void> {
  const send = async (method: string, path: string, fields?: object): Promise<void> => {
    const body = fields && { body: JSON.stringify({ app: fields }) }
    const headers = { 'content-type': 'application/json' }
    const answer = await server.admin(`/api/admin/apps${path}`, { method, headers, ...body })
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`)
  }
  await send('POST', '', { name: 'stored', slug: 'stored', key: 'k', secret: 's' })
  await send('PATCH', '/stored', { client_events: false })
  await send('POST', '/stored/keys')
  await send('DELETE', '/stored/keys/k')
  await send('DELETE', '/stored')
  await send('PATCH', `/${server.app.id}`, { client_events: false })
}

test('the tables of operators are committed with FULL, all others with NORMAL', async () => {
  const databasePath = join(folder, 'levels.sqlite')
  using noted = noteLevels(databasePath)
  await using receiver = new Receiver()
  const app = {
    id: '7',
    name: 'app of the file',
    slug: 'app-of-the-file',
    key: 'k7',
    secret: 's7',
    webhooks: [{ url: receiver.url }],
    history: [{ prefix: '', durable: true }],
  }
  const keeper = definePlugin({
    name: 'keeper',
    carillon: 1,
    setup: ({ store }) => {
      store.set('value', 1)
      return {}
    },
  })
  // Anywhere but on loopback the first start stores an admin.
  const config = { databasePath, host: '0.0.0.0', webhookFlushMs: 0 }
  await using server = await start({ config, apps: [app], plugins: [keeper] })
  await changeApps(server)
  await makeToken(server, { name: 'ci', scope: 'read' })
  await using client = await server.raw({ path: '/app/k7?protocol=7&client=x&version=1' })
  await client.subscribed('room')
  await receiver.requests.next('a webhook')
  await server.trigger({ channel: 'room', name: 'x', data: '' })
  const levels = noted.query<{ written: string; synchronous: number }, []>(
    'SELECT DISTINCT written, synchronous FROM noted ORDER BY written',
  )
  const wanted = [...DURABLE, ...PASSING].sort().map((written) => ({
    written,
    synchronous: DURABLE.includes(written) ? 2 : 1,
  }))
  expect(levels.all()).toEqual(wanted)
})

test('a part of a durable write is undone with it, and is not let into one that may not last', () => {
  using db = openDatabase(':memory:')
  const count = () => db.query('SELECT COUNT(*) AS n FROM admins').get()
  const insert = (username: string) => () =>
    void db.query("INSERT INTO admins VALUES ($username, 'x', 0)").run({ username })
  expect(() =>
    commitDurably(db, () => {
      commitDurably(db, insert('a'))
      throw new Error('of the whole')
    }),
  ).toThrow('of the whole')
  expect(count()).toEqual({ n: 0 })
  expect(db.query('PRAGMA synchronous').get()).toEqual({ synchronous: 1 })
  const outer = db.transaction(() => commitDurably(db, insert('a')))
  expect(outer).toThrow('a write that must last is in a transaction that may not')
  commitDurably(db, insert('a'))
  expect(count()).toEqual({ n: 1 })
})
