/**
 * FileWatch: checks that the files of the store are still there, and not written by another program.
 * Otherwise this process writes what nobody will ever read, or breaks what the other has written.
 */
import type { Database } from 'bun:sqlite'
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import type { Core } from '../core/core'
import { filesOf, isFile } from './files'

const LOST = 'its file was deleted or replaced; what is written now ends with this process'
const OVERWRITTEN =
  'its file was written over by another program; stop the server, then restore it, then start'

export class FileWatch {
  #known: readonly { readonly file: string; readonly identity: string | undefined }[] = []
  #overwrites: Overwrites | undefined = undefined

  constructor(readonly path: string) {}

  /** Remembers the files of the open database. */
  start(db: Database): void {
    if (!isFile(this.path)) return
    const files = filesOf(this.path)
    this.#known = files.map((file) => ({ file, identity: identityOf(file) }))
    // Where the file system has no shared memory, every write is one of the file itself.
    const mode = db.query<{ journal_mode: string }, []>('PRAGMA journal_mode').get()!.journal_mode
    if (mode === 'wal') this.#overwrites = new Overwrites(files[0]!)
  }

  /** Logs a change once, and turns `/ready` red; green where a file is back. */
  check({ readiness, log }: Pick<Core, 'readiness' | 'log'>): void {
    const { path } = this
    const trouble = this.#trouble()
    if (trouble === undefined) {
      if (readiness.recover('database')) log.info({ path }, 'database: its file is back')
    } else if (readiness.fail('database', trouble)) log.error({ path }, `database: ${trouble}`)
  }

  /** Called after the database was closed. */
  close(): void {
    this.#overwrites?.close()
    this.#overwrites = undefined
  }

  #trouble(): string | undefined {
    if (this.#overwrites?.check()) return OVERWRITTEN
    const lost = this.#known.some(({ file, identity }) => identity && identityOf(file) !== identity)
    return lost ? LOST : undefined
  }
}

function identityOf(file: string): string | undefined {
  const found = statSync(file, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

// ---------------------------------------------------------------- overwrites

/** Where the index has the salts of the log, and how many of its frames were copied to the file or should be. */
const MARKS = { salts: [32, 40], copied: [96, 100], due: [128, 132] } as const
const INDEX_BYTES = 136

/** Parts of the file that are compared, the first and the last among them: a fifth of a millisecond. */
const PARTS = 64
const PART_BYTES = 4096

/**
 * Finds out whether a program has written to the database's file past SQLite. A backup that is
 * copied over it leaves its name and inode, and this process goes on with the pages in its cache.
 *
 * With a write-ahead log only checkpoints write to that file, and each leaves a mark in the index of the
 * log. Content that changed without a new mark was not written by SQLite, of any process. What is written
 * within five seconds of a checkpoint cannot be told from it.
 * Spec: SQLite, "WAL-mode File Format", 2.1 and 2.2.
 */
class Overwrites {
  readonly #file: number
  readonly #index: number
  readonly #bytes = Buffer.alloc(PARTS * PART_BYTES)
  #mark: string
  #modifiedMs: number
  #content: bigint
  #isOverwritten = false

  /** The files of an open database that has a write-ahead log. */
  constructor(path: string) {
    this.#index = openSync(`${path}-shm`, 'r')
    this.#file = openSync(path, 'r')
    this.#modifiedMs = fstatSync(this.#file).mtimeMs
    this.#content = this.#readContent()
    this.#mark = this.#readMark()
  }

  /** True once an overwrite was found, and from then on. */
  check(): boolean {
    const [mark, modifiedMs, content] = [this.#mark, this.#modifiedMs, this.#content]
    this.#modifiedMs = fstatSync(this.#file).mtimeMs
    // The content counts, not the time: a file may be touched, or its time be late.
    if (this.#modifiedMs !== modifiedMs) this.#content = this.#readContent()
    // Last: a checkpoint leaves a mark before it writes.
    this.#mark = this.#readMark()
    if (this.#content !== content && this.#mark === mark) this.#isOverwritten = true
    return this.#isOverwritten
  }

  /** Called after the database was closed: closing a file ends all locks that this process has on it. */
  close(): void {
    closeSync(this.#file)
    closeSync(this.#index)
  }

  #readMark(): string {
    const bytes = this.#bytes.subarray(0, INDEX_BYTES)
    readSync(this.#index, bytes, 0, INDEX_BYTES, 0)
    return Object.values(MARKS)
      .map(([from, to]) => bytes.subarray(from, to).toHex())
      .join()
  }

  #readContent(): bigint {
    const { size } = fstatSync(this.#file)
    const step = Math.max(PART_BYTES, (size - PART_BYTES) / (PARTS - 1))
    let length = 0
    for (let part = 0; part < PARTS && part * step < size; part++)
      length += readSync(this.#file, this.#bytes, length, PART_BYTES, Math.floor(part * step))
    return BigInt(Bun.hash(this.#bytes.subarray(0, length), BigInt(size)))
  }
}
