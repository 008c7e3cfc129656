/**
 * ClusterLink: a link to a Redis Cluster. Owns the masters that it talks to, and who of them has which slot; both
 * follow what the Cluster says. A master that is away takes its places along, and no others.
 */
import type { RedisAddress } from '../../config/redis-url'
import { messageOf } from '../../core/errors'
import type { Cancel } from '../../core/types'
import { Absence } from './absence'
import { PATIENCE_MS, RedisAway, RedisMoved, RedisUnfit } from './away'
import type { LinkEvents, LinkOptions } from './link-events'
import type { Buses } from './buses'
import { Master } from './master'
import { PlaceQueue, type QueueOwner } from './place-queue'
import { warningsOf, type Life } from './redis-info'
import type { Script } from './script'
import { slotOf, SLOTS, tagOf } from './slots'
import { addressText, readTopology, type Topology } from './topology'

/** How often the Cluster is asked who has what, though nothing seems to be the matter; and when something is. */
const LOOK_MS = 10_000
const LOOK_AGAIN_MS = 300
/** How often calls that wait for a slot that moves try again. */
const REMIND_MS = 30
/** Calls that may wait for slots that move. */
const MAX_WAITING = 20_000

export class ClusterLink implements QueueOwner {
  readonly #prefix: string
  readonly #absence: Absence
  readonly #masters = new Map<string, Master>()
  /** First attempts. */
  readonly #starting: Promise<void>[] = []
  /** Those without slots, which still answer. */
  readonly #retired = new Set<Master>()
  readonly #slots: (Master | undefined)[] = Array.from({ length: SLOTS })
  /** By slot; those of places that were used. */
  readonly #queues = new Map<number, PlaceQueue>()
  readonly #held = new Set<PlaceQueue>()
  /** Buses whose master is not known, and since when they were not heard. */
  readonly #homeless = new Map<string, number>()
  /** Buses that are asked for anew, or will be, and until when they were heard; those without a home are among them. */
  readonly #heardUntil = new Map<string, number>()
  /** Masters that have given up buses, and since when: not even all of these may have moved. */
  readonly #doubted = new Map<Master, number>()
  #knownSlots = 0
  #hasMoved = false
  /** What is listened to, or about to be. */
  readonly #wanted = new Set<string>()
  #turns = MAX_WAITING
  #hasStarted = false
  #isClosed = false
  #isLooking = false
  /** Something moved while the Cluster was being asked. */
  #isStale = false
  #isDown = false
  #cannotLook: string | undefined = 'not connected yet'
  #cancelLook: Cancel | undefined
  #cancelRemind: Cancel | undefined

  constructor(
    private readonly options: LinkOptions,
    private readonly events: LinkEvents,
  ) {
    this.#prefix = `carillon:${options.cluster}:`
    this.#absence = new Absence(options)
  }

  get isUp(): boolean {
    return this.#masters.values().some(({ commands }) => commands.isUp)
  }

