/**
 * Slices: what takes longer than a turn of the event loop may. Work is done in steps, up to a share of
 * each turn, several works in rotation; sockets and requests are read in between. All work shares one
 * account of the turn's time, also that which is done at once because the turn has time left.
 */

/** Work that may be long. */
export type Work = {
  /** Whose it is, in the log. */
  readonly part: string
  /**
   * Does the next step, some microseconds of it; it is taken off before it is done, so that one that
   * fails is not done again. True while there are more.
   */
  step(): boolean
}

/** A step for each; those that are listed now. */
export function workFor<T>(part: string, items: readonly T[], act: (item: T) => unknown): Work {
  let next = 0
  return {
    part,
    step: () => {
      if (next < items.length) act(items[next++]!)
      return next < items.length
    },
  }
}

/** Tasks that somebody waits for, one per step, in order. */
class Tasks implements Work {
  readonly part = 'tasks'
  /** It is among the works. */
  begun = false
  #tasks: (() => void)[] = []
  #next = 0

  get size(): number {
    return this.#tasks.length - this.#next
  }

  push(task: () => void): void {
    this.#tasks.push(task)
  }

  step(): boolean {
    const task = this.#tasks[this.#next++]
    this.begun = this.size > 0
    if (!this.begun) {
      this.#tasks = []
      this.#next = 0
    }
    const more = this.begun
    task?.()
    return more
  }
}

/** Items that a step of a pass looks at: each takes less time than the meter. */
const ITEMS_PER_STEP = 16

/** Looks at all of many, again and again: each once per pass, also while others come and go. */
export class Pass<T> implements Work {
  #left: Iterator<T> | undefined = undefined

  constructor(
    readonly slices: Slices,
    readonly part: string,
    /** Live: what goes is skipped, what comes may be looked at. */
    readonly items: () => Iterable<T>,
    readonly visit: (item: T) => void,
  ) {}

  /** Begins one unless the last is still underway: that one goes on. */
  begin(): void {
    if (this.#left) return
    this.#left = this.items()[Symbol.iterator]()
    this.slices.add(this)
  }

  step(): boolean {
    for (let glances = ITEMS_PER_STEP; glances > 0; glances--) {
      const next = this.#left?.next()
      if (!next || next.done) {
        this.#left = undefined
        return false
      }
      this.visit(next.value)
    }
    return true
  }
}

/** What the works of one turn take together; with the fan-out and the turn's own reads that stays below 5 ms. */
export const SLICE_MS = 3
/** What is left for what waits, in a turn whose share was spent at once. */
const LEAST_MS = 1
/** How long what arrives in a turn is looked at as it comes; less than a slice, since the works come on top of it. */
export const ARRIVALS_MS = 2
/**
 * A turn is looked at after so many arrivals, or so long, since the last that was. To know its end costs a round of
 * the event loop, and sends of its own for what would have left together: with every turn it was a
 * tenth of what small channels cost.
 */
const LOOK_EVERY = { arrivals: 32, ms: 2 } as const
/** Frames take 2 to 10 µs: the clock is looked at for every eighth. */
const FRAMES_A_LOOK = 8

export class Slices {
  /** Turns that ended with work undone. */
  turns = 0
  readonly #tasks = new Tasks()
  readonly #works: Work[] = []
  #spentMs = 0
  /** Up to when what was done is on the account. */
  #settled = -Infinity
  #running = false
  #armed = false
  #endless = false
  /** Frames since the clock was looked at. */
  #frames = 0
  /** When something first arrived in this turn, where it is looked at. */
  #began: number | undefined = undefined
  /** Arrivals since a turn was last looked at. */
  #unlooked = 0
  #lookedAt = -Infinity
  #isLate = false

  constructor(
    /** Milliseconds from any beginning; 50 ns. The wall clock does: who is kept from the CPU yields sooner. */
    readonly meter: () => number = () => performance.now(),
    /** A step has thrown; its work goes on with the next one. */
    readonly onFault: (cause: unknown, part: string) => void,
  ) {}

