/**
 * Audience: the subscribers of one channel that speak one codec over one kind of sink, spread over
 * native topics (shards) of 16, and of 64 where they are many. A publish appends its frame to one
 * queue, serves one shard at once and leaves the rest to the fan-out, one shard per turn of the event
 * loop, each with all that is pending for it. What arrives between two turns leaves in one system call
 * per socket, so the queue coalesces by itself (1.3 to 1.9 times a bare publish to a thousand) and a
 * small channel never waits for a big one.
 *
 * Exact at the edges: a shard is flushed before a subscriber joins or leaves it, so nobody is told twice,
 * out of order, or not at all; an excluded subscriber publishes to its own shard, which skips it natively. Queues
 * have no native topics: their shards are handed each frame, subscriber by subscriber.
 */
import type { Connection } from './connection'
import type { FanOut } from './fan-out'
import type { Subscription } from './hub'
import type { Encoder, Frame, Topics } from './types'

/**
 * Subscribers of a shard. The first 256 are in small ones: a hundred subscribers need several turns for
 * events to meet in them, and earn back what a trigger costs. For the rest 64 is the best size or
 * within a few per cent of it up to 10 000; smaller ones cost turns and bring nothing.
 */
export const SHARD_SIZE = { small: 16, large: 64 } as const
/** How many of them come first. */
export const SMALL_SHARDS = 16

export type Shard = {
  readonly topic: string
  readonly members: Subscription[]
  /** How many members it may have. */
  readonly places: number
  /** The number of the next queued frame to serve. */
  next: number
}

type Queued = { readonly frame: Frame; readonly except: Connection | undefined }

export class Audience {
  readonly encoder: Encoder
  size = 0
  readonly #queued: boolean
  readonly #topicOf: (shard: number) => string
  readonly #shards: Shard[] = []
  /** Shards with room. */
  readonly #open: Shard[] = []
  #queue: Queued[] = []
  /** The number of `#queue[0]`; numbers only grow. */
  #first = 0
  #cursor = 0
  #scheduled = false
  #shardNumber = 0
  /** Of all shards. */
  #places = 0

  constructor(
    { encoder, queued }: { readonly encoder: Encoder; readonly queued: boolean },
    { appId, channel }: { readonly appId: string; readonly channel: string },
    readonly topics: Topics,
    readonly fanOut: FanOut,
  ) {
    this.encoder = encoder
    this.#queued = queued
    this.#topicOf = (shard) => `${encoder.name}/${appId}/${shard}/${channel}`
  }

  takes({ codec, sink }: Connection): boolean {
    return codec === this.encoder && (sink.queued === true) === this.#queued
  }

  /** Those that there are now. */
  subscriptions(): readonly Subscription[] {
    return this.#shards.flatMap(({ members }) => members)
  }

  get shardCount(): number {
    return this.#shards.length
  }

