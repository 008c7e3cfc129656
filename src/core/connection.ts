/**
 * One client and its state, whatever carries its frames. Every field exists from birth, so that all
 * connections share one shape; maps are made when first needed (an idle connection costs no map). And what
 * it is in: connections and subscriptions name each other.
 */
import type { App } from './app'
import type { Audience, Shard } from './audience'
import type { Bucket } from './bucket'
import type { ChannelKind } from './channel'
import type { Refusal } from './errors'
import type { JsonSlice } from './json-scan'
import type { Encoder, Reply } from './messages'
import type { ConnectionView } from './plugin'
import type { Subscriptions } from './subscriptions'
import type { ChannelName, Frame, Member, Meta, Ref, Sink, SocketId, UserId } from './types'

/** A frame that came in a turn which was late already: nobody has counted it, and no gate was asked. */
export class DeferredFrame {
  constructor(readonly frame: string | Uint8Array) {}

  get length(): number {
    return this.frame.length
  }
}

/** Who a connection signed in as; `info` is the `user_info` that the backend signed, as it was written. */
export type User = { readonly id: UserId; readonly info: JsonSlice | undefined }

/** A channel with subscribers on this node. */
export type Channel = {
  readonly app: App
  readonly name: ChannelName
  readonly kind: ChannelKind
  /** One per codec and kind of sink that are present; those of one codec stand side by side. */
  readonly audiences: Audience<Subscription>[]
}

/** One connection in one channel. */
export type Subscription = {
  readonly conn: Connection
  readonly channel: Channel
  readonly audience: Audience<Subscription>
  /** Who the connection is in a presence channel. */
  readonly member: Member | undefined
  /** How it is told from the user's other connections there. */
  readonly meta: Meta | undefined
  /** What the client called the subscription when it asked for it. */
  readonly ref: Ref | undefined
  /** Where it is served, and its place there; owned by the audience. Undefined once it has left. */
  shard: Shard<Subscription> | undefined
  slot: number
}

export class Connection<Codec extends Encoder = Encoder> {
  /** What its address is counted as, from its arrival until it is gone; undefined where it is not. Owned by `connect`. */
  quotaKey: string | undefined = undefined
  /** Set when the transport is open, before the first command. */
  sink: Sink = CLOSED_SINK
  /** False until the hello was sent. */
  established = false
  /** True from the moment that the transport is gone; asked after every wait. */
  closed = false

  /** How much the peer had not taken when we last saw it lag; says at a cut why it was cut. Owned by the transport. */
  behindBytes = 0

  /** The sweep's tick at the last inbound frame, ping or pong. Owned by `sweep`. */
  seenTick = 0
  /** The tick at which this silent connection was pinged; -1 when it was not. Owned by `sweep`. */
  pingedTick = -1

  /** Native pings and pongs since the last sweep. */
  pings = 0

  /** What a command of this connection waits for: a gate, or another turn. Owned by the session, like the next two. */
  busy: 'gate' | 'turn' | undefined = undefined
  /** The transport is gone while what it brought waits for a turn: it hears nothing any more and goes nowhere. */
  gone = false
  /** Frames that arrived meanwhile, in order. */
  waiting: (string | Uint8Array | DeferredFrame)[] | undefined = undefined
  waitingChars = 0
  /** Called once, when no gate thinks any more. Owned by the session. */
  onIdle: (() => void) | undefined = undefined

  /** Client events that it may still send; undefined before the first. Owned by `client-event`. */
  eventBucket: Bucket | undefined = undefined
  /** Bytes of client events that it may still send. Owned by `event-budget`, like the next. */
  eventByteBucket: Bucket | undefined = undefined
  /** When it was last told that its client events are dropped (`mono`). */
  overBudgetNotifiedAt = -Infinity
  /** Channels that nobody is in that it may still enter. Owned by `subscribe`. */
  channelBucket: Bucket | undefined = undefined

  /** Why it must end as soon as its transport is open: a plugin asked for it before. */
  pendingRefusal: Refusal | undefined = undefined

  /** Why published apps refuse it, on wires that name the app later. */
  nonLocalRefusal: Refusal | undefined = undefined

  /** Who is signed in; for life. Owned by `Users`. */
  user: User | undefined = undefined

  /** True once it has signed in or entered a channel that needs a signature (contract 5.6). Owned by `Unauthorized`. */
  authorized = false
  /** When the hello was sent, of the clock's `mono`. */
  establishedAt = 0

  /** How many of its subscriptions its sign-in made and not the client; those cost nobody a place. */
  signinSubscriptions = 0
  /** Changed only by the hub's `join` and `leave`. */
  subscriptions: Subscriptions<Subscription> | undefined = undefined

  /** What each plugin sees of it, by the plugin's place; made by `views`. */
  views: ConnectionView[] | undefined = undefined
  #abort: AbortController | undefined = undefined

  constructor(
    readonly id: SocketId,
    readonly codec: Codec,
    /** Undefined where a wire names the app later, per channel. */
    readonly app: App | undefined,
    readonly remoteAddress: string,
  ) {}

  /** Aborted when the connection has closed; made when first asked for. */
  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal
    this.#abort = new AbortController()
    if (this.closed) this.#abort.abort()
    return this.#abort.signal
  }

  /** The transport is gone. */
  close(): void {
    this.closed = true
    this.waiting = undefined
    this.#abort?.abort()
  }

  reply(reply: Reply): void {
    const frame = this.codec.reply(reply)
    if (frame !== undefined) this.send(frame)
  }

  send(frame: Frame): void {
    if (this.sink.send(frame) <= 0) this.behindBytes = this.sink.getBufferedAmount()
  }

  /**
   * Tells a refusal in the codec's words; closes where the refusal ends the connection, which gets what
   * was published before.
   */
  refuse(refused: Refusal): void {
    if (this.sink === CLOSED_SINK) this.pendingRefusal ??= refused
    const closeFrame = this.codec.closeFrame(refused)
    if (closeFrame) this.#flush()
    for (const frame of this.codec.refusal(refused, this)) this.send(frame)
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
  subscribe: () => undefined,
  unsubscribe: () => undefined,
  publish: () => 0,
  getBufferedAmount: () => 0,
}

const randoms = new Uint32Array(256)
let used = randoms.length

/** Two random integers below 10^10 from a CSPRNG: part of every auth string, so not to be guessed. */
export function newSocketId(): SocketId {
  return `${randomInteger()}.${randomInteger()}` as SocketId
}

/** Of 53 bits, as many as a number holds: a bigint of 64 takes three times as long. */
function randomInteger(): number {
  if (used === randoms.length) {
    crypto.getRandomValues(randoms)
    used = 0
  }
  const [high, low] = [randoms[used++]! >>> 11, randoms[used++]!]
  return (high * 2 ** 32 + low) % 10_000_000_000
}
