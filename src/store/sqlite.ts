/**
 * Sqlite: opens the one database file, checks that it is ours and brings it up to date. Its tables are
 * checked before anything is written: a file of another program stays as it is, and the error names one.
 */
import { Database } from 'bun:sqlite'
import { realpathSync } from 'node:fs'
import type { Log } from '../core/types'
import { guard, StoreError } from './errors'
import { isFile, makePrivate, restrictRights } from './files'
import { MIGRATIONS } from './migrations'

/** What is deleted is overwritten, but for pages that are free then: these would be written once more. */
export const SECURE_DELETE = 'PRAGMA secure_delete = FAST'

/** How long a write waits for another process, while the event loop stands still. */
const BUSY_TIMEOUT = 'PRAGMA busy_timeout = 50'

/** @throws StoreError when the file can't be opened, written, read or understood */
export function openDatabase(path: string, log?: Log): Database {
  return guard(path, () => {
    if (isFile(path)) makePrivate(path)
    const db = copyOfNew(path) ?? openChecked(path)
    db.run('PRAGMA auto_vacuum = INCREMENTAL') // of a new file; any other keeps its own
    db.run('PRAGMA journal_mode = WAL')
    db.run('PRAGMA synchronous = NORMAL')
    db.run('PRAGMA fullfsync = ON') // on macOS, where a flush leaves the bytes in the disk's cache
    db.run('PRAGMA secure_delete = ON')
    migrate(db, path, { log })
    db.run(SECURE_DELETE)
    forgetStatistics(db)
    db.run('PRAGMA foreign_keys = ON') // after the migrations, which rename tables
    if (isFile(path) && log) restrictRights(path, log)
    if (path === IN_MEMORY) newInMemory ??= db.serialize()
    return db
  })
}

function openChecked(path: string): Database {
  const db = new Database(path, { strict: true, create: true })
  db.run(BUSY_TIMEOUT)
  checkSchema(db, `database ${path}`, OTHER_FILE) // before anything is written, the journal's mode too
  return db
}

const IN_MEMORY = ':memory:'

/** A new database. The next one in memory is a copy: in tests that start many servers, migrating each takes 3 ms, a copy 0.2. */
let newInMemory: Uint8Array | undefined

const copyOfNew = (path: string): Database | undefined =>
  path === IN_MEMORY && newInMemory
    ? Database.deserialize(newInMemory, { strict: true })
    : undefined

type MigrateOptions = {
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
  // All or nothing: the version that wrote the file must be able to read it after a failure.
  db.transaction(() => {
    for (const sql of migrations.slice(version)) db.run(sql)
    if (version < migrations.length) {
      db.run(`PRAGMA user_version = ${migrations.length}`)
      if (db.query(HAS_MIRROR).get()) db.run(TAKE_AGAIN)
    }
  }).immediate()
  // A write proves that the file and its folder can be written, now and not at 3 a.m.
  db.run(`PRAGMA user_version = ${migrations.length}`)
}

const HAS_MIRROR = "SELECT 1 FROM sqlite_schema WHERE name = 'mirror'"
/** What other nodes have, and the version before had no column for. */
const TAKE_AGAIN = "UPDATE mirror SET life = ''"

/**
 * Runs a write of an operator in one transaction, which a power cut does not undo once this has returned; so it flushes
 * earlier commits, too. Within another such write it is a part of that. Every write to apps, keys, changes of provided
 * apps and admins passes here; all others may lose what a power cut finds in the system's buffers.
 * The level is switched, since a second connection's writes would empty the page cache of this one.
 * @throws Error within a transaction that would not last
 */
export function commitDurably<T>(db: Database, write: () => T): T {
  if (db.inTransaction) {
    if (levelOf(db) !== FULL)
      throw new Error('a write that must last is in a transaction that may not')
    return db.transaction(write)()
  }
  db.run(`PRAGMA synchronous = ${FULL}`)
  db.run('PRAGMA secure_delete = ON')
  try {
    return db.transaction(write).immediate()
  } finally {
    db.run(SECURE_DELETE)
    db.run('PRAGMA synchronous = NORMAL')
    noteSecretChange(db)
  }
}

const changedSecrets = new WeakSet<Database>()

/** Called where secrets may have been deleted: they are still in the file, for `Upkeep` to find. */
export const noteSecretChange = (db: Database): void => void changedSecrets.add(db)

