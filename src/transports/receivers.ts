/**
 * Receivers: requests that wait for a session's frames. A poll gets one response; a stream is written to
 * until its client is about to replace it.
 */
import { CONTENT_TYPES } from '../http/headers'

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
export const SPENT_CHARS = 256 * 1024

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
