/**
 * Files of the store: readable by this user only, and used by one process at a time.
 *
 * The lock is an open `BEGIN EXCLUSIVE` on a second SQLite file beside the database. It ends with its
 * process, however that ends, and does not lock the database itself: backups and readers go on.
 */
import { Database } from 'bun:sqlite'
import { chmodSync, closeSync, mkdirSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Log } from '../core/types'
import { guard, StoreError } from './errors'

export const isFile = (path: string): boolean => path !== ':memory:'

/** The names of the database's files and of the lock, with links resolved. */
export const filesOf = (path: string): readonly string[] =>
  ['', '-wal', '-shm', '.lock'].map((ending) => `${realpathSync(path)}${ending}`)

/** True for the errors of file systems on which a file has one name. */
export const hasNoLinks = (cause: unknown): boolean =>
  ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((cause as NodeJS.ErrnoException).code ?? '')

/** Creates the file, which will have secrets; SQLite gives the files beside it the same rights. */
export function makePrivate(path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  try {
    // An existing file is not opened: closing it would end the locks that this process has on it.
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

/** Takes the rights of all users away; those of a group may be intended. */
export function restrictRights(path: string, log: Log): void {
  const openFiles = filesOf(path).filter((file) => (modeOf(file) & 0o007) !== 0)
  if (openFiles.length === 0) return
  const fields = { path, mode: (modeOf(openFiles[0]!) & 0o777).toString(8) }
  try {
    for (const file of openFiles) chmodSync(file, 0o600)
    log.warn(fields, 'every user of this machine could read the database; now only its owner can')
  } catch (cause) {
    log.warn({ ...fields, err: cause }, 'every user of this machine may read the database')
  }
}

const modeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mode ?? 0

/** Time in which two processes that start at once find out which is first. */
export const TIE_MS = 200

/**
 * Locks the database for this process; returns the function that unlocks it, or undefined where another
 * process, or another server of this one, has it. The event loop stands still for up to `maxWaitMs`.
 * @throws StoreError
 */
export function lockDatabase(path: string, maxWaitMs: number): (() => void) | undefined {
  return guard(path, () => {
    makePrivate(path)
    const lock = `${realpathSync(path)}.lock`
    const db = guard(lock, () => {
      makePrivate(lock)
      return new Database(lock)
    })
    try {
      db.run(`PRAGMA busy_timeout = ${maxWaitMs}`)
      db.run('BEGIN EXCLUSIVE')
    } catch (cause) {
      db.close()
      if ((cause as { code?: unknown }).code === 'SQLITE_BUSY') return undefined
      throw cause
    }
    return () => {
      db.run('ROLLBACK')
      db.close()
    }
  })
}
