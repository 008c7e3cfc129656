/**
 * A lane: the requests to one endpoint of one app, one at a time, in order per channel. A dead or slow
 * endpoint delays no other endpoint's events. Owns the request that is under way, and the breaker.
 *
 * A refused event is tried again, with fewer others each time, so that an event which the endpoint will
 * never accept ends up alone, delays its own channel only, and is a dead letter when its window is over.
 * An endpoint that refuses everything is left in peace, and probed with one event at a time. One that somebody
 * has paused gets nothing: its rows wait, and their windows begin anew when it is resumed.
 */
import type { Core } from '../core/core'
import type { AppCounters } from '../core/counters'
import type { Attempt, Exchange } from '../core/deliveries'
import { workFor } from '../core/slices'
import type { Cancel } from '../core/types'
import { endpointsOf } from '../core/webhooks'
import {
  nameOf,
  SLICE_ROWS,
  type LaneKey,
  type Outbox,
  type OutboxRow,
  type AttemptReset,
  type TakeResult,
} from '../store/outbox'
import { exchangeOf, type Exchanges } from './exchanges'
import type { Poster } from './post'
import { attemptsBeforeAlone, batchSize, buildRequest, type Target } from './request'
import { backoffMs, Breaker, STALE_MS, WINDOW_MS } from './retries'

export type LaneContext = {
  readonly core: Core
  readonly outbox: Outbox
  readonly poster: Poster
  readonly exchanges: Exchanges
  readonly batchEvents: number
  /** Rows of one endpoint; past it, new ones are dropped. */
  readonly maxStored: number
  /** How long rows are leased; longer than a request takes. */
  readonly leaseMs: number
  /** Called when the endpoint is gone, and all its rows. */
  readonly onEnd: (key: LaneKey) => void
}

/** Log messages about events that are not delivered. */
const END_MESSAGES = {
  dead: 'webhook events are given up and kept as dead letters',
  dropped: 'webhook events are dropped with their endpoint',
} as const
/** Time until a failed database operation is retried. */
const RETRY_MS = 1000

export class Lane {
  #breaker = new Breaker()
  /** When what waited was resumed; epoch milliseconds. Nothing is given up for a window from then on. */
  #resumedAt = Number.NEGATIVE_INFINITY
  /** Rows to make due before anything is sent. */
  #reset: AttemptReset | undefined
  #isBusy = false
  #underWay = Promise.resolve()
  #isFinishing = false
  #isStopped = false
  /** Events whose end is not logged yet. */
  readonly #unreported = { dead: 0, dropped: 0 }
  #isFull = false
  /** True while the database fails, which is logged once. */
  #isFailing = false
  #timer: Cancel | undefined

  constructor(
    readonly key: LaneKey,
    readonly context: LaneContext,
  ) {
    // Rows that an earlier process had under way, or delayed, are due; old ones are as new.
    this.#reset = { below: 0, before: context.core.clock.now() - STALE_MS }
  }

  /** True while the breaker is open. */
  get isProbed(): boolean {
    return this.#breaker.isOpen
  }

  /** True while it waits until its endpoint may be probed: nothing new is sent before. */
  get isQuiet(): boolean {
    return this.isProbed && this.#timer !== undefined
  }

  /** After a pause: what waited is due, as after a start, and the endpoint has not failed yet. */
  resume(): void {
    const now = this.context.core.clock.now()
    this.#breaker = new Breaker()
    this.#reset = { below: 0, before: now - STALE_MS }
    this.#resumedAt = now
    this.wake()
  }

  /** Sends due rows, or waits until some are. */
  wake(): void {
    if (this.#isBusy || this.#isFinishing) return
    this.#timer?.()
    this.#timer = undefined
    this.#warnIfFull()
    try {
      this.#runNext()
      this.#isFailing = false
    } catch (cause) {
      this.#reportFault(cause)
    }
  }

  /** Begins no other request; resolves when the one under way has ended. */
  finish(): Promise<void> {
    this.#isFinishing = true
    this.#timer?.()
    return this.#underWay
  }

  /** The outcome of the request under way is ignored. */
  stop(): void {
    void this.finish()
    this.#isStopped = true
  }

  /** Those of the app, while there is one. */
  get #counters(): AppCounters {
    return this.context.core.apps.countersOf(this.key.appId)
  }

