/**
 * Whether somebody else has written to the database's own file, past SQLite: a backup that is copied over
 * it leaves the name and the file as they are, and this process goes on with pages that it remembers.
 *
 * With a write-ahead log that file is written by checkpoints alone, and each leaves a mark in the index of
 * the log. Content that is another without a new mark is not SQLite's, of whatever process. What is written
 * in the five seconds of a checkpoint is not told apart.
 * Spec: SQLite, "WAL-mode File Format", 2.1 and 2.2.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The salts of the log; how many of its frames were, and were to be, copied to the file. */
const MARKS = [
  { at: 32, bytes: 8 },
  { at: 96, bytes: 4 },
  { at: 128, bytes: 4 },
] as const
const INDEX_BYTES = 136

/** Parts of the file, its first and its last among them, that stand for all of it: a fifth of a millisecond. */
const PARTS = 64
const PART_BYTES = 4096

export class Overwrites {
  readonly #file: number
  readonly #index: number
  readonly #bytes = Buffer.alloc(PARTS * PART_BYTES)
  #mark: string
  #written: number
  #content: bigint
  #found = false

  /** The files of an open database that has a write-ahead log. */
  constructor(path: string) {
    this.#index = openSync(`${path}-shm`, 'r')
    this.#file = openSync(path, 'r')
    this.#written = fstatSync(this.#file).mtimeMs
    this.#content = this.#readContent()
    this.#mark = this.#readMark()
  }

  /** True from when it was seen on. */
  look(): boolean {
    const [mark, written, content] = [this.#mark, this.#written, this.#content]
    this.#written = fstatSync(this.#file).mtimeMs
    // A file that was touched, or whose time comes late, has the same content.
    if (this.#written !== written) this.#content = this.#readContent()
    // Last: a checkpoint leaves a mark before it writes.
    this.#mark = this.#readMark()
    if (this.#content !== content && this.#mark === mark) this.#found = true
    return this.#found
  }

  /** Only after the database: closing a file ends every lock that this process has on it. */
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
