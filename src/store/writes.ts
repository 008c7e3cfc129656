/**
 * Writes that somebody waits for. What the database does not take now is no fault of ours: it is
 * refused with the reason and a time to come again, and `/ready` is red until the database takes
 * something again.
 */
import type { Database } from 'bun:sqlite'
import { RealtimeError } from '../core/errors'
import { Readiness } from '../core/readiness'
import type { Log } from '../core/types'
import { reasonOf } from './errors'

/** The sweep looks that often whether it is over. */
const RETRY_SECONDS = 5

export class Writes {
  /** The server's, once there is one. */
  readiness = new Readiness()

  constructor(
    readonly db: Database,
    readonly log: Log,
  ) {}

  /** @throws RealtimeError('store_unavailable') where the database does not take it; what the write throws otherwise */
  run<T>(write: () => T): T {
    try {
      const done = write()
      this.#over()
      return done
    } catch (cause) {
      const reason = reasonOf(cause)
      if (reason === undefined) throw cause
      this.#trouble(reason, cause)
      throw new RealtimeError('store_unavailable', `database: ${reason}`, {
        cause,
        retryAfterSeconds: RETRY_SECONDS,
      })
    }
  }

  /** A store whose deeds, those that write, are run so. */
  guard<Store extends object>(store: Store, deeds: readonly (keyof Store)[]): Store {
    const guarded = deeds.map((name) => {
      const deed = store[name] as (...args: unknown[]) => unknown
      return [name, (...args: unknown[]) => this.run(() => deed(...args))] as const
    })
    return { ...store, ...Object.fromEntries(guarded) }
  }

  /** Several times a minute: nobody may come who writes. */
  probe(): void {
    if (this.readiness.reasonOf('writes') === undefined) return
    const { db } = this
    const { user_version: version } = db
      .query<{ user_version: number }, []>('PRAGMA user_version')
      .get()!
    try {
      this.run(() => db.run(`PRAGMA user_version = ${version}`))
    } catch {
      // RealtimeError: it is not over, and `/ready` says why.
    }
  }

  /** Said once, until it is over. */
  #trouble(reason: string, cause: unknown): void {
    if (this.readiness.fail('writes', reason)) this.log.error({ err: cause }, `writes: ${reason}`)
  }

  #over(): void {
    if (this.readiness.recover('writes')) this.log.info({}, 'writes: taken again')
  }
}
