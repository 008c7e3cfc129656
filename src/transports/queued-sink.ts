/**
 * QueuedSink: the sink of a connection whose client fetches what it is told. What it is told waits in
 * a bounded queue; what happens within one turn of the event loop leaves together; who falls too far
 * behind is given up. How it leaves is the transport's.
 */
import type { Core } from '../core/core'
import { runSafely } from '../core/faults'
import type { Frame, Sink } from '../core/types'
import type { Client } from '../protocols/codec'
import { MAX_BEHIND_BYTES, tooSlow } from '../core/slow-reader'

/** What has not been fetched, in order and bounded. */
class Queue {
  readonly #texts: string[] = []
  #chars = 0

  constructor(readonly maxChars: number) {}

  get chars(): number {
    return this.#chars
  }

  /** False when the text is one too many; it is not kept. */
  push(text: string): boolean {
    if (this.#chars + text.length > this.maxChars) return false
    this.#texts.push(text)
    this.#chars += text.length
    return true
  }

  /** The oldest texts, until they are as long as that or longer. */
  take(chars: number): readonly string[] {
    let count = 0
    let taken = 0
    while (count < this.#texts.length && taken < chars) taken += this.#texts[count++]!.length
    this.#chars -= taken
    return this.#texts.splice(0, count)
  }
}

/** The session whose sink it is. */
export interface Fetched {
  readonly core: Core
  readonly conn: Client
  /** True while a request waits that can take something. */
  readonly ready: boolean
  /** What waits in the frame's place; undefined for one that its clients cannot read. */
  textOf(frame: Frame): string | undefined
  /** Gives what waits to the request that waits, if there are both. */
  write(): void
  close(code: number, reason: string): void
  end(): void
}

export class QueuedSink implements Sink {
  readonly queued = true
  readonly queue = new Queue(MAX_BEHIND_BYTES)
  /** True once something was not kept; nothing is written any more. */
  overflown = false
  #flushing = false

  constructor(readonly session: Fetched) {}

  send(frame: Frame): number {
    if (this.session.conn.closed || this.overflown) return 0
    const text = this.session.textOf(frame)
    if (text === undefined) return 1
    if (this.queue.push(text)) this.flushSoon()
    else this.#overflow()
    return this.overflown ? 0 : 1
  }

  close(code: number, reason: string): void {
    this.session.close(code, reason)
  }

  /** Requests that are answered have no pings of their own. */
  ping(): void {}
  subscribe(): void {}
  unsubscribe(): void {}

  publish(topic: string, frame: Frame): number {
    return this.session.core.hub.topics.publish(topic, frame)
  }

  /** Characters, which are bytes but for those beyond ASCII. */
  getBufferedAmount(): number {
    return this.queue.chars
  }

  /** What was taken and could not be written would be a gap: the session ends. */
  readonly flush = (): void => {
    this.#flushing = false
    const { session } = this
    if (!runSafely(session.core, 'queue', () => session.write())) session.end()
  }

  flushSoon(): void {
    if (this.#flushing || !this.session.ready) return
    this.#flushing = true
    setImmediate(this.flush)
  }

  /** Not here and now: whoever sends goes through a list that the end would change. */
  #overflow(): void {
    this.overflown = true
    queueMicrotask(() => {
      const { core, conn } = this.session
      if (conn.closed) return
      tooSlow(core, conn)
      this.session.end()
    })
  }
}
