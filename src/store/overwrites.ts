/**
 * Overwrites: finds out whether a program has written to the database's file past SQLite. A backup that is
 * copied over it leaves its name and inode, and this process goes on with the pages in its cache.
 *
 * With a write-ahead log only checkpoints write to that file, and each leaves a mark in the index of the
 * log. Content that changed without a new mark was not written by SQLite, of any process. What is written
 * within five seconds of a checkpoint cannot be told from it.
 * Spec: SQLite, "WAL-mode File Format", 2.1 and 2.2.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The salts of the log; how many of its frames were copied to the file, and how many should be. */
const MARKS = [
  { at: 32, bytes: 8 },
  { at: 96, bytes: 4 },
  { at: 128, bytes: 4 },
] as const
const INDEX_BYTES = 136

/** Parts of the file that are compared, the first and the last among them: a fifth of a millisecond. */
const PARTS = 64
const PART_BYTES = 4096

export class Overwrites {
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
    return MARKS.map(({ at, bytes: length }) =>
      bytes.toHex().slice(at * 2, (at + length) * 2),
    ).join()
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
