/**
 * Replicas: the channels that this node hears. Owns them: each begins before the first connection joins, is kept by
 * the messages of its bus, and ends when nobody is in it any more. While a snapshot is fetched all that is said of
 * the channel waits behind it.
 */
import type { ChannelKind } from '../core/channel'
import { messageOf } from '../core/errors'
import type { Context } from './context'
import { PATIENCE_MS, LEASE_MS, runOn, tellLater } from './context'
import { RedisAway } from './link/away'
import { busOf, channelOfBus, PARTITIONS, partitionOf, splitName, type FullName } from './names'
import { heardOf, goOn, isAhead, isOverfull, lacksSome, putOff, takeQueue } from './heard'
import { Deafness } from './deafness'
import { Replica } from './replica'
import { SCRIPTS } from './scripts'
import { showCount, showLeft, showSeat } from './show'
import { readSnapshot, type Snapshot } from './snapshot'
import { readMessage, type BytesSent, type EventSent, type Message, type OrderSent } from './wire'
import { WideMap } from '../core/wide-map'
import { watchChannel, userOf } from '../core/channel'
import type { SocketId } from '../core/types'

/** How often what waits behind a snapshot may be too much for one more to be asked for; the last waits for no bus. */
const MOST_OVERFLOWS = 5
/** How long a channel is heard that nobody is in: after the last has left, and while a plugin is asked about who comes. */
const LINGER_MS = 1000
const FRESH_MS = 60_000
/** For how long a channel is not fetched for a message that is missing, after one that could not be. */
const QUIET_MS = 1000
/** Channels that one turn stops to hear at most, and how soon it goes on. */
const STOPPED_AT_ONCE = 64
const GO_ON_MS = 20
/** Snapshots that are asked for at once when all channels are fetched anew. */
const FETCHES_AT_ONCE = 100

const EVERYWHERE = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** What the rest of the engine does about a replica. */
export type ReplicaEvents = {
  /** An event is next. */
  published(replica: Replica, message: EventSent | BytesSent): void
  /** An order is next. */
  ordered(replica: Replica, message: OrderSent): void
  /** All that was kept of it is given up. */
  forgotten(replica: Replica, message: Message): void
  /** A snapshot is about to be taken; `heard` are the messages until then that have waited behind it. */
  adopted(replica: Replica, snapshot: Snapshot, heard: readonly Message[]): void
  /** Redis has given up the node in the partition: done when it has begun anew there. */
  expired(partition: number): Promise<void>
  /** It was fetched. `missing` are seats of this node that Redis does not know, or takes for those of an earlier one. */
  fetched(replica: Replica, missing: readonly SocketId[]): void
}

export class Replicas {
  /** By partition. */
  readonly #partitions = Array.from({ length: PARTITIONS }, () => new WideMap<FullName, Replica>())
  readonly deafness: Deafness
  /** Those that could not be fetched. */
  readonly #deaf = new Set<Replica>()
  #isRetrying = false
  /** Those that may be of no use. */
  readonly #idle = new Set<Replica>()
  #willGoOn = false

  constructor(
    readonly context: Context,
    readonly events: ReplicaEvents,
  ) {
    this.deafness = new Deafness(context)
  }

  get(name: FullName): Replica | undefined {
    return this.#partitions[partitionOf(name)]!.get(name)
  }

  /** Those of one partition. */
  of(partition: number): Iterable<Replica> {
    return this.#partitions[partition]!.values()
  }

  /** Begins to hear a channel. The replica is live then, or deaf. */
  hear(name: FullName, kind: ChannelKind): Replica | Promise<Replica> {
    const partition = partitionOf(name)
    let replica = this.#partitions[partition]!.get(name)
    const now = this.context.clock.mono()
    if (!replica) {
      replica = new Replica(name, partition, kind, now)
      this.#partitions[partition]!.set(name, replica)
      void this.#begin(replica)
    }
    replica.usedAt = now
    if (!replica.isUsed) this.#idle.add(replica)
    const found = replica
    return found.ready && found.state === 'fetching' ? found.ready.promise.then(() => found) : found
  }

