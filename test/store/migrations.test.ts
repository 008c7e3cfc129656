/** A file of any version is read by the newest, with all that is in it; a migration that fails changes nothing. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MIGRATIONS } from '../../src/store/migrations'
import { migrate, openDatabase, versionOf } from '../../src/store/sqlite'
import { storesOf, WRITTEN } from './written'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const VERSIONS = MIGRATIONS.map((_, index) => index + 1)

/** Has a new database live through the versions up to this one, with what each of them has written. */
function live(db: Database, version: number): Database {
  for (let index = 0; index < version; index++) db.run(MIGRATIONS[index]! + WRITTEN[index]!.sql)
  db.run(`PRAGMA user_version = ${version}`)
  return db
}

const inMemory = (version: number): Database => live(new Database(':memory:'), version)

function write(version: number): string {
  const path = join(folder, `${crypto.randomUUID()}.sqlite`)
  using db = new Database(path, { create: true })
  db.run('PRAGMA synchronous = OFF')
  live(db, version)
  return path
}

type Column = { readonly table: string; readonly name: string; readonly dflt: string | null }

const columnsOf = (db: Database): Column[] =>
  db
    .query<Column, []>(
      `SELECT sqlite_schema.name AS "table", info.name, info.dflt_value AS dflt
         FROM sqlite_schema, pragma_table_info(sqlite_schema.name) AS info
        WHERE sqlite_schema.type = 'table' AND sqlite_schema.name NOT LIKE 'sqlite_%'`,
    )
    .all()

/** The whole content, as SQL would write it. */
function dump(path: string): unknown {
  using db = new Database(path, { readonly: true })
  const schema = db.query('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all()
  const tables = new Set(columnsOf(db).map(({ table }) => table))
  const rows = [...tables].map((table) => [table, db.query(`SELECT * FROM ${table}`).all()])
  return { version: versionOf(db), schema, rows }
}

describe('a file of version', () => {
  test.each(VERSIONS)(
    '%d is brought up to date, with all that every version has written',
    (version) => {
      using db = openDatabase(write(version))
      expect(versionOf(db)).toBe(MIGRATIONS.length)
      expect(db.query('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' })
      expect(db.query('PRAGMA foreign_key_check').all()).toEqual([])
      for (const { read, as } of WRITTEN.slice(0, version))
        expect({ read: read(storesOf(db)) }).toMatchObject({ read: as } as object)
    },
  )

  test.each(VERSIONS)(
    '%d has a value for the migrations after it in all that is new in it',
    (version) => {
      using before = inMemory(version - 1)
      using db = inMemory(version)
      const known = new Set(columnsOf(before).map(({ table, name }) => `${table}.${name}`))
      const unwritten = columnsOf(db)
        .filter(({ table, name }) => !known.has(`${table}.${name}`))
        .filter(({ table, name, dflt }) => {
          const sql = `SELECT 1 FROM ${table} WHERE ${name} IS NOT NULL AND ${name} IS NOT ${dflt ?? 'NULL'}`
          return db.query(sql).get() === null
        })
      expect(unwritten).toEqual([])
    },
  )
})

test('every migration has rows of its own in written.ts', () => {
  expect(WRITTEN.length).toBe(MIGRATIONS.length)
})

test('a migration that fails leaves the file as it was, those before it undone', () => {
  const path = write(3)
  const before = dump(path)
  const failing = [...MIGRATIONS, 'CREATE TABLE later (a); INSERT INTO later SELECT * FROM missing']
  {
    using db = new Database(path, { strict: true })
    expect(() => migrate(db, path, { migrations: failing })).toThrow('no such table: missing')
  }
  expect(dump(path)).toEqual(before)
  openDatabase(path).close()
  expect(dump(path)).not.toEqual(before)
})
