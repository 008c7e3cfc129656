/**
 * Slices: work that takes longer than a turn of the event loop may. It is done in steps, up to a share of
 * each turn, several works in rotation; sockets and requests are read in between. One account of the turn's
 * time holds for all of it, also for what is done at once because the turn has time left.
 */

/** Work that may be long. */
export type Work = {
  /** Its name in the log. */
  readonly part: string
  /**
   * Does the next step, some microseconds; the step is taken off first, so that one that fails is not
   * repeated. True while there are more.
   */
  step(): boolean
}

/** Work with one step for each of the items. */
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

/** Tasks that a caller waits for, one per step, in order. */
class Tasks implements Work {
  readonly part = 'tasks'
  /** True while it is one of the works. */
  begun = false
  #tasks: (() => void)[] = []
  #next = 0
  /** The rests of tasks that were begun. */
  readonly #rests: (() => void)[] = []

  get size(): number {
    return this.#tasks.length - this.#next + this.#rests.length
  }

  push(task: () => void): void {
    this.#tasks.push(task)
  }

  pushRest(task: () => void): void {
    this.#rests.push(task)
  }

  step(): boolean {
    const task = this.#rests.shift() ?? this.#tasks[this.#next++]
    this.begun = this.size > 0
    if (this.#next >= this.#tasks.length) {
      this.#tasks = []
      this.#next = 0
    }
    const more = this.begun
    task?.()
    return more
  }
}

/** Items of one step of a pass: each takes less time than reading the meter. */
const ITEMS_PER_STEP = 16

/** A walk over a collection that is begun again and again; items may come and go meanwhile. */
export class Pass<T> implements Work {
  #left: Iterator<T> | undefined = undefined

  constructor(
    readonly slices: Slices,
    readonly part: string,
    /** Live: removed items are skipped, added ones may be visited. */
    readonly items: () => Iterable<T>,
    readonly visit: (item: T) => void,
  ) {}

