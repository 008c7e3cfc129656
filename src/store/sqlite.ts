/**
 * The one SQLite file: opening it, bringing it up to date, and saying in one line why it can't be.
 */
import { Database } from 'bun:sqlite'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { MIGRATIONS } from './migrations'

/** A database that can't be used; the message is one line for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/** @throws StoreError when the file can't be opened, written, read or understood */
export function openDatabase(path: string): Database {
  return guarded(path, () => {
    if (path !== ':memory:') makePrivateFile(path)
    const db = new Database(path, { strict: true, create: true })
    db.run('PRAGMA busy_timeout = 50')
    db.run('PRAGMA journal_mode = WAL')
    db.run('PRAGMA synchronous = NORMAL')
    migrate(db, path)
    db.run('PRAGMA foreign_keys = ON') // after the migrations, which rename tables
    return db
  })
}

/** Runs what needs the database. @throws StoreError in place of whatever SQLite or the system throws */
export function guarded<T>(path: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw new StoreError(`database ${path}: ${explain(cause)}`, { cause })
  }
}

/** It holds secrets; SQLite gives its companions the same rights. */
function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  closeSync(openSync(path, 'a', 0o600))
}

function migrate(db: Database, path: string): void {
  const { user_version: version } = db
    .query<{ user_version: number }, []>('PRAGMA user_version')
    .get()!
  if (version > MIGRATIONS.length)
    throw new StoreError(
      `database ${path}: written by a newer version (schema ${version}; this one knows ${MIGRATIONS.length})`,
    )
  for (const [index, sql] of MIGRATIONS.entries()) {
    if (index < version) continue
    db.transaction(() => {
      db.run(sql)
      db.run(`PRAGMA user_version = ${index + 1}`)
    }).immediate()
  }
  // A write proves that the file and its folder can be written, now and not at 3 a.m.
  db.run(`PRAGMA user_version = ${MIGRATIONS.length}`)
}

/** SQLite's result codes and the file system's, in the operator's words. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  SQLITE_NOTADB: 'is not a SQLite database, or is corrupt',
  SQLITE_CORRUPT: 'is corrupt',
  SQLITE_CANTOPEN: 'cannot be opened (does the folder exist, and may this user write it?)',
  SQLITE_READONLY: 'is read-only for this user',
  SQLITE_READONLY_DIRECTORY: 'is in a folder that this user cannot write',
  SQLITE_FULL: 'the disk is full',
  SQLITE_IOERR: 'cannot be read or written (disk error, or the disk is full)',
  SQLITE_BUSY: 'is locked by another process',
  EACCES: 'cannot be written, or its folder cannot be created (permission denied)',
  EPERM: 'cannot be written (permission denied)',
  ENOENT: 'cannot be opened, nor its folder be created',
  EISDIR: 'cannot be opened (it is a folder)',
  EROFS: 'cannot be written (read-only file system)',
  ENOTDIR: 'its folder cannot be created (a parent is a file)',
  EEXIST: 'its folder cannot be created (a file is in its place)',
  ENOSPC: 'the disk is full',
}

function explain(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const known = Object.keys(EXPLANATIONS)
    .filter((name) => code.startsWith(name))
    .sort((a, b) => b.length - a.length)[0]
  if (known) return EXPLANATIONS[known]!
  return cause instanceof Error ? cause.message : String(cause)
}
