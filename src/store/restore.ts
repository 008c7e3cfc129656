/**
 * Restore: puts a backup in the place of a database that no server uses. What was there is kept under another name.
 */
import { Database } from 'bun:sqlite'
import {
  chownSync,
  closeSync,
  linkSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { copyDatabase, deletePartial, find, flushFolder, type CopyOptions } from './copy'
import { errorAbout, StoreError } from './errors'
import { hasNoLinks, lockDatabase } from './files'
import { END_EPOCHS } from './history'

export type RestoreOptions = CopyOptions & {
  /** The time for the name of what is kept. */
  readonly now?: Date | undefined
}

export type Restored = {
  /** The file that was replaced, under its new name; undefined where there was none. */
  readonly kept: string | undefined
  readonly bytes: number
  /** How many migrations the restored database has; the next start applies the others. */
  readonly version: number
}

/**
 * Copies the backup `from` to the database file `to`. A backup that is broken, not ours or of a newer version
 * changes nothing, and neither does a restore that is given up. Whoever starts a server sees the old database or the new one.
 * The events of durable streams are kept, in new epochs.
 * @throws StoreError, whose message is one line for the operator
 */
export async function restore(
  from: string,
  to: string,
  { now = new Date(), ...options }: RestoreOptions = {},
): Promise<Restored> {
  const toName = `database ${to}`
  const found = await find(toName, to)
  if (found && !found.isFile())
    throw new StoreError(`${toName}: is ${found.isDirectory() ? 'a folder' : 'no file'}`)
  const file = found ? realpathSync(to) : to
  // A lock makes a file where there is none: that is for later.
  let unlock = found && lock(to)
  try {
    const order = { from, to: file, fromName: `backup ${from}`, toName }
    const copy = await copyDatabase(order, options)
    try {
      beginStreamsAnew(copy.file)
      unlock ??= lock(to)
      giveTo(found ? file : dirname(file), [copy.file, `${file}.lock`])
      const kept = found && keep(file, now)
      for (const ending of LOGS) rmSync(`${file}${ending}`, { force: true })
      renameSync(copy.file, file)
      await flushFolder(dirname(file))
      return { kept, bytes: copy.bytes, version: copy.version }
    } catch (cause) {
      await deletePartial(copy.file)
      throw errorAbout(toName, cause)
    }
  } finally {
    unlock?.()
  }
}

function lock(path: string): () => void {
  const unlock = lockDatabase(path, 0)
  if (unlock) return unlock
  throw new StoreError(`database ${path}: is in use by a server; stop it first`)
}

/** What SQLite writes beside a database, and would apply to another one of that name. */
const LOGS = ['-wal', '-journal', '-shm']

/**
 * Gives the channels' streams other epochs: after the backup clients have seen events with the offsets that are given
 * out next. Whoever resumes from one of those is told that something is not kept, and not given others in their place.
 */
function beginStreamsAnew(file: string): void {
  using db = new Database(file, { readwrite: true })
  const hasStreams = db.query("SELECT 1 FROM sqlite_schema WHERE name = 'history_streams'").get()
  if (hasStreams) db.run(END_EPOCHS)
}

/** Gives the database another name, and keeps its own until it is replaced. Returns the other one. */
function keep(file: string, now: Date): string {
  const time = now.toISOString().replaceAll(/[-:]/g, '')
  const kept = `${file}.before-restore-${time}`
  foldLog(file)
  nameTwice(file, kept)
  // Only a broken database has a log left.
  for (const ending of LOGS.slice(0, 2))
    if (statSync(`${file}${ending}`, { throwIfNoEntry: false }))
      renameSync(`${file}${ending}`, `${kept}${ending}`)
  return kept
}

/** Gives the file a second name. Where it can have one only, the first is gone for a moment. */
function nameTwice(file: string, name: string): void {
  try {
    linkSync(file, name)
  } catch (cause) {
    if (!hasNoLinks(cause)) throw cause
    renameSync(file, name)
  }
}

/**
 * Writes what stands in the log to the file, so that the file is whole without it. What is no database is not
 * opened: SQLite deletes the log of an empty file.
 */
function foldLog(file: string): void {
  const size = statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0 || !hasHeader(file)) return
  try {
    using db = new Database(file, { readwrite: true })
    db.run('PRAGMA wal_checkpoint(TRUNCATE)')
  } catch {
    // SQLiteError: it is broken, and keeps its log.
  }
}

const HEADER = 'SQLite format 3\0'

function hasHeader(file: string): boolean {
  const descriptor = openSync(file, 'r')
  try {
    const bytes = Buffer.alloc(HEADER.length)
    readSync(descriptor, bytes)
    return bytes.toString('latin1') === HEADER
  } finally {
    closeSync(descriptor)
  }
}

/** Gives files to the owner of another one: root restores for the user that the server runs as. */
function giveTo(path: string, files: readonly string[]): void {
  if (process.getuid?.() !== 0) return
  const owner = statSync(path)
  for (const file of files) chownSync(file, owner.uid, owner.gid)
}
