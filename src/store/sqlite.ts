/**
 * Sqlite: opens the one database file and brings it up to date.
 */
import { Database } from 'bun:sqlite'
import { realpathSync } from 'node:fs'
import type { Log } from '../core/types'
import { guard } from './errors'
import { isFile, makePrivate, restrictRights } from './files'
import { MIGRATIONS } from './migrations'
import { checkSchema, versionOf } from './schema'

/** @throws StoreError when the file can't be opened, written, read or understood */
export function openDatabase(path: string, log?: Log): Database {
  return guard(path, () => {
    if (isFile(path)) makePrivate(path)
    const db = new Database(path, { strict: true, create: true })
    db.run('PRAGMA busy_timeout = 50')
    checkSchema(db, path) // before anything is written, the journal's mode too
    db.run('PRAGMA journal_mode = WAL')
    db.run('PRAGMA synchronous = NORMAL')
    migrate(db, path, { log })
    db.run('PRAGMA foreign_keys = ON') // after the migrations, which rename tables
    if (isFile(path) && log) restrictRights(path, log)
    return db
  })
}

export type MigrateOptions = {
  readonly migrations?: readonly string[]
  readonly log?: Log | undefined
}

/** Logs before it begins, since it may take long. */
export function migrate(
  db: Database,
  path: string,
  { migrations = MIGRATIONS, log }: MigrateOptions = {},
): void {
  const version = versionOf(db)
  if (version === 0 && isFile(path)) log?.info({ path: realpathSync(path) }, 'a new database')
  if (version > 0 && version < migrations.length)
    log?.info({ path, from: version, to: migrations.length }, 'the database is brought up to date')
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue
    db.transaction(() => {
      db.run(sql)
      db.run(`PRAGMA user_version = ${index + 1}`)
    }).immediate()
  }
  // A write proves that the file and its folder can be written, now and not at 3 a.m.
  db.run(`PRAGMA user_version = ${migrations.length}`)
}
