/**
 * The recorder: facts to rows of the outbox. An event is filtered and shown to plugins first, and built
 * only if some endpoint wants it; rows are written in groups, behind the path on which facts come.
 * Nothing here ever throws at whoever emits a fact.
 */
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { runGatesNow } from '../core/hooks'
import type { Fact } from '../core/messages'
import type { Cancel, ChannelName, Clock, UserId } from '../core/types'
import { appView } from '../core/views'
import { endpointsOf } from '../core/webhooks'
import type { Announcement, Entry, EventEntry, LaneKey, Outbox } from '../store/outbox'
import { Departures, userOf } from './departures'
import { EVENTS, eventText, viewOfFact, webhookFact, type WebhookFact } from './events'
import { Waiting } from './waiting'

/** So many entries are one transaction. */
const GROUP_ENTRIES = 500
/** So many announcements are read in one go. */
const ANNOUNCED_ROWS = 100
/** A write that failed is tried again after this. */
const RETRY_MS = 1000

export type RecorderOptions = {
  /** Time in which entries are collected; 0 writes each at once. */
  readonly flushMs: number
  readonly settleMs: number
  /** Rows that the outbox may hold. */
  readonly maxStored: number
  /** Of these, the rows of one endpoint: nobody may fill the outbox of all. */
  readonly maxStoredPerEndpoint: number
  /** Told of endpoints that have something new. */
  readonly written: (lanes: Iterable<LaneKey>) => void
}

export class Recorder {
  readonly #waiting = new Waiting()
  readonly #departures: Departures
  readonly #misses: CacheMisses
  #timer: Cancel | undefined
  #overflown = false
  #stopped = false

  constructor(
    readonly core: Core,
    readonly outbox: Outbox,
    readonly options: RecorderOptions,
  ) {
    this.#departures = new Departures(
      core,
      options.settleMs,
      (fact) => this.#departed(fact),
      () => !this.#waiting.isCrowded,
    )
    this.#misses = new CacheMisses(core.clock)
    core.facts.listen((fact) => this.#hear(fact))
  }

  /**
   * Reads what was announced before the start, in slices; nobody may be connected yet. Rejects where the
   * database throws.
   */
  load(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let last: Announcement | undefined
    const step = (): boolean => {
      try {
        const slice = this.outbox.announced(last, ANNOUNCED_ROWS)
        last = slice.at(-1)
        this.#left(slice)
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

  /** As if everybody who was announced had just left. */
  start(): void {
    this.#departures.start()
  }

  /** Writes what waits. Who lingers is still announced: the next start asks for them. */
  stop(): void {
    this.#stopped = true
    this.#departures.stop()
    this.#timer?.()
    while (this.#waiting.length > 0 && this.#write());
    this.#timer?.()
    const left = this.#waiting.first(this.#waiting.length)
    const lost = left.filter(({ type }) => type === 'event').length
    this.core.counters.webhookEventsDropped += lost
    if (lost > 0) this.core.log.error({ lost }, 'webhooks: events are lost with this process')
  }

  /** Of apps that are gone nobody will be told. */
  #left(before: readonly Announcement[]): void {
    const { apps, clock } = this.core
    const strangers = before.filter(({ appId }) => !apps.byId(appId))
    const gone = strangers.map((announcement) => ({ type: 'withdrawn', ...announcement }) as const)
    if (gone.length > 0) this.outbox.record(gone, clock.now(), 0)
    for (const announcement of before) {
      const app = apps.byId(announcement.appId)
      if (app) this.#departures.left(departureOf(app, announcement))
    }
  }

  #hear(emitted: Fact): void {
    const fact = this.#stopped ? undefined : webhookFact(emitted)
    if (!fact) return
    const { kind } = EVENTS[fact.type]
    if (kind === 'arrival') this.#arrived(fact)
    else if (kind === 'departure') this.#leaves(fact)
    else this.#happened(fact)
  }

  /** Somebody who comes back in time has never been away. */
  #arrived(fact: WebhookFact): void {
    if (this.#departures.cancel(fact) || !concerns(fact) || !this.#tell(fact)) return
    this.#push({ type: 'announced', ...announcementOf(fact) })
    this.#commit()
  }

  #leaves(fact: WebhookFact): void {
    if (fact.type === 'channel_vacated') this.#misses.forget(fact.app, fact.channel)
    if (concerns(fact)) this.#departures.add(fact)
  }

  #departed(fact: WebhookFact): void {
    this.#push({ type: 'withdrawn', ...announcementOf(fact) })
    if (this.core.apps.byId(fact.app.id) === fact.app) this.#tell(fact)
    this.#commit()
  }

  #happened(fact: WebhookFact): void {
    if (fact.type === 'cache_miss' && !this.#misses.isNews(fact.app, fact.channel)) return
    this.#tell(fact)
    this.#commit()
  }

  /** A row for each endpoint that wants the event. False where a plugin refused. */
  #tell(fact: WebhookFact): boolean {
    const { app, channel, type } = fact
    const wanting = endpointsOf(app).filter((endpoint) => endpoint.wants(type, channel))
    if (wanting.length === 0) return true
    const gates = this.core.hooks.webhook
    if (gates.length > 0 && runGatesNow(this.core, gates, appView(app), viewOfFact(fact))) {
      this.core.counters.webhookEventsRefused++
      return false
    }
    const event = {
      type: 'event' as const,
      appId: app.id,
      channel,
      event: eventText(fact),
      tale: { kind: EVENTS[type].kind, user: userOf(fact) },
    }
    for (const { name: endpoint } of wanting)
      if (this.#hasRoom({ ...event, endpoint })) this.#push({ ...event, endpoint })
    return true
  }

