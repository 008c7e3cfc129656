/**
 * Receivers: requests that wait for what a session has to say. A poll is answered once; a stream is
 * written to until its client is about to replace it.
 */

import { CONTENT_TYPES } from '../http/headers'

/** Chrome holds a stream back to guess its type unless it is told not to; proxies, to fill a buffer. */
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
  readonly ready: boolean
  /** True once its client is about to leave it for another one. */
  readonly spent: boolean
  /** False when that was all that it takes. */
  write(text: string): boolean
  /** Ends the response, if it has not ended. */
  end(): void
}

export class Poll implements Receiver {
  readonly response: Promise<Response>
  readonly spent = false
  ready = true
  readonly #answer: (response: Response) => void

  constructor() {
    const { promise, resolve } = Promise.withResolvers<Response>()
    this.response = promise
    this.#answer = resolve
  }

  write(text: string): false {
    this.ready = false
    this.#answer(new Response(text, { headers: HEADERS }))
    return false
  }

  end(): void {
    if (this.ready) this.write('')
  }
}

/**
 * The length past which pusher-js drops a response for a new one, at the end of the line it is in.
 * What it would drop as well must not be sent, so nothing is from there on.
 */
export const SPENT_CHARS = 256 * 1024

export class Stream implements Receiver {
  readonly response: Response
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** Ends the pull that waits; while none does, the peer is behind. */
  #pulled: (() => void) | undefined
  #sentChars = 0

  /** `onReady` is called whenever the peer has taken what was written. */
  constructor(onReady: () => void) {
    const pull = (): Promise<void> =>
      new Promise((resolve) => {
        this.#pulled = resolve
        onReady()
      })
    const start = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      this.#controller = controller
    }
    const cancel = (): void => void (this.#controller = undefined)
    // Without a buffer of its own: what the peer has not taken stays in the queue, where it is counted.
    const body = new ReadableStream<Uint8Array>({ start, pull, cancel }, { highWaterMark: 0 })
    this.response = new Response(body, { headers: HEADERS })
  }

  get ready(): boolean {
    return this.#pulled !== undefined && !this.spent
  }

  get spent(): boolean {
    return this.#sentChars > SPENT_CHARS
  }

  write(text: string): true {
    this.#sentChars += text.length
    this.#controller?.enqueue(Buffer.from(text))
    this.#settle()
    return true
  }

  end(): void {
    this.#controller?.close()
    this.#controller = undefined
    this.#settle()
  }

  #settle(): void {
    const pulled = this.#pulled
    this.#pulled = undefined
    pulled?.()
  }
}