  get trouble(): string | undefined {
    for (const [name, { trouble }] of this.#masters)
      if (trouble !== undefined) return `${name}: ${trouble}`
    if (this.#masters.size === 0) return this.#cannotLook
    if (this.#isDown) return 'the Cluster says that it is down'
    const missing = SLOTS - this.#knownSlots
    return missing === 0 ? undefined : `${missing} slots of the Cluster have no master`
  }

  get warnings(): readonly string[] {
    const all = Array.from(this.#masters.values(), ({ commands }) => warningsOf(commands.info))
    return [...new Set(all.flat())]
  }

  isPlaceUp(place: string): boolean {
    return this.#slots[slotOf(place)]?.commands.isUp === true
  }

  life(place: string): Life | undefined {
    return this.#slots[slotOf(place)]?.commands.info?.life
  }

  /** Done after the first attempts. @throws (rejects with) RedisUnfit */
  async start(): Promise<void> {
    try {
      this.#take(await readTopology(this.options, []))
      await Promise.all(this.#starting)
    } catch (cause) {
      if (cause instanceof RedisUnfit) throw cause
      this.#cannotLook = messageOf(cause)
    }
    this.#starting.length = 0
    this.#hasStarted = true
    this.#changed()
    this.#lookLater()
  }

  run(script: Script, place: string, args: readonly (string | number)[]): Promise<unknown> {
    const slot = slotOf(place)
    let queue = this.#queues.get(slot)
    if (!queue) {
      queue = new PlaceQueue(slot, this)
      this.#queues.set(slot, queue)
    }
    return queue.run(script, `${this.#prefix}{${place}}:`, args)
  }

  async subscribe(bus: string): Promise<void> {
    const name = this.#prefix + bus
    const until = this.now() + PATIENCE_MS
    this.#wanted.add(name)
    for (;;)
      try {
        const master = this.#masterOfBus(name)
        if (!master) throw new RedisAway('no master has the slot', false)
        return await master.buses.subscribe(name)
      } catch (cause) {
        if (!(cause instanceof RedisMoved) || this.now() > until) {
          this.#wanted.delete(name)
          throw cause
        }
        this.#look()
        await new Promise<void>((resolve) => this.options.clock.after(REMIND_MS, resolve))
      }
  }

  unsubscribe(bus: string): void {
    const name = this.#prefix + bus
    this.#wanted.delete(name)
    this.#homeless.delete(name)
    this.#heardUntil.delete(name)
    for (const { buses } of this.#masters.values()) buses.unsubscribe(name)
  }

  heardUntil(bus: string): number {
    const name = this.#prefix + bus
    const until = this.#masterOfBus(name)?.buses.heardUntil ?? this.now()
    return Math.min(until, this.#heardUntil.get(name) ?? until)
  }

  async hearOut(bus: string): Promise<void> {
    await this.#masterOfBus(this.#prefix + bus)?.buses.hearOut()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelLook?.()
    this.#cancelRemind?.()
    for (const master of [...this.#masters.values(), ...this.#retired]) master.close()
    this.#masters.clear()
  }

  now(): number {
    return this.options.clock.mono()
  }

  masterOf(slot: number): Master | undefined {
    return this.#slots[slot]
  }

  takeTurn(): boolean {
    if (this.#turns === 0) return false
    this.#turns--
    return true
  }

  giveTurn(): void {
    this.#turns++
  }

  learn(slot: number, { to }: RedisMoved): void {
    if (to) {
      this.#give(slot, this.#masterAt(to))
      this.#settleBuses()
    }
    this.#look()
  }

  remind(queue: PlaceQueue): void {
    this.#held.add(queue)
    this.#remindLater()
  }

  #remindLater(): void {
    this.#cancelRemind ??= this.options.clock.after(REMIND_MS, () => {
      this.#cancelRemind = undefined
      for (const queue of this.#held) if (queue.resume()) this.#held.delete(queue)
      if (this.#held.size > 0) this.#remindLater()
    })
  }

  #masterOfBus(name: string): Master | undefined {
    return this.#slots[slotOf(tagOf(name))]
  }

  /** Asks the Cluster who has what, unless it is being asked. */
  #look(): void {
    if (this.#isClosed || this.#isLooking) {
      this.#isStale = true
      return
    }
    this.#isLooking = true
    this.#isStale = false
    void this.#lookNow().finally(() => {
      this.#isLooking = false
      this.#changed()
      this.#lookLater()
    })
  }

  #lookLater(): void {
    if (this.#isClosed) return
    this.#cancelLook?.()
    const isWell = this.trouble === undefined && !this.#isStale && this.#homeless.size === 0
    const delayMs = isWell ? LOOK_MS : LOOK_AGAIN_MS
    this.#cancelLook = this.options.clock.after(delayMs, () => this.#look())
  }

  async #lookNow(): Promise<void> {
    const connected = [...this.#masters.values()].flatMap(({ commands, address }) =>
      commands.isUp && address
        ? [{ address, ask: (name: string, ...args: string[]) => commands.ask(name, ...args) }]
        : [],
    )
    try {
      const topology = await readTopology(this.options, connected)
      if (this.#isClosed) return
      this.#take(topology)
      this.#cannotLook = undefined
    } catch (cause) {
      this.#cannotLook = messageOf(cause)
    }
  }

  /** Takes what the Cluster says. */
  #take({ ranges, isDown }: Topology): void {
    this.#isDown = isDown
    for (const { from, until, master } of ranges) {
      const owner = this.#masterAt(master)
      for (let slot = from; slot <= until; slot++) this.#give(slot, owner)
    }
    const wanted = new Set(this.#slots)
    for (const [name, master] of this.#masters)
      if (!wanted.has(master)) {
        this.#masters.delete(name)
        this.#retire(master)
      }
    this.#settleBuses()
  }

  #masterAt(address: RedisAddress): Master {
    return this.#masters.getOrInsertComputed(addressText(address), (name) => {
      const covers = (place: string): boolean => this.#slots[slotOf(place)] === master
      const isOurs = (): boolean => this.#masters.get(name) === master
      const { events } = this
      const master: Master = new Master(this.options, address, {
        message: (bus, text) => events.message(bus.slice(this.#prefix.length), text),
        connected: () => isOurs() && events.connected(covers),
        lost: (reason) => isOurs() && events.lost(reason, covers),
        deaf: (ms) => isOurs() && events.deaf(ms, covers),
        moved: () => {
          const { buses } = master
          if (!this.#doubted.has(master)) this.#doubt(buses, buses.names())
          this.#doubted.getOrInsertComputed(master, () => buses.heardUntil)
          this.#look()
        },
        changed: () => this.#changed(),
      })
      const started = master.start()
      this.#starting.push(started)
      started.catch(() => undefined) // its trouble says the same
      return master
    })
  }

  /** What is under way there is answered, if only by the news that all has moved. */
  #retire(master: Master): void {
    this.#retired.add(master)
    this.options.clock.after(PATIENCE_MS, () => {
      this.#retired.delete(master)
      master.close()
    })
  }

  #give(slot: number, owner: Master): void {
    const before = this.#slots[slot]
    if (before === owner) return
    this.#slots[slot] = owner
    if (before === undefined) this.#knownSlots++
    else this.#hasMoved = true
  }

  /** Has buses heard where their slots are now. */
  #settleBuses(): void {
    if (this.#hasMoved)
      for (const master of [...this.#masters.values(), ...this.#retired]) this.#evict(master)
    this.#hasMoved = false
    const doubted = [...this.#doubted]
    this.#doubted.clear()
    for (const [master, since] of doubted) {
      const { buses } = master
      const names = buses.names()
      const confirmed = buses.confirm(since).then(() => this.#trust(names))
      confirmed.catch(() => {
        // Not answered, or not by whom it was asked: nobody else would ask again. Soon, since the others may not know yet.
        this.#doubted.set(master, Math.min(since, this.#doubted.get(master) ?? since))
        this.#isStale = true
        this.#lookLater()
      })
    }
    const homes = Map.groupBy(this.#homeless, ([name]) => this.#masterOfBus(name))
    for (const [master, buses] of homes) {
      if (!master) continue
      const names = buses.map(([name]) => name)
      const since = Math.min(...buses.map(([, each]) => each))
      for (const name of names) this.#homeless.delete(name)
      const taken = master.buses.takeOver(names, since).then(() => this.#trust(names))
      taken.catch(() => {
        for (const name of names) if (this.#wanted.has(name)) this.#homeless.set(name, since)
        this.#look()
      })
    }
  }

  /** Notes until when the buses of a master were heard, which may have some of them no more. */
  #doubt({ heardUntil }: Buses, names: readonly string[]): void {
    for (const name of names)
      this.#heardUntil.set(name, Math.min(heardUntil, this.#heardUntil.get(name) ?? heardUntil))
  }

  /** They are heard again. */
  #trust(names: readonly string[]): void {
    for (const name of names) if (!this.#homeless.has(name)) this.#heardUntil.delete(name)
  }

  /** Takes away from a master the buses of slots that it has no more. */
  #evict({ buses }: Master): void {
    const names = buses.names().filter((name) => this.#masterOfBus(name)?.buses !== buses)
    this.#doubt(buses, names)
    for (const name of names) this.#homeless.set(name, this.#heardUntil.get(name)!)
    buses.forget(names)
  }

  /** Something is up, down, or elsewhere. */
  #changed(): void {
    if (!this.#hasStarted || this.#isClosed) return
    this.#absence.note(this.trouble, this.warnings)
    if (this.trouble !== undefined && !this.#isLooking) this.#lookLater()
  }
}
