/**
 * The files of the store: for this user only, and for one process at a time.
 *
 * The lock is an open `BEGIN EXCLUSIVE` on a second SQLite file beside the database. It ends with its
 * process, however that ends, and keeps nobody from the database itself: backups and readers go on.
 */
import { Database } from 'bun:sqlite'
import { chmodSync, closeSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../core/types'
import { guarded, StoreError } from './errors'

/** The database is another process's. */
export class DatabaseInUse extends StoreError {
  constructor(path: string, waiting: string) {
    super(`database ${path}: is in use by another process (${waiting})`)
  }
}

export const isFile = (path: string): boolean => path !== ':memory:'

/** The database as SQLite names its files, and the lock: links lead to one name. */
export const filesOf = (path: string): readonly string[] =>
  ['', '-wal', '-shm', '.lock'].map((ending) => `${realpathSync(path)}${ending}`)

/** What it holds are secrets; SQLite gives its companions the rights of the database. */
export function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  try {
    // A file that is there is not opened: closing it would end the locks that this process has on it.
    closeSync(openSync(path, 'wx', 0o600))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    const found = statSync(path)
    if (!found.isFile())
      throw new StoreError(
        `database ${path}: cannot be opened (it is ${found.isDirectory() ? 'a folder' : 'no file'})`,
      )
  }
}

/** Files that every user may read or write are nobody's wish; a group's rights may be. */
export function tighten(path: string, log: Log): void {
  const open = filesOf(path).filter((file) => (modeOf(file) & 0o007) !== 0)
  if (open.length === 0) return
  const fields = { path, mode: (modeOf(open[0]!) & 0o777).toString(8) }
  try {
    for (const file of open) chmodSync(file, 0o600)
    log.warn(fields, 'every user of this machine could read the database; now only its owner can')
  } catch (cause) {
    log.warn({ ...fields, err: cause }, 'every user of this machine may read the database')
  }
}

const modeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mode ?? 0

/** Two that start at once find out within this which of them is first. */
export const TIE_MS = 200

/**
 * Takes the database for this process; the answer gives it back. `patienceMs` is how long the event loop
 * may stand still for it.
 * @throws DatabaseInUse where another process, or another server of this one, has it; StoreError
 */
export function lockDatabase(path: string, patienceMs: number): () => void {
  return guarded(path, () => {
    makePrivate(path)
    const lock = `${realpathSync(path)}.lock`
    const db = guarded(lock, () => {
      makePrivate(lock)
      return new Database(lock)
    })
    try {
      db.run(`PRAGMA busy_timeout = ${patienceMs}`)
      db.run('BEGIN EXCLUSIVE')
    } catch (cause) {
      db.close()
      if ((cause as { code?: unknown }).code !== 'SQLITE_BUSY') throw cause
      throw new DatabaseInUse(path, 'CARILLON_WAIT_FOR_DATABASE_SECONDS waits for its end')
    }
    return () => {
      db.run('ROLLBACK')
      db.close()
    }
  })
}
