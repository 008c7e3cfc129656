/**
 * Intake: whether a client leaves a message unfinished. The runtime keeps what has come of it, and reports
 * neither its beginning nor its fragments; but the system knows how many bytes a socket has received. What is
 * beyond the messages, pings and pongs that were handed over is of an unfinished message, or of what surrounds
 * messages: the handshake, headers of fragments, records of TLS. The latter are never completed, which tells.
 */

/** What the system knows of a socket; brought by the rim. */
export type MeteredSocket = {
  /** Bytes that it has received so far; undefined where that is not known, or not yet. */
  received(): number | undefined
  /** How many of them wait to be read; undefined where it is another socket by now. */
  unread(): number | undefined
  /** Called when it has closed. */
  release(): void
  /** Bytes around each message that its client sends. */
  readonly overhead: number
}

/** What was handed over of a connection. */
export type HandedOver = {
  readonly bytesIn: number
  readonly messagesIn: number
  /** Native pings and pongs. */
  readonly controlsIn: number
}

/** Where the system says what sockets receive. */
export type SocketMeter = {
  /** The socket of a client, by its other end; undefined where nothing is ever known of it. */
  of(
    peer: { readonly address: string; readonly port: number },
    isEncrypted: boolean,
  ): MeteredSocket | undefined
  /** Looks for sockets that are not known yet, in slices; then calls `done`. */
  refresh(done: () => void): void
}

/** How long a message may take. */
export const MESSAGE_MS = 10_000

/** Bytes beyond those of messages that mean nothing: a handshake, a record of TLS that is not whole. */
const SLACK_BYTES = 32 * 1024

/**
 * What a byte of a message takes, with its share of the headers of fragments: where these are large, and where they
 * have 16 bytes.
 */
const FACTORS = { doubt: 1.02, certainty: 1.5 }

/** What has come beyond messages, where a byte of these takes so many. */
class Ledger {
  /** The tick of the first look at which it was too much; -1 where it was not. */
  since = -1
  /** What was beyond all messages when none was under way. */
  #base: number
  /** At the last look: what was beyond all messages, and what these took. */
  #surplus: number
  #counted = 0

  constructor(
    readonly factor: number,
    received: number,
  ) {
    this.#base = this.#surplus = received
  }

  isTooMuch(received: number, bytes: number, around: number): boolean {
    return received - bytes * this.factor - around - this.#base > SLACK_BYTES
  }

  /** `hasMore`: messages have ended since the last look. */
  note(received: number, bytes: number, around: number, hasMore: boolean, tick: number): void {
    const counted = bytes * this.factor + around
    if (hasMore) {
      // What was beyond all messages, and in none that has come since, will never be in any.
      this.#base = Math.max(this.#base, this.#surplus - (counted - this.#counted))
      this.since = -1
    }
    this.#surplus = received - counted
    this.#counted = counted
    this.#base = Math.min(this.#base, this.#surplus)
    if (!this.isTooMuch(received, bytes, around)) this.since = -1
    else if (this.since < 0) this.since = tick
  }
}

type Ledgers = {
  /** What may be an unfinished message, or headers of tiny fragments. */
  readonly doubt: Ledger
  /** What is one. */
  readonly certainty: Ledger
}

export class Intake {
  /** Few clients ever send so much that anything has to be remembered. */
  #ledgers: Ledgers | undefined = undefined
  #messages = 0
  /** What the socket had received at first is of no message. */
  readonly #start: number
  /** False while what is beyond messages may be of older requests. */
  isSure: boolean

  constructor(readonly socket: MeteredSocket) {
    const received = socket.received()
    this.#start = received ?? 0
    this.isSure = received !== undefined
  }

  /** The tick of the first look at which there may have been an unfinished message; -1 where there is none. */
  get doubtfulSince(): number {
    return this.#ledgers?.doubt.since ?? -1
  }

  /** The same of one that there certainly was. */
  get certainSince(): number {
    return this.#ledgers?.certainty.since ?? -1
  }

  look({ bytesIn, messagesIn, controlsIn }: HandedOver, tick: number): void {
    let received = this.socket.received()
    if (received === undefined) return
    if (received - this.#start <= SLACK_BYTES) {
      this.isSure = true
      return
    }
    const isFirst = this.#ledgers === undefined
    const { doubt, certainty } = (this.#ledgers ??= {
      doubt: new Ledger(FACTORS.doubt, this.#start),
      certainty: new Ledger(FACTORS.certainty, this.#start),
    })
    const around = (messagesIn + controlsIn) * this.socket.overhead
    if (doubt.isTooMuch(received, bytesIn, around)) {
      const unread = this.socket.unread()
      if (unread === undefined) return
      received -= unread
    }
    const hasMore = messagesIn > this.#messages
    this.#messages = messagesIn
    if (hasMore && !isFirst) this.isSure = true
    doubt.note(received, bytesIn, around, hasMore, tick)
    certainty.note(received, bytesIn, around, hasMore, tick)
  }

  /** What its client has sent is not counted yet. */
  skip(): void {
    if (this.#ledgers) this.#ledgers.doubt.since = this.#ledgers.certainty.since = -1
  }
}
