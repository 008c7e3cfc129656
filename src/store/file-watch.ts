/**
 * FileWatch: checks that the files of the store are still there, and not written by another program.
 * Otherwise this process writes what nobody will ever read, or breaks what the other has written.
 */
import type { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import type { Core } from '../core/core'
import { filesOf, isFile } from './files'
import { Overwrites } from './overwrites'

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
