/**
 * Writes that a request waits for. A database that cannot write now is no fault of ours: the write is
 * refused with the reason and a time to retry, and `/ready` is red until the next write succeeds.
 */
import type { Database } from 'bun:sqlite'
import { RealtimeError } from '../core/errors'
import { Readiness } from '../core/readiness'
import type { Log } from '../core/types'
import { reasonOf } from './errors'
import { versionOf } from './sqlite'

/** How often the sweep probes. */
const RETRY_SECONDS = 5

export class Writes {
  /** The server's, once there is one. */
  readiness = new Readiness()

  constructor(
    readonly db: Database,
    readonly log: Log,
  ) {}

  /** @throws RealtimeError('store_unavailable') where the database fails; else what the write throws */
  run<T>(write: () => T): T {
    try {
      const done = write()
      if (this.readiness.recover('writes')) this.log.info({}, 'writes: accepted again')
      return done
    } catch (cause) {
      const reason = reasonOf(cause)
      if (reason === undefined) throw cause
      // Logged once, until it is over.
      if (this.readiness.fail('writes', reason)) this.log.error({ err: cause }, `writes: ${reason}`)
      throw unavailable(reason, cause)
    }
  }

  /**
   * As `run`, for writes that events cause: while the database fails they do not wait for it each time, but for the
   * sweep's probe.
   */
  runWhileSound<T>(write: () => T): T {
    const reason = this.readiness.reasonOf('writes')
    if (reason !== undefined) throw unavailable(reason)
    return this.run(write)
  }

  /** As `runWhileSound`, for chores: where the database fails, the next sweep does them. */
  runChore(write: () => void): void {
    try {
      this.runWhileSound(write)
    } catch (cause) {
      if (!(cause instanceof RealtimeError)) throw cause // else `/ready` has the reason
    }
  }

  /** The store, with these methods, which write, run by `run`. */
  guard<Store extends object>(store: Store, methods: readonly (keyof Store)[]): Store {
    const guarded = methods.map((name) => {
      const method = store[name] as (...args: unknown[]) => unknown
      return [name, (...args: unknown[]) => this.run(() => method(...args))] as const
    })
    return { ...store, ...Object.fromEntries(guarded) }
  }

  /** Called several times a minute, since no request may come that writes. */
  probe(): void {
    if (this.readiness.reasonOf('writes') === undefined) return
    const version = versionOf(this.db)
    try {
      this.run(() => this.db.run(`PRAGMA user_version = ${version}`))
    } catch {
      // RealtimeError: the database still fails, and `/ready` has the reason.
    }
  }
}

const unavailable = (reason: string, cause?: unknown): RealtimeError =>
  new RealtimeError('store_unavailable', `database: ${reason}`, {
    cause,
    retryAfterSeconds: RETRY_SECONDS,
  })
