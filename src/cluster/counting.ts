/**
 * Counting: how many subscriptions without seats this node has in each channel, as Redis is told: at once where a
 * channel has its first, or has none any more, else a little later.
 */
import type { Cancel } from '../core/types'
import { ignoreAway } from './link/away'
import { isNewLife, runOn, type Context } from './context'
import type { Replica } from './replica'
import { SCRIPTS } from './scripts'

/** How far behind the number of others may be. */
const LAG_MS = 100

export class Counting {
  readonly #changed = new Set<Replica>()
  #timer: Cancel | undefined

  constructor(
    readonly context: Context,
    readonly renew: (partition: number) => Promise<void>,
    readonly lagMs = LAG_MS,
  ) {}

  /** Notes that the number has changed. Done, for the first of a channel, when Redis knows; rejects with RedisAway. */
  note(replica: Replica): Promise<void> | undefined {
    const isTurn = (replica.told ?? 0) === 0 || replica.own === 0
    if (isTurn || this.lagMs === 0) return this.tell(replica)
    this.#changed.add(replica)
    this.#timer ??= this.context.clock.after(this.lagMs, () => this.flush())
    return undefined
  }

  /** Tells Redis all that has changed. */
  flush(): void {
    this.#timer?.()
    this.#timer = undefined
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const replica of changed) this.tell(replica).catch(ignoreAway) // told again when it is fetched
  }

  /** Rejects with RedisAway; Redis is told again when the channel is fetched. */
  async tell(replica: Replica): Promise<void> {
    this.#changed.delete(replica)
    const { context } = this
    const { name, partition } = replica
    try {
      for (;;) {
        const isKnown = isNewLife(context, partition) ? 1 : 0
        replica.told = replica.own
        const answer = await runOn(context, SCRIPTS.count, name, replica.own, isKnown)
        if (answer !== 'EXPIRED') return
        await this.renew(partition)
      }
    } catch (cause) {
      replica.told = undefined
      context.untold.add(partition)
      throw cause
    }
  }

  stop(): void {
    this.#timer?.()
    this.#changed.clear()
  }
}
