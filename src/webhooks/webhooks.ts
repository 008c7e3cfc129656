/**
 * Webhooks: recorder, lanes and what the operator is shown of them, begun and ended together. Owns the
 * lanes.
 */
import type { App } from '../core/apps'
import type { Core } from '../core/core'
import type { NetworkRules } from '../core/networks'
import { endpointsOf } from '../core/webhooks'
import {
  SLICE_ROWS,
  type DeadLetter,
  type LaneCount,
  type LaneKey,
  type Outbox,
} from '../store/outbox'
import { Lane, type Attempt, type Shared } from './lane'
import { createPoster, type Poster } from './post'
import { Recorder } from './recorder'

export type WebhookOptions = {
  readonly flushMs: number
  readonly settleMs: number
  readonly batchEvents: number
  readonly timeoutMs: number
  readonly maxStored: number
  readonly networks: NetworkRules
}

/** One endpoint of an app, as the operator is shown it. Times are epoch milliseconds. */
export type EndpointReport = LaneCount & {
  /** `paused`: it failed too often in a row, and is probed. `removed`: dead letters of an endpoint that is gone. */
  readonly state: 'ok' | 'failing' | 'paused' | 'removed'
  /** The newest first, since the start of the process. */
  readonly attempts: readonly Attempt[]
}

export type Report = {
  readonly endpoints: readonly EndpointReport[]
  /** A hundred of each endpoint, the newest first. */
  readonly deadLetters: readonly DeadLetter[]
}

const SHOWN_DEAD_LETTERS = 100

export class Webhooks {
  readonly #lanes = new Map<string, Lane>()
  readonly #recorder: Recorder
  readonly #poster: Poster
  readonly #shared: Shared
  #stopped = false

  constructor(
    readonly core: Core,
    readonly outbox: Outbox,
    options: WebhookOptions,
  ) {
    const { batchEvents, timeoutMs, networks } = options
    this.#poster = createPoster({ clock: core.clock, networks, timeoutMs })
    this.#shared = { core, outbox, poster: this.#poster, batchEvents, leaseMs: 2 * timeoutMs }
    this.#recorder = new Recorder(core, outbox, {
      ...options,
      written: (lanes) => this.#wake(lanes),
    })
  }

  /** Takes up what the last process left. */
  start(): void {
    this.#recorder.start()
    this.#wake(this.outbox.reopen(this.core.clock.now()))
  }

  /** Writes what waits, cuts what is under way: it is sent again at the next start. */
  stop(): void {
    this.#stopped = true
    this.#recorder.stop()
    for (const lane of this.#lanes.values()) lane.stop()
    this.#poster.close()
  }

  report(app: App): Report {
    const counts = new Map(this.outbox.counts(app.id).map((count) => [count.endpoint, count]))
    const configured = endpointsOf(app).map(({ name }) => name)
    const names = new Set([...configured, ...counts.keys()])
    return {
      endpoints: Array.from(names, (name) => this.#reportOf(app, name, counts.get(name))),
      deadLetters: this.outbox.dead(app.id, SHOWN_DEAD_LETTERS),
    }
  }

  /** Sends the app's dead letters again, as new. How many. */
  replay(app: App): number {
    const now = this.core.clock.now()
    const counts = this.outbox.counts(app.id).filter(({ dead }) => dead > 0)
    for (const { endpoint } of counts) this.#replay({ appId: app.id, endpoint }, now)
    return counts.reduce((sum, { dead }) => sum + dead, 0)
  }

  /** What was given up until `before`, a slice in each turn of the event loop. */
  #replay(key: LaneKey, before: number): void {
    if (this.#stopped) return
    const replayed = this.outbox.replay(key, before)
    this.#laneOf(key).wake()
    if (replayed === SLICE_ROWS) this.core.clock.after(0, () => this.#replay(key, before))
  }

  #reportOf(app: App, endpoint: string, count: LaneCount | undefined): EndpointReport {
    const lane = this.#lanes.get(nameOf({ appId: app.id, endpoint }))
    const { failing = 0 } = count ?? {}
    const removed = endpointsOf(app).every(({ name }) => name !== endpoint)
    const troubled = lane?.paused ? 'paused' : failing > 0 ? 'failing' : 'ok'
    return {
      ...(count ?? { endpoint, pending: 0, failing: 0, dead: 0, oldest: null }),
      state: removed ? 'removed' : troubled,
      attempts: lane?.attempts ?? [],
    }
  }

  #wake(keys: Iterable<LaneKey>): void {
    for (const key of keys) this.#laneOf(key).wake()
  }

  #laneOf(key: LaneKey): Lane {
    const known = this.#lanes.get(nameOf(key))
    if (known) return known
    for (const [name, lane] of this.#lanes) if (lane.gone) this.#forget(name, lane)
    const { appId, endpoint } = key
    const lane = new Lane({ appId, endpoint }, this.#shared)
    this.#lanes.set(nameOf(key), lane)
    return lane
  }

  #forget(name: string, lane: Lane): void {
    lane.stop()
    this.#lanes.delete(name)
  }
}

const nameOf = ({ appId, endpoint }: LaneKey): string => `${appId} ${endpoint}`
