/**
 * Webhooks: the recorder and the lanes, started and stopped together, and their report to the operator.
 * Owns the lanes.
 */
import type { App } from '../core/app'
import type { AuditEntry } from '../core/audit'
import type { Core } from '../core/core'
import type {
  Backlog,
  DeadLetterPage,
  Deliveries,
  EndpointDeed,
  EndpointReport,
  LaneReport,
  ReplayChoice,
  Report,
  ShownAttempt,
  TestedEndpoint,
} from '../core/deliveries'
import { andThen, type MaybePromise } from '../core/maybe-promise'
import type { NetworkRules } from '../core/networks'
import { workFor } from '../core/slices'
import { endpointsOf } from '../core/webhooks'
import { nameOf, type Entry, type LaneKey, type Outbox } from '../store/outbox'
import { Exchanges } from './exchanges'
import { EndpointOrders } from './orders'
import { Lane, type LaneContext } from './lane'
import { createPoster } from './post'
import { Recorder, type RecorderOptions } from './recorder'
import { Tester } from './tester'

export type WebhookOptions = Omit<RecorderOptions, 'onWritten'> & {
  readonly batchEvents: number
  readonly timeoutMs: number
  readonly networks: NetworkRules
}

/** Of an endpoint that never had an event. */
const NO_EVENTS = { pending: 0, failing: 0, dead: 0, oldest: null, pausedAt: null, attempts: [] }

/** Of the events of a page of dead letters. */
const PAGE_BYTES = 262_144

const hasEndpoints = ({ record }: App): boolean => record.webhooks.length > 0

