/**
 * FanOut: the audiences with pending frames, and the one chain of event-loop turns that serves them. Between
 * two turns the loop reads sockets and requests.
 *
 * A single audience has one shard served per turn, so that later events coalesce in the shards that follow.
 * Where several wait, a turn is a slice of `SLICE_COST`. An audience has a quarter of its shards served before
 * the next one has its turn, so that large ones move as fast as small ones; and half of the slice is reserved
 * for small ones, so that they hardly wait for the others.
 *
 * Cost is counted in sends, not timed: a native publish only marks its subscribers, and the runtime
 * writes to them after the turn (3 to 6 µs each, Bun 1.4; the last marked first).
 */
import type { App } from './app'
import type { Counters, Peaks } from './counters'
import { countFault } from './faults'
import type { Latencies } from './latencies'
import type { Limits } from './limits'
import type { Readiness } from './readiness'
import type { Slices } from './slices'
import type { Clock, Log } from './types'

/** Sends of one turn: 0.4 to 0.8 ms. */
export const SLICE_COST = 128
/** What a send takes after the turn. */
const SEND_MS = 0.005
/** The most sends of one shard, where much is pending or frames are large: 2 ms. The rest waits for another turn. */
const SHARD_COST = 4 * SLICE_COST
/** The most sends at publish, in one turn: 2 ms. The rest is queued. */
const AT_ONCE_COST = 3 * SLICE_COST
// A byte takes 0.3 to 0.6 ns where it is read, and 2.5 where it fills the system's buffers, which cannot be told apart
// before it is sent: 3 MB in a turn take 2 or 8 ms. So each is dear until turns have shown otherwise.
const BYTE = {
  /** Its cost in sends, where it is not read and where it is. */
  most: 1 / 2_048,
  least: 1 / 8_192,
  /** Nanoseconds from which on it was dear, with all else that was done until the next turn. */
  dearNs: 1.5,
  /** Bytes of a turn that show what they cost. */
  judged: 512 * 1024,
  /** What a turn of cheap ones leaves of the cost. */
  fading: 0.75,
} as const
/** An audience of at most one large shard is a small one. */
const FEW_SUBSCRIBERS = 64
/** An audience has one in so many of its shards served before the next one has its turn. */
const SHARE = 4
/** After so many turns without a fault the fan-out is sound again. */
const SOUND_TURNS = 1000
/** One in so many frames has its latency measured. That takes a turn of the loop, which few frames must not pay. */
const SAMPLE_EVERY = 64

export type FanOutContext = {
  readonly clock: Clock
  readonly counters: Counters
  readonly peaks: Peaks
  readonly latencies: Pick<Latencies, 'delivery' | 'fanOutLag'>
  readonly log: Log
  readonly limits: Pick<Limits, 'maxQueuedFrames' | 'maxQueuedBytes'>
  readonly readiness: Readiness
  /** What the turns of the fan-out take is taken from theirs. */
  readonly slices: Pick<Slices, 'charge'>
}

/** An audience, as far as turns need. */
export interface PendingAudience {
  readonly size: number
  readonly shardCount: number
  /** See `Audience` for these. */
  turnsLeft: number
  serve(limit: number): number
  settle(): boolean
}

export class FanOut {
  /** Audiences over their bound; see `Audience.waitForRoom`. */
  readonly crowded = new Set<PendingAudience>()
  readonly #small: PendingAudience[] = []
  readonly #large: PendingAudience[] = []
  #armed = false
  /** Sends at publish since the last turn that was scheduled. */
  #atOnce = 0
  /** Frames until the next whose latency is measured. */
  #untilSample = 1
  /** When those were published whose latency is known with the next turn. */
  readonly #sampled: number[] = []
  /** Turns until a fault is forgotten. */
  #unsound = 0
  /** Of a byte, in sends. */
  #byteCost: number = BYTE.most
  /** Bytes of the last turn, and when it began. */
  #bytes = 0
  #began = 0

  constructor(readonly context: FanOutContext) {}

  /** True where an audience of one shard may be served at publish. */
  get hasRoom(): boolean {
    return this.#atOnce < AT_ONCE_COST
  }

  /**
   * Counts the sends of a frame at publish. No turn is scheduled just to reset the count: now and then an event is
   * queued, which costs less.
   */
  spend(cost: number): void {
    this.#atOnce += cost
    if (--this.#untilSample === 0) this.#sample(this.context.clock.mono())
  }

  /** Has the latency of the next frame measured; called now and then, or few frames would have none for long. */
  sampleNext(): void {
    this.#untilSample = 1
  }

  /** The cost of bytes that are sent in this turn. */
  priceOf(bytes: number): number {
    this.#bytes += bytes
    return bytes * this.#byteCost
  }

  /** Adds an audience that has begun to have pending frames. */
  add(audience: PendingAudience): void {
    const queue = audience.size <= FEW_SUBSCRIBERS ? this.#small : this.#large
    queue.push(audience)
    this.#arm()
  }

  /** Counts a frame of the app that was published `at`, and whose last subscriber was served by `now`. */
  countServed({ counters, peaks }: App, at: number, now: number): void {
    const { latencies, peaks: ofAll } = this.context
    const lagMs = now - at
    counters.framesQueued++
    counters.fanOutLagMs += lagMs
    peaks.fanOutLagMs.note(lagMs)
    ofAll.fanOutLagMs.note(lagMs)
    latencies.fanOutLag.observe(lagMs)
    if (--this.#untilSample === 0) this.#sample(at)
  }

  #sample(at: number): void {
    this.#untilSample = SAMPLE_EVERY
    if (this.#sampled.push(at) === 1) setImmediate(this.#finishSamples)
  }

  /** In the turn after the last shard went out: the runtime has written to its sockets. */
  readonly #finishSamples = (): void => {
    const now = this.context.clock.mono()
    for (const at of this.#sampled.splice(0)) this.context.latencies.delivery.observe(now - at)
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#armed = false
    this.#atOnce = 0
    this.#judgeBytes()
    const [small, large] = [this.#small, this.#large]
    const waiting = small.length + large.length
    let spent
    if (waiting === 1) spent = this.#spend(small.length === 1 ? small : large, 1)
    else {
      // Small ones come last, because the runtime writes to the last ones first.
      const reserved = Math.min(SLICE_COST / 2, pendingSends(small))
      spent = this.#spend(large, SLICE_COST - reserved)
      spent += this.#spend(small, Math.max(reserved, SLICE_COST - spent))
    }
    this.context.slices.charge(spent * SEND_MS)
    this.#recover()
    if (small.length + large.length > 0) this.#arm()
  }

  /** Learns from the last turn, which ends here, what its bytes have cost. */
  #judgeBytes(): void {
    const now = this.context.clock.mono()
    if (this.#bytes >= BYTE.judged) {
      const isDear = (now - this.#began) * 1e6 > this.#bytes * BYTE.dearNs
      this.#byteCost = isDear ? BYTE.most : Math.max(this.#byteCost * BYTE.fading, BYTE.least)
    }
    this.#bytes = 0
    this.#began = now
  }

  /** Serves shards until the budget is spent, which the last one may exceed. Returns the sends. */
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

  /** Logged once until turns are sound again; `/ready` is red meanwhile. */
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

/** One frame for each subscriber; stops at `SLICE_COST`. */
function pendingSends(audiences: readonly PendingAudience[]): number {
  let sends = 0
  for (let index = 0; index < audiences.length && sends < SLICE_COST; index++)
    sends += audiences[index]!.size
  return sends
}
