/**
 * PlaceQueue: the scripts on one slot of a Cluster, in the order of calls although the slot moves.
 *
 * What is under way goes to one master at a time. When that says that the slot has moved, all that comes waits until
 * everything under way has been answered; then what was refused is sent again, in its order, and the rest after it.
 * While keys are moved one by one (ASK) every script is refused, since none of them can see all keys: it waits, too.
 */
import { PATIENCE_MS, RedisAway, RedisMoved } from './away'
import type { Master } from './master'
import type { Script } from './script'

type Call = {
  readonly script: Script
  readonly key: string
  readonly args: readonly (string | number)[]
  /** When it is given up. */
  readonly until: number
}

type Waiting = {
  readonly call: Call
  readonly resolve: (answer: unknown) => void
  readonly reject: (cause: unknown) => void
}

/** What the queues of all slots have in common. */
export interface QueueOwner {
  /** Monotonic milliseconds. */
  now(): number
  /** Whoever has the slot now, as far as it is known. */
  masterOf(slot: number): Master | undefined
  /** True where one more call may wait. */
  takeTurn(): boolean
  giveTurn(): void
  /** A master says who has the slot. */
  learn(slot: number, moved: RedisMoved): void
  /** Calls `resume` of the queue soon. */
  remind(queue: PlaceQueue): void
}

export class PlaceQueue {
  /** Where calls are under way. */
  #master: Master | undefined
  #underWay = 0
  /** Refused since the slot has moved, in their order. */
  #refused: Waiting[] = []
  /** Came after these. */
  #later: Waiting[] = []

  constructor(
    readonly slot: number,
    private readonly owner: QueueOwner,
  ) {}

  /** True while calls wait. */
  get isHeld(): boolean {
    return this.#refused.length > 0 || this.#later.length > 0
  }

  /** @throws (rejects with) as `Commands.run` */
  run(script: Script, key: string, args: readonly (string | number)[]): Promise<unknown> {
    const call = { script, key, args, until: this.owner.now() + PATIENCE_MS }
    const master = this.owner.masterOf(this.slot)
    const isElsewhere = this.#underWay > 0 && master !== this.#master
    if (this.isHeld || isElsewhere) return this.#wait(this.#later, call)
    if (!master) return Promise.reject(new RedisAway('no master has the slot', false))
    return this.#send(master, call)
  }

  #send(master: Master, call: Call): Promise<unknown> {
    this.#master = master
    this.#underWay++
    return master.commands.run(call.script, call.key, call.args).then(
      (answer) => {
        // What was refused before this was carried out must not come after it.
        if (this.#refused.length > 0) this.#refuse('the slot was moved, and moved back')
        this.#endOne()
        return answer
      },
      (cause: unknown) => {
        const isMoved = cause instanceof RedisMoved
        if (isMoved) this.owner.learn(this.slot, cause)
        const waiting = isMoved ? this.#wait(this.#refused, call) : undefined
        this.#endOne()
        if (waiting) return waiting
        throw cause
      },
    )
  }

  #endOne(): void {
    if (--this.#underWay === 0 && this.isHeld) this.owner.remind(this)
  }

  #wait(calls: Waiting[], call: Call): Promise<unknown> {
    if (!this.owner.takeTurn())
      return Promise.reject(new RedisAway('too much waits for a slot that moves', false))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    calls.push({ call, resolve, reject })
    return promise
  }

  #refuse(reason: string): void {
    for (const { reject } of this.#refused.splice(0)) {
      this.owner.giveTurn()
      reject(new RedisAway(reason, false))
    }
  }

  /** Sends what waits, where it is known who has the slot; false where it is to be called again. */
  resume(): boolean {
    this.#expire()
    if (!this.isHeld) return true
    if (this.#underWay > 0) return true
    const master = this.owner.masterOf(this.slot)
    if (!master?.commands.isUp) return false
    for (const { call, resolve, reject } of [
      ...this.#refused.splice(0),
      ...this.#later.splice(0),
    ]) {
      this.owner.giveTurn()
      this.#send(master, call).then(resolve, reject)
    }
    return true
  }

  #expire(): void {
    const now = this.owner.now()
    const isOver = ({ call }: Waiting): boolean => call.until <= now
    const over = [...this.#refused.filter(isOver), ...this.#later.filter(isOver)]
    if (over.length === 0) return
    this.#refused = this.#refused.filter((waiting) => !isOver(waiting))
    this.#later = this.#later.filter((waiting) => !isOver(waiting))
    for (const { reject } of over) {
      this.owner.giveTurn()
      reject(new RedisAway('the slot is being moved', false))
    }
  }
}
