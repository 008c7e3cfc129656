/**
 * Connection: one client and its state, on any transport. Every field exists from the start, so that all
 * connections share one shape; maps are made when first needed. Its subscriptions have their types here,
 * too, since the two refer to each other.
 */
import type { App } from './app'
import type { Audience, Shard } from './audience'
import type { Bucket } from './bucket'
import type { ChannelKind } from './channel'
import { bytesOf, type Counting } from './counters'
import type { Refusal } from './errors'
import type { Intake } from './intake'
import type { JsonSlice } from './json-scan'
import type { Encoder, Reply, SigninCommand } from './messages'
import type { ClosingView, ConnectionView } from './plugin'
import type { Software } from './software'
import type { Subscriptions } from './subscriptions'
import type { ChannelName, Frame, Member, Meta, Ref, Sink, SocketId, UserId } from './types'

/** A frame as it was received. */
export type RawFrame = string | Uint8Array

/** The user of a signed-in connection; `info` is the signed `user_info` as it was written. */
export type User = { readonly id: UserId; readonly info: JsonSlice | undefined }

/** A sign-in whose signature is valid, or a user that a plugin gives a connection. */
export type VerifiedSignin = Pick<SigninCommand, 'type' | 'app'> & {
  /** The text that was signed, for the reply; undefined where the client has not asked: some break at the reply. */
  readonly userData: string | undefined
  /** The user's own. */
  readonly channel: ChannelName
  readonly user: User
  /** The users whose status it wants, as many as it may. */
  readonly watched: readonly UserId[]
  /** How many it asked for. */
  readonly wanted: number
}

/** A channel with subscribers on this node. */
export type Channel = {
  readonly app: App
  readonly name: ChannelName
  readonly kind: ChannelKind
  /** One per codec and kind of sink; those of one codec are adjacent. */
  readonly audiences: Audience<Subscription>[]
}

/** One connection in one channel. */
export type Subscription = {
  readonly conn: Connection
  readonly channel: Channel
  readonly audience: Audience<Subscription>
  readonly member: Member | undefined
  /** Distinguishes it from the user's other connections there. */
  readonly meta: Meta | undefined
  readonly ref: Ref | undefined
  /** Its shard, and its index there; owned by the audience. Undefined once it has left. */
  shard: Shard<Subscription> | undefined
  slot: number
}

/** Refusals of published apps, and of those that accept TLS alone, where the request is not what they need. */
export type LaterRefusals = {
  readonly published: Refusal | undefined
  readonly tlsOnly: Refusal | undefined
}

export class Connection<Codec extends Encoder = Encoder> {
  /** The key under which its address is counted, until it closes; undefined where it is not. Owned by `connect`. */
  quotaKey: string | undefined = undefined
  /** Set when the transport is open, before the first command. */
  sink: Sink = CLOSED_SINK
  /** True once the hello was sent. */
  established = false
  /** True as soon as the transport has closed; checked after every wait. */
  closed = false

  /** Bytes that the peer had not read when it last lagged; the log shows them when it is cut. Owned by the transport. */
  behindBytes = 0

  /** The sweep's tick at the last inbound frame, ping or pong. Owned by `sweep`. */
  seenTick = 0
  /** The tick at which this silent connection was pinged; -1 when it was not. Owned by `sweep`. */
  pingedTick = -1

  /** Native pings and pongs since the last sweep. */
  pings = 0

  /** Whether a message stays unfinished; undefined where the system does not say. Set by the transport. */
  intake: Intake | undefined = undefined
  /** What its client has sent: bytes, without what surrounds them; messages; native pings and pongs. */
  bytesIn = 0
  messagesIn = 0
  controlsIn = 0

  /** What a command of this connection waits for. Owned by the session, like the next two. */
  busy: 'gate' | 'turn' | undefined = undefined
  /** The transport has closed while frames wait for a turn: nothing is sent or queued any more. */
  gone = false
  /** Frames that arrived meanwhile, in order. */
  waiting: RawFrame[] | undefined = undefined
  /**
   * Frames after those, from the first that arrived in a turn that was already late: no budget was charged and no
   * gate was run for them. Undefined where there are none.
   */
  late: RawFrame[] | undefined = undefined
  /** Of both. */
  waitingChars = 0
  /** True while what its client sends is not read. Owned by `ReadQueue`. */
  isUnread = false
  /** Resolved when no gate is waited for any more. Owned by the session. */
  idle: PromiseWithResolvers<void> | undefined = undefined

  /** Client events that it may still send. Owned by `client-event`. */
  eventBucket: Bucket | undefined = undefined
  /** Bytes of client events that it may still send. Owned by `client-event`, like the next. */
  eventByteBucket: Bucket | undefined = undefined
  /** When it was last notified that its client events are dropped (`mono`). */
  overBudgetNotifiedAt = -Infinity
  /** Client events that the engine has not answered yet. Owned by `client-event`. */
  unansweredEvents = 0
  /** Vacant channels that it may still subscribe to. Owned by `subscribe`. */
  channelBucket: Bucket | undefined = undefined

