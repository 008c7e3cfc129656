/**
 * FanOut: the audiences that owe their subscribers something, and the one chain of event-loop turns
 * that serves them. Between two turns the loop reads sockets and requests.
 *
 * An audience that is alone has one shard served per turn, so that what is published meanwhile meets in
 * the shards that follow. Where several wait, a turn is a slice of `SLICE_COST`. A quarter of its shards
 * is an audience's share before the next one has its turn, so that who owes much moves as fast as who
 * owes little; and half of the slice is for those who owe little, so that they hardly wait for the others.
 *
 * Cost is counted in sends, not timed: a native publish only marks its subscribers, and the runtime
 * writes to them after the turn (3 to 6 µs each, Bun 1.4; the last marked first).
 */
import type { Counters } from './counters'
import { countFault } from './faults'
import type { Limits } from './limits'
import type { Readiness } from './readiness'
import type { Clock, Log } from './types'

/** Sends of one turn: 0.4 to 0.8 ms. */
export const SLICE_COST = 128
/** Of one shard at the most, where much is pending or frames are large: 2 ms. The rest waits for another turn. */
const SHARD_COST = 4 * SLICE_COST
/** Of channels that are served as they are published to, in one turn: 2 ms. The rest waits as for many subscribers. */
const AT_ONCE_COST = 3 * SLICE_COST
/** Who has no more subscribers than a large shard owes little. */
const FEW_SUBSCRIBERS = 64
/** The part of its shards that an audience has served before the next one has its turn. */
const SHARE = 4
/** So many turns without a fault, and the fan-out is sound again. */
const SOUND_TURNS = 1000

export type FanOutContext = {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  readonly limits: Pick<Limits, 'maxQueuedFrames' | 'maxQueuedBytes'>
  readonly readiness: Readiness
}

/** An audience, as whose turn it is. */
export interface PendingAudience {
  /** How many subscribers it has. */
  readonly size: number
  readonly shardCount: number
  /** Shards that it may have served before the next audience has its turn. Owned by the fan-out. */
  turnsLeft: number
  /** Serves the next shard that lags behind, for about so many sends. Returns how many they were. */
  serve(limit: number): number
  /** True once all have been served what there was: it waits for no turn any more. */
  settle(): boolean
}

export class FanOut {
  /** Over their bound; see `Audience.room`. */
  readonly crowded = new Set<PendingAudience>()
  readonly #little: PendingAudience[] = []
  readonly #much: PendingAudience[] = []
  #armed = false
  /** What was spent at once since the last turn that was looked at. */
  #atOnce = 0
  /** Turns until a fault is forgotten. */
  #unsound = 0
  #lagMs = 0

  constructor(readonly context: FanOutContext) {}

  /** An audience of one shard may be served at once. */
  get hasRoom(): boolean {
    return this.#atOnce < AT_ONCE_COST
  }

  /**
   * One was, at such a cost. Where turns cost little, none of them is told that it is over: once in a
   * while an event waits for the next, which costs less than a look at every turn.
   */
  spend(cost: number): void {
    this.#atOnce += cost
  }

  /** An audience has begun to owe something. */
  add(audience: PendingAudience): void {
    const queue = audience.size <= FEW_SUBSCRIBERS ? this.#little : this.#much
    queue.push(audience)
    this.#arm()
  }

  /** Its last subscriber was served so long after it was published. */
  countServed(lagMs: number): void {
    const { counters } = this.context
    counters.framesQueued++
    counters.fanOutLagMs = Math.round((this.#lagMs += lagMs))
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#armed = false
    this.#atOnce = 0
    const [little, much] = [this.#little, this.#much]
    const waiting = little.length + much.length
    if (waiting === 1) this.#spend(little.length === 1 ? little : much, 1)
    else {
      // Those who owe little come last, because the runtime writes to the last ones first.
      const reserved = Math.min(SLICE_COST / 2, owedBy(little))
      const spent = this.#spend(much, SLICE_COST - reserved)
      this.#spend(little, Math.max(reserved, SLICE_COST - spent))
    }
    this.#recover()
    if (little.length + much.length > 0) this.#arm()
  }

  /** Serves shards until the budget is spent, which the last one may exceed. Returns what was. */
  #spend(queue: PendingAudience[], budget: number): number {
    let spent = 0
    while (spent < budget && queue.length > 0) {
      const audience = queue[0]!
      if (audience.turnsLeft === 0) audience.turnsLeft = Math.ceil(audience.shardCount / SHARE)
      audience.turnsLeft--
      let isSettled = false
      try {
        spent += audience.serve(SHARD_COST)
        isSettled = audience.settle()
      } catch (cause) {
        this.#fault(cause)
        audience.turnsLeft = 0 // the others first
        spent = budget
      }
      if (isSettled) queue.shift()
      else if (audience.turnsLeft === 0) queue.push(queue.shift()!)
    }
    return spent
  }

  /** Said once, until it is over; `/ready` is red meanwhile. */
  #fault(cause: unknown): void {
    const { readiness, counters } = this.context
    if (this.#unsound > 0) counters.faults++
    else countFault(this.context, cause, { part: 'fan-out' })
    this.#unsound = SOUND_TURNS
    readiness.fail('fan-out', 'a turn failed')
  }

  #recover(): void {
    if (this.#unsound > 0 && --this.#unsound === 0) this.context.readiness.recover('fan-out')
  }
}

/** At the most, and no more of them than matter. */
function owedBy(audiences: readonly PendingAudience[]): number {
  let sends = 0
  for (let index = 0; index < audiences.length && sends < SLICE_COST; index++)
    sends += audiences[index]!.size
  return sends
}
