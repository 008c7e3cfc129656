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
import type { HistoryLog, LoggedStream, StoredStream } from './history-log'
import { noReplay, replayOf } from './history-replay'
import { takeStored, type Durable, type NoteClaim, type Taken } from './history-stored'
import type { Limits } from './limits'
import type { BackendPublication, KeptEvent, Replay, SubscribeCommand } from './messages'
import { Recency, type Link } from './recency'
import { workFor, type Work } from './slices'
import { NOT_KEPT, Stream } from './stream'
import type { AppId, ChannelName, Position } from './types'
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
    readonly durable?: Durable,
  ) {
    this.#log = durable?.log
  }

  /**
   * Takes up the stored streams, once, before any other. One that no rule makes durable any more is removed. `note`
   * is called with each event that has a key, and with how long it has been stored, in milliseconds.
   */
  load(appOf: (id: AppId) => App | undefined, now: number, note: NoteClaim): void {
    if (!this.durable) return
    const keeperOf = ({ appId, channel }: StoredStream): App | undefined => {
      const app = appOf(appId as AppId)
      return app && this.#ruleOf(app, channel)?.durable ? app : undefined
    }
    const taken = takeStored(this.durable, now, keeperOf, note)
    const places = taken.map((each) => this.#restore(each, now))
    for (const place of places) this.#trim(place, this.#ruleOfPlace(place)!, now)
    for (const { tenant } of places) this.#makeRoom(tenant)
  }

  /** The last event of each cache channel that is kept, the oldest first. */
  lasts(): readonly (KeptEvent & Position)[] {
    const found: (KeptEvent & Position)[] = []
    for (const { channel, stream } of this.#recency) {
      const { epoch, newest } = stream
      if (newest && this.kindOf(channel).cache) found.push({ ...newest, epoch })
    }
    return found.sort((one, other) => one.at - other.at)
  }

  #restore({ app, stored, stream }: Taken, now: number): Place {
    const { isClosed: _, ...logged } = stored
    const place = this.#open(app, stored.channel, now, stream)
    place.logged = { ...logged, committed: logged.reserved }
    this.#use(place, now)
    this.#count(place.tenant, stream.bytes)
    return place
  }

  /** Writes all that is not written yet, and where each stream ends; it may go on. */
  close(): void {
    for (const place of this.#recency) if (!this.#isWhole(place)) this.#discard(place)
    this.#log?.close(this.#ends())
    for (const [logged] of this.#ends()) logged.reserved = logged.committed
  }

  *#ends(): IterableIterator<readonly [stream: LoggedStream, offset: number]> {
    for (const { logged, stream } of this.#recency) if (logged) yield [logged, stream.offset]
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
    const refused = rule.durable ? this.#reserve(place) : this.#endStored(place)
    if (refused) return refused
    this.#use(place, now)
    const before = stream.bytes
    const row = place.logged ? this.#log!.takeRow() : 0
    const position = stream.append(publication, now, boundsOf(app, rule), row)
    this.#count(tenant, stream.bytes - before)
    if (place.logged) this.#write(place, place.logged)
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

  /** Has the last event stored, unless it is too large to be kept. */
  #write(place: Place, logged: LoggedStream): void {
    const { log, clock } = this.durable!
    const event = place.stream.newest
    if (event) log.append(logged, event, clock.now())
    else this.#endStored(place)
    this.isDurable = true
  }

  /** Gives up what is stored of a stream before it goes on without: a crash must not make it whole again. */
  #endStored(place: Place): undefined {
    if (place.logged) this.#log!.discardNow([place.logged.id])
    return this.#discard(place)
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
    conn: Pick<Connection, 'id' | 'sink'>,
    now: number,
  ): Replay | undefined {
    const rule = this.#ruleOf(app, channel)
    if (!rule) return asked && noReplay(asked)
    if (!asked && rule.rewind === 0) return undefined
    return replayOf(this.stream(app, channel, now)!, rule, channel, asked, app, conn)
  }

  /** Ends the stream of a channel; the next one has another epoch. A refusal where it cannot be removed from the store. */
  forget(app: App, channel: ChannelName): Refusal | undefined {
    const place = this.#tenants.get(app)?.places.get(channel)
    if (!place) return undefined
    const refused = place.logged && this.#log?.discardNow([place.logged.id])
    return refused ?? this.#remove(place)
  }

  /** Ends all streams of an app, which was deleted. What they take is given back by the work that is returned. */
  forgetApp(app: App): Work | undefined {
    const tenant = this.#tenants.get(app)
    if (!tenant) return undefined
    this.#endStoredOf(tenant, () => true)
    this.#tenants.delete(app)
    tenant.pastRules.add([]) // none of them is whole any more
    return workFor('history', Array.from(tenant.places.values()), (place) => {
      if (tenant.places.get(place.channel) === place) this.#remove(place)
    })
  }

  /** Notes the rules of an app that was changed: a stream ends that was not covered for a while. As `forgetApp`. */
  changeRules(app: App): Work | undefined {
    const tenant = this.#tenants.get(app)
    if (!tenant) return undefined
    const { pastRules } = tenant
    const before = pastRules.prefixes
    if (!pastRules.add(app.record.history)) return this.forgetApp(app)
    if (pastRules.prefixes !== before)
      this.#endStoredOf(tenant, (place) => !this.#ruleOfPlace(place))
    return undefined
  }

  /** Before anything is published that they lack. What else there is of them may go later. */
  #endStoredOf({ places }: Tenant, isEnding: (place: Place) => boolean): void {
    const ended: number[] = []
    for (const place of places.values())
      if (place.logged && isEnding(place)) ended.push(place.logged.id)
    this.#log?.discardNow(ended)
  }

  /** True where a rule has covered its channel all the time. */
  #isWhole(place: Place): boolean {
    const { pastRules } = place.tenant
    if (place.changes === pastRules.count) return true
    const isWhole = pastRules.haveCovered(place.channel, this.kindOf(place.channel), place.changes)
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
    let [left, link] = [STREAMS_PER_SWEEP, this.#cursor ?? this.#recency.oldest]
    for (let { oldest } = this.#unused; oldest && left > 0; left--, { oldest } = this.#unused) {
      if (now - oldest.item.usedAt <= REMEMBERED_MS) break
      this.#remove(oldest.item)
    }
    for (; link && left > 0; left--) {
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
      pastRules: new PastRules(app.record.history),
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
    const { app, places } = tenant
    if (places.size === 0 && this.#tenants.get(app) === tenant) this.#tenants.delete(app)
  }
}
