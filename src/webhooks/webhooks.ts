/**
 * Webhooks: the recorder and the lanes, started and stopped together, and their report to the operator.
 * Owns the lanes.
 */
import type { App } from '../core/app'
import type { AuditEntry, Deed } from '../core/audit'
import type { Core } from '../core/core'
import type { Backlog, Deliveries, EndpointReport, LaneReport, Report } from '../core/deliveries'
import type { NetworkRules } from '../core/networks'
import { workFor } from '../core/slices'
import { endpointsOf } from '../core/webhooks'
import { nameOf, type LaneKey, type Outbox } from '../store/outbox'
import { Lane, type LaneContext } from './lane'
import { createPoster } from './post'
import { Recorder, type RecorderOptions } from './recorder'

export type WebhookOptions = Omit<RecorderOptions, 'onWritten'> & {
  readonly batchEvents: number
  readonly timeoutMs: number
  readonly networks: NetworkRules
}

/** Of an endpoint that never had an event. */
const NO_EVENTS = { pending: 0, failing: 0, dead: 0, oldest: null, attempts: [] }

export class Webhooks implements Deliveries {
  readonly #lanes = new Map<string, Lane>()
  readonly #recorder: Recorder
  readonly #context: LaneContext
  /** Lanes whose dead letters are being replayed. */
  readonly #replays = new Set<string>()
  #isStopped = false

  constructor(
    readonly core: Core,
    readonly outbox: Outbox,
    readonly options: WebhookOptions,
  ) {
    const { batchEvents, timeoutMs, networks } = options
    this.#context = {
      core,
      outbox,
      poster: createPoster({ clock: core.clock, networks, timeoutMs }),
      batchEvents,
      maxStored: options.maxStoredPerEndpoint,
      leaseMs: 2 * timeoutMs,
      onEnd: (key) => this.#lanes.delete(nameOf(key)),
    }
    this.#recorder = new Recorder(core, outbox, {
      ...options,
      onWritten: (lanes) => this.#wake(lanes),
    })
    core.facts.listen({ types: ['app_changed'], receive: ({ app }) => this.#wakeLanesOf(app) })
  }

  /** Reads the announcements of the last process, before anybody can connect. */
  load(): Promise<void> {
    return this.#recorder.load()
  }

  /** Continues where the last process stopped. */
  start(): void {
    const { slices } = this.core
    slices.add(workFor('webhooks', this.outbox.keys(), (key) => this.#wake([key])))
  }

  /** Sends nothing more; resolves when the requests under way have ended. */
  async finish(): Promise<void> {
    this.#isStopped = true
    await Promise.all(Array.from(this.#lanes.values(), (lane) => lane.finish()))
  }

  /** Writes what waits and ends the requests under way; the next process sends their events again. */
  stop(): void {
    this.#isStopped = true
    this.#recorder.stop()
    for (const lane of this.#lanes.values()) lane.stop()
    this.#context.poster.close()
  }

  report(app: App): Report {
    const lanes = new Map(this.outbox.lanes(app.id).map((lane) => [lane.endpoint, lane]))
    const configured = endpointsOf(app).map(({ name }) => name)
    const names = new Set([...configured, ...lanes.keys()])
    return {
      endpoints: Array.from(names, (name) =>
        this.#reportOf(app, lanes.get(name) ?? { endpoint: name, ...NO_EVENTS }),
      ),
      deadLetters: this.outbox.deadLetters(app.id),
    }
  }

  backlog({ id }: App): Backlog {
    return this.outbox.backlog(id)
  }

  /** Sends the app's dead letters again, as new; returns how many. The first slice of them is audited, all together. */
  replay(app: App, deed: Deed): number {
    const at = this.core.clock.now()
    const lanes = this.outbox.lanes(app.id).filter(({ dead }) => dead > 0)
    const replayed = lanes.reduce((sum, { dead }) => sum + dead, 0)
    const keys = lanes
      .map(({ endpoint }) => ({ appId: app.id, endpoint }))
      .filter((key) => !this.#replays.has(nameOf(key)))
    const nothing = { target: undefined, before: undefined }
    const entry = { ...deed, at, appId: app.id, ...nothing, after: { replayed } }
    if (keys.length === 0) this.outbox.audit(entry)
    for (const [index, key] of keys.entries())
      this.#replay(key, at, index === 0 ? entry : undefined)
    return replayed
  }

  /** Replays what was given up until `before`, in slices; the first one at once where it is audited. */
  #replay(key: LaneKey, before: number, audited: AuditEntry | undefined): void {
    const name = nameOf(key)
    const replay = { before, after: 0 }
    const hasMore = !audited || this.outbox.replay(key, replay, before, audited)
    if (!hasMore) return this.#wake([key])
    this.#replays.add(name)
    const step = (): boolean => {
      if (!this.#isStopped && this.outbox.replay(key, replay, this.core.clock.now())) return true
      this.#replays.delete(name)
      this.#wake([key])
      return false
    }
    this.core.slices.add({ part: 'webhooks', step })
  }

  #reportOf(app: App, lane: LaneReport): EndpointReport {
    const { endpoint, failing } = lane
    const removed = endpointsOf(app).every(({ name }) => name !== endpoint)
    const key = { appId: app.id, endpoint }
    const full = this.outbox.stored(key) >= this.options.maxStoredPerEndpoint
    const paused = this.#lanes.get(nameOf(key))?.isPaused
    const delivery = paused ? 'paused' : failing > 0 ? 'failing' : 'ok'
    return { ...lane, state: removed ? 'removed' : full ? 'full' : delivery }
  }

  /** A lane that wakes without its endpoint ends. */
  #wakeLanesOf({ id }: App): void {
    this.#wake([...this.#lanes.values()].map(({ key }) => key).filter(({ appId }) => appId === id))
  }

  /** After the stop none: the next process sends what is written then. */
  #wake(keys: Iterable<LaneKey>): void {
    if (this.#isStopped) return
    for (const key of keys) this.#laneOf(key).wake()
  }

  #laneOf({ appId, endpoint }: LaneKey): Lane {
    const key = { appId, endpoint }
    return this.#lanes.getOrInsertComputed(nameOf(key), () => new Lane(key, this.#context))
  }
}
