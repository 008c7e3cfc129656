/**
 * The recorder: facts to rows of the outbox. An event is filtered and passes the plugins' gates first, and
 * is built only if some endpoint wants it; rows are written later, in groups. Emitting a fact never throws.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { totalCounters } from '../core/counters'
import type { FactKeeper, StreamPlace } from '../core/facts'
import { runGatesNow } from '../core/hooks'
import type { DepartureFact } from '../core/messages'
import type { Work } from '../core/slices'
import type { Cancel, ChannelName, UserId } from '../core/types'
import { appView } from '../core/views'
import { endpointsOf, WEBHOOK_EVENTS, type WebhookEventName } from '../core/webhooks'
import {
  nameOf,
  type Announcement,
  type Entry,
  type LaneKey,
  type Outbox,
  type StreamMark,
} from '../store/outbox'
import { EVENTS, eventJson, isWebhookFact, userOf, viewOfFact, type WebhookFact } from './events'
import { Marks } from './marks'
import { WriteQueue, type Queued, type QueuedEvent } from './write-queue'

/** Entries of one transaction, of which a turn may have several: a departure takes 20 to 50 µs. */
const GROUP_ENTRIES = 16
/** Announcements that are read in one go. */
const ANNOUNCED_ROWS = 100
/** Time until a failed write is retried. */
const RETRY_MS = 1000

export type RecorderOptions = {
  /** Time in which entries are collected; 0 writes each at once. */
  readonly flushMs: number
  /** Rows of the outbox. */
  readonly maxStored: number
  /** Rows of one endpoint, which must not fill the outbox of all. */
  readonly maxStoredPerEndpoint: number
  /** Called with the endpoints that have new rows. */
  readonly onWritten: (lanes: Iterable<LaneKey>) => void
}

export class Recorder {
  readonly #queue = new WriteQueue()
  readonly #marks = new Marks()
  /** A fact of a stream is being emitted: its mark is to follow. */
  #place: StreamPlace | undefined
  #timer: Cancel | undefined
  /** Groups are being written, as turns have time. */
  #isWriting = false
  #hasOverflowed = false
  #isStopped = false
  /** Entries wait: another process may be about to have the database. */
  #isHeld = false
  /** Gives entries to the process that has the database. */
  #send: ((entries: readonly Entry[]) => void) | undefined

  constructor(
    readonly core: Core,
    readonly outbox: Outbox,
    readonly options: RecorderOptions,
  ) {
    core.facts.listen({
      types: WEBHOOK_EVENTS,
      receive: (fact) => this.#receive(fact),
      wants: (type, app, channel) =>
        !this.#isStopped && app.record.webhooks.length > 0 && isWanted(type, app, channel!),
      hasRoom: () => !this.#queue.isCrowded,
    })
    core.facts.keeper = this.#keeper
  }