  /** A departure may need none. */
  #hasRoom(entry: EventEntry): boolean {
    const full = this.outbox.stored(entry) >= this.options.maxStoredPerEndpoint
    if (!full || entry.tale.kind === 'departure') return true
    this.core.counters.webhookEventsDropped++
    return false
  }

  /** Keeps no more than memory may hold. */
  #push(entry: Entry): void {
    if (this.#waiting.push(entry)) return
    if (entry.type === 'event') this.core.counters.webhookEventsDropped++
    this.#overflown = true
    if (this.core.readiness.reasonOf('webhooks') === undefined)
      this.#trouble('more happens than can be written down')
  }

  /** Sees to it that what waits is written. */
  #commit(): void {
    if (this.#waiting.length === 0 || this.#timer) return
    if (this.options.flushMs > 0) this.#arm(this.options.flushMs)
    else this.#flush()
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.core.clock.after(delayMs, () => {
      this.#timer = undefined
      this.#flush()
    })
  }

  #flush(): void {
    if (!this.#write()) this.#arm(RETRY_MS)
    else if (this.#waiting.length > 0) this.#arm(0)
  }

  /** One group, whole. False where there is no room, or the database does not take it. */
  #write(): boolean {
    let group: readonly Entry[]
    try {
      group = this.#fitting(this.#waiting.first(GROUP_ENTRIES))
      if (group.length > 0) this.#record(group)
    } catch (cause) {
      return this.#trouble('events cannot be written down', cause)
    }
    if (group.length === 0) return this.#trouble('the outbox is full (CARILLON_WEBHOOK_MAX_STORED)')
    this.#waiting.shift(group.length)
    if (this.#waiting.isCalm) this.#overflown = false // `/ready` was red until then
    if (!this.#overflown) this.#recovered()
    this.#tellLanes(group)
    return true
  }

  #record(group: readonly Entry[]): void {
    const { counters, clock } = this.core
    const told = this.outbox.record(group, clock.now(), this.options.maxStoredPerEndpoint)
    counters.webhookEvents += told.written
    counters.webhookEventsCancelled += told.cancelled
    counters.webhookEventsDropped += told.dropped
  }

  /** As many, in order, as there is room for events. */
  #fitting(entries: readonly Entry[]): readonly Entry[] {
    let left = this.options.maxStored - this.outbox.size()
    if (left >= entries.length) return entries
    const end = entries.findIndex(
      (entry) => entry.type === 'event' && !this.outbox.cancels(entry) && left-- <= 0,
    )
    return end === -1 ? entries : entries.slice(0, end)
  }

  #tellLanes(written: readonly Entry[]): void {
    const lanes = new Map<string, LaneKey>()
    for (const entry of written) {
      if (entry.type === 'event') lanes.set(`${entry.appId} ${entry.endpoint}`, entry)
    }
    if (lanes.size > 0) this.options.written(lanes.values())
  }

  /** Said once, until it is over; `/ready` is red meanwhile. */
  #trouble(reason: string, cause?: unknown): false {
    if (this.core.readiness.fail('webhooks', reason))
      this.core.log.error({ stored: this.outbox.size(), err: cause }, `webhooks: ${reason}`)
    return false
  }

  #recovered(): void {
    if (this.core.readiness.recover('webhooks'))
      this.core.log.info(
        { dropped: this.core.counters.webhookEventsDropped },
        'webhooks: written down again',
      )
  }
}

/** True where some endpoint wants to hear of the arrival or of the departure. */
function concerns({ app, channel, type }: WebhookFact): boolean {
  const names = type.startsWith('channel_') ? CHANNEL_EVENTS : MEMBER_EVENTS
  return endpointsOf(app).some(({ wants }) => names.some((name) => wants(name, channel)))
}

const CHANNEL_EVENTS = ['channel_occupied', 'channel_vacated'] as const
const MEMBER_EVENTS = ['member_added', 'member_removed'] as const

const announcementOf = (fact: WebhookFact): Announcement => ({
  appId: fact.app.id,
  channel: fact.channel,
  userId: userOf(fact),
})

/** The departure of what was announced before the process began; the database holds what was parsed once. */
function departureOf(app: App, { channel: name, userId }: Announcement): WebhookFact {
  const channel = name as ChannelName
  return userId === ''
    ? { type: 'channel_vacated', app, channel }
    : { type: 'member_removed', app, channel, userId: userId as UserId }
}

/** A channel's next miss is news again after this, or when it was vacated. */
const SAME_MS = 10_000

/** Several subscribers that find the same cache empty are one event (contract 7.3). */
class CacheMisses {
  /** When each channel's was told, the oldest first. */
  readonly #toldAt = new Map<string, number>()

  constructor(readonly clock: Clock) {}

  isNews(app: App, channel: ChannelName): boolean {
    const now = this.clock.mono()
    for (const [key, at] of this.#toldAt) {
      if (now - at < SAME_MS) break
      this.#toldAt.delete(key)
    }
    const key = keyOf(app, channel)
    if (this.#toldAt.has(key)) return false
    this.#toldAt.set(key, now)
    return true
  }

  forget(app: App, channel: ChannelName): void {
    this.#toldAt.delete(keyOf(app, channel))
  }
}

const keyOf = (app: App, channel: ChannelName): string => `${app.id} ${channel}`
