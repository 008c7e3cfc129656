/**
 * Joins: connections of this node into channels and out of them. Who needs a seat gets it by Redis; others are in at
 * once, and Redis is told how many they are. Whoever gets something of the past joins where that ends.
 */
import type { App } from '../core/app'
import type { Connection } from '../core/connection'
import type { Entry, Place } from '../core/engine'
import { REFUSE, type Refusal } from '../core/errors'
import type { Replay } from '../core/messages'
import type { Arrival } from '../core/roster'
import { ignoreAway } from './link/away'
import type { Context } from './context'
import type { Counting } from './counting'
import type { Lasts } from './lasts'
import { fullNameOf, type FullName } from './names'
import type { Past, Replica } from './replica'
import { lostOf, type Replays, type SubscribeEntry } from './replays'
import type { Replicas } from './replicas'
import type { Seats } from './seats'

type Parts = {
  readonly replicas: Replicas
  readonly seats: Seats
  readonly counting: Counting
  readonly lasts: Lasts
  readonly replays: Replays
}

export class Joins {
  constructor(
    readonly context: Context,
    readonly parts: Parts,
  ) {}

  enter(
    conn: Connection,
    entry: Entry,
    arrival: Arrival | undefined,
    limit: number,
  ): Promise<Refusal | undefined> | undefined {
    const { app, channel, kind } = entry
    const name = fullNameOf(app, channel)
    if (arrival && this.parts.replays.isMeant(entry))
      return this.#enterWithPast(conn, entry, name, arrival, limit)
    if (arrival || entry.type === 'signin') {
      const past = kind.cache
        ? (): Past => this.#pastOf(app, this.parts.replicas.get(name)!)
        : undefined
      return this.parts.seats.enter(conn, entry, name, arrival, limit, past)
    }
    const replica = this.parts.replicas.hear(name, kind)
    return replica instanceof Promise
      ? replica.then((heard) => this.#enterSeatless(heard, conn, entry))
      : this.#enterSeatless(replica, conn, entry)
  }

  /** The past is read before the seat is asked for; what comes after that is collected until it is there. */
  async #enterWithPast(
    conn: Connection,
    entry: SubscribeEntry,
    name: FullName,
    arrival: Arrival,
    limit: number,
  ): Promise<Refusal | undefined> {
    if (!(await this.parts.replicas.hearLive(name, entry.kind))) return REFUSE.engineAway
    const replica = this.parts.replicas.get(name)!
    const reading = await this.parts.replays.begin(replica, conn, entry)
    const replay = (): Replay | undefined =>
      reading ? this.parts.replays.end(replica, reading) : lostOf(entry)
    const past = (): Past => ({ ...this.#pastOf(entry.app, replica), replay: replay() })
    const refused = await this.parts.seats.enter(conn, entry, name, arrival, limit, past)
    if (reading) replica.readings.delete(reading)
    return refused
  }

  /** At once, but for the first subscription of the node, for which the channel may be vacant elsewhere. */
  #enterSeatless(replica: Replica, conn: Connection, entry: Entry): Promise<undefined> | undefined {
    if (entry.kind.counted) {
      replica.own++
      const told = this.parts.counting.note(replica)
      if (told) return this.#joinTold(replica, conn, entry, told)
    }
    return this.#joinSeatless(replica, conn, entry)
  }

  /** Where the script itself fails, nobody has joined. */
  async #joinTold(
    replica: Replica,
    conn: Connection,
    entry: Entry,
    told: Promise<void>,
  ): Promise<undefined> {
    try {
      await told.catch(ignoreAway)
    } catch (cause) {
      replica.own--
      this.parts.replicas.release(replica)
      throw cause
    }
    return this.#joinSeatless(replica, conn, entry)
  }

  /** Waits only for what is read of the past. */
  #joinSeatless(replica: Replica, conn: Connection, entry: Entry): Promise<undefined> | undefined {
    if (!this.parts.replays.isMeant(entry)) return this.#join(replica, conn, entry, undefined)
    return this.parts.replays.joinWith(replica, conn, entry, (replay) =>
      this.#join(replica, conn, entry, replay),
    )
  }

  #pastOf(app: App, replica: Replica): Past {
    const last = replica.isCache ? this.parts.lasts.find(app, replica) : undefined
    return { last, replay: undefined }
  }

  #join(replica: Replica, conn: Connection, entry: Entry, replay: Replay | undefined): undefined {
    const { app, channel, kind } = entry
    this.context.node.apply({
      type: 'entered',
      app,
      channel,
      kind,
      isOwn: true,
      conn,
      entry,
      socketId: conn.id,
      arrival: undefined,
      member: undefined,
      joined: false,
      count: replica.count,
      members: undefined,
      ...this.#pastOf(app, replica),
      replay,
    })
  }

  exit(conn: Connection, { app, name: channel, kind }: Place): void {
    const replica = this.parts.replicas.get(fullNameOf(app, channel))
    if (!replica) return
    if (replica.blind.size > 0) replica.blind.delete(conn)
    if (replica.held.has(conn.id)) return this.parts.seats.exit(app, replica, conn)
    if (kind.counted && !kind.presence) {
      replica.own--
      this.parts.counting.note(replica)?.catch(ignoreAway) // told again when the channel is fetched
      const nobody = { departure: undefined, member: undefined, left: false }
      const { count } = replica
      this.context.node.apply({
        type: 'exited',
        app,
        channel,
        kind,
        isOwn: true,
        count,
        ...nobody,
      })
    }
    this.parts.replicas.release(replica)
  }
}
