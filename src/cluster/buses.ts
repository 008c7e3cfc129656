/**
 * Buses: the connection on which the node hears what is said. Owns the names that it listens to, and listens to all
 * of them again when the connection is remade.
 */
import { messageOf } from '../core/errors'
import type { Clock } from '../core/types'
import { RedisAway, withPatience } from './away'
import type { Dialled } from './dial'
import { Keeper, type KeeperOptions } from './keeper'

/** Names in one command when all are listened to again. */
const NAMES_AT_ONCE = 500

export type BusesOptions = Pick<KeeperOptions, 'dial' | 'onDown'> & {
  readonly clock: Clock
  readonly onMessage: (channel: string, text: string) => void
  /** It is back with all of them, for the first time after so many milliseconds. */
  readonly onUp: () => void
  readonly onDeaf: (ms: number) => void
}

export class Buses {
  readonly #keeper: Keeper
  /** What is listened to, and when Redis has acknowledged it. */
  readonly #acknowledged = new Map<string, Promise<void>>()
  #deafSince: number | undefined

  constructor(private readonly options: BusesOptions) {
    this.#keeper = new Keeper({
      clock: options.clock,
      dial: options.dial,
      prepare: (dialled) => this.#listenAgain(dialled),
      onUp: () => {
        options.onUp()
        const since = this.#deafSince
        this.#deafSince = undefined
        if (since !== undefined) options.onDeaf(options.clock.mono() - since)
      },
      onDown: (reason, isNews) => {
        this.#deafSince ??= options.clock.mono()
        options.onDown(reason, isNews)
      },
    })
  }

  get trouble(): string | undefined {
    return this.#keeper.trouble
  }

  /** Done after the first attempt. @throws RedisUnfit */
  start(): Promise<void> {
    return this.#keeper.start()
  }

  close(): void {
    this.#keeper.close()
  }

  /** Done when Redis has acknowledged it. @throws (rejects with) RedisAway */
  subscribe(channel: string): Promise<void> {
    const known = this.#acknowledged.get(channel)
    if (known) return known
    const dialled = this.#keeper.current
    if (dialled === undefined)
      return Promise.reject(new RedisAway(this.#keeper.trouble ?? 'not connected', false))
    const acknowledged = this.#ask(dialled, () => dialled.redis.subscribe(channel)).catch(
      (cause: unknown) => {
        if (this.#acknowledged.get(channel) === acknowledged) this.#acknowledged.delete(channel)
        throw new RedisAway(this.#keeper.trouble ?? messageOf(cause), false)
      },
    )
    this.#acknowledged.set(channel, acknowledged)
    return acknowledged
  }

  unsubscribe(channel: string): void {
    if (!this.#acknowledged.delete(channel)) return
    const dialled = this.#keeper.current
    // Where it fails the connection is lost, and the next one does not ask for this.
    if (dialled) this.#ask(dialled, () => dialled.redis.unsubscribe(channel)).catch(() => undefined)
  }

  async #listenAgain(dialled: Dialled): Promise<void> {
    dialled.redis.on('message', this.options.onMessage)
    const names = [...this.#acknowledged.keys()]
    for (let from = 0; from < names.length; from += NAMES_AT_ONCE)
      await withPatience(dialled.redis.subscribe(...names.slice(from, from + NAMES_AT_ONCE)))
    const isWanted = (name: string): boolean => this.#acknowledged.has(name)
    const unwanted = names.filter((name) => !isWanted(name))
    if (unwanted.length > 0) await dialled.redis.unsubscribe(...unwanted)
    for (const name of this.#acknowledged.keys()) this.#acknowledged.set(name, Promise.resolve())
  }

  async #ask(dialled: Dialled, send: () => Promise<unknown>): Promise<void> {
    const keeper = this.#keeper
    keeper.asked++
    try {
      await send()
    } finally {
      if (keeper.current === dialled) keeper.answered++
    }
  }
}
