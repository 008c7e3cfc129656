/**
 * The estate: the database, its lock, and what is to be written into it, as a process leaves it to the next one. It may
 * be read on, so that whatever still looks something up here finds it.
 */
import type { Database } from 'bun:sqlite'
import type { Core } from '../core/core'
import type { Statistics } from '../core/statistics'
import { lockDatabase } from '../store/files'
import type { Upkeep } from '../store/upkeep'
import type { Webhooks } from '../webhooks/webhooks'
import type { Estate } from './door'

/** The lock of the database; it may be given up and taken again. */
export class Lock {
  #release: (() => void) | undefined

  constructor(release: () => void) {
    this.#release = release
  }

  release(): void {
    this.#release?.()
    this.#release = undefined
  }

  /** False where another process has it. @throws StoreError */
  take(path: string): boolean {
    this.#release ??= lockDatabase(path, 0)
    return this.#release !== undefined
  }
}

export type EstateParts = {
  readonly core: Core
  readonly db: Database
  /** Of the database. */
  readonly path: string
  readonly lock: Lock
  readonly upkeep: Upkeep
  readonly webhooks: Webhooks
  /** Undefined where none are kept. */
  readonly statistics: Statistics | undefined
}

export function estateOf(parts: EstateParts): Estate {
  const { core, db, path, lock, upkeep, webhooks, statistics } = parts
  return {
    finishWork: () =>
      Promise.all([core.engine.rest(true), webhooks.finish(), upkeep.checkpoints.settle()]),
    release() {
      webhooks.hold()
      core.engine.handOver()
      statistics?.stop()
      upkeep.finish()
      db.run('PRAGMA query_only = ON')
      lock.release()
    },
    takeBack() {
      if (!lock.take(path)) return false
      db.run('PRAGMA query_only = OFF')
      core.engine.takeBack()
      webhooks.takeBack()
      return true
    },
    divert: (send) => webhooks.divert(send),
  }
}
