/** The clock and the log of a server in tests: one is moved by hand, one can be read. */
import type { Cancel, Clock, Log } from '../src/core/types'

type Timer = { due: number; readonly run: () => void; readonly every: number | undefined }

/** How often a timer that repeats runs in one `advance`. */
const MOST_RUNS = 1000

/** Time stands still until `advance`. It begins at the real time, so that SDKs' timestamps fit. */
export class ManualClock implements Clock {
  /** The time of day when `mono` was 0. */
  #origin: number
  /** Fractional, like the real one. */
  #mono = 0.5
  readonly #timers: Timer[] = []

  constructor(now: number) {
    this.#origin = now - this.#mono
  }

  now(): number {
    return this.#origin + this.#mono
  }

  mono(): number {
    return this.#mono
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#add({ due: this.#mono + delayMs, run, every: undefined })
  }

  every(intervalMs: number, run: () => void): Cancel {
    return this.#add({ due: this.#mono + intervalMs, run, every: intervalMs })
  }

  /**
   * Runs what is due, in order. A timer that repeats runs `MOST_RUNS` times, and the last time that it is due: a
   * month is eleven million quarters of a second.
   */
  advance(ms: number): void {
    const end = this.#mono + ms
    const runs = new Map<Timer, number>()
    for (;;) {
      const next = this.#nextUntil(end)
      if (!next) break
      this.#mono = Math.max(this.#mono, next.due)
      if (next.every === undefined) this.#timers.splice(this.#timers.indexOf(next), 1)
      else {
        const count = (runs.get(next) ?? 0) + 1
        runs.set(next, count)
        const skipped = count < MOST_RUNS ? 0 : Math.floor((end - next.due) / next.every) - 1
        next.due += next.every * (1 + Math.max(0, skipped))
      }
      next.run()
    }
    this.#mono = end
  }

  #nextUntil(end: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers)
      if (timer.due <= end && (!next || timer.due < next.due)) next = timer
    return next
  }

  /** Moves the time of day by so many milliseconds, as a correction of the clock does; `mono` and timers are not affected. */
  set(byMs: number): void {
    this.#origin += byMs
  }

  /** Timers that are still set. */
  get pending(): number {
    return this.#timers.length
  }

  #add(timer: Timer): Cancel {
    this.#timers.push(timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index !== -1) this.#timers.splice(index, 1)
    }
  }
}

export class MemoryLog implements Log {
  readonly lines: { level: string; message: string; fields: object }[] = []
  debug = (fields: object, message: string) => this.#add('debug', fields, message)
  info = (fields: object, message: string) => this.#add('info', fields, message)
  warn = (fields: object, message: string) => this.#add('warn', fields, message)
  error = (fields: object, message: string) => this.#add('error', fields, message)

  #add(level: string, fields: object, message: string): void {
    this.lines.push({ level, message, fields })
  }
}
