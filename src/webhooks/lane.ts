/**
 * A lane: the requests to one endpoint of one app, one at a time, in order per channel. A dead or slow
 * endpoint delays nobody else's events. Owns what is under way to it and how it has answered lately.
 *
 * An event that is refused is tried again, with fewer others each time, so that one which an endpoint
 * will never take ends up alone, delays its own channel only, and is a dead letter when its window is
 * over. An endpoint that refuses everything is left in peace, and probed with one event at a time.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import type { Attempt } from '../core/deliveries'
import type { Cancel } from '../core/types'
import { endpointsOf, type Endpoint } from '../core/webhooks'
import {
  SLICE_ROWS,
  type LaneKey,
  type Outbox,
  type OutboxRow,
  type Pardon,
  type Taken,
} from '../store/outbox'
import type { Poster, PostRequest } from './post'
import { attemptsBeforeAlone, batchSize, requestFor } from './request'
import { backoffMs, Breaker, STALE_MS, WINDOW_MS } from './retries'

export type Shared = {
  readonly core: Core
  readonly outbox: Outbox
  readonly poster: Poster
  readonly batchEvents: number
  /** Rows of one endpoint; past it, new ones are dropped. */
  readonly maxStored: number
  /** How long rows are leased; a request does not take as long. */
  readonly leaseMs: number
  /** Told of a lane whose endpoint is gone, and with it all that was to be sent there. */
  readonly ended: (key: LaneKey) => void
}

/** How events end that are not delivered, in the log. */
const ENDS = {
  dead: 'webhook events are given up and kept as dead letters',
  dropped: 'webhook events are dropped with their endpoint',
} as const
/** A database that fails is asked again after this. */
const RETRY_MS = 1000

export class Lane {
  readonly #breaker = new Breaker()
  /** Rows that were tried, and are made due before anything is sent. */
  #pardon: Pardon | undefined
  #busy = false
  #underWay = Promise.resolve()
  #resting = false
  #stopped = false
  /** Events whose end the log has not told yet. */
  readonly #untold = { dead: 0, dropped: 0 }
  #full = false
  /** The database fails: said once, until it is over. */
  #troubled = false
  #timer: Cancel | undefined

  constructor(
    readonly key: LaneKey,
    readonly shared: Shared,
  ) {
    // What an earlier process had under way, or put off, is due; what is of long ago is as new.
    this.#pardon = { below: 0, before: shared.core.clock.now() - STALE_MS }
  }

  /** True while the breaker is open. */
  get paused(): boolean {
    return this.#breaker.isOpen
  }

  /** Sends what is due, or waits until something is. */
  wake(): void {
    if (this.#busy || this.#resting) return
    this.#timer?.()
    this.#timer = undefined
    this.#sayIfFull()
    try {
      this.#next()
      this.#troubled = false
    } catch (cause) {
      this.#fault(cause)
    }
  }

  /** Takes up nothing more; resolves when what is under way was answered. */
  finish(): Promise<void> {
    this.#resting = true
    this.#timer?.()
    return this.#underWay
  }

  /** What comes of what is under way is not heard any more. */
  stop(): void {
    void this.finish()
    this.#stopped = true
  }

  #next(): void {
    const { outbox, core } = this.shared
    const target = this.#target()
    if (!target) return this.#drop()
    const now = core.clock.now()
    if (this.#pardon && outbox.reopen(this.key, now, this.#pardon)) return this.#soon()
    this.#pardon = undefined
    if (this.paused && this.#bury(now) > 0) return this.#soon()
    const pauseMs = this.#breaker.pauseMs(core.clock.mono())
    if (pauseMs > 0) return this.#wakeIn(pauseMs)
    const { rows, dead, more } = this.#take(now)
    this.#gaveUp(dead)
    if (rows.length > 0) this.#underWay = this.#send(rows, requestFor(rows, target))
    else if (more) this.#soon()
    else this.#wait()
  }

  /** Until something is due. What may be probed always is: then there is nothing. */
  #wait(): void {
    if (this.paused) return
    const dueAt = this.shared.outbox.nextDue(this.key)
    if (dueAt === undefined) return
    const waitMs = dueAt - this.shared.core.clock.mono()
    if (waitMs > 0) this.#wakeIn(waitMs)
    else this.#soon()
  }

  #target(): { readonly app: App; readonly endpoint: Endpoint } | undefined {
    const app = this.shared.core.apps.byId(this.key.appId)
    const endpoint = app && endpointsOf(app).find(({ name }) => name === this.key.endpoint)
    return endpoint && { app, endpoint }
  }

