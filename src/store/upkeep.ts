/**
 * Upkeep: what the database's file needs while it is in use. Deleted secrets are taken out of it, its log is kept
 * short, pages that stay free are given back, a few with each sweep.
 */
import type { Database } from 'bun:sqlite'
import { statSync } from 'node:fs'
import type { Readiness } from '../core/readiness'
import type { Log } from '../core/types'
import { Checkpoints } from './checkpoints'
import { reasonOf } from './errors'
import { filesOf, isFile } from './files'
import { hasMoreSecrets, scrub } from './scrub'
import { emptyLog, takeSecretChange } from './sqlite'

const BOUNDS = {
  /** The log is copied into the file from 4 MB on; a longer one is cut to this. */
  logBytes: 16 * 1024 * 1024,
  /** Cut off with one sweep, by the next commit that begins the log anew: 1 to 3 ms. */
  cutBytes: 4 * 1024 * 1024,
  /** A log of this length is kept from beginning anew by somebody who reads for long. */
  stuckLogBytes: 64 * 1024 * 1024,
  /** Apps that are written anew while clients wait, 5 ms; more of them when nobody does, at the start and the stop. */
  maxAppsInUse: 500,
  /** Free pages that a file keeps for what comes next: 4 MB. */
  sparePages: 1024,
  /** Given back with one sweep: half a megabyte, 1.5 ms. */
  pagesPerSweep: 128,
}

export class Upkeep {
  readonly checkpoints: Checkpoints
  readonly #logFile: string | undefined
  readonly #canShrink: boolean
  /** What deleted secrets may be in. A process that was killed may have left some in the tables. */
  #remains: 'tables' | 'log' | undefined = 'tables'
  #isLogStuck = false
  /** Of the log, at the sweep before. */
  #logBytes = 0

  /** Begins at once, before anybody waits for the database. */
  constructor(
    readonly db: Database,
    path: string,
    readonly log: Log,
    readonly bounds: typeof BOUNDS = BOUNDS,
  ) {
    this.#logFile = isFile(path) ? filesOf(path)[1] : undefined
    this.checkpoints = new Checkpoints(db, path, log)
    this.#canShrink = this.#read('auto_vacuum') === INCREMENTAL
    if (this.#logFile === undefined) return
    this.#removeRemains(Infinity)
  }

  /** Called several times a minute. A file that another program has changed is left alone. */
  sweep(readiness: Pick<Readiness, 'reasonOf'>): void {
    if (readiness.reasonOf('database') !== undefined) return
    this.#unlessItFails(() => {
      this.#removeRemains(this.bounds.maxAppsInUse)
      this.#watchLog()
      this.#giveBackPages()
    })
  }

  /** Called before the database is closed. */
  async stop(): Promise<void> {
    await this.checkpoints.stop()
    this.finish()
  }

  /** Called before another process has the database. */
  finish(): void {
    this.#unlessItFails(() => this.#removeRemains(Infinity))
  }

  /** A database that fails is reported by whoever needs it. */
  #unlessItFails(work: () => void): void {
    if (this.#logFile === undefined) return
    try {
      work()
    } catch (cause) {
      if (reasonOf(cause) === undefined) throw cause
    }
  }

  #removeRemains(maxApps: number): void {
    if (takeSecretChange(this.db)) this.#remains = 'tables'
    if (this.#remains === 'tables' && !hasMoreSecrets(this.db, maxApps)) {
      scrub(this.db)
      this.#remains = 'log'
    }
    if (this.#remains === 'log' && emptyLog(this.db)) this.#remains = undefined
  }

  #watchLog(): void {
    const { logBytes, cutBytes, stuckLogBytes } = this.bounds
    const bytes = this.#readLogBytes()
    // One that grows would be cut by more than that, and grow again.
    const isCut = bytes > logBytes && bytes <= this.#logBytes
    this.#logBytes = bytes
    const most = isCut ? Math.max(logBytes, bytes - cutBytes) : NO_LIMIT
    this.db.run(`PRAGMA journal_size_limit = ${most}`)
    if (bytes > stuckLogBytes && !this.#isLogStuck) {
      this.#isLogStuck = true
      this.log.warn({ bytes }, 'database: somebody reads it for long, and its log grows meanwhile')
    } else if (bytes <= logBytes && this.#isLogStuck) {
      this.#isLogStuck = false
      this.log.info({ bytes }, 'database: its log is short again')
    }
  }

  #readLogBytes(): number {
    return statSync(this.#logFile!, { throwIfNoEntry: false })?.size ?? 0
  }

  #giveBackPages(): void {
    const { sparePages, pagesPerSweep } = this.bounds
    const pages = this.#canShrink ? this.#read('freelist_count') - sparePages : 0
    if (pages > 0) this.db.run(`PRAGMA incremental_vacuum(${Math.min(pages, pagesPerSweep)})`)
  }

  #read(pragma: string): number {
    return Object.values(this.db.query<Record<string, number>, []>(`PRAGMA ${pragma}`).get()!)[0]!
  }
}

const NO_LIMIT = -1

/** Of `auto_vacuum`. A file from before this was the default has another, until it is restored from a backup. */
const INCREMENTAL = 2
