/**
 * A lane: the requests to one endpoint of one app, one at a time, in order per channel. A dead or slow
 * endpoint delays nobody else's events. Owns what is under way to it and how it has answered lately.
 *
 * An event that is refused is tried again, with fewer others each time, so that one which an endpoint
 * will never take ends up alone, delays its own channel only, and is a dead letter when its window is
 * over. An endpoint that refuses everything is left in peace, and probed with one event at a time.
 */
import type { App } from '../core/apps'
import type { Core } from '../core/core'
import type { Attempt } from '../core/deliveries'
import type { Cancel } from '../core/types'
import { endpointsOf, type Endpoint } from '../core/webhooks'
import { SLICE_ROWS, WINDOW_MS, type LaneKey, type Outbox, type OutboxRow } from '../store/outbox'
import type { Poster, PostRequest } from './post'

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

/** So many requests in a row that failed, and the endpoint is left in peace. */
const BREAKER_FAILURES = 5
const MAX_BACKOFF_MS = 60_000
const JITTER = 0.2
/** A row that is due later than this was put off before the time of day was set back. */
const LONGEST_PAUSE_MS = MAX_BACKOFF_MS * (1 + JITTER)
/** How events end that are not delivered, in the log. */
const ENDS = {
  dead: 'webhook events are given up and kept as dead letters',
  dropped: 'webhook events are dropped with their endpoint',
} as const
/** A database that fails is asked again after this. */
const RETRY_MS = 1000

export class Lane {
  #failures = 0
  /** Of the clock's `mono`. */
  #pausedUntil = 0
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
  ) {}

  /** True while the breaker is open. */
  get paused(): boolean {
    return this.#failures >= BREAKER_FAILURES
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
    const now = core.clock.now()
    const target = this.#target()
    if (!target) return this.#drop()
    if (this.#bury(now) === SLICE_ROWS) return this.#wakeIn(0)
    const pauseMs = this.#pausedUntil - core.clock.mono()
    if (this.paused && pauseMs > 0) return this.#wakeIn(pauseMs)
    const rows = this.#take(now)
    if (rows.length > 0) {
      this.#underWay = this.#send(rows, requestFor(rows, target))
      return
    }
    const dueAt = outbox.nextDue(this.key, now)
    if (dueAt === undefined) return
    const waitMs = dueAt - now
    if (waitMs <= Math.max(LONGEST_PAUSE_MS, this.shared.leaseMs)) return this.#wakeIn(waitMs)
    outbox.reopenLane(this.key, now)
    this.#wakeIn(0)
  }

  #target(): { readonly app: App; readonly endpoint: Endpoint } | undefined {
    const app = this.shared.core.apps.byId(this.key.appId)
    const endpoint = app && endpointsOf(app).find(({ name }) => name === this.key.endpoint)
    return endpoint && { app, endpoint }
  }

  #take(now: number): OutboxRow[] {
    const { outbox, batchEvents: limit, leaseMs } = this.shared
    const terms = { now, until: now + leaseMs, alone: attemptsBeforeAlone(limit) }
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
    if (this.paused) outbox.forgive(this.key, core.clock.now())
    this.#failures = 0
  }

  #failed(rows: readonly OutboxRow[], attempt: Attempt): void {
    const { core, outbox } = this.shared
    const now = core.clock.now()
    core.counters.webhookRequestsFailed++
    this.#failures++
    if (this.paused)
      this.#pausedUntil = core.clock.mono() + backoffMs(this.#failures - BREAKER_FAILURES + 1)
    if (this.#failures === BREAKER_FAILURES)
      core.log.warn(
        { appId: this.key.appId, error: attempt.error },
        'webhook endpoint is left in peace and probed',
      )
    const windowEnd = Math.min(...rows.map((row) => row.time_ms)) + WINDOW_MS
    const tries = Math.max(...rows.map((row) => row.attempts)) + 1
    const dueAt = Math.max(now, Math.min(now + backoffMs(tries), windowEnd))
    outbox.failed(this.key, rows, attempt, dueAt)
  }

  /**
   * Gives up what was tried for a whole window, and alone. Of an endpoint that is left in peace the rest
   * goes too; but first it is probed once more, since what is given up now may be why it refused.
   */
  #bury(now: number): number {
    const { core, outbox, batchEvents } = this.shared
    let dead = outbox.bury(this.key, now, attemptsBeforeAlone(batchEvents) + 1)
    if (this.paused && dead > 0) this.#pausedUntil = 0
    else if (this.paused) dead = outbox.bury(this.key, now, 0)
    core.counters.webhookEventsDead += dead
    this.#say('dead', dead)
    return dead
  }

  #drop(): void {
    const { core, outbox } = this.shared
    const dropped = outbox.drop(this.key)
    core.counters.webhookEventsDropped += dropped
    this.#say('dropped', dropped)
    if (dropped === SLICE_ROWS) this.#wakeIn(0)
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

/** Each attempt that failed leaves a quarter of the events that an event may have beside it. */
const SHARE = 4

/** Many web servers take no more than a megabyte, which these may be in UTF-8. */
const MAX_BODY_CHARS = 262_144

/** How many of the rows that are due go into one request. */
function batchSize(due: readonly OutboxRow[], most: number): number {
  let size = most
  let chars = 0
  for (const [index, { attempts, event }] of due.entries()) {
    size = Math.min(size, Math.max(1, Math.floor(most / SHARE ** attempts)))
    chars += event.length
    if (index >= size || (index > 0 && chars > MAX_BODY_CHARS)) return index
  }
  return due.length
}

const attemptsBeforeAlone = (most: number): number => Math.ceil(Math.log(most) / Math.log(SHARE))

/** 1, 2, 4 ... 60 s, a fifth more or less, so that endpoints that fell together are not asked together. */
function backoffMs(tries: number): number {
  const base = Math.min(MAX_BACKOFF_MS, 1000 * 2 ** (tries - 1))
  return Math.round(base * (1 - JITTER + 2 * JITTER * Math.random()))
}

/** Headers that are ours whatever an endpoint's record says. */
const RESERVED = [
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'x-pusher-key',
  'x-pusher-signature',
]

/** Built from what is sent now, and signed over these very bytes with the oldest live pair. */
function requestFor(
  rows: readonly OutboxRow[],
  { app, endpoint }: { app: App; endpoint: Endpoint },
) {
  const timeMs = Math.min(...rows.map((row) => row.time_ms))
  const text = `{"time_ms":${timeMs},"events":[${rows.map(({ event }) => event).join(',')}]}`
  const pair = app.keys[0]!
  const own = Object.entries(endpoint.headers).filter(
    ([name]) => !RESERVED.includes(name.toLowerCase()),
  )
  return {
    url: endpoint.url,
    body: Buffer.from(text),
    headers: {
      'User-Agent': 'carillon-webhooks',
      ...Object.fromEntries(own),
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(text)),
      'X-Pusher-Key': pair.key,
      'X-Pusher-Signature': pair.sign(text),
    },
  }
}
