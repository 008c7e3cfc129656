/**
 * Audience: the subscribers of one channel with one codec and one kind of sink, spread over native topics (shards)
 * of 16, and of 64 where they are many. `deliver` appends a frame to one queue; the fan-out serves the shards, in
 * turns of the event loop, each with all that is pending for it. What is published between two turns leaves in one
 * system call per socket, so the queue coalesces by itself (1.3 to 1.9 times a bare publish to a thousand) and a
 * small channel never waits for a big one.
 *
 * Exact at the edges: a shard is flushed before a subscriber joins it, and a leaving one is sent what is pending, so
 * nobody gets a frame twice, out of order, or not at all. One that gets a long replay first is held in a shard of its own. An excluded subscriber publishes to its own shard, which
 * skips it natively. Queues have no native topics: each subscriber of their shards is sent each frame.
 *
 * The queue is bounded: past the bound, publishers wait for room.
 */
import type { App } from './app'
import { bytesOf } from './counters'
import type { PendingAudience, FanOut } from './fan-out'
import type { Encoder } from './messages'
import type { Frame, Sink, Topics } from './types'

/**
 * Subscribers of a shard. The first 256 are in small ones: a hundred subscribers need several turns, so that
 * events coalesce and earn back what a trigger costs. For the rest 64 is the best size or within a few per
 * cent of it up to 10 000; smaller ones only cost turns.
 */
export const SHARD_SIZE = { small: 16, large: 64 } as const
/** How many small ones come first. */
export const SMALL_SHARDS = 16

/** A connection, as far as sending to it needs. */
export type Listener = {
  readonly sink: Sink
  readonly closed: boolean
  send(frame: Frame): void
  /** Called when its peer may have read too slowly. */
  noteUnread(): void
}

/** A subscription, as far as shards need. */
export type ShardMember<Self> = {
  readonly conn: Listener
  shard: Shard<Self> | undefined
  slot: number
}

export type Shard<Subscription> = {
  /** Undefined before its first event: silent channels cost no native topics. */
  topic: string | undefined
  readonly members: Subscription[]
  /** The most members it may have. */
  readonly places: number
  /** The number of the next queued frame to serve. */
  next: number
  /** Its one member is not to hear anything yet. */
  isHeld: boolean
}

type Queued<Subscription> = {
  readonly frame: Frame
  /** Its length in bytes, once it was sent to a shard. To count them before is to write the text before: 13 µs for 10 KB. */
  bytes: number
  readonly except: Subscription | undefined
  /** When it was published, monotonic. */
  readonly at: number
}

/** A shard at most so many frames behind may be flushed at once: as many as one write takes. */
const NEAR_FRAMES = 32
// The cost of a frame per subscriber besides its send: the runtime writes after 32. What its bytes cost only the
// fan-out knows. A frame that is sent at once is a write by itself: 40 µs for 20 KB.
// A queue costs as much as a good many sockets: its frames leave in a response, 80 µs where one waits.
const COST = { perFrame: 1 / 32, perByteAtOnce: 1 / 4_096, perQueue: 16 } as const

/** Nothing is ever added to it: most audiences are silent, and a tenth of their memory were lists without entries. */
const NONE: never[] = []

export class Audience<Subscription extends ShardMember<Subscription>> implements PendingAudience {
  readonly encoder: Encoder
  size = 0
  /** Shards to serve before the next audience has its turn. Owned by the fan-out. */
  turnsLeft = 0
  readonly #queued: boolean
  readonly #app: App
  readonly #name: string
  readonly #shards: Shard<Subscription>[] = []
  /** Shards with room. */
  readonly #open: Shard<Subscription>[] = []
  #queue: Queued<Subscription>[] = NONE
  /** The number of `#queue[0]`; numbers only grow. */
  #first = 0
  #queuedBytes = 0
  #cursor = 0
  #scheduled = false
  /** Called when there is room again. */
  #waiting: (() => void)[] = NONE
  #shardNumber = 0
  /** Places of all shards. */
  #places = 0

  constructor(
    { encoder, queued }: { readonly encoder: Encoder; readonly queued: boolean },
    { app, name }: { readonly app: App; readonly name: string },
    readonly topics: Topics,
    readonly fanOut: FanOut,
  ) {
    this.encoder = encoder
    this.#queued = queued
    this.#app = app
    this.#name = name
  }

  accepts(codec: Encoder, sink: Sink): boolean {
    return codec === this.encoder && (sink.queued === true) === this.#queued
  }

  /** A copy of the current ones. */
  subscriptions(): readonly Subscription[] {
    return this.#shards.flatMap(({ members }) => members)
  }

  get shardCount(): number {
    return this.#shards.length
  }

