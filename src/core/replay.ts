/**
 * Replay: the events that a new subscriber gets before any live one, in slices: a long replay takes several turns of
 * the event loop. Until its end the subscriber is held: what is published meanwhile waits, and follows it. Others that
 * come with a replay wait until this one is done, so that a crowd is no more than one of them after the other.
 */
import type { Connection, Subscription } from './connection'
import type { Core } from './core'
import type { Encoder, Replay } from './messages'

/** What one step sends: a fifth of a millisecond. */
const STEP = { events: 64, bytes: 32 * 1024 } as const

/** A replay on its way to one connection. */
export class Replaying {
  #next = 0

  constructor(
    readonly conn: Connection,
    readonly encoder: Encoder,
    readonly replay: Replay,
  ) {}

  get isDone(): boolean {
    return this.#next >= this.replay.events.length
  }

  /** Sends the next events in one write. */
  send(): void {
    const { sink } = this.conn
    if (sink.cork) sink.cork(() => this.#sendEach())
    else this.#sendEach()
  }

  #sendEach(): void {
    const { conn, encoder, replay } = this
    const { events, position } = replay
    const end = Math.min(this.#next + STEP.events, events.length)
    for (let bytes = 0; this.#next < end && bytes < STEP.bytes && !conn.closed; this.#next++) {
      const { offset, publication, bytes: more } = events[this.#next]!
      const frame = encoder.broadcast(publication, { epoch: position.epoch, offset })
      if (frame !== undefined) conn.send(frame)
      bytes += more
    }
  }
}

/** Begins a replay, at once where the turn has time. Undefined where nothing is left of it. */
export function beginReplay(
  { slices }: Core,
  conn: Connection,
  encoder: Encoder,
  replay: Replay,
): Replaying | undefined {
  const replaying = new Replaying(conn, encoder, replay)
  if (!replaying.isDone && slices.hasTime) {
    const began = slices.meter()
    replaying.send()
    slices.spend(began)
  }
  return replaying.isDone ? undefined : replaying
}

/** Goes on with the replay of a subscriber that is held, then with what was published meanwhile. */
export function continueReplay(
  { slices }: Core,
  subscription: Subscription,
  replaying: Replaying,
): void {
  const { conn, audience } = subscription
  const step = (): void => {
    if (!subscription.shard) return // it was unsubscribed
    if (!conn.closed && !replaying.isDone) replaying.send()
    else if (!audience.catchUp(subscription, STEP.events)) return
    slices.scheduleRest(step)
  }
  slices.scheduleRest(step)
}