  /** What its client says of itself. Owned by the session. */
  software: Software | undefined = undefined

  /** The refusal that ends it: now, or as soon as its transport is open. No later one takes its place. */
  pendingRefusal: Refusal | undefined = undefined

  /** Of apps that are named later, on wires that do so. */
  refusals: LaterRefusals | undefined = undefined

  /** The signed-in user; for life. Owned by `Users`. */
  user: User | undefined = undefined

  /** True once it has signed in or joined a channel that needs a signature (contract 5.6). Owned by `Unauthorized`. */
  authorized = false
  /** Its neighbours among those that are not yet. Owned by `Unauthorized`, like the next. */
  older: Connection | undefined = undefined
  newer: Connection | undefined = undefined
  /** When the hello was sent, of the clock's `mono`. */
  establishedAt = 0

  /** How many of its subscriptions its sign-in made; they do not count against limits. */
  signinSubscriptions = 0
  /** Changed only by the hub's `join` and `leave`. */
  subscriptions: Subscriptions<Subscription> | undefined = undefined

  /** How it has ended, where a plugin wants to know. Owned by `disconnect`. */
  closing: ClosingView | undefined = undefined

  /** Its view for each plugin, by the plugin's index; made by `views`. */
  views: ConnectionView[] | undefined = undefined
  #abort: AbortController | undefined = undefined

  constructor(
    readonly id: SocketId,
    readonly codec: Codec,
    /** Undefined where a wire names the app later, per channel. */
    readonly app: App | undefined,
    readonly remoteAddress: string,
    /** Who counts what it is sent: its app, or the process where it names none. */
    readonly countedBy: Pick<Counting, 'counters'>,
  ) {}

  /** Aborted when the connection has closed; made at first use. */
  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal
    this.#abort = new AbortController()
    if (this.closed) this.#abort.abort()
    return this.#abort.signal
  }

  close(): void {
    this.closed = true
    this.waiting = undefined
    this.late = undefined
    this.intake?.socket.release()
    this.#abort?.abort()
  }

  /** Counts a message of its client. Returns its bytes. */
  countMessage(bytes: number): number {
    this.bytesIn += bytes
    this.messagesIn++
    return bytes
  }

  /** Counts a native ping or pong of its client. */
  countControl(bytes: number): void {
    this.bytesIn += bytes
    this.controlsIn++
  }

  reply(reply: Reply): void {
    const frame = this.codec.reply(reply)
    if (frame !== undefined) this.send(frame)
  }

  send(frame: Frame): void {
    const sent = this.sink.send(frame)
    if (sent <= 0) this.noteUnread()
    if (sent === 0) return // not taken
    const { counters } = this.countedBy
    counters.messagesSent++
    counters.bytesSent += bytesOf(frame)
  }

  /**
   * Notes how much the peer has not read. Where that is more than its app allows it is cut, later: callers walk
   * lists that its end changes.
   */
  noteUnread(): void {
    this.behindBytes = this.sink.getBufferedAmount()
    if (this.app && this.behindBytes > this.app.limits.maxUnreadBytes)
      queueMicrotask(() => this.closed || this.sink.terminate())
  }

  /** Sends a refusal; closes the connection where that ends it, after what was published before and `tell`. */
  refuse(refused: Refusal, tell?: () => void): void {
    const closeFrame = this.codec.closeFrame(refused)
    if (closeFrame || this.sink === CLOSED_SINK) this.pendingRefusal ??= refused
    if (closeFrame) this.#flush()
    for (const frame of this.codec.refusal(refused, this)) this.send(frame)
    tell?.()
    if (closeFrame) this.sink.close(closeFrame.code, closeFrame.reason)
  }

  #flush(): void {
    if (!this.subscriptions) return
    for (const subscription of this.subscriptions.all()) subscription.audience.flush(subscription)
  }

  subscription(channel: Channel | undefined): Subscription | undefined {
    return channel && this.subscriptions?.get(channel)
  }
}

/** A sink for a connection whose transport is not open yet. */
const CLOSED_SINK: Sink = {
  send: () => 0,
  ping: () => undefined,
  close: () => undefined,
  terminate: () => undefined,
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  publish: () => 0,
  getBufferedAmount: () => 0,
}

const randoms = new Uint32Array(256)
let used = randoms.length

/** Two random integers below 10^10 from a CSPRNG: part of every auth string, so it must not be guessable. */
export function newSocketId(): SocketId {
  return `${randomInteger()}.${randomInteger()}` as SocketId
}

/** From 53 random bits, as many as a number holds: a bigint of 64 takes three times as long. */
function randomInteger(): number {
  if (used === randoms.length) {
    crypto.getRandomValues(randoms)
    used = 0
  }
  const [high, low] = [randoms[used++]! >>> 11, randoms[used++]!]
  return (high * 2 ** 32 + low) % 10_000_000_000
}
