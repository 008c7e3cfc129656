/**
 * Buses: the connection on which the node hears what is said. Owns the names that it listens to, and listens to all
 * of them again when the connection is remade.
 */
import { messageOf } from '../../core/errors'
import { explainRefusal, isReply, RedisAway, RedisMoved, withPatience } from './away'
import type { Dialled } from './dial'
import { Keeper, type KeeperOptions } from './keeper'

/** Names that are asked for at once when all are listened to again. */
const NAMES_AT_ONCE = 500
const MAX_WAITING = 100_000

/** Buses of a Cluster are those of one of its nodes. */
const VERBS = {
  all: { listen: 'subscribe', leave: 'unsubscribe', message: 'message' },
  sharded: { listen: 'ssubscribe', leave: 'sunsubscribe', message: 'smessage' },
} as const

export type BusesOptions = Omit<KeeperOptions, 'prepare' | 'onUp'> & {
  readonly kind: keyof typeof VERBS
  readonly onMessage: (bus: string, text: string) => void
  readonly onUp: () => void
  /** It has heard nothing of some names for so long, and hears them now. */
  readonly onDeaf: (ms: number) => void
  /** The server has some of the names no more. */
  readonly onMoved: () => void
}

export class Buses {
  readonly #keeper: Keeper
  /** What is listened to, and when Redis has acknowledged it. */
  readonly #acknowledged = new Map<string, Promise<void>>()
  #deafSince: number | undefined

  constructor(private readonly options: BusesOptions) {
    const { clock, dial } = options
    this.#keeper = new Keeper({
      clock,
      dial,
      prepare: (dialled) => this.#listenAgain(dialled),
      onUp: () => {
        options.onUp()
        const since = this.#deafSince
        this.#deafSince = undefined
        if (since !== undefined) options.onDeaf(clock.mono() - since)
      },
      onDown: (reason, isNews) => {
        // What was said since its last answer may have been lost with the connection.
        this.#deafSince ??= this.#keeper.heardAt ?? clock.mono()
        options.onDown(reason, isNews)
      },
    })
  }

  /** Why it hears nothing; undefined while it does. */
  get trouble(): string | undefined {
    return this.#keeper.trouble
  }

  /** Until when it has heard all that was said, in monotonic milliseconds. */
  get heardUntil(): number {
    return this.#deafSince ?? this.#keeper.heardAt ?? this.options.clock.mono()
  }

  /** Done when all has come that was said until now: the answer stands behind it. Else the connection is lost. */
  async hearOut(): Promise<void> {
    const dialled = this.#keeper.current
    if (dialled) await this.#count(dialled, dialled.send('ping', [])).catch(() => undefined)
  }

  /** What is listened to. */
  names(): string[] {
    return [...this.#acknowledged.keys()]
  }

  /** Done after the first attempt. @throws RedisUnfit */
  start(): Promise<void> {
    return this.#keeper.start()
  }

  close(): void {
    this.#keeper.close()
  }

  /** Done when Redis has acknowledged it. @throws (rejects with) RedisAway */
  subscribe(bus: string): Promise<void> {
    const known = this.#acknowledged.get(bus)
    if (known) return known
    const dialled = this.#keeper.current
    if (dialled === undefined)
      return Promise.reject(new RedisAway(this.#keeper.trouble ?? 'not connected', false))
    if (this.#keeper.asked - this.#keeper.answered >= MAX_WAITING)
      return Promise.reject(new RedisAway('too much has no answer yet', false))
    const acknowledged = this.#listen(dialled, bus).catch((cause: unknown) => {
      if (this.#acknowledged.get(bus) === acknowledged) this.#acknowledged.delete(bus)
      throw cause
    })
    this.#acknowledged.set(bus, acknowledged)
    return acknowledged
  }

  unsubscribe(bus: string): void {
    if (!this.#acknowledged.delete(bus)) return
    const dialled = this.#keeper.current
    // Where it fails the connection is lost, and the next one does not ask for this.
    if (dialled) this.#count(dialled, this.#send(dialled, 'leave', bus)).catch(() => undefined)
  }

  /** Takes names that another connection had; what was said of them since then was not heard. */
  async takeOver(names: readonly string[], since: number): Promise<void> {
    const { clock, onDeaf } = this.options
    const dialled = this.#keeper.current
    if (dialled === undefined) {
      this.#deafSince = Math.min(this.#deafSince ?? since, since)
      for (const name of names) this.#acknowledged.set(name, Promise.resolve())
      return
    }
    await Promise.all(names.map((name) => this.subscribe(name)))
    onDeaf(clock.mono() - since)
  }

  /** Asks for all names again, some of which the server may have given up since then. Those that it has stay. */
  async confirm(since: number): Promise<void> {
    const { clock, onDeaf } = this.options
    const dialled = this.#keeper.current
    const names = this.names()
    if (names.length === 0) return
    if (dialled === undefined) {
      this.#deafSince = Math.min(this.#deafSince ?? since, since)
      return
    }
    await Promise.all(names.map((name) => this.#listen(dialled, name)))
    onDeaf(clock.mono() - since)
  }

  /** Gives up names that the server has no more. */
  forget(names: readonly string[]): void {
    for (const name of names) this.#acknowledged.delete(name)
  }

  async #listen(dialled: Dialled, bus: string): Promise<void> {
    try {
      await this.#count(dialled, this.#send(dialled, 'listen', bus))
    } catch (cause) {
      const message = messageOf(cause)
      if (isReply(cause))
        throw explainRefusal(message, dialled.address) ?? new RedisAway(message, false)
      throw new RedisAway(this.#keeper.trouble ?? message, false)
    }
  }

  async #listenAgain(dialled: Dialled): Promise<void> {
    const { message } = VERBS[this.options.kind]
    dialled.redis.on(message, this.options.onMessage)
    dialled.redis.on('moved', this.options.onMoved)
    const names = this.names()
    for (let from = 0; from < names.length; from += NAMES_AT_ONCE) {
      const some = names.slice(from, from + NAMES_AT_ONCE)
      await withPatience(Promise.all(some.map((name) => this.#listenStill(dialled, name))))
    }
    for (const name of names)
      if (this.#acknowledged.has(name)) this.#acknowledged.set(name, Promise.resolve())
      else await this.#send(dialled, 'leave', name)
  }

  /** Names that the server has no more are taken over by others. */
  async #listenStill(dialled: Dialled, bus: string): Promise<void> {
    try {
      await this.#send(dialled, 'listen', bus)
    } catch (cause) {
      if (!(explainRefusal(messageOf(cause), dialled.address) instanceof RedisMoved)) throw cause
      this.options.onMoved()
    }
  }

  #send(dialled: Dialled, verb: 'listen' | 'leave', bus: string): Promise<unknown> {
    return dialled.send(VERBS[this.options.kind][verb], [bus])
  }

  async #count(dialled: Dialled, answer: Promise<unknown>): Promise<void> {
    const keeper = this.#keeper
    keeper.asked++
    const askedAt = this.options.clock.mono()
    try {
      await answer
    } finally {
      if (keeper.current === dialled) keeper.count(askedAt)
    }
  }
}