  #take(now: number): Taken {
    const { outbox, batchEvents: limit, leaseMs, core } = this.shared
    const mono = core.clock.mono()
    const terms = { now, mono, until: mono + leaseMs, alone: attemptsBeforeAlone(limit) }
    if (this.paused) return outbox.takeProbe(this.key, terms)
    return outbox.take(this.key, { ...terms, limit }, (due) => batchSize(due, limit))
  }

  async #send(rows: readonly OutboxRow[], request: PostRequest): Promise<void> {
    const { core, poster } = this.shared
    this.#busy = true
    core.counters.webhookRequests++
    const [at, began] = [core.clock.now(), core.clock.mono()]
    const outcome = await poster.post(request)
    if (this.#stopped) return // what was under way is due again at the next start
    this.#busy = false
    const durationMs = Math.round(core.clock.mono() - began)
    const attempt = { ...outcome, at, durationMs, events: rows.length }
    try {
      if (outcome.error === null) this.#delivered(rows, attempt)
      else this.#failed(rows, attempt)
      this.wake()
    } catch (cause) {
      this.#fault(cause)
    }
  }

  #delivered(rows: readonly OutboxRow[], attempt: Attempt): void {
    const { core, outbox } = this.shared
    core.counters.webhookRequestsAccepted++
    core.counters.webhookEventsDelivered += rows.length
    outbox.delivered(this.key, rows, attempt)
    // It was the endpoint that failed, and not the events.
    if (this.#breaker.succeeded()) this.#pardon = { below: Number.MAX_SAFE_INTEGER, before: 0 }
  }

  #failed(rows: readonly OutboxRow[], attempt: Attempt): void {
    const { core, outbox } = this.shared
    const [now, mono] = [core.clock.now(), core.clock.mono()]
    core.counters.webhookRequestsFailed++
    if (this.#breaker.failed(mono))
      core.log.warn(
        { appId: this.key.appId, error: attempt.error },
        'webhook endpoint is left in peace and probed',
      )
    const windowEnd = Math.min(...rows.map((row) => row.time_ms)) + WINDOW_MS
    const tries = Math.max(...rows.map((row) => row.attempts)) + 1
    const waitMs = Math.max(0, Math.min(backoffMs(tries), windowEnd - now))
    outbox.failed(this.key, rows, attempt, mono + waitMs)
  }

  /**
   * Gives up what was tried for a whole window, and alone, by an endpoint that is left in peace; if there
   * is nothing, the rest goes too. But first it is probed once more, since what is given up now may be
   * why it refused. How many; a slice at a time.
   */
  #bury(now: number): number {
    const { outbox, batchEvents } = this.shared
    let dead = outbox.bury(this.key, now, attemptsBeforeAlone(batchEvents) + 1)
    if (dead > 0) this.#breaker.probeNow()
    else dead = outbox.bury(this.key, now, 0)
    this.#gaveUp(dead)
    return dead === SLICE_ROWS ? dead : 0
  }

  #gaveUp(dead: number): void {
    this.shared.core.counters.webhookEventsDead += dead
    this.#say('dead', dead)
  }

  #drop(): void {
    const { core, outbox } = this.shared
    const dropped = outbox.drop(this.key)
    core.counters.webhookEventsDropped += dropped
    this.#say('dropped', dropped)
    if (dropped > 0) this.#soon()
    else this.shared.ended(this.key)
  }

  /** One line for all slices. */
  #say(end: keyof typeof ENDS, events: number): void {
    const told = (this.#untold[end] += events)
    if (events === SLICE_ROWS || told === 0) return
    this.shared.core.log.warn({ appId: this.key.appId, events: told }, ENDS[end])
    this.#untold[end] = 0
  }

  /** Once, until there is room again for a tenth of what it may have. */
  #sayIfFull(): void {
    const { core, outbox, maxStored } = this.shared
    const stored = outbox.stored(this.key)
    if (stored < 0.9 * maxStored) this.#full = false
    if (stored < maxStored || this.#full) return
    this.#full = true
    core.log.warn(
      { appId: this.key.appId, stored },
      'webhook endpoint has its share of the outbox; new events for it are dropped',
    )
  }

  /** In this turn of the event loop or the next, as there is time. */
  #soon(): void {
    this.shared.core.slices.add({
      part: 'webhooks',
      step: () => {
        this.wake()
        return false
      },
    })
  }

  #wakeIn(delayMs: number): void {
    this.#timer = this.shared.core.clock.after(delayMs, () => this.wake())
  }

  #fault(cause: unknown): void {
    const { core } = this.shared
    core.counters.faults++
    if (!this.#troubled)
      core.log.error({ appId: this.key.appId, err: cause }, 'webhooks cannot be read or settled')
    this.#troubled = true
    this.#timer?.()
    this.#wakeIn(RETRY_MS)
  }
}
