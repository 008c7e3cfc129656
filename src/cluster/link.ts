/**
 * Link: how a node talks to Redis. One connection for commands, one for what is said on buses.
 *
 * Nothing is queued while Redis is away, and nothing is ever sent twice: `run` rejects with `RedisAway`, which says
 * whether the script may have been carried out. Commands are carried out in the order of calls.
 */
import type { Readiness } from '../core/readiness'
import type { Clock, Log } from '../core/types'
import { Buses } from './buses'
import { Commands } from './commands'
import { dial, type DialOptions } from './dial'
import type { Script } from './script'

export { RedisAway } from './away'

export type LinkEvents = {
  /** A message of a bus, by the name after `carillon:<cluster>:`. */
  message(bus: string, text: string): void
  /** The connection for commands is up, and has its scripts. Called each time. */
  connected(): void
  /** It is lost. Called once until it is up again. */
  lost(reason: string): void
  /** The connection of the buses was lost, and is back with all of them: what was said for so long was not heard. */
  deaf(ms: number): void
}

export interface Link {
  /**
   * Carries out a script on the keys of a place. Answers are as Redis gives them: texts, integers, null, lists of them.
   * @throws (rejects with) RedisAway, and with the error of the script where it gives one
   */
  run(script: Script, place: string, args: readonly (string | number)[]): Promise<unknown>
  /** Done when Redis has acknowledged it. Rejects with RedisAway. Buses are named as in `message`. */
  subscribe(bus: string): Promise<void>
  unsubscribe(bus: string): void
  /** The connection for commands is there. */
  readonly isUp: boolean
  /** Why not, for people; undefined while it is up. */
  readonly trouble: string | undefined
  /** Ends the connections. What has no answer yet rejects. */
  close(): Promise<void>
}

export type LinkOptions = DialOptions & {
  /** Given to Redis on each connect; others when they are first run. */
  readonly scripts: readonly Script[]
  readonly clock: Clock
  readonly log: Log
  readonly readiness: Readiness
}

/**
 * Connects, and stays connected. Done after the first attempt, whether Redis is there or not.
 * @throws (rejects with) RedisUnfit
 */
export async function openLink(options: LinkOptions, events: LinkEvents): Promise<Link> {
  const link = new SingleLink(options, events)
  try {
    await link.start()
  } catch (cause) {
    await link.close()
    throw cause
  }
  return link
}

/** A link to one Redis, or to the master that Sentinels name. */
class SingleLink implements Link {
  readonly #prefix: string
  readonly #commands: Commands
  readonly #buses: Buses
  #hasStarted = false
  #awaySince: number | undefined

  constructor(
    private readonly options: LinkOptions,
    events: LinkEvents,
  ) {
    const prefix = `carillon:${options.cluster}:`
    this.#prefix = prefix
    const { clock, scripts } = options
    this.#commands = new Commands({
      clock,
      scripts,
      isCluster: false,
      dial: (onEnd) => dial(options, undefined, onEnd),
      onUp: () => {
        this.#note()
        events.connected()
      },
      onDown: (reason, isNews) => {
        this.#note()
        if (isNews) events.lost(reason)
      },
    })
    this.#buses = new Buses({
      clock,
      dial: (onEnd) => dial(options, undefined, onEnd),
      onMessage: (channel, text) => events.message(channel.slice(prefix.length), text),
      onUp: () => this.#note(),
      onDown: () => this.#note(),
      onDeaf: (ms) => events.deaf(ms),
    })
  }

  get isUp(): boolean {
    return this.#commands.isUp
  }

  get trouble(): string | undefined {
    return this.#commands.trouble
  }

  async start(): Promise<void> {
    await Promise.all([this.#commands.start(), this.#buses.start()])
    this.#hasStarted = true
    this.#note()
  }

  run(script: Script, place: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#commands.run(script, `${this.#prefix}{${place}}:`, args)
  }

  subscribe(bus: string): Promise<void> {
    return this.#buses.subscribe(this.#prefix + bus)
  }

  unsubscribe(bus: string): void {
    this.#buses.unsubscribe(this.#prefix + bus)
  }

  async close(): Promise<void> {
    this.#commands.close()
    this.#buses.close()
  }

  /** Says once that Redis is away, and once that it is back. */
  #note(): void {
    if (!this.#hasStarted) return
    const { readiness, log, clock } = this.options
    const reason = this.#commands.trouble ?? this.#buses.trouble
    if (reason !== undefined) {
      readiness.fail('redis', reason)
      if (this.#awaySince === undefined) log.error({ reason }, 'redis: away')
      this.#awaySince ??= clock.mono()
      return
    }
    readiness.recover('redis')
    if (this.#awaySince !== undefined)
      log.info({ awayMs: Math.round(clock.mono() - this.#awaySince) }, 'redis: back')
    this.#awaySince = undefined
  }
}
