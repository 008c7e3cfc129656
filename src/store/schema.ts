/**
 * Whose file it is. Tables are looked at before anything is written: a file of another program is left as
 * it is, and named with what is in it.
 */
import { Database } from 'bun:sqlite'
import { StoreError } from './errors'
import { MIGRATIONS } from './migrations'

/** Not SQLite's own, nor what tools that copy databases keep in them (`_litestream_seq`). */
const COLUMNS = `
  SELECT sqlite_schema.name AS "table", pragma_table_info.name AS "column"
    FROM sqlite_schema, pragma_table_info(sqlite_schema.name)
   WHERE sqlite_schema.type = 'table'
     AND sqlite_schema.name NOT LIKE 'sqlite/_%' ESCAPE '/' AND sqlite_schema.name NOT LIKE '/_%' ESCAPE '/'`

/** Tables and their columns. */
type Schema = ReadonlyMap<string, ReadonlySet<string>>

function schemaOf(db: Database): Schema {
  const schema = new Map<string, Set<string>>()
  for (const { table, column } of db.query<{ table: string; column: string }, []>(COLUMNS).all()) {
    const columns = schema.get(table) ?? new Set()
    schema.set(table, columns.add(column))
  }
  return schema
}

/** The schema after so many migrations. */
function schemaAfter(version: number): Schema {
  using db = new Database(':memory:')
  for (const sql of MIGRATIONS.slice(0, version)) db.run(sql)
  return schemaOf(db)
}

/** How many migrations were applied. */
export function versionOf(db: Database): number {
  return db.query<{ user_version: number }, []>('PRAGMA user_version').get()!.user_version
}

/**
 * Whether the file has what the migrations made that were applied: nothing where none was. More is no matter.
 * @throws StoreError for a file of another program, one that was changed, or one that knows more migrations
 */
export function checkSchema(db: Database, path: string): void {
  const version = versionOf(db)
  if (version > MIGRATIONS.length)
    throw new StoreError(
      `database ${path}: written by a newer version (schema ${version}; this one knows ${MIGRATIONS.length})`,
    )
  const found = schemaOf(db)
  if (version === 0) {
    const [table] = found.keys()
    if (table !== undefined) throw foreign(path, `it has a table ${table}, and nothing of ours`)
    return
  }
  for (const [table, columns] of schemaAfter(version)) {
    const there = found.get(table)
    if (!there) throw foreign(path, `it has no table ${table}`)
    for (const column of columns)
      if (!there.has(column)) throw foreign(path, `its table ${table} has no column ${column}`)
  }
}

const foreign = (path: string, why: string): StoreError =>
  new StoreError(
    `database ${path}: belongs to another program, or was changed: ${why} (DATABASE_PATH names a file of its own)`,
  )
