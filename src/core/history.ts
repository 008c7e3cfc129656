/**
 * History: the streams of all channels whose app has a rule for them. Bounded per channel, per app and in all, in
 * bytes: where there is too much, the channel that was silent for the longest time gives up its oldest events.
 * A stream without events is remembered for a day, so that who comes back to a silent channel has missed nothing.
 * Anybody may begin one by a subscription: those that never had an event are counted apart, and push out each other.
 */
import type { App, HistoryRule } from './app'
import type { ChannelKind } from './channel'
import type { Connection } from './connection'
import type { Refusal } from './errors'
import { boundsOf, PastRules, ruleOf } from './history-rules'
import type { HistoryLog, LoggedStream, StoredEvent, StoredStream } from './history-log'
import { jsonText, textOfJson } from './json'
import type { Limits } from './limits'
import type { BackendPublication, Claim, KeptEvent, Replay, SubscribeCommand } from './messages'
import { Recency, type Link } from './recency'
import { NOT_KEPT, Stream, withoutOwn } from './stream'
import type { AppId, ChannelName, Clock, Position } from './types'
import { WideMap } from './wide-map'

/** Streams of all apps that never had an event, at most: 30 MB. */
const MAX_UNUSED = 50_000
/** What a stream takes besides its events. */
const STREAM_BYTES = 600
/** How long a stream without events is remembered. */
const REMEMBERED_MS = 86_400_000
/** Streams that one sweep looks at: a millisecond. */
const STREAMS_PER_SWEEP = 2000
/** Events that one append gives up of others at most: half a millisecond. The rest goes with the next ones. */
const DROPS_PER_APPEND = 4 * 1024

/** The stream of one channel, and where it stands among the others. */
type Place = {
  readonly channel: ChannelName
  readonly stream: Stream
  readonly tenant: Tenant
  /** When it was last appended to, or asked for by a subscriber. */
  usedAt: number
  /** How many changes of its app's rules it has outlived. */
  changes: number
  /** Undefined where it is not stored. */
  logged: LoggedStream | undefined
  /** Where it is among those that never had an event; undefined once it had one. */
  unused: Link<Place> | undefined
  /** Where it is among the others, of its app and in all. */
  inApp: Link<Place> | undefined
  inAll: Link<Place> | undefined
}

type Tenant = {
  readonly app: App
  readonly places: WideMap<ChannelName, Place>
  readonly recency: Recency<Place>
  readonly pastRules: PastRules
  bytes: number
}

type NoteClaim = (app: App, claim: Claim, channel: ChannelName, ageMs: number) => void

export class History {
  readonly #tenants = new Map<App, Tenant>()
  readonly #recency = new Recency<Place>()
  readonly #unused = new Recency<Place>()
  #unusedCount = 0
  readonly #log: HistoryLog | undefined
  /** The event that was appended last is answered when it is committed. */
  isDurable = false
  /** The next one to sweep. */
  #cursor: Link<Place> | undefined
  #bytes = 0

  constructor(
    readonly limits: Pick<Limits, 'maxHistoryBytes'>,
    readonly kindOf: (channel: ChannelName) => ChannelKind,
    readonly durable?: { readonly log: HistoryLog; readonly clock: Pick<Clock, 'now'> },
  ) {
    this.#log = durable?.log
  }