  /** Begins a pass, unless the last one is still underway. */
  begin(): void {
    if (this.#left) return
    this.#left = this.items()[Symbol.iterator]()
    this.slices.add(this)
  }

  step(): boolean {
    for (let left = ITEMS_PER_STEP; left > 0; left--) {
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

/**
 * Milliseconds of one turn for all works, and for what arrives before them; with the fan-out and the turn's own
 * reads that stays below 5.
 */
export const SLICE_MS = 3
/** Milliseconds of it for what is done as it arrives: the runtime may have hundreds more, and how long those take is known after them. */
export const AT_ONCE_MS = 1
/** Milliseconds for waiting works in a turn whose share was already spent. */
const LEAST_MS = 0.5
/** What is left per turn of the time that arrivals once took. */
const FADING = 0.9
/** Milliseconds that a task counts at least which is not finished: what it has set going, as the check of a token, comes on top. */
const LEAST_UNFINISHED_MS = SLICE_MS / 32
/** Milliseconds in which frames and requests are handled as they arrive; less than a slice, since works come on top. */
export const ARRIVALS_MS = 2
/**
 * A turn is timed after so many arrivals, or so long, since the last timed one. Finding its end costs a round
 * of the event loop, and separate writes of what would have left together: with every turn that was a tenth
 * of the cost of small channels.
 */
const TIME_EVERY = { arrivals: 32, ms: 2 } as const
/** Frames take 2 to 10 µs: the clock is read for every eighth. */
const FRAMES_PER_READING = 8

export class Slices {
  /** Turns that ended with work left. */
  turns = 0
  readonly #tasks = new Tasks()
  readonly #works: Work[] = []
  #spentMs = 0
  #limitMs: number = AT_ONCE_MS
  /** What arrivals of the next turn may take: crowds come in waves. */
  #expectedMs = 0
  /** What somebody else has this turn do. */
  #chargedMs = 0
  /** The last task waits for something. */
  #isUnfinished = false
  /** Until when time is on the account. */
  #settled = -Infinity
  #running = false
  #armed = false
  #endless = false
  /** Frames since the clock was read. */
  #frames = 0
  /** When something first arrived in this turn, where it is timed. */
  #began: number | undefined = undefined
  /** When the first task was put off in this turn: the runtime may go on for milliseconds with others like it. */
  #queued = Infinity
  /** Arrivals since the last timed turn. */
  #untimed = 0
  #timedAt = -Infinity
  #isLate = false

  constructor(
    /** Milliseconds; 50 ns per call. Wall time: a process without the CPU yields sooner. */
    readonly meter: () => number = () => performance.now(),
    /** Called where a step has thrown; its work goes on with the next one. */
    readonly onFault: (cause: unknown, part: string) => void,
  ) {}

  /** False where the turn's share is spent: what can wait should wait. */
  get hasTime(): boolean {
    return (this.#spentMs < this.#limitMs && !this.#isLate) || this.#endless
  }

  /** True where a task may run at once: the turn has time, and no earlier task waits. */
  get isFree(): boolean {
    return this.hasTime && this.#tasks.size === 0
  }

  /** True where arrivals have kept this turn long enough: the rest waits for another. */
  get isLate(): boolean {
    return this.#isLate
  }

  countRequest(): void {
    if (this.#isLate || this.#endless) return
    const now = this.meter()
    if (this.#began === undefined) {
      const isSoon = now - this.#timedAt < TIME_EVERY.ms
      if (++this.#untimed < TIME_EVERY.arrivals && isSoon) return
      this.#untimed = 0
      this.#timedAt = this.#began = now
      this.#arm()
    } else if (now - this.#began >= ARRIVALS_MS) this.#isLate = true
  }

  countFrame(): void {
    if (++this.#frames < FRAMES_PER_READING) return
    this.#frames = 0
    this.countRequest()
  }

  get waiting(): number {
    return this.#tasks.size
  }

  /** True where nothing waits for a turn. */
  get isIdle(): boolean {
    return this.#works.length === 0
  }

  /** Begins work, at once as far as the turn has time; it ends when its `step` returns false. */
  add(work: Work): void {
    const isAlone = this.#works.push(work) === 1
    if (isAlone && !this.#running) this.#run()
  }

  /** Runs a task in one of the next turns, after those that wait. */
  schedule(task: () => void): void {
    if (this.#queued === Infinity) this.#queued = this.meter()
    this.#tasks.push(task)
    this.#beginTasks()
  }

  /** Runs the rest of a task before those that wait: they begin as late as if it had been done at once. */
  scheduleRest(task: () => void): void {
    this.#tasks.pushRest(task)
    this.#beginTasks()
  }

  #beginTasks(): void {
    if (this.#tasks.begun) return
    this.#tasks.begun = true
    this.add(this.#tasks)
  }

  /** Called in a task that has set something going which this thread will do. */
  noteUnfinished(): void {
    this.#isUnfinished = true
  }

  /** Like `schedule`, with a promise of the task's result. */
  defer<T>(task: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.schedule(() => {
      try {
        const result = task()
        if (result instanceof Promise) this.noteUnfinished()
        resolve(result)
      } catch (cause) {
        reject(cause as Error)
      }
    })
    return promise
  }

  /** Runs a task at once where that is possible, on the account, else later. */
  runOrDefer<T>(task: () => T | Promise<T>): T | Promise<T> {
    if (!this.isFree) return this.defer(task)
    const began = this.meter()
    const done = task()
    this.spend(began)
    return done
  }

  /**
   * Puts the time since `began` (by the meter) on the account; time that is already on it counts once. Inside a
   * step all time counts, also what the step did before `began`.
   */
  spend(began: number): void {
    const now = this.meter()
    this.#began ??= began
    this.#spentMs += now - (this.#running ? this.#settled : Math.max(began, this.#settled))
    this.#settled = now
    this.#arm()
  }

  /** Leaves so many milliseconds of the next turn to somebody who has turns of their own. */
  charge(ms: number): void {
    this.#chargedMs = Math.min(this.#chargedMs + ms, SLICE_MS)
  }

  /** Runs all that waits, and from now on everything at once. */
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
      const before = this.#spentMs
      this.#isUnfinished = false
      if (this.#runStep(work)) this.#works.push(work)
      this.spend(this.#settled)
      if (this.#isUnfinished) this.#spentMs = Math.max(this.#spentMs, before + LEAST_UNFINISHED_MS)
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
    const most = SLICE_MS - LEAST_MS
    const first = Math.min(this.#began ?? Infinity, this.#queued)
    const arrivalsMs = Math.max(0, this.meter() - first)
    this.#expectedMs = Math.min(Math.max(arrivalsMs, this.#expectedMs * FADING), most)
    this.#spentMs = Math.min(Math.max(this.#spentMs, this.#expectedMs) + this.#chargedMs, most)
    this.#chargedMs = 0
    this.#isLate = false
    this.#limitMs = SLICE_MS
    if (this.#works.length > 0) this.#run()
    this.#limitMs = AT_ONCE_MS
    this.#spentMs = 0
    this.#began = undefined
    this.#queued = Infinity
    this.#armed = false
    if (this.#works.length === 0) return
    this.turns++
    this.#arm()
  }
}
