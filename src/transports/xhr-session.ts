/**
 * XhrSession: a connection whose client fetches what it is told by requests, as pusher-js does where
 * WebSockets do not pass. What it is told waits in a queue until one of them takes it.
 *
 * A request that breaks off ends the session at once, since pusher-js takes it for the end as well;
 * between two requests it lives for ten seconds.
 * Spec: contract 9.2.
 */
import type { Core } from '../core/core'
import type { Frame } from '../core/types'
import type { Client } from '../protocols/codec'
import { closeSession } from '../protocols/session'
import { QueuedSink, type Fetched } from './queued-sink'
import { SPENT_CHARS, type Receiver } from './receivers'

/** How long a session lives without a request that waits, or with a goodbye that nobody fetches. */
const GAP_MS = 10_000
/** Proxies end requests that are silent for a minute. */
const BEAT_MS = 25_000

const OPEN = 'o\n'
/** A frame without messages. `h` would be answered with a heartbeat, and that with a frame. */
const BEAT = 'a[]\n'

export class XhrSession implements Fetched {
  readonly sink = new QueuedSink(this)
  #receiver: Receiver | undefined
  /** Lines that come before what is queued, and after. */
  #head = OPEN
  #tail = ''
  /** When the client last had a request waiting, or was written to; ms of `mono`. */
  #since: number

  constructor(
    readonly core: Core,
    readonly conn: Client,
    readonly quotes: Quotes,
    /** Called once, when there is nothing left to fetch. */
    readonly onEnd: () => void,
  ) {
    this.#since = core.clock.mono()
  }

  // -------------------------------------------------------------- as a sink

  get ready(): boolean {
    return this.#receiver?.ready === true
  }

  textOf(frame: Frame): string {
    return this.quotes.of(frame)
  }

  close(code: number, reason: string): void {
    if (this.conn.closed) return
    this.#tail = `c[${code},${JSON.stringify(reason)}]\n`
    this.#since = this.core.clock.mono()
    closeSession(this.core, this.conn)
    this.sink.flush()
  }

  // -------------------------------------------------------------- as a session

  /** True while a request waits for frames. */
  get waiting(): boolean {
    return this.#receiver !== undefined
  }

  /** A new request takes the place of one that waits: its client may have left that without a word yet. */
  attach(receiver: Receiver): void {
    this.#receiver?.end()
    this.#receiver = receiver
    this.#since = this.core.clock.mono()
    this.sink.flushSoon()
  }

  /** A request has broken off. */
  lost(receiver: Receiver): void {
    if (receiver !== this.#receiver) return
    if (!receiver.spent) return this.end()
    this.#receiver = undefined
    this.#since = this.core.clock.mono()
  }

  /** The client wants to see that somebody is there. */
  beat(): void {
    if (this.#head === '') this.#head = BEAT
    this.sink.flushSoon()
  }

  /** Several times a minute. */
  sweep(now: number): void {
    const lasts = this.waiting && this.#tail === ''
    if (now - this.#since < (lasts ? BEAT_MS : GAP_MS)) return
    if (lasts) this.beat()
    else this.end()
  }

  end(): void {
    this.#receiver?.end()
    this.#receiver = undefined
    this.onEnd()
    if (!this.conn.closed) closeSession(this.core, this.conn)
  }

  /** Gives the request that waits all that there is, if it can take it. */
  write(): void {
    const receiver = this.#receiver
    if (!receiver?.ready || this.sink.overflown) return
    const text = this.#lines()
    if (text === '') return
    this.#since = this.core.clock.mono()
    if (!receiver.write(text)) this.#receiver = undefined
    if (this.#tail !== '' && this.sink.queue.chars === 0) this.end()
    else this.sink.flushSoon()
  }

  #lines(): string {
    const messages = this.sink.queue.take(SPENT_CHARS)
    // Messages show as well as a beat does that somebody is there.
    const head = messages.length > 0 && this.#head === BEAT ? '' : this.#head
    this.#head = ''
    const body = messages.length > 0 ? `a[${messages.join()}]\n` : ''
    return head + body + (this.sink.queue.chars === 0 ? this.#tail : '')
  }
}

const MAX_KEPT_CHARS = 1_048_576

/**
 * Frames as JSON strings. One event goes to many queues within a few turns of the event loop, and is quoted for
 * the first of them only; the text is shared by all.
 */
export class Quotes {
  readonly #quoted = new Map<Frame, string>()
  #chars = 0

  /** How many were made. */
  made = 0

  of(frame: Frame): string {
    return this.#quoted.get(frame) ?? this.#make(frame)
  }

  /** Bounds how long frames are kept; how many is bounded as they come. */
  forget(): void {
    this.#quoted.clear()
    this.#chars = 0
  }

  #make(frame: Frame): string {
    if (this.#chars > MAX_KEPT_CHARS) this.forget()
    const quoted = JSON.stringify(frame)
    this.#quoted.set(frame, quoted)
    this.#chars += quoted.length
    this.made++
    return quoted
  }
}
