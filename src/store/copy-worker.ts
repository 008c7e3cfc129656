/**
 * The thread of `copyDatabase`: copies a database with a connection of its own, flushes the copy to the disk and
 * checks it. A statement of SQLite holds up its thread until it is done, so this is not the server's.
 */
import { Database } from 'bun:sqlite'
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { messageOf } from '../core/errors'
import { errorAbout, StoreError } from './errors'
import { checkSchema, versionOf } from './sqlite'

/** What is copied where; the names are for errors. */
export type CopyOrder = {
  readonly from: string
  /** An empty file. */
  readonly to: string
  /** `database data/carillon.sqlite` */
  readonly fromName: string
  readonly toName: string
}

export type CopyReport =
  | { readonly type: 'begun'; readonly totalBytes: number }
  | { readonly type: 'done'; readonly version: number }
  | { readonly type: 'failed'; readonly message: string }

/** A third of a core that somebody else wants, too. */
const COPY_NICENESS = 5
/** How long a reader waits for another process that recovers the database. */
const BUSY_MS = 5000
/** Errors of `VACUUM INTO` that are about what it reads. */
const SOURCE_ERRORS = ['SQLITE_CORRUPT', 'SQLITE_NOTADB', 'SQLITE_BUSY']

function copy({ from, to, fromName, toName }: CopyOrder): void {
  // To be read only; a connection that may not write leaves its index of the log behind.
  using db = about(fromName, () => new Database(from, { readwrite: true }))
  const totalBytes = about(fromName, () => {
    db.run(`PRAGMA busy_timeout = ${BUSY_MS}`)
    checkOurs(db, fromName)
    // Of the copy; the database keeps its own.
    if (read(db, 'auto_vacuum') === 0) db.run('PRAGMA auto_vacuum = INCREMENTAL')
    return sizeOf(db)
  })
  report({ type: 'begun', totalBytes })
  try {
    db.query('VACUUM INTO $to').run({ $to: to })
  } catch (cause) {
    const code = String((cause as { code?: unknown }).code)
    throw errorAbout(SOURCE_ERRORS.some((each) => code.startsWith(each)) ? fromName : toName, cause)
  }
}

/** Returns the version of the copy, which is then on the disk. */
function check({ to, toName }: CopyOrder): number {
  return about(toName, () => {
    flush(to)
    using db = new Database(to, { readonly: true })
    const [found] = db.query<{ quick_check: string }, []>('PRAGMA quick_check(1)').all()
    if (found?.quick_check !== 'ok') throw new Error(`its copy is broken: ${found?.quick_check}`)
    checkOurs(db, toName)
    return versionOf(db)
  })
}

function checkOurs(db: Database, name: string): void {
  checkSchema(db, name)
  if (versionOf(db) === 0) throw new StoreError(`${name}: is empty, no database of ours`)
}

/** The bytes that a copy will have: pages without the free ones. */
const sizeOf = (db: Database): number =>
  (read(db, 'page_count') - read(db, 'freelist_count')) * read(db, 'page_size')

const read = (db: Database, pragma: string): number =>
  Object.values(db.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get()!)[0]!

function flush(file: string): void {
  const descriptor = openSync(file, 'r+')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function about<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw errorAbout(name, cause)
  }
}

/** Leaves the processor to the server where both want it. Elsewhere than on Linux this is of the process, not of a thread. */
function giveWay(): void {
  if (process.platform !== 'linux') return
  try {
    setPriority(COPY_NICENESS)
  } catch {
    // EPERM or ENOSYS, in a sandbox: the copy is as urgent as the server.
  }
}

const report = (message: CopyReport): void => parentPort!.postMessage(message)

giveWay()
try {
  const order = workerData as CopyOrder
  copy(order)
  report({ type: 'done', version: check(order) })
} catch (cause) {
  report({ type: 'failed', message: messageOf(cause) })
}