  get #end(): number {
    return this.#first + this.#queue.length
  }

  /** Publishes at once where there is one shard and the turn has room; else queues the frame. */
  deliver(frame: Frame, except: Subscription | undefined): void {
    const [shard] = this.#shards
    const { fanOut } = this
    if (this.#shards.length === 1 && fanOut.hasRoom && this.#isNear(shard!) && !shard!.isHeld) {
      fanOut.spend(this.#flush(shard!) + shard!.members.length * frame.length * COST.perByteAtOnce)
      return this.#send(shard!, frame, bytesOf(frame), except)
    }
    if (this.#queue === NONE) this.#queue = []
    this.#queue.push({ frame, bytes: 0, except, at: fanOut.context.clock.mono() })
    this.#queuedBytes += frame.length
    if (this.#isOverLimit) fanOut.crowded.add(this)
    if (this.#scheduled) return
    this.#scheduled = true
    fanOut.add(this)
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Resolves when the queue is within its bound again, or no subscriber is left. */
  waitForRoom(): Promise<void> {
    if (this.#waiting === NONE) this.#waiting = []
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Serves the next shard that is behind, for about `limit` sends. Returns their number. */
  serve(limit: number): number {
    const shards = this.#shards
    for (let tried = shards.length; tried > 0; tried--) {
      if (this.#cursor >= shards.length) {
        this.#cursor = 0
        this.#forgetServed()
      }
      const shard = shards[this.#cursor++]!
      if (shard.next < this.#end && !shard.isHeld) return this.#flush(shard, limit)
    }
    return 1
  }

  /** True once every shard has had everything: the audience needs no turn any more. */
  settle(): boolean {
    const end = this.#end
    if (this.#shards.some((shard) => shard.next < end)) return false
    this.#forgetServed()
    this.#scheduled = false
    this.turnsLeft = 0
    return true
  }

  join(subscription: Subscription): void {
    const shard = this.#shardWithRoom()
    this.#flush(shard)
    this.#insert(subscription, shard)
    this.size++
  }

  /** For one that is not to hear anything yet: what is published meanwhile waits for its `catchUp`. */
  joinHeld(subscription: Subscription): void {
    const places = 1
    const members = [subscription]
    const shard = { topic: undefined, members, places, next: this.#end, isHeld: true }
    this.#places += places
    this.#shards.push(shard)
    subscription.shard = shard
    subscription.slot = 0
    this.size++
  }

  /**
   * Sends a held subscriber up to so many of the frames that wait for it. False once there are no more: from then on it
   * is one like all others, and so is one whose connection has closed.
   */
  catchUp(subscription: Subscription, most: number): boolean {
    const { shard, conn } = subscription
    if (!shard?.isHeld) return false
    const end = Math.min(this.#end, shard.next + most)
    this.#sendPending(shard, conn, end)
    shard.next = conn.closed ? this.#end : end
    if (shard.next < this.#end) return true
    shard.isHeld = false
    if (conn.closed) return false
    this.#extract(subscription, shard)
    this.#remove(shard)
    const target = this.#shardWithRoom()
    this.#flush(target)
    this.#insert(subscription, target)
    return false
  }

  /** Sends what was published before, unless the connection has closed. */
  leave(subscription: Subscription): void {
    const shard = subscription.shard
    if (!shard) return
    if (!subscription.conn.closed) this.flush(subscription)
    this.#extract(subscription, shard)
    this.size--
    if (shard.members.length === 0) this.#remove(shard)
    else if (this.size * 2 <= this.#places - shard.places && this.#isNear(shard))
      this.#dissolve(shard)
  }

  /**
   * Sends at once what is pending for one subscriber, who is about to leave; the shard's position stays. In one
   * write: 4 000 frames take 0.4 ms, and 1.4 in as many writes (Bun 1.4.5).
   */
  flush({ shard, conn }: Subscription): void {
    if (!shard || shard.isHeld || shard.next === this.#end) return
    const { sink } = conn
    const send = (): void => this.#sendPending(shard, conn, this.#end)
    if (sink.cork) sink.cork(send)
    else send()
  }

  /** Until the connection ends, as that of a slow reader does. */
  #sendPending(shard: Shard<Subscription>, conn: Listener, end: number): void {
    for (let number = shard.next; number < end && !conn.closed; number++) {
      const { frame, except } = this.#queue[number - this.#first]!
      if (except?.conn !== conn) conn.send(frame)
    }
  }

  /** A sink's `publish` skips the sink itself and reaches the rest, also after it has left or closed. */
  #send(
    shard: Shard<Subscription>,
    frame: Frame,
    bytes: number,
    except: Subscription | undefined,
  ): void {
    if (this.#queued) return sendEach(shard, frame, except?.conn)
    shard.topic ??= this.#newTopic(shard)
    const sent = except
      ? this.topics.publishFrom(except.conn.sink, shard.topic, frame)
      : this.topics.publish(shard.topic, frame)
    if (sent <= 0) markSlow(shard)
    const receivers = except?.shard === shard ? shard.members.length - 1 : shard.members.length
    const { counters } = this.#app
    counters.messagesSent += receivers
    counters.bytesSent += receivers * bytes
  }

  /** Sends what is pending for a shard, up to about `limit`. Returns its cost. */
  #flush(shard: Shard<Subscription>, limit = Infinity): number {
    const end = this.#end
    const { length } = shard.members
    let cost = this.#queued ? length * COST.perQueue : length
    while (shard.next < end && cost < limit) {
      const queued = this.#queue[shard.next++ - this.#first]!
      const { frame, except } = queued
      queued.bytes ||= bytesOf(frame)
      cost += length * COST.perFrame + this.fanOut.priceOf(length * queued.bytes)
      this.#send(shard, frame, queued.bytes, except)
    }
    return cost
  }

  #isNear(shard: Shard<Subscription>): boolean {
    return this.#end - shard.next <= NEAR_FRAMES
  }

  get #isOverLimit(): boolean {
    const { maxQueuedFrames, maxQueuedBytes } = this.fanOut.context.limits
    return this.#queue.length > maxQueuedFrames || this.#queuedBytes > maxQueuedBytes
  }

  /** Drops the frames that every shard has had; once per round, so that a busy queue stays short. */
  #forgetServed(): void {
    let served = this.#end
    for (const shard of this.#shards) if (shard.next < served) served = shard.next
    const { fanOut } = this
    const now = fanOut.context.clock.mono()
    for (const { frame, at } of this.#queue.splice(0, served - this.#first)) {
      this.#queuedBytes -= frame.length
      fanOut.countServed(this.#app, at, now)
    }
    this.#first = served
    if (this.#isOverLimit || !fanOut.crowded.delete(this)) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** An open shard that is not far behind, else a new one, which has nothing to catch up with. */
  #shardWithRoom(): Shard<Subscription> {
    const shard = this.#open[this.#open.length - 1]
    return shard && this.#isNear(shard) ? shard : this.#newShard()
  }

  #newShard(): Shard<Subscription> {
    const isSmall = this.#queued || this.#places < SMALL_SHARDS * SHARD_SIZE.small
    const shard: Shard<Subscription> = {
      topic: undefined,
      members: [],
      places: isSmall ? SHARD_SIZE.small : SHARD_SIZE.large,
      next: this.#end,
      isHeld: false,
    }
    this.#places += shard.places
    this.#shards.push(shard)
    this.#open.push(shard)
    return shard
  }

  /** Names a shard's topic and subscribes its members. */
  #newTopic({ members }: Shard<Subscription>): string {
    const topic = `${this.encoder.name}/${this.#app.id}/${this.#shardNumber++}/${this.#name}`
    for (const { conn } of members) conn.sink.subscribe(topic)
    return topic
  }

  #insert(subscription: Subscription, shard: Shard<Subscription>): void {
    subscription.shard = shard
    subscription.slot = shard.members.push(subscription) - 1
    if (shard.topic !== undefined) subscription.conn.sink.subscribe(shard.topic)
    if (shard.members.length === shard.places) this.#open.splice(this.#open.indexOf(shard), 1)
  }

  #extract(subscription: Subscription, shard: Shard<Subscription>): void {
    if (shard.topic !== undefined) subscription.conn.sink.unsubscribe(shard.topic)
    if (shard.members.length === shard.places) this.#open.push(shard)
    const last = shard.members.pop()!
    if (last !== subscription) {
      shard.members[subscription.slot] = last
      last.slot = subscription.slot
    }
    subscription.shard = undefined
  }

  #remove(shard: Shard<Subscription>): void {
    this.#places -= shard.places
    this.#shards.splice(this.#shards.indexOf(shard), 1)
    this.#open.splice(this.#open.indexOf(shard), 1)
  }

  /**
   * Moves a shard's subscribers to the others where half of all places are empty, since every shard costs a
   * turn. At most two moves per leave over time; both shards are flushed first, so order holds.
   */
  #dissolve(shard: Shard<Subscription>): void {
    this.#flush(shard)
    const members = [...shard.members]
    for (const member of members) this.#extract(member, shard)
    this.#remove(shard)
    for (const member of members) {
      const target = this.#shardWithRoom()
      this.#flush(target)
      this.#insert(member, target)
    }
  }
}

/** A full queue ends its connection later, so `members` does not change here. */
function sendEach(
  { members }: Shard<{ readonly conn: Listener }>,
  frame: Frame,
  except: Listener | undefined,
): void {
  for (const { conn } of members) if (conn !== except) conn.send(frame)
}

/** The native publish reports only that some socket lags; which one is needed when it is cut. */
function markSlow({ members }: Shard<{ readonly conn: Listener }>): void {
  for (const { conn } of members) conn.noteUnread()
}