  readonly #keeper: FactKeeper = {
    last: (stream) => this.outbox.lastOf(stream),
    keep: (place, emit) => this.#keep(place, emit),
    isDone: () => this.#isEmpty && !this.outbox.hasPending(),
  }

  /**
   * Reads the announcements of the last process, in slices, before anybody can connect. Rejects where the
   * database throws.
   */
  load(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let last: Announcement | undefined
    const step = (): boolean => {
      try {
        const slice = this.outbox.announcements(last, ANNOUNCED_ROWS)
        last = slice.at(-1)
        this.#addEarlier(slice)
        if (slice.length === ANNOUNCED_ROWS) return true
        resolve()
      } catch (cause) {
        reject(cause)
      }
      return false
    }
    this.core.slices.add({ part: 'webhooks', step })
    return promise
  }

  /** Writes what waits; what comes now is kept until `release` or `divert`. */
  hold(): void {
    while (!this.#isEmpty && this.#write());
    this.#timer?.()
    this.#timer = undefined
    this.#isHeld = true
  }

  /** Writes again. */
  release(): void {
    this.#isHeld = false
    this.#scheduleWrite()
  }

  /** Gives all entries to another process from now on. */
  divert(send: (entries: readonly Entry[]) => void): void {
    this.#send = send
    this.#marks.forget()
    this.#isHeld = false
    this.#scheduleWrite()
  }

  /** Takes entries of the process before, which still has sockets. Who arrived there is to come back here. */
  receive(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const app = this.core.apps.byId(entry.appId)
      if (!app) continue
      this.#push(entry, entry.type === 'event' ? entry.endpoint : undefined)
      if (entry.type === 'announce') this.#addOneEarlier(app, entry)
    }
    this.#scheduleWrite()
  }

  /** Writes what waits. What has not departed yet stays announced, so the next process has it. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.()
    while (!this.#isEmpty && this.#write());
    this.#timer?.()
    const left = this.#queue.first(this.#queue.length)
    let lost = 0
    for (const entry of left) {
      if (entry.type !== 'event') continue
      this.#countDropped(entry)
      lost++
    }
    if (lost > 0) this.core.log.error({ lost }, 'webhooks: events are lost with this process')
  }

  /** Announcements of deleted apps are withdrawn. */
  #addEarlier(before: readonly Announcement[]): void {
    const { apps, clock } = this.core
    const orphans = before.filter(({ appId }) => !apps.byId(appId))
    const withdrawals = orphans.map(
      (announcement) => ({ type: 'withdraw', ...announcement }) as const,
    )
    if (withdrawals.length > 0) this.outbox.record(withdrawals, clock.now(), 0)
    for (const announcement of before) {
      const app = apps.byId(announcement.appId)
      if (app) this.#addOneEarlier(app, announcement)
    }
  }

  #addOneEarlier(app: App, announcement: Announcement): void {
    this.core.engine.addEarlier(departureOf(app, announcement), () => {
      this.#push({ ...announcement, type: 'withdraw' })
      this.#scheduleWrite()
    })
  }

  #receive(fact: WebhookFact): void {
    if (this.#isStopped || !isWebhookFact(fact)) return
    const { kind } = EVENTS[fact.type]
    if (kind === 'arrival') this.#recordArrival(fact)
    else if (kind === 'departure') this.#recordDeparture(fact)
    else this.#recordEvent(fact)
  }

  /** The rows of a fact and its mark are one group. */
  #keep(place: StreamPlace, emit: () => void): Promise<void> {
    const from = this.#marks.queued
    this.#place = place
    try {
      emit()
    } finally {
      this.#place = undefined
    }
    const kept = this.#marks.add(place, from)
    this.#scheduleWrite()
    return kept
  }

  /** Several servers that are one know by themselves who was announced. */
  get #announces(): boolean {
    return !this.core.engine.isShared
  }

  #recordArrival(fact: WebhookFact): void {
    if (!isWanted(fact.type, fact.app, fact.channel) || !this.#queueRows(fact)) return
    if (this.#announces) this.#push({ type: 'announce', ...announcementOf(fact) })
    this.#scheduleWrite()
  }

  #recordDeparture(fact: WebhookFact): void {
    if (this.#announces) this.#push({ type: 'withdraw', ...announcementOf(fact) })
    if (this.core.apps.byId(fact.app.id) === fact.app) this.#queueRows(fact)
    this.#scheduleWrite()
  }

  #recordEvent(fact: WebhookFact): void {
    this.#queueRows(fact)
    this.#scheduleWrite()
  }

  /** Queues a row for each endpoint that wants the event. False where a plugin refused it. */
  #queueRows(fact: WebhookFact): boolean {
    const { app, channel, type } = fact
    const endpoints = endpointsOf(app).filter((endpoint) => endpoint.wants(type, channel))
    if (endpoints.length === 0) return true
    const gates = this.core.hooks.webhook
    if (gates.length > 0 && runGatesNow(this.core, gates, appView(app), viewOfFact(fact))) {
      app.counters.webhookEventsRefused++
      return false
    }
    const event: QueuedEvent = {
      type: 'event',
      appId: app.id,
      channel,
      event: eventJson(fact),
      at: this.#place?.at,
      subject: { kind: EVENTS[type].kind, user: userOf(fact) },
    }
    for (const { name: endpoint } of endpoints)
      if (this.#hasRoom(event, endpoint)) this.#push(event, endpoint)
    return true
  }

  /** A departure may cancel its arrival, and then takes no room. */
  #hasRoom(event: QueuedEvent, endpoint: string): boolean {
    const key = { appId: event.appId, endpoint }
    const full = this.outbox.stored(key) >= this.options.maxStoredPerEndpoint
    if (!full || event.subject.kind === 'departure') return true
    this.#countDropped(event)
    return false
  }

  #countDropped({ appId }: QueuedEvent): void {
    this.core.apps.countersOf(appId).webhookEventsDropped++
  }

  #push(entry: Queued, endpoint?: string): void {
    if (this.#queue.push(entry, endpoint)) return this.#marks.countQueued()
    if (entry.type === 'event') this.#countDropped(entry)
    this.#hasOverflowed = true
    if (this.core.readiness.reasonOf('webhooks') === undefined)
      this.#reportTrouble('more happens than can be written down')
  }

  get #isEmpty(): boolean {
    return this.#queue.length === 0 && this.#marks.length === 0
  }

  #scheduleWrite(): void {
    if (this.#isEmpty || this.#timer || this.#isWriting || this.#isHeld || this.#place) return
    if (this.options.flushMs > 0) this.#flushAfter(this.options.flushMs)
    else this.#writeAtOnce()
  }

  /** Before anybody hears of it. */
  #writeAtOnce(): void {
    while (!this.#isEmpty) if (!this.#write()) return this.#flushAfter(RETRY_MS)
  }

  #flushAfter(delayMs: number): void {
    this.#timer ??= this.core.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#flush()
    })
  }

  #flush(): void {
    this.#isWriting = true
    this.core.slices.add(this.#flushing)
  }

  /** Writes a group per step, until none waits. */
  readonly #flushing: Work = {
    part: 'webhooks',
    step: () => {
      const goesOn = !this.#isEmpty && !this.#isHeld && !this.#isStopped
      const isWritten = goesOn && this.#write()
      this.#isWriting = isWritten && !this.#isEmpty
      if (goesOn && !isWritten) this.#flushAfter(RETRY_MS)
      return this.#isWriting
    },
  }

  /** Writes one group, whole. False where there is no room, or the database fails. */
  #write(): boolean {
    if (this.#send) return this.#sendAll(this.#send)
    let group: readonly Entry[]
    let marks: readonly StreamMark[]
    try {
      group = this.#limitToRoom(this.#queue.first(GROUP_ENTRIES))
      group = group.slice(0, this.#marks.cut(group.length))
      marks = this.#marks.of(group.length)
      if (group.length > 0 || marks.length > 0) this.#record(group, marks)
    } catch (cause) {
      return this.#reportTrouble('events cannot be written down', cause)
    }
    this.#marks.shift(group.length)
    if (group.length === 0 && this.#queue.length > 0 && marks.length === 0)
      return this.#reportTrouble('the outbox is full (CARILLON_WEBHOOK_MAX_STORED)')
    this.#queue.shift(group.length)
    if (this.#queue.isCalm) this.#hasOverflowed = false // `/ready` was red until then
    if (!this.#hasOverflowed) this.#reportRecovery()
    this.#notifyLanes(group)
    return true
  }

  #sendAll(send: (entries: readonly Entry[]) => void): true {
    const group = this.#queue.first(GROUP_ENTRIES)
    this.#queue.shift(group.length)
    send(group)
    return true
  }

  #record(group: readonly Entry[], marks: readonly StreamMark[]): void {
    const { apps, clock } = this.core
    const { maxStoredPerEndpoint } = this.options
    const counts = this.outbox.record(group, clock.now(), maxStoredPerEndpoint, marks)
    for (const { appId, written, cancelled, dropped } of counts) {
      const counters = apps.countersOf(appId)
      counters.webhookEvents += written
      counters.webhookEventsCancelled += cancelled
      counters.webhookEventsDropped += dropped
    }
  }

  /** The first of the entries, as many as the outbox has room for. */
  #limitToRoom(entries: readonly Entry[]): readonly Entry[] {
    let left = this.options.maxStored - this.outbox.size()
    if (left >= entries.length) return entries
    const end = entries.findIndex(
      (entry) => entry.type === 'event' && !this.outbox.cancels(entry) && left-- <= 0,
    )
    return end === -1 ? entries : entries.slice(0, end)
  }

  #notifyLanes(written: readonly Entry[]): void {
    const lanes = new Map<string, LaneKey>()
    for (const entry of written) if (entry.type === 'event') lanes.set(nameOf(entry), entry)
    if (lanes.size > 0) this.options.onWritten(lanes.values())
  }

  /** Logged once, until it is over; `/ready` is red meanwhile. */
  #reportTrouble(reason: string, cause?: unknown): false {
    if (this.core.readiness.fail('webhooks', reason))
      this.core.log.error({ stored: this.outbox.size(), err: cause }, `webhooks: ${reason}`)
    return false
  }

  #reportRecovery(): void {
    if (this.core.readiness.recover('webhooks'))
      this.core.log.info(
        { dropped: totalCounters(this.core).webhookEventsDropped },
        'webhooks: stored again',
      )
  }
}

/** True where some endpoint wants the event; of arrivals and departures, either of the two. */
function isWanted(type: WebhookEventName, app: App, channel: ChannelName): boolean {
  const names = PAIRS.find((pair) => pair.includes(type)) ?? [type]
  return endpointsOf(app).some(({ wants }) => names.some((name) => wants(name, channel)))
}

const PAIRS: readonly (readonly WebhookEventName[])[] = [
  ['channel_occupied', 'channel_vacated'],
  ['member_added', 'member_removed'],
]

const announcementOf = (fact: WebhookFact): Announcement => ({
  appId: fact.app.id,
  channel: fact.channel,
  userId: userOf(fact),
})

/** The departure of an announcement from before the start; its names were parsed before they were stored. */
function departureOf(app: App, { channel: name, userId }: Announcement): DepartureFact {
  const channel = name as ChannelName
  return userId === ''
    ? { type: 'channel_vacated', app, channel }
    : { type: 'member_removed', app, channel, userId: userId as UserId }
}