  /** The same, but waits for Redis, as long as a command may. False where it does not come. */
  async hearLive(name: FullName, kind: ChannelKind): Promise<boolean> {
    const { clock } = this.context
    const until = clock.mono() + PATIENCE_MS
    for (;;) {
      const { state } = await this.hear(name, kind)
      if (state === 'live') return true
      if (clock.mono() >= until) return false
      await new Promise<void>((resolve) => clock.after(100, resolve))
    }
  }

  /** Somebody has left: it may be of no use any more, unless somebody else is about to be signed in. */
  release(replica: Replica): void {
    if (replica.isUsed) return
    const usedAt = this.context.clock.mono() - FRESH_MS + LINGER_MS
    if (userOf(splitName(replica.name).channel) === undefined) replica.usedAt = usedAt
    this.#idle.add(replica)
  }

  async #begin(replica: Replica): Promise<void> {
    const { link, clock } = this.context
    const bus = busOf(replica.name)
    const heardUntil = replica.epoch === '' ? clock.mono() : link.heardUntil(bus)
    replica.missingSince = Math.min(replica.missingSince, heardUntil)
    replica.state = 'fetching'
    this.#deaf.delete(replica)
    replica.ready ??= Promise.withResolvers()
    try {
      await link.subscribe(bus)
      await this.#fetch(replica)
    } catch (cause) {
      if (!(cause instanceof RedisAway))
        this.context.log.error(
          { channel: replica.name, error: messageOf(cause) },
          'redis: a channel could not be fetched',
        )
      replica.state = 'deaf'
      replica.isBlind = replica.epoch === ''
      this.#deaf.add(replica)
      takeQueue(replica)
    }
    this.#settle(replica)
  }

  #settle(replica: Replica): void {
    const { ready } = replica
    replica.ready = undefined
    // Nobody may come after all, or all may have left meanwhile.
    this.release(replica)
    ready?.resolve()
  }

  /** Fetches a snapshot, then takes what has waited behind it. Rejects with RedisAway. */
  async #fetch(replica: Replica): Promise<void> {
    const { context } = this
    for (let overflows = 0; ;) {
      const { name, epoch, rev, partition, position } = replica
      const known = [epoch, rev, position.epoch, position.offset]
      const answer = await runOn(context, SCRIPTS.listen, name, ...known)
      const isNew = replica.epoch === '' && !replica.isBlind
      const snapshot = await readSnapshot(answer, isNew && replica.roster !== undefined)
      if (!snapshot) {
        await this.events.expired(partition)
        continue
      }
      const mayWait = overflows + 1 < MOST_OVERFLOWS && isAhead(replica, snapshot)
      if (mayWait) await context.link.hearOut(busOf(name))
      if (replica.isStale) {
        replica.isStale = false
        continue
      }
      if (isOverfull(replica)) {
        context.numbers.overflows++
        takeQueue(replica)
        // Who waits to join does so now; the next message has it fetched again.
        if (++overflows < MOST_OVERFLOWS) continue
      }
      this.#adopt(replica, snapshot)
      return
    }
  }

  /** One step: the replica is what the snapshot says, and then what was said since. */
  #adopt(replica: Replica, snapshot: Snapshot): void {
    const { context } = this
    const isFirst = replica.epoch === ''
    const isReborn = !isFirst && replica.epoch !== snapshot.epoch
    const now = context.clock.mono()
    if (isReborn) this.#beLenient(replica, now)
    const heard = isFirst ? [] : heardOf(replica, snapshot, this.context.versions.reads)
    const { isBlind } = replica
    const isLacking = isFirst ? isBlind : lacksSome(replica, snapshot, heard)
    if (isLacking) this.deafness.note(replica.missingSince)
    replica.missingSince = Infinity
    replica.isBlind = false
    this.events.adopted(replica, snapshot, heard)
    replica.standAt(snapshot)
    replica.state = 'live'
    if (now >= replica.lenientUntil) this.#showMissing(replica, snapshot)
    if (isFirst && !isBlind) replica.begin(snapshot)
    else for (const [socketId, seat] of snapshot.seats) showSeat(context, replica, socketId, seat)
    const isOwn = (id: string): boolean => context.incarnations.isOwn(id)
    if (replica.setCounts(snapshot.counts, isOwn) && (!isFirst || isBlind))
      showCount(context, replica)
    const ownId = context.incarnations.idOf(replica.partition)
    replica.told = snapshot.counts.find(([id]) => id === ownId)?.[1]
    const isMissing = (socketId: SocketId): boolean => snapshot.seats.get(socketId)?.node !== ownId
    const missing = [...replica.held.keys()].filter(isMissing)
    const queue = takeQueue(replica)
    replica.offer()
    for (const text of queue) this.#take(replica, text, false)
    this.events.fetched(replica, missing)
  }

  /** Seats that are not there any more are over, but for those that are of this node: it takes them again. */
  #showMissing(replica: Replica, { seats }: Snapshot): void {
    for (const socketId of replica.seats.keys())
      if (!seats.has(socketId) && !replica.held.has(socketId))
        showLeft(this.context, replica, socketId)
  }

  /** Redis has lost the channel: its nodes have a lease's time to say again what they have there. */
  #beLenient(replica: Replica, now: number): void {
    replica.lenientUntil = now + LEASE_MS
    this.context.clock.after(LEASE_MS, () => {
      if (this.get(replica.name) === replica) this.refetch(replica)
    })
  }

  /** Fetches it anew, unless that is under way. */
  refetch(replica: Replica): void {
    if (replica.state === 'fetching') return
    void this.#begin(replica)
  }

  /** The same; done when it is live, or deaf. */
  async revive(replica: Replica): Promise<void> {
    this.refetch(replica)
    await replica.ready?.promise
  }

  /** Tries again what Redis has refused while no connection was lost, which nothing else would tell. */
  retry(): void {
    const { link, log } = this.context
    if (this.#deaf.size === 0 || this.#isRetrying) return
    this.#isRetrying = true
    this.#fetchDeaf(({ partition }) => link.isPlaceUp(String(partition)))
      .catch((cause: unknown) =>
        log.error({ error: messageOf(cause) }, 'redis: a retry has failed'),
      )
      .finally(() => (this.#isRetrying = false))
  }

  /** Fetches those that could not be fetched. */
  refetchDeaf(): Promise<void> {
    return this.#fetchDeaf(() => true)
  }

  #fetchDeaf(isMeant: (replica: Replica) => boolean): Promise<void> {
    return this.#fetchThose(
      [...this.#deaf],
      (replica) => this.#deaf.has(replica) && isMeant(replica),
    )
  }

  /** Fetches anew what something may be missing of that was said since then: all, or what is in one partition. */
  async catchUp(since: number, partitions: readonly number[] = EVERYWHERE): Promise<void> {
    for (const partition of partitions)
      for (const replica of this.of(partition)) {
        replica.missingSince = Math.min(replica.missingSince, since)
        // What is on its way may be of before.
        if (replica.state === 'fetching') replica.isStale = true
      }
    for (const partition of partitions) await this.#fetchThose(this.of(partition), () => true)
  }

  async #fetchThose(
    replicas: Iterable<Replica>,
    isMeant: (replica: Replica) => boolean,
  ): Promise<void> {
    let pending: Promise<void>[] = []
    for (const replica of replicas) {
      if (!isMeant(replica)) continue
      if (replica.state === 'fetching') {
        replica.isStale = true
        if (replica.ready) pending.push(replica.ready.promise)
      } else pending.push(this.#begin(replica))
      if (pending.length < FETCHES_AT_ONCE) continue
      await Promise.all(pending)
      pending = []
    }
    await Promise.all(pending)
  }

  /** A message has come by a bus. */
  receive(bus: string, text: string): void {
    const name = channelOfBus(bus)
    const replica = name === undefined ? undefined : this.get(name)
    if (!replica || replica.state === 'deaf') return
    if (replica.state === 'live') return this.#take(replica, text, true)
    putOff(replica, text)
  }

  /** Takes a message that is next. Where one is missing the channel is fetched, unless it has just been. */
  #take(replica: Replica, text: string, mayFetch: boolean): void {
    const message = readMessage(text, this.context.versions.reads)
    if (!message) {
      this.context.numbers.refusedMessages++
      return
    }
    const isSame = message.epoch === replica.epoch
    if (isSame && message.rev <= replica.rev) return
    if (isSame && message.rev === replica.rev + 1) {
      goOn(replica, message)
      this.#show(replica, message)
      return replica.offer()
    }
    const { numbers, clock } = this.context
    const now = clock.mono()
    if (mayFetch && now >= replica.quietUntil) {
      numbers.gaps++
      this.refetch(replica)
      return putOff(replica, text)
    }
    // The snapshot does not lead to it: it cannot be. Nor can what is like it, for a while.
    numbers.refusedMessages++
    if (mayFetch) this.#fetchLater(replica, replica.quietUntil - now)
    else replica.quietUntil = now + QUIET_MS
  }

  /** Whoever writes nonsense on a bus has the channel fetched once in a while, and not for each message. */
  #fetchLater(replica: Replica, delayMs: number): void {
    if (replica.willFetch) return
    replica.willFetch = true
    this.context.clock.after(delayMs, () => {
      replica.willFetch = false
      if (this.get(replica.name) === replica) this.refetch(replica)
    })
  }

  #show(replica: Replica, message: Message): void {
    switch (message.type) {
      case '+': {
        const { socketId, node, member, meta } = message
        return showSeat(this.context, replica, socketId, { node, member, meta })
      }
      case '-':
        // Others have given this node up, which takes the seat again: nobody here has been away.
        if (replica.held.has(message.socketId)) return
        return showLeft(this.context, replica, message.socketId)
      case 'c':
        if (this.context.incarnations.isOwn(message.node)) return
        if (replica.setCount(message.node, message.count)) showCount(this.context, replica)
        return
      case 'event':
      case 'bytes':
        return this.events.published(replica, message)
      case 'order':
        return this.events.ordered(replica, message)
      case 'forgotten':
        return this.events.forgotten(replica, message)
    }
  }

  /** Stops to hear channels that nobody is in. */
  sweep(): void {
    const { clock, link } = this.context
    const before = clock.mono() - FRESH_MS
    let left = STOPPED_AT_ONCE
    for (const replica of this.#idle) {
      const isDue = replica.usedAt <= before
      if (isDue && left === 0) return this.#goOn()
      if (isDue || replica.isUsed) this.#idle.delete(replica)
      if (!isDue || replica.isUsed || this.#hasSubscribers(replica)) continue
      left--
      this.#partitions[replica.partition]!.delete(replica.name)
      this.#deaf.delete(replica)
      link.unsubscribe(busOf(replica.name))
      const ended = runOn(this.context, SCRIPTS.unlisten, replica.name)
      ended.catch(tellLater(this.context, replica.partition))
    }
  }

  #goOn(): void {
    if (this.#willGoOn) return
    this.#willGoOn = true
    this.context.clock.after(GO_ON_MS, () => {
      this.#willGoOn = false
      this.sweep()
    })
  }

  #hasSubscribers({ name }: Replica): boolean {
    const { node } = this.context
    const { appId, channel } = splitName(name)
    const app = node.app(appId)
    if (!app) return false
    const userId = userOf(channel)
    if (node.hasSubscribers(app, channel)) return true
    return userId !== undefined && node.hasSubscribers(app, watchChannel(userId))
  }
}
