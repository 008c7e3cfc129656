/**
 * Refusing: whether a Redis that is there refuses what it is told to write, since it is full, cannot save, or lacks
 * replicas. Told once when that begins and once when it is over: in the log, and on `/ready`. Beats find it out.
 */
import type { Readiness } from '../../core/readiness'
import type { Log } from '../../core/types'

/** REMEDIES: what Redis begins its refusals of writes with, and what to do. What its connections find out is Absence's. */
const REMEDIES = {
  OOM: 'It is full: raise its maxmemory, or have apps keep less history (CARILLON_MAX_HISTORY_BYTES_PER_CHANNEL). Sockets stay; joins and events that are kept are refused until then.',
  MISCONF:
    'It cannot save: look at its disk and its log. Sockets stay; joins and events that are kept are refused until then.',
  NOREPLICAS:
    'It has fewer replicas than its min-replicas-to-write: look at them and the way to them.',
  NOPERM: 'Its user may not write: docs/scaling.md, "Redis", has the rights that suffice.',
} as const

const REFUSAL = new RegExp(`^(${Object.keys(REMEDIES).join('|')})\\b[^.]*`)

type Code = keyof typeof REMEDIES

export class Refusing {
  #reason: string | undefined

  constructor(
    private readonly log: Log,
    private readonly readiness: Readiness,
  ) {}

  /** Takes what beats were answered with, of all partitions at once; nothing where all went well. */
  note(messages: readonly string[]): void {
    const found = messages.map((message) => REFUSAL.exec(message)).find(Boolean)
    if (found) {
      const [reason, code] = found
      this.readiness.fail('redis', `it refuses writes: ${reason}`, REMEDIES[code as Code])
      if (this.#reason === undefined) this.log.error({ reason }, 'redis: it refuses writes')
      this.#reason = reason
    } else if (this.#reason !== undefined && messages.length === 0) {
      this.readiness.recover('redis')
      this.log.info({}, 'redis: it takes writes again')
      this.#reason = undefined
    }
  }
}