  #runNext(): void {
    const { outbox, core } = this.context
    const target = this.#target()
    if (!target) return this.#drop()
    if (outbox.pausedAt(this.key) !== null) return
    const now = core.clock.now()
    if (this.#reset && outbox.reopen(this.key, now, this.#reset)) return this.#wakeSoon()
    this.#reset = undefined
    if (this.isProbed && this.#giveUp(now) > 0) return this.#wakeSoon()
    const quietMs = this.#breaker.quietMs(core.clock.mono())
    if (quietMs > 0) return this.#wakeAfter(quietMs)
    const { rows, dead, more } = this.#take(now)
    this.#countDead(dead)
    if (rows.length > 0) this.#underWay = this.#send(rows, target)
    else if (more) this.#wakeSoon()
    else this.#wakeWhenDue()
  }

  /** A lane that is probed has no rows here: a probe is always due. */
  #wakeWhenDue(): void {
    if (this.isProbed) return
    const dueAt = this.context.outbox.nextDue(this.key)
    if (dueAt === undefined) return
    const waitMs = dueAt - this.context.core.clock.mono()
    if (waitMs > 0) this.#wakeAfter(waitMs)
    else this.#wakeSoon()
  }

  #target(): Target | undefined {
    const app = this.context.core.apps.byId(this.key.appId)
    const endpoint = app && endpointsOf(app).find(({ name }) => name === this.key.endpoint)
    return endpoint && { app, endpoint }
  }

  #take(now: number): TakeResult {
    const { outbox, batchEvents: limit, leaseMs, core } = this.context
    const mono = core.clock.mono()
    const terms = { now, mono, until: mono + leaseMs, alone: attemptsBeforeAlone(limit) }
    if (this.isProbed) return outbox.takeProbe(this.key, terms)
    return outbox.take(this.key, { ...terms, limit }, (due) => batchSize(due, limit))
  }

  async #send(rows: readonly OutboxRow[], target: Target): Promise<void> {
    const { core, poster } = this.context
    const request = buildRequest(rows, target)
    this.#isBusy = true
    this.#counters.webhookRequests++
    const [at, began] = [core.clock.now(), core.clock.mono()]
    const outcome = await poster.post(request)
    const durationMs = Math.round(core.clock.mono() - began)
    const { status, error } = outcome
    const attempt = { at, durationMs, events: rows.length, status, error }
    const exchange = exchangeOf(request, target.endpoint, outcome)
    // Many endpoints may answer at once.
    await core.slices.runOrDefer(() => this.#settle(rows, attempt, exchange))
  }

  #settle(rows: readonly OutboxRow[], attempt: Attempt, exchange: Exchange): void {
    if (this.#isStopped) return // its rows are due again in the next process
    this.#isBusy = false
    this.context.core.latencies.webhookRequest.observe(attempt.durationMs)
    this.#emitAnswer(attempt, exchange)
    try {
      const number =
        attempt.error === null
          ? this.#recordDelivery(rows, attempt)
          : this.#recordFailure(rows, attempt)
      this.context.exchanges.add(nameOf(this.key), number, exchange)
      this.wake()
    } catch (cause) {
      this.#reportFault(cause)
    }
  }

  #emitAnswer(attempt: Attempt, exchange: Exchange): void {
    const { facts, apps } = this.context.core
    const app = apps.byId(this.key.appId)
    if (app && facts.wants('webhook_answered', app))
      facts.emit({
        type: 'webhook_answered',
        app,
        endpoint: this.key.endpoint,
        attempt,
        exchange,
        isTest: false,
      })
  }

  /** Returns the attempt's number, here and below. */
  #recordDelivery(rows: readonly OutboxRow[], attempt: Attempt): number {
    const counters = this.#counters
    counters.webhookRequestsAccepted++
    counters.webhookEventsDelivered += rows.length
    const number = this.context.outbox.recordDelivery(this.key, rows, attempt)
    // The endpoint had failed, and not the events.
    if (this.#breaker.recordSuccess()) this.#reset = { below: Number.MAX_SAFE_INTEGER, before: 0 }
    return number
  }

  #recordFailure(rows: readonly OutboxRow[], attempt: Attempt): number {
    const { core, outbox } = this.context
    const [now, mono] = [core.clock.now(), core.clock.mono()]
    this.#counters.webhookRequestsFailed++
    if (this.#breaker.recordFailure(mono))
      core.log.warn(
        { appId: this.key.appId, error: attempt.error },
        'webhook endpoint fails, and is probed',
      )
    const windowEnd = Math.min(...rows.map((row) => row.time_ms)) + WINDOW_MS
    const attempts = Math.max(...rows.map((row) => row.attempts)) + 1
    const waitMs = Math.max(0, Math.min(backoffMs(attempts), windowEnd - now))
    return outbox.recordFailure(this.key, rows, attempt, mono + waitMs)
  }

  /**
   * Gives up rows of a probed endpoint that were tried for a whole window, and alone; where there are none,
   * also those that were not alone. After the former the endpoint is probed at once, since they may be
   * the reason why it failed. Returns how many, if there may be more; a slice at a time.
   */
  #giveUp(now: number): number {
    const { outbox, batchEvents } = this.context
    if (now - this.#resumedAt < WINDOW_MS) return 0
    let dead = outbox.giveUp(this.key, now, attemptsBeforeAlone(batchEvents) + 1)
    if (dead > 0) this.#breaker.probeNow()
    else dead = outbox.giveUp(this.key, now, 0)
    this.#countDead(dead)
    return dead === SLICE_ROWS ? dead : 0
  }

  #countDead(dead: number): void {
    this.#counters.webhookEventsDead += dead
    this.#report('dead', dead)
  }

  #drop(): void {
    const dropped = this.context.outbox.drop(this.key)
    this.#counters.webhookEventsDropped += dropped
    this.#report('dropped', dropped)
    if (dropped > 0) this.#wakeSoon()
    else this.context.onEnd(this.key)
  }

  /** Logs one line for all slices. */
  #report(end: keyof typeof END_MESSAGES, events: number): void {
    const total = (this.#unreported[end] += events)
    if (events === SLICE_ROWS || total === 0) return
    this.context.core.log.warn({ appId: this.key.appId, events: total }, END_MESSAGES[end])
    this.#unreported[end] = 0
  }

  /** Logged once, until a tenth of the share is free. */
  #warnIfFull(): void {
    const { core, outbox, maxStored } = this.context
    const stored = outbox.stored(this.key)
    if (stored < 0.9 * maxStored) this.#isFull = false
    if (stored < maxStored || this.#isFull) return
    this.#isFull = true
    core.log.warn(
      { appId: this.key.appId, stored },
      'webhook endpoint has used up its share of the outbox; new events for it are dropped',
    )
  }

  /** Wakes in this turn of the event loop or the next, as there is time. */
  #wakeSoon(): void {
    this.context.core.slices.add(workFor('webhooks', [this], () => this.wake()))
  }

  /** Many endpoints may be due at once. */
  #wakeAfter(delayMs: number): void {
    this.#timer = this.context.core.clock.after(delayMs, () => this.#wakeSoon())
  }

  #reportFault(cause: unknown): void {
    const { core } = this.context
    core.counters.faults++
    if (!this.#isFailing)
      core.log.error(
        { appId: this.key.appId, err: cause },
        'the webhook outbox cannot be read or written',
      )
    this.#isFailing = true
    this.#timer?.()
    this.#wakeAfter(RETRY_MS)
  }
}
