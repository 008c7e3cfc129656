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
import type { HistoryLog, HistoryWrite, StoredStream } from './history-log'
import { textOfJson } from './json'
import type { Limits } from './limits'
import type { BackendPublication, KeptEvent, Replay, SubscribeCommand } from './messages'
import { Recency, type Link } from './recency'
import { NOT_KEPT, Stream } from './stream'
import type { AppId, ChannelName, Clock, Position, SocketId } from './types'
import { WideMap } from './wide-map'

/** Streams of all apps that never had an event, at most: 30 MB. */
const MAX_UNUSED = 50_000
/** What a stream takes besides its events. */
const STREAM_BYTES = 600
/** How long a stream without events is remembered. */
const REMEMBERED_MS = 86_400_000
/** Streams that one sweep looks at: a millisecond. */
const STREAMS_PER_SWEEP = 2000
/** Offsets that are reserved in the store at a time; each takes it 50 µs. */
const RESERVED_AHEAD = 1000
const TRIMMED_AT_ONCE = 64
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
  /** The last offset that is reserved in the store; 0 for a stream that is not there. */
  reserved: number
  /** The store holds no earlier offset. */
  storedFirst: number
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

  /** Takes up the stored streams, once, before any other. One that no rule makes durable any more is removed. */
  load(appOf: (id: AppId) => App | undefined, now: number): void {
    for (const stored of this.#log?.store.load() ?? []) {
      const { appId, channel } = stored
      const app = appOf(appId as AppId)
      const rule = app && ruleOf(app, channel, this.kindOf(channel))
      if (app && rule?.durable) this.#restore(stored, app, rule, now)
      else this.#log!.add({ type: 'remove', appId, channel })
    }
  }

  /** After a crash it goes on past all offsets that were reserved: those after the last event may have been heard. */
  #restore(stored: StoredStream, app: App, rule: HistoryRule, now: number): void {
    const { channel, epoch, reserved, isClosed, events } = stored
    const stream = new Stream(epoch, isClosed ? reserved : reserved + 1)
    const place = this.#open(app, channel, now, stream)
    const epochMs = this.durable!.clock.now()
    const rest = { type: 'event', origin: 'backend', sender: undefined, once: undefined } as const
    for (const { offset, name, data, except, at } of events) {
      const event = textOfJson(name)
      const publication: BackendPublication = { ...rest, app, channel, event, data, except }
      stream.restore(offset, publication, now - Math.max(0, epochMs - at))
    }
    place.reserved = reserved
    place.storedFirst = stream.first
    this.#use(place, now)
    this.#count(place.tenant, stream.bytes)
    this.#trim(place, rule, now)
    this.#makeRoom(place.tenant)
  }

  /** Writes all that is not written yet, and where each stream ends. */
  close(): void {
    const log = this.#log
    if (!log) return
    for (let link = this.#recency.oldest; link; link = link.newer) {
      const { reserved, stream } = link.item
      if (reserved > 0) log.add(reservation(link.item, stream.position.offset, true))
      this.#trimStored(link.item, 1)
    }
    log.commitNow()
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
    const refused = rule.durable ? this.#reserve(place) : this.#removeStored(place)
    if (refused) return refused
    this.#use(place, now)
    const before = stream.bytes
    const position = stream.append(publication, now, boundsOf(app, rule))
    this.#count(tenant, stream.bytes - before)
    if (place.reserved > 0) this.#write(place, publication, position.offset)
    this.#makeRoom(tenant)
    return position
  }

  /** Reserves the next offset in the store, where it is not yet. */
  #reserve(place: Place): Refusal | undefined {
    const { stream } = place
    const { offset } = stream.position
    if (!this.#log || offset < place.reserved) return undefined
    const refused = this.#log.commitNow(reservation(place, offset + RESERVED_AHEAD, false))
    if (refused) return refused
    if (place.reserved === 0) place.storedFirst = offset + 1
    place.reserved = offset + RESERVED_AHEAD
    return undefined
  }

  #write(place: Place, publication: BackendPublication, offset: number): void {
    const { durable } = this
    if (!durable) return
    const { app, channel } = publication
    const at = durable.clock.now()
    durable.log.add({ type: 'append', appId: app.id, channel, offset, publication, at })
    this.#trimStored(place)
    this.isDurable = true
  }

  /** Gives up in the store what was given up here, some events at a time: a deletion costs as much as an append. */
  #trimStored(place: Place, least = place.stream.size === 0 ? 1 : TRIMMED_AT_ONCE): void {
    const { first } = place.stream
    if (place.reserved === 0 || first < place.storedFirst + least) return
    place.storedFirst = first
    const { tenant, channel } = place
    this.#log?.add({ type: 'trim', appId: tenant.app.id, channel, first })
  }

  #removeStored(place: Place): undefined {
    if (place.reserved === 0) return
    this.#log?.add({ type: 'remove', appId: place.tenant.app.id, channel: place.channel })
    place.reserved = 0
  }

  /** The stream of a channel as it is now, begun where there is none; undefined where no rule covers the channel. */
  stream(app: App, channel: ChannelName, now: number): Stream | undefined {
    const rule = ruleOf(app, channel, this.kindOf(channel))
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
    const rule = ruleOf(app, channel, this.kindOf(channel))
    const recovered = asked?.since ? false : undefined
    if (!rule) return asked && { position: NOT_KEPT, recovered, events: [] }
    const count = asked?.rewind ?? rule.rewind
    if (!asked && count === 0) return undefined
    const stream = this.stream(app, channel, now)!
    const { position } = stream
    // Queues write text as part of a text, which may double it.
    const maxBytes = app.limits.maxReplayBytes / (sink.queued ? 2 : 1)
    const missed = asked?.since && stream.since(asked.since, maxBytes)
    const events = withoutOwn(missed ?? stream.last(count, maxBytes), id, asked?.formerId)
    return { position, recovered: missed ? true : recovered, events }
  }

  /** Ends the stream of a channel; the next one has another epoch. A refusal where it cannot be removed from the store. */
  forget(app: App, channel: ChannelName): Refusal | undefined {
    const place = this.#tenants.get(app)?.places.get(channel)
    if (!place) return undefined
    const write = { type: 'remove', appId: app.id, channel } as const
    const refused = place.reserved > 0 && this.#log?.commitNow(write, 'nothing was given up')
    if (refused) return refused
    place.reserved = 0
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
  }

  #sweep(place: Place, now: number): void {
    const { channel, stream, tenant } = place
    const rule = ruleOf(tenant.app, channel, this.kindOf(channel))
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
    const nowhere = { unused: undefined, inApp: undefined, inAll: undefined }
    const place: Place = {
      channel,
      stream,
      tenant,
      usedAt: now,
      changes: tenant.pastRules.count,
      reserved: 0,
      storedFirst: 0,
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
    this.#trimStored(place)
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
    this.#trimStored(place)
  }

  #count(tenant: Tenant, bytes: number): void {
    tenant.bytes += bytes
    this.#bytes += bytes
  }

  #remove(place: Place): undefined {
    const { channel, stream, tenant, unused, inApp, inAll } = place
    tenant.places.delete(channel)
    this.#removeStored(place)
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

const reservation = (
  { tenant, channel, stream, reserved: before }: Place,
  reserved: number,
  isClosed: boolean,
): HistoryWrite => ({
  type: 'reserve',
  appId: tenant.app.id,
  channel,
  epoch: stream.epoch,
  reserved,
  isClosed,
  isNew: before === 0,
})

/** Without those that exclude the subscriber, by its socket id or a former one. Connected, it may have caused some. */
const withoutOwn = (events: readonly KeptEvent[], id: SocketId, formerId: SocketId | undefined) =>
  events.filter(
    ({ publication: { except } }) => except === undefined || (except !== id && except !== formerId),
  )
