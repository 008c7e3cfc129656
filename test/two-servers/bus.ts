/**
 * The bus between two servers that are one, and what they keep together. Every message is given to both one turn of
 * the event loop later, in one order.
 */
import type { App } from '../../src/core/app'
import { Cache, Claims } from '../../src/core/cache'
import type { EngineParts, Node, Order, SharedCall } from '../../src/core/engine'
import { History } from '../../src/core/history'
import type { ArrivalFact, DepartureFact, Publication } from '../../src/core/messages'
import { KeptRepeats } from '../../src/core/repeats'
import { Presence } from '../../src/core/presence'
import { callShared } from '../../src/core/shared'

/** The engine of one of them. */
export type Member = { readonly parts: EngineParts; readonly node: Node }

/** Messages between servers that are held back. */
export type Hold = {
  /** Gives what waits to everybody; what that brings about is held again. */
  next(): Promise<void>
  release(): void
}

/** What both servers keep together. The first of them emits the facts of arrivals and departures. */
export class Bus {
  readonly engines: Member[] = []
  readonly presence = new Presence()
  cache!: Cache
  claims!: Claims
  history!: History
  repeats!: KeptRepeats
  readonly #taken = new WeakMap<App, Set<string>>()
  #waiting: (() => void)[] = []
  #isHeld = false

  add(engine: Member): void {
    const { cacheTtlMs, clock, limits, kindOf } = engine.parts
    this.cache ??= new Cache(cacheTtlMs)
    this.claims ??= new Claims(clock)
    this.history ??= new History(limits, kindOf)
    this.repeats ??= new KeptRepeats(engine.parts)
    this.engines.push(engine)
  }

  get first(): Member {
    return this.engines[0]!
  }

  /** True where the channel has taken an event with this key; false for the first. `home` is the app as the first server has it. */
  isTaken(home: App, publication: Publication): boolean {
    if (publication.type !== 'event' || publication.origin !== 'backend') return false
    const { channel, once } = publication
    if (once === undefined) return false
    const taken = this.#taken.getOrInsertComputed(home, () => new Set())
    const known = taken.size
    return taken.add(`${channel} ${once.key}`).size === known
  }

  /** Runs it one turn later, after all that was sent before. */
  later<T>(run: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (this.#waiting.length === 0 && !this.#isHeld) setImmediate(() => this.#isHeld || this.#run())
    this.#waiting.push(() => {
      try {
        resolve(run())
      } catch (cause) {
        reject(cause as Error)
      }
    })
    return promise
  }

  hold(): Hold {
    this.#isHeld = true
    const wait = () => new Promise<void>((resolve) => setImmediate(resolve))
    return {
      next: async () => {
        this.#run()
        await wait()
      },
      release: () => {
        this.#isHeld = false
        setImmediate(() => this.#run())
      },
    }
  }

  #run(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
  }

  /** Calls every node with its own object for the app. */
  broadcast(app: App, call: (node: Node, own: App, engine: Member) => void): void {
    for (const engine of this.engines) {
      const own = engine.node.app(app.id)
      if (own) call(engine.node, own, engine)
    }
  }

  /** Has all nodes carry out an order, the one that gave it first. */
  carryOut(order: Order, own: Member): void {
    const others = this.engines.filter((engine) => engine !== own)
    for (const { node } of [own, ...others]) {
      if (!('app' in order)) node.carryOut(order)
      else {
        const app = node.app(order.app.id)
        if (app) node.carryOut({ ...order, app })
      }
    }
  }

  /** The first server keeps what plugins of both share. */
  share(call: SharedCall, own: Member): unknown {
    const store = this.first.parts.sharedOf(call.plugin)
    return callShared(store, call, (order) => this.carryOut(order, own))
  }

  /** Drops what has expired by then. */
  sweep(now: number): void {
    for (const _ of this.cache.dropExpired(now));
    this.history.sweep(now)
    this.claims.sweep()
    this.repeats.sweep()
  }

  arrive(fact: ArrivalFact): void {
    const { departures, facts } = this.first.parts
    if (!departures.cancel(fact) && facts.wants(fact.type, fact.app, fact.channel)) facts.emit(fact)
  }

  depart(fact: DepartureFact): void {
    const { departures, facts } = this.first.parts
    if (facts.wants(fact.type, fact.app, fact.channel)) departures.add(fact)
  }
}