  get #end(): number {
    return this.#first + this.#queue.length
  }

  /** One native publish for an audience of one shard; else the queue. */
  publish(frame: Frame, except: Connection | undefined): void {
    if (this.#shards.length === 1) {
      const shard = this.#shards[0]!
      this.#flush(shard)
      return this.#send(shard, frame, except)
    }
    this.#queue.push({ frame, except })
    if (this.#scheduled) return
    this.#scheduled = true
    if (this.serveNext()) this.fanOut.add(this)
  }

  /** Serves the next shard that lags behind. True while another one does. */
  serveNext(): boolean {
    const shards = this.#shards
    for (let tried = shards.length; tried > 0; tried--) {
      if (this.#cursor >= shards.length) {
        this.#cursor = 0
        this.#forgetServed()
      }
      const shard = shards[this.#cursor++]!
      if (shard.next < this.#end) {
        this.#flush(shard)
        if (this.#lags()) return true
        break
      }
    }
    this.#first = this.#end
    this.#queue = []
    this.#scheduled = false
    return false
  }

  join(subscription: Subscription): void {
    const shard = this.#open[this.#open.length - 1] ?? this.#newShard()
    this.#flush(shard)
    this.#seat(subscription, shard)
    this.size++
  }

  /** What was published before it is sent, unless there is nobody to send it to any more. */
  leave(subscription: Subscription): void {
    const shard = subscription.shard
    if (!shard) return
    if (!subscription.conn.closed) this.#flush(shard)
    this.#unseat(subscription, shard)
    this.size--
    if (shard.members.length === 0) this.#remove(shard)
    else if (this.size * 2 <= this.#places - shard.places) this.#dissolve(shard)
  }

  /** Sends at once what is pending for one subscriber's shard. */
  flush(subscription: Subscription): void {
    if (subscription.shard) this.#flush(subscription.shard)
  }

  /** A sink's publish skips the sink itself and reaches the rest, also after it has left or closed. */
  #send(shard: Shard, frame: Frame, except: Connection | undefined): void {
    if (this.#queued) return sendEach(shard, frame, except)
    const from = except ? except.sink : this.topics
    if (from.publish(shard.topic, frame) <= 0) markSlow(shard)
  }

  #flush(shard: Shard): void {
    const end = this.#end
    while (shard.next < end) {
      const { frame, except } = this.#queue[shard.next++ - this.#first]!
      this.#send(shard, frame, except)
    }
  }

  #lags(): boolean {
    const end = this.#end
    return this.#shards.some((shard) => shard.next < end)
  }

  /** Drops the frames that every shard has had; once per round, so that a busy queue stays short. */
  #forgetServed(): void {
    let served = this.#end
    for (const shard of this.#shards) if (shard.next < served) served = shard.next
    this.#queue.splice(0, served - this.#first)
    this.#first = served
  }

  #newShard(): Shard {
    const isSmall = this.#places < SMALL_SHARDS * SHARD_SIZE.small
    const shard: Shard = {
      topic: this.#topicOf(this.#shardNumber++),
      members: [],
      places: isSmall ? SHARD_SIZE.small : SHARD_SIZE.large,
      next: this.#end,
    }
    this.#places += shard.places
    this.#shards.push(shard)
    this.#open.push(shard)
    return shard
  }

  #seat(subscription: Subscription, shard: Shard): void {
    subscription.shard = shard
    subscription.slot = shard.members.push(subscription) - 1
    subscription.conn.sink.subscribe(shard.topic)
    if (shard.members.length === shard.places) this.#open.splice(this.#open.indexOf(shard), 1)
  }

  #unseat(subscription: Subscription, shard: Shard): void {
    subscription.conn.sink.unsubscribe(shard.topic)
    if (shard.members.length === shard.places) this.#open.push(shard)
    const last = shard.members.pop()!
    if (last !== subscription) {
      shard.members[subscription.slot] = last
      last.slot = subscription.slot
    }
    subscription.shard = undefined
  }

  #remove(shard: Shard): void {
    this.#places -= shard.places
    this.#shards.splice(this.#shards.indexOf(shard), 1)
    this.#open.splice(this.#open.indexOf(shard), 1)
  }

  /**
   * Half of the places are empty: moves this shard's subscribers to the others, since every shard
   * costs a turn. At most two moves per leave over time; both shards are flushed first, so order holds.
   */
  #dissolve(shard: Shard): void {
    this.#flush(shard)
    const members = [...shard.members]
    for (const member of members) this.#unseat(member, shard)
    this.#remove(shard)
    for (const member of members) {
      const target = this.#open[this.#open.length - 1] ?? this.#newShard()
      this.#flush(target)
      this.#seat(member, target)
    }
  }
}

/** A queue that is full ends its connection later, so nobody leaves meanwhile. */
function sendEach({ members }: Shard, frame: Frame, except: Connection | undefined): void {
  for (const { conn } of members) if (conn !== except) conn.send(frame)
}

/** The native publish says only that somebody lags behind; who it was is needed when the socket is cut. */
function markSlow({ members }: Shard): void {
  for (const { conn } of members) conn.behindBytes = conn.sink.getBufferedAmount()
}