  /** False where the turn's share is spent: what can wait, should. */
  get hasTime(): boolean {
    return (this.#spentMs < SLICE_MS && !this.#isLate) || this.#endless
  }

  /** True where a task may be done at once: the turn has time, and nobody waits who asked before. */
  get isFree(): boolean {
    return this.hasTime && this.#tasks.size === 0
  }

  /**
   * True where what came in this turn has kept it long enough: the rest is to wait for another. The
   * runtime reads half a megabyte of a socket in one turn, thousands of frames or requests.
   */
  get isLate(): boolean {
    return this.#isLate
  }

  /** A request has come. */
  countRequest(): void {
    if (this.#isLate || this.#endless) return
    const now = this.meter()
    if (this.#began === undefined) {
      const isSoon = now - this.#lookedAt < LOOK_EVERY.ms
      if (++this.#unlooked < LOOK_EVERY.arrivals && isSoon) return
      this.#unlooked = 0
      this.#lookedAt = this.#began = now
      this.#arm()
    } else if (now - this.#began >= ARRIVALS_MS) {
      this.#isLate = true
      this.#spentMs = Math.max(this.#spentMs, ARRIVALS_MS)
    }
  }

  /** A frame has come, of any socket. */
  countFrame(): void {
    if (++this.#frames < FRAMES_A_LOOK) return
    this.#frames = 0
    this.countRequest()
  }

  /** Tasks that wait. */
  get waiting(): number {
    return this.#tasks.size
  }

  /** Nothing waits for a turn. */
  get isIdle(): boolean {
    return this.#works.length === 0
  }

  /** Begins work that is not yet here, at once as far as the turn has time. It is done once its `step` says so. */
  add(work: Work): void {
    this.#works.push(work)
    if (!this.#running) this.#run()
  }

  /** Does a task in one of the next turns, after those that wait. */
  schedule(task: () => void): void {
    this.#tasks.push(task)
    if (this.#tasks.begun) return
    this.#tasks.begun = true
    this.add(this.#tasks)
  }

  /** The same for who wants to know what became of it; where the task throws, the promise is rejected. */
  defer<T>(task: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.schedule(() => {
      try {
        resolve(task())
      } catch (cause) {
        reject(cause)
      }
    })
    return promise
  }

  /** Does a task at once where it may be, on the account, else later. */
  runOrDefer<T>(task: () => T | Promise<T>): T | Promise<T> {
    if (!this.isFree) return this.defer(task)
    const began = this.meter()
    const done = task()
    this.spend(began)
    return done
  }

  /** Puts on the account what was done at once since `began`, by the meter; what is on it already counts once. */
  spend(began: number): void {
    const now = this.meter()
    this.#spentMs += now - Math.max(began, this.#settled)
    this.#settled = now
    this.#arm()
  }

  /** The end: does all that waits now, and from now on everything at once. */
  finish(): void {
    this.#endless = true
    this.#isLate = false
    if (!this.#running) this.#run()
  }

  #run(): void {
    this.#running = true
    this.#settled = this.meter()
    while (this.hasTime) {
      const work = this.#works.shift()
      if (!work) break
      if (this.#runStep(work)) this.#works.push(work)
      this.spend(this.#settled)
    }
    this.#running = false
    this.#arm()
  }

  #runStep(work: Work): boolean {
    try {
      return work.step()
    } catch (cause) {
      this.onFault(cause, work.part)
      return true
    }
  }

  #arm(): void {
    if (this.#armed) return
    this.#armed = true
    setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    this.#began = undefined
    this.#isLate = false
    this.#spentMs = Math.min(this.#spentMs, SLICE_MS - LEAST_MS)
    if (this.#works.length > 0) this.#run()
    this.#spentMs = 0
    this.#armed = false
    if (this.#works.length === 0) return
    this.turns++
    this.#arm()
  }
}
