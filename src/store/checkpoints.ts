/**
 * Checkpoints: has the log of the database copied into its file by a thread. SQLite itself would do so within a commit:
 * 4 ms of the event loop, and two flushes to the disk. Owns the thread, which is started when the log is first long.
 */
import type { Database } from 'bun:sqlite'
import type { Slices } from '../core/slices'
import type { Log } from '../core/types'
import type { CheckpointOrder, CheckpointReport } from './checkpoint-worker'
import { isFile } from './files'
import { canReadLog, readLog, type LogState } from './sqlite'

/** Pages, of 4 KB. */
const BOUNDS = {
  /** So many are copied at a time, as SQLite does. */
  due: 1000,
  /** From here on the last few are copied by the event loop, where commits come faster than the thread is done. */
  long: 2000,
  /** That few: 0.5 ms, and what the disk takes. */
  few: 128,
  /** SQLite copies them all the same, whatever holds up the thread: 64 MB. */
  most: 16_000,
}

export class Checkpoints {
  /** Undefined where there is nothing to copy, or SQLite does it. */
  #path: string | undefined
  #thread: Worker | undefined
  /** Settles when the thread is done. */
  #running: Promise<void> | undefined
  /** Where the log ended when the thread was last asked to copy it. */
  #asked = 0

  constructor(
    readonly db: Database,
    path: string,
    readonly log: Log,
    readonly bounds: typeof BOUNDS = BOUNDS,
    readonly code: URL = new URL('./checkpoint-worker.ts', import.meta.url),
  ) {
    if (!isFile(path) || !canReadLog(db)) return
    this.#path = path
    this.#copyInCommits(bounds.most)
  }

  /** Called several times a second; takes 5 µs. What is left for the event loop is a task among others. */
  look(slices: Pick<Slices, 'schedule'>): void {
    if (this.#path === undefined || this.#running) return
    const state = readLog(this.db)
    if (state.log < this.#asked) this.#asked = 0 // it has begun anew
    if (state.log - Math.max(state.checkpointed, this.#asked) < this.bounds.due)
      return this.#finish(state, slices)
    this.#asked = state.log
    this.#running = this.#copy(this.#path).finally(() => {
      this.#running = undefined
      this.look(slices)
    })
  }

  /** Resolves when the thread has nothing to do. */
  async settle(): Promise<void> {
    await this.#running
  }

  /** Called before the database is closed, which only the last connection does properly. */
  async stop(): Promise<void> {
    this.#path = undefined
    await this.settle()
    this.#thread?.terminate()
  }

  async #copy(path: string): Promise<void> {
    this.#thread ??= this.#start()
    const { promise, resolve } = Promise.withResolvers<CheckpointReport>()
    this.#thread.onmessage = ({ data }: MessageEvent<CheckpointReport>) => resolve(data)
    this.#thread.addEventListener('close', () => resolve('failed'))
    this.#thread.postMessage(path satisfies CheckpointOrder)
    if ((await promise) === 'failed') this.#giveUp()
  }

  #start(): Worker {
    // A stop waits for it where it has something to do.
    const thread = new Worker(this.code, { ref: false })
    thread.onerror = (event) => event.preventDefault() // its end follows
    return thread
  }

  /** The log begins anew only where all of it was copied; while commits come faster than that, the last few are left. */
  #finish({ log, checkpointed }: LogState, slices: Pick<Slices, 'schedule'>): void {
    const left = log - checkpointed
    if (log >= this.bounds.long && left > 0 && left <= this.bounds.few)
      slices.schedule(() => this.db.run('PRAGMA wal_checkpoint(PASSIVE)'))
  }

  #giveUp(): void {
    this.#path = undefined
    this.#thread?.terminate()
    this.#copyInCommits(this.bounds.due)
    this.log.warn({}, 'database: its log is copied within commits, since a thread could not do it')
  }

  #copyInCommits(pages: number): void {
    this.db.run(`PRAGMA wal_autocheckpoint = ${pages}`)
  }
}