export class Webhooks implements Deliveries {
  readonly #lanes = new Map<string, Lane>()
  readonly #recorder: Recorder
  readonly #context: LaneContext
  readonly #tester: Tester
  /** Undefined where this server is alone. */
  readonly #orders: EndpointOrders | undefined
  /** Lanes whose dead letters are being replayed. */
  readonly #replays = new Set<string>()
  /** Lanes that are about to be woken. */
  readonly #waking = new Set<string>()
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
      exchanges: new Exchanges(),
      batchEvents,
      maxStored: options.maxStoredPerEndpoint,
      leaseMs: 2 * timeoutMs,
      onEnd: (key) => {
        this.#lanes.delete(nameOf(key))
        this.#context.exchanges.forget(nameOf(key))
        this.#orders?.forget(key)
      },
    }
    const { poster } = this.#context
    this.#tester = new Tester(core, { poster, audit: (entry) => outbox.audit(entry) })
    this.#recorder = new Recorder(core, outbox, {
      ...options,
      onWritten: (lanes) =>
        this.#wake(Iterator.from(lanes).filter((key) => !this.#laneOf(key).isQuiet)),
    })
    this.#orders = core.engine.isShared ? this.#newOrders() : undefined
    core.facts.listen({
      types: ['app_changed'],
      receive: (fact) => {
        if (hasEndpoints(fact.app)) poster.prepare()
        this.#wakeLanesOf(fact.app)
      },
    })
  }

  /** Reads the announcements of the last process, before anybody can connect. */
  load(): Promise<void> {
    if (Iterator.from(this.core.apps.all()).some(hasEndpoints)) this.#context.poster.prepare()
    return this.#recorder.load()
  }

  /** Continues where the last process stopped. */
  start(): void {
    const { slices } = this.core
    slices.add(workFor('webhooks', this.outbox.keys(), (key) => this.#wake([key])))
    void this.#orders?.start()
  }

  /** Sends nothing more; resolves when the requests under way have ended. */
  async finish(): Promise<void> {
    this.#isStopped = true
    await Promise.all(Array.from(this.#lanes.values(), (lane) => lane.finish()))
  }

  /** After `finish`: writes what waits, and keeps what comes now until `takeBack` or `divert`. */
  hold(): void {
    this.#recorder.hold()
    for (const lane of this.#lanes.values()) lane.stop()
  }

  /** Sends and writes again. */
  takeBack(): void {
    this.#isStopped = false
    this.#lanes.clear()
    this.#recorder.release()
    this.start()
  }

  /** Gives what is to be written to the process that has the database. */
  divert(send: (entries: readonly Entry[]) => void): void {
    this.#recorder.divert(send)
  }

  /** Takes what the process before has to write. */
  receive(entries: readonly Entry[]): void {
    this.#recorder.receive(entries)
  }

  /** Writes what waits and ends the requests under way; the next process sends their events again. */
  stop(): void {
    this.#isStopped = true
    this.#recorder.stop()
    for (const lane of this.#lanes.values()) lane.stop()
    this.#context.poster.close()
  }

  report(app: App, maxDeadLetters?: number): Report {
    const lanes = new Map(this.outbox.lanes(app.id).map((lane) => [lane.endpoint, lane]))
    const configured = endpointsOf(app).map(({ name }) => name)
    const names = new Set([...configured, ...lanes.keys()])
    return {
      endpoints: Array.from(names, (name) =>
        this.#reportOf(app, lanes.get(name) ?? { endpoint: name, ...NO_EVENTS }),
      ),
      deadLetters: this.outbox.deadLetters(app.id, maxDeadLetters),
    }
  }

  get node(): string | undefined {
    return this.#orders && this.core.about.name
  }

  backlog({ id }: App): Backlog {
    return this.outbox.backlog(id)
  }

  idOf({ id: appId }: App, endpoint: string): string {
    return this.outbox.publicIdOf({ appId, endpoint })
  }

  pausedAt({ id: appId }: App, endpoint: string): number | null {
    return this.outbox.pausedAt({ appId, endpoint })
  }

  endpointById(app: App, id: string): string | undefined {
    return endpointsOf(app)
      .map(({ name }) => name)
      .find((endpoint) => this.idOf(app, endpoint) === id)
  }

  requests(app: App, endpoint: string): readonly ShownAttempt[] {
    const key = { appId: app.id, endpoint }
    const { exchanges } = this.#context
    return this.outbox.attempts(key).map((attempt) => {
      return { ...attempt, exchange: exchanges.of(nameOf(key), attempt.number) }
    })
  }

  deadLetters(
    app: App,
    endpoint: string | undefined,
    page: { readonly before: number; readonly limit: number },
  ): DeadLetterPage {
    const names = endpoint === undefined ? this.#namesOf(app) : new Set([endpoint])
    return this.outbox.deadLetterPage(app.id, names, { ...page, bytes: PAGE_BYTES })
  }

  /** Nothing new is sent to it; the request under way ends as it ends. */
  pause(app: App, endpoint: string, deed: EndpointDeed): MaybePromise<void> {
    const key = { appId: app.id, endpoint }
    if (this.outbox.pausedAt(key) !== null) return
    const entry = this.#entryOf(app, deed)
    if (this.#orders) return this.#pauseAll(this.#orders, key, entry, entry.at)
    this.outbox.pause(key, entry)
    this.#applyPause(key)
  }

  resume(app: App, endpoint: string, deed: EndpointDeed): MaybePromise<void> {
    const key = { appId: app.id, endpoint }
    if (this.outbox.pausedAt(key) === null) return
    const entry = this.#entryOf(app, deed)
    if (this.#orders) return this.#pauseAll(this.#orders, key, entry, null)
    this.outbox.resume(key, entry)
    this.#applyPause(key)
  }

  async #pauseAll(orders: EndpointOrders, key: LaneKey, entry: AuditEntry, at: number | null) {
    await orders.pause(key, at)
    this.outbox.audit(entry)
  }

  /** From now on it has a lane, which ends with the endpoint. */
  #applyPause(key: LaneKey): void {
    if (this.outbox.pausedAt(key) !== null) this.#wake([key])
    else if (!this.#isStopped) this.#laneOf(key).resume()
  }

  test(app: App, endpoint: string, deed: EndpointDeed): Promise<TestedEndpoint> {
    const found = endpointsOf(app).find(({ name }) => name === endpoint)!
    return this.#tester.send(app, found, this.#entryOf(app, deed))
  }

  /** Dead letters of endpoints that were removed are about to be deleted, and not sent. */
  replay(app: App, choice: ReplayChoice, deed: EndpointDeed): MaybePromise<number> {
    if (choice.of === 'ids') return this.#replayChosen(app, choice.ids, deed)
    const endpoint = choice.of === 'all' ? undefined : choice.endpoint
    const told = this.#orders?.replay(app, endpoint, this.core.clock.now())
    return andThen(told, () => this.#replayAll(app, endpoint, deed))
  }

  #replayChosen(app: App, ids: readonly number[], deed: EndpointDeed): number {
    const names = this.#namesOf(app)
    const found = this.outbox.findDeadLetters(app.id, ids)
    for (const endpoint of found.keys()) if (!names.has(endpoint)) found.delete(endpoint)
    const replayed = [...found.values()].flat().sort((a, b) => a - b)
    const after = { replayed: replayed.length, ids: replayed }
    this.outbox.replayChosen(app.id, found, { ...this.#entryOf(app, deed), after })
    this.#wake(Array.from(found.keys(), (endpoint) => ({ appId: app.id, endpoint })))
    return replayed.length
  }

  /** As new; the first slice is audited, for all. Where a replay goes on already, its letters are counted and not sent twice. */
  #replayAll(app: App, endpoint: string | undefined, deed: EndpointDeed): number {
    const lanes = this.#deadLanesOf(app, endpoint)
    const replayed = lanes.reduce((sum, { dead }) => sum + dead, 0)
    const keys = lanes
      .map((lane) => ({ appId: app.id, endpoint: lane.endpoint }))
      .filter((key) => !this.#replays.has(nameOf(key)))
    const entry = { ...this.#entryOf(app, deed), after: { replayed } }
    if (keys.length === 0) this.outbox.audit(entry)
    for (const [index, key] of keys.entries())
      this.#replay(key, entry.at, index === 0 ? entry : undefined)
    return replayed
  }

  #deadLanesOf(app: App, endpoint: string | undefined): readonly LaneReport[] {
    const names = endpoint === undefined ? this.#namesOf(app) : new Set([endpoint])
    const lanes = this.outbox.lanes(app.id)
    return lanes.filter((lane) => lane.dead > 0 && names.has(lane.endpoint))
  }

  /** What was said on another server. */
  #newOrders(): EndpointOrders {
    return new EndpointOrders(this.core, {
      pausedAt: (key) => this.outbox.pausedAt(key),
      setPause: (key, at) => {
        this.outbox.setPause(key, at)
        this.#applyPause(key)
      },
      replay: (app, endpoint, at) => {
        const keys = this.#deadLanesOf(app, endpoint).map((lane) => ({
          appId: app.id,
          endpoint: lane.endpoint,
        }))
        for (const key of keys)
          if (!this.#replays.has(nameOf(key))) this.#replay(key, at, undefined)
      },
    })
  }

  #entryOf({ id: appId }: App, deed: EndpointDeed): AuditEntry {
    return { ...deed, at: this.core.clock.now(), appId, before: undefined, after: undefined }
  }

  #namesOf(app: App): Set<string> {
    return new Set(endpointsOf(app).map(({ name }) => name))
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
    const probed = this.#lanes.get(nameOf(key))?.isProbed
    const delivery = probed ? 'probed' : failing > 0 ? 'failing' : 'ok'
    const sending = lane.pausedAt === null ? delivery : 'paused'
    return {
      ...lane,
      id: this.idOf(app, endpoint),
      state: removed ? 'removed' : full ? 'full' : sending,
    }
  }

  /** A lane that wakes without its endpoint ends. */
  #wakeLanesOf({ id }: App): void {
    this.#wake([...this.#lanes.values()].map(({ key }) => key).filter(({ appId }) => appId === id))
  }

  /** After the stop none: the next process sends what is written then. */
  #wake(keys: Iterable<LaneKey>): void {
    if (this.#isStopped) return
    const asleep = Array.from(keys).filter((key) => !this.#waking.has(nameOf(key)))
    if (asleep.length === 0) return
    for (const key of asleep) this.#waking.add(nameOf(key))
    const wake = (key: LaneKey): void => {
      this.#waking.delete(nameOf(key))
      if (!this.#isStopped) this.#laneOf(key).wake()
    }
    this.core.slices.add(workFor('webhooks', asleep, wake))
  }

  #laneOf({ appId, endpoint }: LaneKey): Lane {
    const key = { appId, endpoint }
    return this.#lanes.getOrInsertComputed(nameOf(key), () => new Lane(key, this.#context))
  }
}
