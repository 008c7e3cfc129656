/**
 * Absence: whether Redis is away, told once when it goes and once when it is back: in the log, and on `/ready`.
 */
import type { Readiness } from '../../core/readiness'
import type { Clock, Log } from '../../core/types'

type AbsenceOptions = {
  readonly clock: Clock
  readonly log: Log
  readonly readiness: Readiness
}

export class Absence {
  #since: number | undefined
  readonly #warned = new Set<string>()

  constructor(private readonly options: AbsenceOptions) {}

  /** Takes what is the matter, undefined where nothing is, and what is not as it should be. */
  note(reason: string | undefined, warnings: readonly string[]): void {
    const { clock, log, readiness } = this.options
    for (const warning of warnings.filter((each) => !this.#warned.has(each))) {
      this.#warned.add(warning)
      log.warn({}, `redis: ${warning}`)
    }
    if (reason !== undefined) {
      readiness.fail('redis', reason)
      if (this.#since === undefined) log.error({ reason }, 'redis: away')
      this.#since ??= clock.mono()
      return
    }
    readiness.recover('redis')
    if (this.#since !== undefined)
      log.info({ awayMs: Math.round(clock.mono() - this.#since) }, 'redis: back')
    this.#since = undefined
  }
}
