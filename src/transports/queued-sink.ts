/**
 * QueuedSink: the sink of a connection whose client fetches its frames by requests. They wait in a
 * bounded queue, and those of one turn of the event loop leave together. A client that falls too far
 * behind has its session ended. The session writes the responses.
 */
import type { Core } from '../core/core'
import { CUT_SLOW, type Ending } from '../core/disconnect'
import { runSafely } from '../core/faults'
import type { Frame, Sink } from '../core/types'
import type { Client } from '../protocols/codec'
import { reportSlowReader, unreadLimitOf } from '../core/slow-reader'

/** A session whose sink this is. */
export interface QueuedSession {
  readonly core: Core
  readonly conn: Client
  /** True while a request waits that can take frames. */
  readonly isReady: boolean
  /** The text to queue for a frame; undefined for a frame that its clients cannot read. */
  textOf(frame: Frame): string | undefined
  /** Gives the queued frames to the request that waits, if there are both. */
  write(): void
  close(code: number, reason: string): void
  end(ending?: Ending): void
}

export class QueuedSink implements Sink {
  readonly queued = true
  /** Frames that have not been fetched, in order. */
  readonly #texts: string[] = []
  #chars = 0
  /** True once a frame found no room; nothing is written any more. */
  isOverflown = false
  #isFlushing = false

  constructor(readonly session: QueuedSession) {}

  send(frame: Frame): number {
    if (this.session.conn.closed || this.isOverflown) return 0
    const text = this.session.textOf(frame)
    if (text === undefined) return 1
    const { core, conn } = this.session
    if (this.#chars + text.length > unreadLimitOf(core, conn.app)) return this.#overflow()
    this.#texts.push(text)
    this.#chars += text.length
    this.flushSoon()
    return 1
  }

  get isEmpty(): boolean {
    return this.#texts.length === 0
  }

  /** Takes the oldest texts, until they have `chars` characters or more. */
  take(chars: number): readonly string[] {
    let count = 0
    let taken = 0
    while (count < this.#texts.length && taken < chars) taken += this.#texts[count++]!.length
    this.#chars -= taken
    return this.#texts.splice(0, count)
  }

  close(code: number, reason: string): void {
    this.session.close(code, reason)
  }

  terminate(): void {
    this.#overflow()
  }

  /** HTTP has no pings, and native topics are sockets'. */
  ping(): void {}
  subscribe(): void {}
  unsubscribe(): void {}

  publish(topic: string, frame: Frame): number {
    return this.session.core.hub.topics.publish(topic, frame)
  }

  /** In characters: as many bytes, but for those beyond ASCII. */
  getBufferedAmount(): number {
    return this.#chars
  }

  /** A failed write may have lost frames: the session ends. */
  readonly flush = (): void => {
    this.#isFlushing = false
    const { session } = this
    if (!runSafely(session.core, 'queue', () => session.write())) session.end()
  }

  flushSoon(): void {
    if (this.#isFlushing || !this.session.isReady) return
    this.#isFlushing = true
    setImmediate(this.flush)
  }

  /** Ends the session later: the sender is walking a list that the end would change. */
  #overflow(): 0 {
    this.isOverflown = true
    queueMicrotask(() => {
      const { core, conn } = this.session
      if (conn.closed) return
      reportSlowReader(core, conn)
      this.session.end(CUT_SLOW)
    })
    return 0
  }
}