/** True where there was such a change since the last call. */
export const takeSecretChange = (db: Database): boolean => changedSecrets.delete(db)

const FULL = 2
const levelOf = (db: Database): number =>
  db.query<{ synchronous: number }, []>('PRAGMA synchronous').get()!.synchronous

/** Pages of the log, and how many of the first were copied into the file; both -1 where there is no log. */
export type LogState = { readonly log: number; readonly checkpointed: number }

export const readLog = (db: Database): LogState =>
  db.query<LogState, []>('PRAGMA wal_checkpoint(NOOP)').get()!

/** False for a system's SQLite that is older than 3.51: there `readLog` copies. */
export function canReadLog(db: Database): boolean {
  const { version } = db.query<{ version: string }, []>('SELECT sqlite_version() AS version').get()!
  return Bun.semver.order(version, '3.51.0') >= 0
}

/** Copies the log into the file and leaves it empty. False where somebody reads from it; does not wait for them. */
export function emptyLog(db: Database): boolean {
  db.run('PRAGMA busy_timeout = 0')
  try {
    return db.query<{ busy: number }, []>('PRAGMA wal_checkpoint(TRUNCATE)').get()!.busy === 0
  } finally {
    db.run(BUSY_TIMEOUT)
  }
}

/**
 * Forgets what `ANALYZE` or `PRAGMA optimize` have learnt, whoever ran them. Every statement finds its rows by an index
 * without it. With it a table that was nearly empty is walked over from then on, also when it has a million rows: the
 * outbox is empty until an endpoint fails.
 */
function forgetStatistics(db: Database): void {
  const tables = db.query<{ name: string }, []>(STATISTICS).all()
  for (const { name } of tables) db.run(`DELETE FROM ${name}`)
  if (tables.length > 0) db.run('ANALYZE sqlite_schema') // reads them again
}

const STATISTICS = "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')"

// ---------------------------------------------------------------- schema

/** Without SQLite's own tables, and those of tools that copy databases (`_litestream_seq`). */
const COLUMNS = `
  SELECT sqlite_schema.name AS "table", pragma_table_info.name AS "column"
    FROM sqlite_schema, pragma_table_info(sqlite_schema.name)
   WHERE sqlite_schema.type = 'table'
     AND sqlite_schema.name NOT LIKE 'sqlite/_%' ESCAPE '/' AND sqlite_schema.name NOT LIKE '/_%' ESCAPE '/'`

/** Columns by table. */
type Schema = ReadonlyMap<string, ReadonlySet<string>>

function schemaOf(db: Database): Schema {
  const schema = new Map<string, Set<string>>()
  for (const { table, column } of db.query<{ table: string; column: string }, []>(COLUMNS).all())
    schema.getOrInsertComputed(table, () => new Set()).add(column)
  return schema
}

/** The schema after the first `version` migrations. */
function schemaAfter(version: number): Schema {
  using db = new Database(':memory:')
  for (const sql of MIGRATIONS.slice(0, version)) db.run(sql)
  return schemaOf(db)
}

/** How many migrations were applied. */
export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()!.user_version
}

const OTHER_FILE = ' (set DATABASE_PATH to a file of its own)'

/**
 * Checks that the file has the tables and columns of its migrations, or none before the first; it may have more.
 * `name` is `database <path>`, and `hint` follows what is wrong with a file that is not ours.
 * @throws StoreError for a file of another program, a changed one, or one with unknown migrations
 */
export function checkSchema(db: Database, name: string, hint = ''): void {
  const version = versionOf(db)
  if (version > MIGRATIONS.length)
    throw new StoreError(
      `${name}: written by a newer version (schema ${version}; this one knows ${MIGRATIONS.length})`,
    )
  const problem = findForeign(schemaOf(db), version)
  if (problem !== undefined)
    throw new StoreError(`${name}: belongs to another program, or was changed: ${problem}${hint}`)
}

/** What is not ours, of a file that `version` migrations were applied to. */
function findForeign(found: Schema, version: number): string | undefined {
  if (version === 0) {
    const [table] = found.keys()
    return table && `it has a table ${table}, and nothing of ours`
  }
  for (const [table, columns] of schemaAfter(version)) {
    const columnsFound = found.get(table)
    if (!columnsFound) return `it has no table ${table}`
    for (const column of columns)
      if (!columnsFound.has(column)) return `its table ${table} has no column ${column}`
  }
  return undefined
}
