/**
 * Refusing: whether a Redis that is there refuses what it is told to write, since it is full, cannot save, or lacks
 * replicas. Told once when that begins and once when it is over: in the log, and on `/ready`. Beats find it out.
 */
import type { Readiness } from '../../core/readiness'
import type { Log } from '../../core/types'

/** What Redis begins its refusals of writes with. What its connections find out is Absence's. */
const REFUSAL = /^(OOM|MISCONF|NOREPLICAS|NOPERM)\b[^.]*/

export class Refusing {
  #reason: string | undefined

  constructor(
    private readonly log: Log,
    private readonly readiness: Readiness,
  ) {}

  /** Takes what beats were answered with, of all partitions at once; nothing where all went well. */
  note(messages: readonly string[]): void {
    const reason = messages.map((message) => REFUSAL.exec(message)?.[0]).find(Boolean)
    if (reason !== undefined) {
      this.readiness.fail('redis', `it refuses writes: ${reason}`)
      if (this.#reason === undefined) this.log.error({ reason }, 'redis: it refuses writes')
      this.#reason = reason
    } else if (this.#reason !== undefined && messages.length === 0) {
      this.readiness.recover('redis')
      this.log.info({}, 'redis: it takes writes again')
      this.#reason = undefined
    }
  }
}
