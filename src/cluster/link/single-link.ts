/** SingleLink: a link to one Redis, or to the master that Sentinels name. */
import { Absence } from './absence'
import type { LinkEvents, LinkOptions } from './link-events'
import { Master } from './master'
import { warningsOf, type Life } from './redis-info'
import type { Script } from './script'

const everywhere = (): boolean => true

export class SingleLink {
  readonly #prefix: string
  readonly #master: Master
  readonly #absence: Absence
  #hasStarted = false

  constructor(options: LinkOptions, events: LinkEvents) {
    const prefix = `carillon:${options.cluster}:`
    this.#prefix = prefix
    this.#absence = new Absence(options)
    this.#master = new Master(options, undefined, {
      message: (bus, text) => events.message(bus.slice(prefix.length), text),
      connected: () => events.connected(everywhere),
      lost: (reason) => events.lost(reason, everywhere),
      deaf: (ms) => events.deaf(ms, everywhere),
      moved: () => undefined,
      changed: () => {
        if (this.#hasStarted) this.#absence.note(this.trouble, this.warnings)
      },
    })
  }

  get isUp(): boolean {
    return this.#master.commands.isUp
  }

  get trouble(): string | undefined {
    return this.#master.trouble
  }

  get warnings(): readonly string[] {
    return warningsOf(this.#master.commands.info)
  }

  isPlaceUp(): boolean {
    return this.isUp
  }

  life(): Life | undefined {
    return this.#master.commands.info?.life
  }

  /** Done after the first attempts. @throws (rejects with) RedisUnfit */
  async start(): Promise<void> {
    await this.#master.start()
    this.#hasStarted = true
    this.#absence.note(this.trouble, this.warnings)
  }

  run(script: Script, place: string, args: readonly (string | number)[]): Promise<unknown> {
    return this.#master.commands.run(script, `${this.#prefix}{${place}}:`, args)
  }

  subscribe(bus: string): Promise<void> {
    return this.#master.buses.subscribe(this.#prefix + bus)
  }

  unsubscribe(bus: string): void {
    this.#master.buses.unsubscribe(this.#prefix + bus)
  }

  heardUntil(): number {
    return this.#master.buses.heardUntil
  }

  hearOut(): Promise<void> {
    return this.#master.buses.hearOut()
  }

  async close(): Promise<void> {
    this.#master.close()
  }
}
