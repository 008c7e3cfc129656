/** No statement looks at more of a table than it needs: plans are read, nothing is timed. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, spyOn, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLog } from '../../kit/clock'
import { MIGRATIONS } from '../../src/store/migrations'
import { RETRIES } from '../../src/webhooks/retries'
import { outboxStore } from '../../src/store/outbox'
import { migrate, openDatabase } from '../../src/store/sqlite'
import { definePlugin } from 'carillon/plugin'
import {
  readDeliveries,
  emit,
  occupy,
  passTime,
  Receiver,
  waitUntilSettled,
  startWithWebhooks,
} from '../webhooks/receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Read whole and sorted: they are kept in memory, too, and what an app has of them is few; the schema, at the start. */
const SMALL =
  /\b(sqlite_schema|pragma_table_info|apps|app_keys|admins|admin_tokens|app_overrides|webhook_lanes|webhook_salt|history_streams)\b/

/** Read once, at the start: all of it is kept in memory. */
const READ_WHOLE = /FROM history_events$/

/** Statements that look at more of a table than they need. */
function findDear(db: Database, queries: ReadonlySet<string>) {
  const plans = [...queries]
    .filter((sql) => !/^\s*(PRAGMA|VACUUM|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)/.test(sql))
    .flatMap((sql) => {
      using statement = db.prepare<{ detail: string }, []>(`EXPLAIN QUERY PLAN ${sql}`)
      return statement.all().map(({ detail }) => ({ sql, detail }))
    })
  expect(plans.length).toBeGreaterThan(40)
  return plans.filter(
    ({ sql, detail }) =>
      (/^SCAN (?!json_each|CONSTANT)/.test(detail) &&
        !SMALL.test(detail) &&
        !READ_WHOLE.test(sql)) ||
      (detail.includes('TEMP B-TREE') && !SMALL.test(sql)),
  )
}

/** Gives the large tables so many rows. */
function fillTables(db: Database, rows: number): void {
  for (const table of ['webhook_outbox', 'plugin_values']) db.run(`DELETE FROM ${table}`)
  const values = Array.from({ length: rows }, (_, n) => `(${n}, ${n}, '{}', ${n}, ${n})`).join()
  db.run(`INSERT INTO webhook_outbox (lane, channel, event, time_ms, due_at) VALUES ${values}`)
  db.run(`INSERT INTO plugin_values SELECT channel, id, event, due_at FROM webhook_outbox`)
}

test('every statement of a life with webhooks is answered by an index', async () => {
  const databasePath = join(folder, 'plans.sqlite')
  const queries = new Set<string>()
  const query = Database.prototype.query
  using _spy = spyOn(Database.prototype, 'query').mockImplementation(function (
    this: Database,
    sql,
  ) {
    queries.add(sql)
    return query.call(this, sql) as never
  })
  const keeper = definePlugin({
    name: 'keeper',
    carillon: 1,
    setup: ({ store }) => {
      store.set('a', 1, { expiresAt: 1 })
      store.get('a')
      store.entries()
      store.delete('a')
      return {}
    },
  })
  await using receiver = new Receiver()
  for (const status of [500, 200]) {
    receiver.answer = () => status
    const config = { databasePath }
    await using server = await startWithWebhooks([{ url: receiver.url }], {
      config,
      plugins: [keeper],
    })
    server.addTenant()
    occupy(server, 'a', 'b')
    emit(server, { type: 'channel_vacated', channel: 'b' } as never)
    await passTime(server, 600_000, 20_000)
    await readDeliveries(server)
    await server.admin('/api/admin/apps/test-app/webhooks/replay', { method: 'POST' })
    await waitUntilSettled(server)
    const app = server.core.apps.byId('1')!
    server.core.apps.change(app, { ...app.record, webhooks: [] }, 0)
    server.core.apps.remove(server.core.apps.byId('8')!, 0)
  }
  const db = new Database(databasePath, { strict: true })
  const dearPlans = () => findDear(db, queries)
  expect(dearPlans()).toEqual([])
  // With what SQLite learns of tables that are nearly empty, statements would walk over them, however long they get.
  fillTables(db, 1)
  db.run('ANALYZE')
  expect(dearPlans().length).toBeGreaterThan(5)
  db.close()
  using opened = openDatabase(databasePath)
  expect(findDear(opened, queries)).toEqual([])
  expect([...queries].filter((sql) => sql.includes('COUNT('))).toEqual([])
})

test('rows of before are counted once, when the file is brought up to date', () => {
  using db = new Database(':memory:', { strict: true })
  migrate(db, 'old', { migrations: MIGRATIONS.slice(0, 9) })
  db.run(`INSERT INTO webhook_lanes (app_id, endpoint) VALUES ('1', 'a'), ('1', 'b')`)
  const insert = db.query(
    `INSERT INTO webhook_outbox (lane, channel, event, time_ms, due_at, attempts, dead_at)
     VALUES (1, 'c', '{}', 1, 1, ?, ?)`,
  )
  for (const [attempts, deadAt, rows] of [
    [0, null, 5],
    [2, null, 3],
    [9, 1, 4],
  ] as const)
    for (let n = 0; n < rows; n++) insert.run(attempts, deadAt)
  const log = new MemoryLog()
  migrate(db, 'old', { log })
  expect(log.lines).toMatchObject([
    {
      message: 'the database is brought up to date',
      fields: { from: 9, to: MIGRATIONS.length },
    },
  ])
  const outbox = outboxStore(db, RETRIES)
  expect(outbox.lanes('1')).toMatchObject([
    { endpoint: 'a', pending: 8, failing: 3, dead: 4 },
    { endpoint: 'b', pending: 0, failing: 0, dead: 0 },
  ])
  expect(outbox.size()).toBe(12)
})