  /**
   * Takes up the stored streams, once, before any other. One that no rule makes durable any more is removed. `note`
   * is called with each event that has a key, and with how long it has been stored, in milliseconds.
   */
  load(appOf: (id: AppId) => App | undefined, now: number, note: NoteClaim): void {
    const { durable } = this
    if (!durable) return
    const { log, clock } = durable
    const epochMs = clock.now()
    const ageOf = ({ at }: StoredEvent): number => Math.max(0, epochMs - at)
    const places = new Map<number, Place>()
    const events = new Map<Place, StoredEvent[]>()
    for (const stored of log.streams()) {
      const app = appOf(stored.appId as AppId)
      if (app && this.#ruleOf(app, stored.channel)?.durable)
        places.set(stored.id, this.#restore(stored, app, now))
      else log.discardStream(stored.id)
    }
    for (const event of log.events()) {
      const place = places.get(event.stream)
      if (place) events.getOrInsertComputed(place, () => []).push(event)
      else log.discardEvent(event.row, event.data.length)
      if (place && event.once) note(place.tenant.app, event.once, place.channel, ageOf(event))
    }
    for (const [place, stored] of events)
      for (const event of stored.sort((one, other) => one.offset - other.offset))
        this.#restoreEvent(place, event, now - ageOf(event))
    for (const place of places.values()) this.#trim(place, this.#ruleOfPlace(place)!, now)
    for (const { tenant } of places.values()) this.#makeRoom(tenant)
  }

  /** After a crash it goes on past all offsets that were reserved: those after the last event may have been heard. */
  #restore({ reserved, isClosed, ...stored }: StoredStream, app: App, now: number): Place {
    const stream = new Stream(stored.epoch, isClosed ? reserved : reserved + 1)
    const place = this.#open(app, stored.channel, now, stream)
    place.logged = { ...stored, reserved, committed: reserved }
    this.#use(place, now)
    return place
  }

  #restoreEvent({ tenant, channel, stream }: Place, stored: StoredEvent, at: number): void {
    const { offset, row, data, except } = stored
    const { app } = tenant
    const event = textOfJson(stored.name)
    const rest = { type: 'event', origin: 'backend', sender: undefined, once: undefined } as const
    const before = stream.bytes
    stream.restore({ offset, publication: { ...rest, app, channel, event, data, except }, at, row })
    this.#count(tenant, stream.bytes - before)
  }

  /** Writes all that is not written yet, and where each stream ends; it may go on. */
  close(): void {
    this.#log?.close(this.#ends())
    for (const [logged] of this.#ends()) logged.reserved = logged.committed
  }

  *#ends(): IterableIterator<readonly [stream: LoggedStream, offset: number]> {
    for (let link = this.#recency.oldest; link; link = link.newer) {
      const { logged, stream } = link.item
      if (logged) yield [logged, stream.offset]
    }
  }

  /** Resolves when all that was appended is committed, or with the refusal where that fails. */
  committed(): Promise<Refusal | undefined> {
    return this.#log!.committed()
  }

  /** Of all streams that had an event, with what they take besides. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps an event, where a rule of its app covers the channel. Returns its position, or why it may not be published. */
  append(publication: BackendPublication, kind: ChannelKind, now: number): Position | Refusal {
    const { app, channel } = publication
    this.isDurable = false
    const rule = ruleOf(app, channel, kind)
    if (!rule) return NOT_KEPT
    const place = this.#open(app, channel, now)
    const { stream, tenant } = place
    const refused = rule.durable ? this.#reserve(place) : this.#discard(place)
    if (refused) return refused
    this.#use(place, now)
    const before = stream.bytes
    const row = place.logged ? this.#log!.takeRow() : 0
    const position = stream.append(publication, now, boundsOf(app, rule), row)
    this.#count(tenant, stream.bytes - before)
    if (place.logged) this.#write(place.logged, stream.newest)
    this.#makeRoom(tenant)
    return position
  }

