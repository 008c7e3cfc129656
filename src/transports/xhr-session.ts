/**
 * XhrSession: a connection whose client fetches its frames by requests, as pusher-js does where
 * WebSockets are blocked.
 *
 * A request that breaks off ends the session at once, since pusher-js takes it for the end as well;
 * between two requests a session lives for ten seconds.
 * Spec: contract 9.2.
 */
import type { Core } from '../core/core'
import type { Ending } from '../core/disconnect'
import type { Frame } from '../core/types'
import { CONTENT_TYPES } from '../http/headers'
import type { Client } from '../protocols/codec'
import { closeSession } from '../protocols/session'
import { QueuedSink, type QueuedSession } from './queued-sink'

/** How long a session lives without a request that waits, or with a close line that nobody fetches. */
const GAP_MS = 10_000
/** Proxies end requests that are silent for a minute. */
const BEAT_MS = 25_000

const OPEN = 'o\n'
/** A frame without messages. `h` would be answered with a heartbeat, and that with a frame. */
export const BEAT = 'a[]\n'

export class XhrSession implements QueuedSession {
  readonly sink = new QueuedSink(this)
  #receiver: Receiver | undefined
  /** Lines before and after the queued messages. */
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

  get isReady(): boolean {
    return this.#receiver?.isReady === true
  }

  textOf(frame: Frame): string {
    return this.quotes.quote(frame)
  }

  close(code: number, reason: string): void {
    if (this.conn.closed) return
    this.#tail = `c[${code},${JSON.stringify(reason)}]\n`
    this.#since = this.core.clock.mono()
    closeSession(this.core, this.conn)
    this.sink.flush()
  }

  /** True while a request waits for frames. */
  get isWaiting(): boolean {
    return this.#receiver !== undefined
  }

  /** A new request takes the place of one that waits, whose end the client may not have sent yet. */
  attach(receiver: Receiver): void {
    this.#receiver?.end()
    this.#receiver = receiver
    this.#since = this.core.clock.mono()
    this.sink.flushSoon()
  }

  /** The request has broken off. */
  detach(receiver: Receiver): void {
    if (receiver !== this.#receiver) return
    if (!receiver.isSpent) return this.end()
    this.#receiver = undefined
    this.#since = this.core.clock.mono()
  }

  /** Sends an empty frame as a sign of life. */
  beat(): void {
    if (this.#head === '') this.#head = BEAT
    this.sink.flushSoon()
  }

  /** Called several times a minute. */
  sweep(now: number): void {
    const isLive = this.isWaiting && this.#tail === ''
    if (now - this.#since < (isLive ? BEAT_MS : GAP_MS)) return
    if (isLive) this.beat()
    else this.end()
  }

  end(ending?: Ending): void {
    this.#receiver?.end()
    this.#receiver = undefined
    this.onEnd()
    if (!this.conn.closed) closeSession(this.core, this.conn, ending)
  }

  write(): void {
    const receiver = this.#receiver
    if (!receiver?.isReady || this.sink.isOverflown) return
    const text = this.#lines()
    if (text === '') return
    this.#since = this.core.clock.mono()
    if (!receiver.write(text)) this.#receiver = undefined
    if (this.#tail !== '' && this.sink.isEmpty) this.end()
    else this.sink.flushSoon()
  }

  #lines(): string {
    const messages = this.sink.take(SPENT_CHARS)
    // Messages are as good a sign of life as a beat.
    const head = messages.length > 0 && this.#head === BEAT ? '' : this.#head
    this.#head = ''
    const body = messages.length > 0 ? `a[${messages.join()}]\n` : ''
    return head + body + (this.sink.isEmpty ? this.#tail : '')
  }
}

// ---------------------------------------------------------------- requests that wait
// A poll gets one response; a stream is written to until its client is about to replace it.

/** Without these Chrome holds a stream back to guess its type, and proxies to fill a buffer. */
export const HEADERS = {
  'content-type': CONTENT_TYPES.script,
  'x-content-type-options': 'nosniff',
  'x-accel-buffering': 'no',
  'cache-control': 'no-store',
  'access-control-allow-origin': '*',
} as const

export interface Receiver {
  readonly response: Response | Promise<Response>
  /** True while it can be written to. */
  readonly isReady: boolean
  /** True once its client is about to replace it. */
  readonly isSpent: boolean
  /** False when it takes no more. */
  write(text: string): boolean
  /** Ends the response, if it has not ended. */
  end(): void
}

export class Poll implements Receiver {
  readonly #pending = Promise.withResolvers<Response>()
  readonly response = this.#pending.promise
  readonly isSpent = false
  isReady = true

  write(text: string): false {
    this.isReady = false
    this.#pending.resolve(new Response(text, { headers: HEADERS }))
    return false
  }

  end(): void {
    if (this.isReady) this.write('')
  }
}

/**
 * The length past which pusher-js replaces a response with a new one, at the end of the current line. It
 * would drop what follows, so nothing is sent from there on.
 */
const SPENT_CHARS = 256 * 1024

export class Stream implements Receiver {
  readonly response: Response
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** Ends the pull that waits; while none waits, the peer is behind. */
  #resolve: (() => void) | undefined
  #sentChars = 0

  /** `onReady` is called whenever the peer has read all that was written. */
  constructor(onReady: () => void) {
    const pull = (): Promise<void> =>
      new Promise((resolve) => {
        this.#resolve = resolve
        onReady()
      })
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      this.#controller = controller
    }
    const cancel = (): void => void (this.#controller = undefined)
    // Without a buffer of its own: what the peer has not read stays in the queue, where it is counted.
    const body = new ReadableStream<Uint8Array>({ start, pull, cancel }, { highWaterMark: 0 })
    this.response = new Response(body, { headers: HEADERS })
  }

  get isReady(): boolean {
    return this.#resolve !== undefined && !this.isSpent
  }

  get isSpent(): boolean {
    return this.#sentChars > SPENT_CHARS
  }

  write(text: string): true {
    this.#sentChars += text.length
    this.#controller?.enqueue(Buffer.from(text))
    this.#resolvePull()
    return true
  }

  end(): void {
    this.#controller?.close()
    this.#controller = undefined
    this.#resolvePull()
  }

  #resolvePull(): void {
    const resolve = this.#resolve
    this.#resolve = undefined
    resolve?.()
  }
}

// ---------------------------------------------------------------- frames as text

const MAX_KEPT_CHARS = 1_048_576

/**
 * Frames as JSON strings. One event goes to many queues within a few turns of the event loop; it is quoted
 * once, and all queues share the text.
 */
export class Quotes {
  readonly #quoted = new Map<Frame, string>()
  #chars = 0

  /** How many frames were quoted. */
  count = 0

  quote(frame: Frame): string {
    const known = this.#quoted.get(frame)
    if (known !== undefined) return known
    if (this.#chars > MAX_KEPT_CHARS) this.forget()
    const quoted = JSON.stringify(frame)
    this.#quoted.set(frame, quoted)
    this.#chars += quoted.length
    this.count++
    return quoted
  }

  /** Called by the sweep, too, so that frames are not kept for long. */
  forget(): void {
    this.#quoted.clear()
    this.#chars = 0
  }
}
