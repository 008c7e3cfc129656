/** Replays: what subscribers of this node get of the events that a channel keeps, read while it goes on. */
import type { HistoryRule } from '../core/app'
import type { Connection } from '../core/connection'
import type { Entry } from '../core/engine'
import { refusal } from '../core/errors'
import { ruleOf } from '../core/history-rules'
import { jsonText } from '../core/json'
import type { Replay, SubscribeCommand } from '../core/messages'
import { NOT_KEPT } from '../core/stream'
import { RedisAway } from './link/away'
import { PATIENCE_MS, type Context } from './context'
import type { History } from './history'
import { Reading, unknownPosition, type Answer, type Wish } from './reading'
import type { Replica } from './replica'

/** How long messages may take from Redis to this node before it asks for them. */
const LAG_MS = 250

/** The entry of a subscriber. */
export type SubscribeEntry = Entry & SubscribeCommand

const COME_BACK = refusal('reconnect_requested', 'Please reconnect: events may be missing')

export class Replays {
  constructor(
    readonly context: Context,
    readonly history: History,
    /** Done when the replica is live, or deaf. */
    readonly refetch: (replica: Replica) => Promise<void>,
  ) {}

  /** True where the subscriber asks for the past, or the app's rule means it to have some. */
  isMeant(entry: Entry): entry is SubscribeEntry {
    if (entry.type === 'signin' || entry.app.record.history.length === 0) return false
    return entry.history !== undefined || (ruleOfEntry(entry)?.rewind ?? 0) > 0
  }

  /**
   * Reads, then calls `join` in the step in which this node has come as far as what was read. Without Redis the
   * subscriber gets nothing of the past, and is told so where it asked.
   */
  async joinWith(
    replica: Replica,
    conn: Connection,
    entry: SubscribeEntry,
    join: (replay: Replay | undefined) => void,
  ): Promise<undefined> {
    const known = findKnown(replica, entry)
    if (known) return void join(known)
    const reading = await this.begin(replica, conn, entry)
    if (!reading) {
      if (entry.history && ruleOfEntry(entry)) replica.blind.add(conn)
      return void join(lostOf(entry))
    }
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const finish = (): void => {
      cancel()
      cancelFetch()
      join(this.end(replica, reading))
      resolve(undefined)
    }
    const giveUp = (): void => {
      reading.lose()
      if (entry.history) replica.blind.add(conn)
      finish()
    }
    const { clock } = this.context
    const cancel = clock.after(PATIENCE_MS, giveUp)
    // What was read before now may never come by the bus: its connection may be lost.
    const cancelFetch = clock.after(LAG_MS, () => void this.refetch(replica))
    reading.waitUntilReady(replica.epoch, replica.rev, finish)
    return promise
  }

  /** What the subscriber gets that joins now. */
  end(replica: Replica, reading: Reading): Replay {
    replica.readings.delete(reading)
    return reading.finish(replica.epoch)
  }

  /**
   * Reads for a subscriber that joins later, and then calls `end`. Undefined where there is nothing to read, or Redis is
   * away.
   */
  async begin(
    replica: Replica,
    conn: Connection,
    entry: SubscribeEntry,
  ): Promise<Reading | undefined> {
    const rule = ruleOfEntry(entry)
    if (replica.state === 'deaf' && this.context.link.isUp) await this.refetch(replica)
    if (!rule || replica.state === 'deaf') return undefined
    const reading = new Reading(wishOf(conn, entry, rule))
    replica.readings.add(reading)
    let answer: Answer | undefined
    try {
      answer = await this.#read(entry, rule, reading.wish)
    } finally {
      if (!answer) replica.readings.delete(reading)
    }
    if (!answer) return undefined
    reading.take(answer)
    return reading
  }

  async #read(
    { app, channel }: SubscribeEntry,
    rule: HistoryRule,
    wish: Wish,
  ): Promise<Answer | undefined> {
    try {
      return await this.history.past(app, channel, rule, wish)
    } catch (cause) {
      if (!(cause instanceof RedisAway)) throw cause
      return undefined
    }
  }
}

const ruleOfEntry = ({ app, channel, kind }: Entry): HistoryRule | undefined =>
  ruleOf(app, channel, kind)

function wishOf({ id, sink }: Connection, entry: SubscribeEntry, { rewind }: HistoryRule): Wish {
  const { app, channel, history: asked } = entry
  return {
    since: asked?.since,
    count: asked?.rewind ?? rewind,
    // Queues write text as part of a text, which may double it.
    maxBytes: app.limits.maxReplayBytes / (sink.queued ? 2 : 1),
    besides: Buffer.byteLength(jsonText(channel)),
    id,
    formerId: asked?.formerId,
  }
}

/** Where it has had all that this node has delivered nothing has to be read. */
function findKnown({ position }: Replica, { history: asked }: SubscribeEntry): Replay | undefined {
  const since = asked?.since
  if (position.epoch === '' || since?.epoch !== position.epoch) return undefined
  return since.offset === position.offset ? { position, recovered: true, events: [] } : undefined
}

/**
 * Has the connections come back that asked for the past while nothing was known of it, before the rest is given what it
 * has missed: they are told then that they have missed something.
 */
export function dismissBlind({ blind }: Replica): void {
  for (const conn of blind) if (!conn.closed) conn.refuse(COME_BACK)
  blind.clear()
}

/**
 * What it is told that asks where nothing can be read: where a rule covers the channel a position that no stream has, so
 * that it is told of a loss when it comes back with it.
 */
export function lostOf(entry: SubscribeEntry): Replay | undefined {
  const { history: asked } = entry
  const position = ruleOfEntry(entry) ? unknownPosition() : NOT_KEPT
  return asked && { position, recovered: asked.since && false, events: [] }
}