  /** Reserves the next offset of a stream in the store, where there is one. */
  #reserve(place: Place): Refusal | undefined {
    const log = this.#log
    if (!log) return
    const { tenant, channel, stream } = place
    place.logged ??= log.begin(tenant.app.id, channel, stream.epoch)
    return log.reserve(place.logged, stream.offset + 1)
  }

  /** Has an event stored; undefined for one that is too large to be kept. */
  #write(logged: LoggedStream, event: KeptEvent | undefined): void {
    const { log, clock } = this.durable!
    if (event) log.append(logged, event, clock.now())
    this.isDurable = true
  }

  /** Gives up what is stored of a stream. */
  #discard(place: Place): undefined {
    const { logged, stream } = place
    if (!logged) return
    place.logged = undefined
    this.#log!.discardStream(logged.id)
    for (const event of stream.last(Infinity, Infinity)) this.#discardEvent(event)
  }

  readonly #discardEvent = (event: KeptEvent): void => {
    if (event.row === 0) return
    this.#log!.discardEvent(event.row, event.bytes)
    event.row = 0
  }

  /** The stream of a channel as it is now, begun where there is none; undefined where no rule covers the channel. */
  stream(app: App, channel: ChannelName, now: number): Stream | undefined {
    const rule = this.#ruleOf(app, channel)
    if (!rule) return undefined
    const place = this.#open(app, channel, now)
    place.usedAt = now
    if (place.unused) this.#unused.use(place.unused)
    else this.#trim(place, rule, now)
    return place.stream
  }

  /** What a new subscriber gets, whose app may be that of another node; undefined where it neither asks nor is meant to. */
  replay(
    { channel, history: asked }: SubscribeCommand,
    app: App,
    { id, sink }: Pick<Connection, 'id' | 'sink'>,
    now: number,
  ): Replay | undefined {
    const rule = this.#ruleOf(app, channel)
    const recovered = asked?.since ? false : undefined
    if (!rule) return asked && { position: NOT_KEPT, recovered, events: [] }
    const count = asked?.rewind ?? rule.rewind
    if (!asked && count === 0) return undefined
    const stream = this.stream(app, channel, now)!
    const { position } = stream
    // Queues write text as part of a text, which may double it.
    const maxBytes = app.limits.maxReplayBytes / (sink.queued ? 2 : 1)
    const channelBytes = Buffer.byteLength(jsonText(channel))
    const missed = asked?.since && stream.since(asked.since, maxBytes, channelBytes)
    const found = missed ?? stream.last(count, maxBytes, channelBytes)
    const events = withoutOwn(found, id, asked?.formerId)
    return { position, recovered: missed ? true : recovered, events }
  }

  /** Ends the stream of a channel; the next one has another epoch. A refusal where it cannot be removed from the store. */
  forget(app: App, channel: ChannelName): Refusal | undefined {
    const place = this.#tenants.get(app)?.places.get(channel)
    if (!place) return undefined
    const refused = place.logged && this.#log?.discardStreamNow(place.logged.id)
    if (refused) return refused
    return this.#remove(place)
  }

  /** Ends all streams of an app, which was deleted. */
  forgetApp(app: App): void {
    for (const place of this.#tenants.get(app)?.places.values() ?? []) this.#remove(place)
  }

  /** Notes the rules of an app that was changed: a stream ends that was not covered for a while. */
  changeRules(app: App): void {
    const isKnown = this.#tenants.get(app)?.pastRules.add(app.record.history) ?? true
    if (!isKnown) this.forgetApp(app)
  }

  /** True where a rule has covered its channel all the time. */
  #isWhole(place: Place): boolean {
    const { channel, tenant } = place
    const { pastRules } = tenant
    if (place.changes === pastRules.count) return true
    const isWhole = pastRules.haveCovered(channel, this.kindOf(channel), place.changes)
    if (isWhole) place.changes = pastRules.count
    return isWhole
  }

  #ruleOf(app: App, channel: ChannelName): HistoryRule | undefined {
    return ruleOf(app, channel, this.kindOf(channel))
  }

  #ruleOfPlace({ tenant, channel }: Place): HistoryRule | undefined {
    return this.#ruleOf(tenant.app, channel)
  }

  /** Gives up what has expired, of some streams each time. */
  sweep(now: number): void {
    for (let { oldest } = this.#unused; oldest; { oldest } = this.#unused) {
      if (now - oldest.item.usedAt <= REMEMBERED_MS) break
      this.#remove(oldest.item)
    }
    let link = this.#cursor ?? this.#recency.oldest
    for (let left = STREAMS_PER_SWEEP; link && left > 0; left--) {
      this.#cursor = link.newer
      this.#sweep(link.item, now)
      link = this.#cursor
    }
    this.#log?.sweep()
  }

  #sweep(place: Place, now: number): void {
    const { stream } = place
    const rule = this.#ruleOfPlace(place)
    if (rule) this.#trim(place, rule, now)
    if (!rule || !this.#isWhole(place) || (stream.size === 0 && now - place.usedAt > REMEMBERED_MS))
      this.#remove(place)
  }

  #open(app: App, channel: ChannelName, now: number, stored?: Stream): Place {
    const tenant = this.#tenants.getOrInsertComputed(app, () => ({
      app,
      places: new WideMap(),
      recency: new Recency(),
      pastRules: new PastRules(),
      bytes: 0,
    }))
    const known = tenant.places.get(channel)
    if (known && this.#isWhole(known)) return known
    if (known) {
      this.#remove(known)
      return this.#open(app, channel, now)
    }
    const stream = stored ?? new Stream()
    if (this.#log) stream.onGivenUp = this.#discardEvent
    const nowhere = { unused: undefined, inApp: undefined, inAll: undefined }
    const place: Place = {
      channel,
      stream,
      tenant,
      usedAt: now,
      changes: tenant.pastRules.count,
      logged: undefined,
      ...nowhere,
    }
    place.unused = this.#unused.add(place)
    tenant.places.set(channel, place)
    if (++this.#unusedCount > MAX_UNUSED) this.#remove(this.#unused.oldest!.item)
    return place
  }

  #use(place: Place, now: number): void {
    const { tenant, unused, inApp, inAll } = place
    place.usedAt = now
    if (inApp && inAll) {
      tenant.recency.use(inApp)
      this.#skip(inAll)
      this.#recency.use(inAll)
      return
    }
    if (unused) this.#endUnused(place, unused)
    place.inApp = tenant.recency.add(place)
    place.inAll = this.#recency.add(place)
    this.#count(tenant, STREAM_BYTES)
  }

  #endUnused(place: Place, link: Link<Place>): void {
    this.#unused.remove(link)
    this.#unusedCount--
    place.unused = undefined
  }

  /** The sweep goes on with the one after it. */
  #skip(link: Link<Place>): void {
    if (this.#cursor === link) this.#cursor = link.newer
  }

  #trim(place: Place, rule: HistoryRule, now: number): void {
    const { stream, tenant } = place
    const before = stream.bytes
    stream.trim(now, boundsOf(tenant.app, rule))
    this.#count(tenant, stream.bytes - before)
  }

  #makeRoom(tenant: Tenant): void {
    let left = DROPS_PER_APPEND
    const { maxHistoryBytesPerApp } = tenant.app.limits
    while (tenant.bytes > maxHistoryBytesPerApp && left-- > 0) this.#giveUp(tenant.recency)
    while (this.#bytes > this.limits.maxHistoryBytes && left-- > 0) this.#giveUp(this.#recency)
  }

  /** Gives up the oldest event of the one that was silent for the longest time, or its stream where it has none. */
  #giveUp({ oldest }: Recency<Place>): void {
    const place = oldest!.item
    const { stream, tenant } = place
    if (stream.size === 0) return this.#remove(place)
    const before = stream.bytes
    stream.dropOldest()
    this.#count(tenant, stream.bytes - before)
  }

  #count(tenant: Tenant, bytes: number): void {
    tenant.bytes += bytes
    this.#bytes += bytes
  }

  #remove(place: Place): undefined {
    const { channel, stream, tenant, unused, inApp, inAll } = place
    tenant.places.delete(channel)
    this.#discard(place)
    if (unused) this.#endUnused(place, unused)
    if (inApp && inAll) {
      this.#count(tenant, -stream.bytes - STREAM_BYTES)
      tenant.recency.remove(inApp)
      this.#skip(inAll)
      this.#recency.remove(inAll)
    }
    if (tenant.places.size === 0) this.#tenants.delete(tenant.app)
  }
}
