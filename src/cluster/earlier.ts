/**
 * Earlier: who was told to webhooks to be there when this server was still one by itself. Redis takes them over once,
 * a lease before their departures are due, in which their clients come back.
 */
import type { DepartureFact } from '../core/messages'
import { messageOf } from '../core/errors'
import { RedisAway } from './link/away'
import { LEASE_MS, newNonce, type Context } from './context'
import { fullNameOf, partitionOf } from './names'
import { SCRIPTS } from './scripts'

/** Departures in one script. */
const AT_ONCE = 100

type EarlierDeparture = {
  readonly partition: number
  /** As `scripts/common.lua` has it in `leaving`. */
  readonly departure: string
  readonly onTaken: () => void
}

export class Earlier {
  #waiting: EarlierDeparture[] = []
  #hasBegun = false
  #isUnderWay = false
  #ready: PromiseWithResolvers<void> | undefined

  constructor(readonly context: Context) {}

  /** Arrivals wait for it: before they would be news. Undefined once all is given, or Redis was found to be away. */
  get ready(): Promise<void> | undefined {
    return this.#ready?.promise
  }

  add(fact: DepartureFact, onTaken: () => void): void {
    const name = fullNameOf(fact.app, fact.channel)
    const departure =
      fact.type === 'member_removed'
        ? `m${Buffer.byteLength(name)}\n${name}${fact.userId}`
        : `v${name}`
    this.#ready ??= Promise.withResolvers()
    this.#waiting.push({ partition: partitionOf(name), departure, onTaken })
    void this.give()
  }

  /** All that were read at the start are there. */
  begin(): void {
    this.#hasBegun = true
    void this.give()
  }

  /** Gives all to Redis, where it is there, once it has begun; else the next call does. */
  async give(): Promise<void> {
    if (this.#isUnderWay || !this.#hasBegun) return
    this.#isUnderWay = true
    try {
      while (this.#waiting.length > 0) await this.#giveAll()
    } catch (cause) {
      if (!(cause instanceof RedisAway))
        this.context.log.error({ error: messageOf(cause) }, 'redis: earlier webhooks are not taken')
    } finally {
      this.#isUnderWay = false
      this.#ready?.resolve()
      this.#ready = undefined
    }
  }

  async #giveAll(): Promise<void> {
    const byPartition = Map.groupBy(this.#waiting, ({ partition }) => partition)
    this.#waiting = []
    try {
      for (const [partition, departures] of byPartition)
        while (departures.length > 0) {
          await this.#giveSome(partition, departures.slice(0, AT_ONCE))
          departures.splice(0, AT_ONCE)
        }
    } finally {
      for (const departures of byPartition.values()) this.#waiting.push(...departures)
    }
  }

  async #giveSome(partition: number, departures: readonly EarlierDeparture[]): Promise<void> {
    const { link, incarnations } = this.context
    const texts = departures.map(({ departure }) => departure)
    const args = [incarnations.idOf(partition), '', newNonce(), LEASE_MS, ...texts]
    await link.run(SCRIPTS.earlier, String(partition), args)
    for (const { onTaken } of departures) onTaken()
  }
}
