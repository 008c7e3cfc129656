/** A file that is not ours is left as it is; a row that is broken is named. One line each. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NEW_APP } from '../../src/core/app'
import { appStore } from '../../src/store/apps'
import { MIGRATIONS } from '../../src/store/migrations'
import { pluginStore } from '../../src/store/plugins'
import { checkSchema, openDatabase } from '../../src/store/sqlite'
import { start } from '../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const file = (): string => join(folder, `${files++}.sqlite`)
const NEWEST = MIGRATIONS.length

describe('a file of another program', () => {
  /** `OURS` stands for a file that we have made. */
  const ROWS: readonly (readonly [sql: string, why: string])[] = [
    ['CREATE TABLE apps (id INTEGER, title TEXT)', 'it has a table apps, and nothing of ours'],
    ['CREATE TABLE admins (id INTEGER)', 'it has a table admins, and nothing of ours'],
    ['CREATE TABLE users (id INTEGER)', 'it has a table users, and nothing of ours'],
    [`CREATE TABLE users (id INTEGER); PRAGMA user_version = ${NEWEST}`, 'it has no table admins'],
    [
      'CREATE TABLE apps (id INTEGER); PRAGMA user_version = 1',
      'its table apps has no column name',
    ],
    ['OURS; DROP TABLE webhook_outbox', 'it has no table webhook_outbox'],
    ['OURS; ALTER TABLE apps DROP COLUMN limits', 'its table apps has no column limits'],
  ]
  test.each(ROWS)('%s', (sql, why) => {
    using db = sql.startsWith('OURS') ? openDatabase(':memory:') : new Database(':memory:')
    db.run(sql.replace('OURS;', ''))
    expect(() => checkSchema(db, 'database x.sqlite', ' (use another)')).toThrow(
      `database x.sqlite: belongs to another program, or was changed: ${why} (use another)`,
    )
  })

  test('is left as it is', async () => {
    const databasePath = file()
    const db = new Database(databasePath)
    db.run('CREATE TABLE apps (id INTEGER)')
    db.close()
    const before = readFileSync(databasePath)
    await expect(start({ config: { databasePath } })).rejects.toThrow(
      'it has a table apps, and nothing of ours (set DATABASE_PATH to a file of its own)',
    )
    expect(readFileSync(databasePath)).toEqual(before)
  })

  test('is not one that a tool which copies databases was at first, nor one with more in it', () => {
    const path = file()
    const db = new Database(path)
    db.run('CREATE TABLE _litestream_seq (id INTEGER)')
    openDatabase(path).close()
    db.run('CREATE TABLE notes (text TEXT); ALTER TABLE apps ADD COLUMN note TEXT')
    db.close()
    openDatabase(path).close()
  })

  test('every version that we have written is ours', () => {
    for (let version = 1; version <= NEWEST; version++) {
      using db = new Database(':memory:')
      for (const sql of MIGRATIONS.slice(0, version)) db.run(sql)
      db.run(`PRAGMA user_version = ${version}`)
      checkSchema(db, 'database :memory:')
    }
  })
})

describe('a row that is broken stops the start', () => {
  const app = {
    ...NEW_APP,
    id: '5',
    name: 'five',
    slug: 'five',
    keys: [{ key: 'k5', secret: 's5' }],
  }
  const set = (column: string, value: string): string => `UPDATE apps SET ${column} = '${value}'`
  const changed = (changes: string): string =>
    `INSERT INTO app_overrides (app_id, changes, changed_at) VALUES ('7', '${changes}', 0)`
  const ROWS: readonly (readonly [sql: string, row: string, why: string])[] = [
    [set('hosts', '["a"'), '5 of the table apps', 'hosts is not a list of texts'],
    [set('hosts', '"a"'), '5 of the table apps', 'hosts is not a list of texts'],
    [set('hosts', '[1]'), '5 of the table apps', 'hosts is not a list of texts'],
    [set('webhooks', ''), '5 of the table apps', 'webhooks is not a list of objects with a url'],
    [
      set('webhooks', '[{}]'),
      '5 of the table apps',
      'webhooks is not a list of objects with a url',
    ],
    [
      set('webhooks', '['.repeat(200_000)),
      '5 of the table apps',
      'webhooks is not a list of objects with a url',
    ],
    [set('limits', '[]'), '5 of the table apps', 'limits is not an object of whole numbers'],
    [set('limits', '{"a":"1"}'), '5 of the table apps', 'limits is not an object of whole numbers'],
    [set('plugins', '[]'), '5 of the table apps', 'plugins is not an object of objects'],
    [set('plugins', '{"a":[]}'), '5 of the table apps', 'plugins is not an object of objects'],
    ["UPDATE app_keys SET secret = ''", 'k5 of the table app_keys', 'secret is empty'],
    ['DELETE FROM app_keys', '5 of the table apps', 'id has no key in the table app_keys'],
    [
      changed('x'),
      '7 of the table app_overrides',
      'changes is not an object of settings of an app',
    ],
    [
      changed('{"hosts":{}}'),
      '7 of the table app_overrides',
      'changes is not an object of settings of an app',
    ],
    [
      changed('{"limits":{"a":"b"}}'),
      '7 of the table app_overrides',
      'changes is not an object of settings of an app',
    ],
    [
      changed('{"plugins":{"a":1}}'),
      '7 of the table app_overrides',
      'changes is not an object of settings of an app',
    ],
    [
      changed('{"active":1}'),
      '7 of the table app_overrides',
      'changes is not an object of settings of an app',
    ],
    [
      `INSERT INTO admins VALUES ('me', 'hash', 0)`,
      'me of the table admins',
      'password_sha256 is not 64 hexadecimal digits',
    ],
  ]
  test.each(ROWS.map(([sql, ...told]) => [...told, sql] as const))(
    'the row %s: %s',
    (row, why, sql) => {
      using db = openDatabase(':memory:')
      const store = appStore(db)
      store.insert(app, 0)
      db.run(sql)
      const readAll = () => [store.overrides(), store.all(), store.admin()]
      expect(readAll).toThrow(new Error(`the row ${row} is broken: ${why}`))
    },
  )

  test('with the name of the file', async () => {
    const databasePath = file()
    const db = openDatabase(databasePath)
    appStore(db).insert(app, 0)
    db.run(set('limits', '{'))
    db.close()
    await expect(start({ config: { databasePath } })).rejects.toThrow(
      `database ${databasePath}: the row 5 of the table apps is broken: limits is not an object of whole numbers`,
    )
  })

  test('one of a plugin is named where it is read', () => {
    const db = openDatabase(':memory:')
    const store = pluginStore(db, 'keeper', () => 0)
    store.set('good', 1)
    db.run("INSERT INTO plugin_values (plugin, key, value) VALUES ('keeper', 'bad', '{')")
    const error = 'the row keeper, bad of the table plugin_values is broken: value is not JSON'
    expect(store.get('good')).toBe(1)
    expect(() => store.get('bad')).toThrow(error)
    expect(() => store.entries()).toThrow(error)
  })
})
