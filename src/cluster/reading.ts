/**
 * Reading: what one subscriber is about to get of the events that a channel keeps. While they are read this node goes on
 * to deliver: what it delivers is collected, so that what was read, what was collected and what comes after the join
 * have no gap and no repeat.
 */
import { withoutOwn } from '../core/history-replay'
import type { KeptEvent, Replay } from '../core/messages'
import type { Position, SocketId } from '../core/types'
import { newNonce } from './context'

/** What a subscriber wants. */
export type Wish = {
  /** The last event that it had. */
  readonly since: Position | undefined
  /** How many of the last ones it gets otherwise. */
  readonly count: number
  /** Of text, with so many besides for each event. */
  readonly maxBytes: number
  readonly besides: number
  readonly id: SocketId
  readonly formerId: SocketId | undefined
}

/** What Redis has answered. */
export type Answer = Replay & {
  /** Where the channel was then. */
  readonly epoch: string
  readonly rev: number
}

/** An event that was delivered meanwhile. */
type Delivered = { readonly event: KeptEvent; readonly epoch: string; readonly rev: number }

/** One that no stream has: who comes back with it has missed something. */
export const unknownPosition = (): Position => ({ epoch: newNonce(), offset: 0 })

export class Reading {
  #answer: Answer | undefined
  #delivered: Delivered[] = []
  #bytes = 0
  /** What was kept until this message is given up. */
  #forgottenAt = 0
  #isLost = false
  #whenReady: (() => void) | undefined

  constructor(readonly wish: Wish) {}

  /** Notes an event that this node has delivered. */
  add(event: KeptEvent, epoch: string, rev: number): void {
    this.#bytes += event.bytes + this.wish.besides
    if (this.#bytes <= this.wish.maxBytes) this.#delivered.push({ event, epoch, rev })
    else this.lose()
  }

  /** Notes that all that was kept is given up. */
  forget(rev: number): void {
    this.#forgottenAt = rev
    this.#delivered = []
    this.#bytes = 0
  }

  take(answer: Answer): void {
    this.#answer = answer
  }

  /** Runs it once this node has come as far as the answer, in the same step. */
  waitUntilReady(epoch: string, rev: number, run: () => void): void {
    this.#whenReady = run
    this.offer(epoch, rev)
  }

  /** Notes how far this node has come in the channel. */
  offer(epoch: string, rev: number): void {
    const run = this.#whenReady
    if (!run || !this.#answer || (epoch === this.#answer.epoch && rev < this.#answer.rev)) return
    this.#whenReady = undefined
    run()
  }

  /** Something is missing: what was missed is told to be lost. */
  lose(): void {
    this.#isLost = true
    this.#delivered = []
  }

  /** What the subscriber gets that joins now, in a channel that has this epoch. */
  finish(channelEpoch: string): Replay {
    const { since, maxBytes, besides, id, formerId } = this.wish
    const answer = this.#answer
    if (channelEpoch !== answer?.epoch) this.lose()
    const isLost = this.#isLost || !answer || this.#forgottenAt > answer.rev
    let recovered = since && (isLost ? false : answer.recovered)
    let position = isLost ? unknownPosition() : answer.position
    let events = isLost ? [] : [...answer.events]
    for (const { event, epoch, rev } of this.#delivered) {
      const isOld = epoch === position.epoch && event.offset <= position.offset
      if (isOld || (answer && rev <= answer.rev)) continue
      if (epoch !== position.epoch) {
        events = []
        recovered &&= false
      }
      events.push(event)
      position = { epoch, offset: event.offset }
    }
    let bytes = 0
    for (const event of events) bytes += event.bytes + besides
    if (bytes > maxBytes) {
      events = []
      recovered &&= false
    }
    return { position, recovered, events: withoutOwn(events, id, formerId) }
  }
}
