/**
 * Crew: the workers of one parent. Owns their processes: starts them, starts one anew that has ended, replaces one after
 * the other, and lets all leave.
 */
import type { Environment } from '../config/setting'
import type { Clock, Log } from '../core/types'
import type { Listening } from './messages'
import { Turns } from './turns'
import { WorkerProcess, type Ended } from './worker-process'

/** Before one that has ended is started anew, the first time; twice as long each time that it does not last. */
const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
/** One that has listened for so long has lasted. */
const LASTING_MS = 60_000

export type CrewParts = {
  readonly count: number
  /** Of the parent's start: a process that is started anew reads files as they are then. */
  readonly env: Environment
  readonly clock: Clock
  readonly log: Log
}

type Slot = {
  readonly worker: number
  process: WorkerProcess
  /** Since when it listens; undefined where it does not. */
  listeningSince: number | undefined
  /** Processes in a row that did not last. */
  failures: number
  /** Its end is wanted, and another one is to follow at once. */
  isReplaced: boolean
  /** Resolves when the process that follows listens (true), or has ended before. */
  next: PromiseWithResolvers<boolean>
}

export class Crew {
  readonly #slots: Slot[] = []
  readonly #turns = new Turns()
  #addresses: Environment = {}
  #isLeaving = false
  #isReplacing = false
  readonly #left = Promise.withResolvers<void>()
  /** True where a process has failed while it was to leave. */
  hasFailed = false

  constructor(readonly parts: CrewParts) {}

  /** Resolves with what the first has said once all listen; with the end of the first that does not. */
  async start(): Promise<Listening | Ended> {
    const first = this.#add(1)
    const outcome = await first.process.started
    if (outcome.type === 'ended' || this.#isLeaving) return outcome
    this.#note(first)
    this.#addresses = outcome.addresses
    const others = Array.from({ length: this.parts.count - 1 }, (_, index) => this.#add(index + 2))
    const failed = await new Promise<Ended | undefined>((resolve) => {
      const started = others.map(async (slot) => {
        const started = await slot.process.started
        if (started.type === 'ended') resolve(started)
        else this.#note(slot)
      })
      void Promise.all(started).then(() => resolve(undefined))
    })
    if (failed) return failed
    for (const slot of this.#slots) void this.#keep(slot)
    return outcome
  }

  get pids(): readonly number[] {
    return this.#slots.map(({ process }) => process.pid)
  }

  /** Lets all leave at once; resolves when they have. */
  async leave(): Promise<void> {
    this.#isLeaving = true
    this.#left.resolve()
    const ends = this.#slots.map(({ process }) => {
      process.send({ type: 'leave', rank: undefined })
      return process.ended
    })
    for (const { code, signal } of await Promise.all(ends))
      if (code !== 0 || signal !== null) this.hasFailed = true
  }

  /** Ends all at once. */
  kill(): void {
    for (const { process } of this.#slots) process.kill()
  }

  /** Has each worker leave and start anew while the others go on, one after the other. Stops where one cannot start. */
  async replaceAll(): Promise<void> {
    const { log } = this.parts
    const reason = this.#isLeaving
      ? 'the workers are leaving'
      : this.#isReplacing
        ? 'they are being replaced already'
        : undefined
    if (reason !== undefined) return log.warn({ reason }, 'the workers are not replaced')
    this.#isReplacing = true
    log.info({}, 'the workers are replaced, one after the other')
    const isDone = await this.#replaceEach()
    this.#isReplacing = false
    if (this.#isLeaving) return
    if (isDone) log.info({}, 'all workers were replaced')
    else {
      for (const { process } of this.#slots) process.send({ type: 'place', move: undefined })
      log.error({}, 'the other workers are not replaced, since one could not start')
    }
  }

  /** Clients of each go to the one before, which has none by then; the last one gets some of all others'. */
  async #replaceEach(): Promise<boolean> {
    let before: Slot | undefined
    for (const slot of this.#slots) {
      if (this.#isLeaving) return false
      slot.isReplaced = true
      slot.next = Promise.withResolvers()
      const rank = this.#turns.rankOf(slot.process, before?.process)
      slot.process.send({ type: 'leave', rank })
      if (!(await slot.next.promise)) return false
      before = slot
    }
    if (before) await this.#evenOut(before)
    return true
  }

  /** Gives one that has no connections its share of what the others have. */
  async #evenOut({ process }: Slot): Promise<void> {
    const to = this.#turns.placeOf(process)
    const others = this.#slots.filter((slot) => slot.process !== process)
    if (to === undefined || this.#isLeaving) return
    const share = 1 / this.#slots.length
    await Promise.all(others.map((slot) => slot.process.move({ share, to })))
    process.send({ type: 'place', move: undefined })
  }

  #add(worker: number): Slot {
    const slot: Slot = {
      worker,
      process: this.#spawn(worker),
      listeningSince: undefined,
      failures: 0,
      isReplaced: false,
      next: Promise.withResolvers(),
    }
    this.#slots.push(slot)
    return slot
  }

  #spawn(worker: number): WorkerProcess {
    const env = { ...this.parts.env, ...this.#addresses }
    const process = new WorkerProcess(worker, env, (built) => this.#turns.ask(built))
    void process.ended.then(() => this.#turns.remove(process))
    return process
  }

  #note(slot: Slot): void {
    this.#turns.note(slot.process)
    slot.listeningSince = this.parts.clock.mono()
  }

  /** Starts a process whenever the one before has ended. */
  async #keep(slot: Slot): Promise<void> {
    while (!this.#isLeaving) {
      const ended = await slot.process.ended
      if (this.#isLeaving) break
      await this.#pauseAfter(slot, ended)
      if (this.#isLeaving) break
      slot.process = this.#spawn(slot.worker)
      slot.listeningSince = undefined
      const started = await slot.process.started
      if (started.type === 'listening') this.#note(slot)
      slot.next.resolve(started.type === 'listening')
    }
    slot.next.resolve(false)
  }

  async #pauseAfter(slot: Slot, { code, signal, lines }: Ended): Promise<void> {
    const { clock, log } = this.parts
    const { worker, process, listeningSince } = slot
    if (slot.isReplaced) {
      slot.isReplaced = false
      slot.failures = 0
      return
    }
    const hasLasted = listeningSince !== undefined && clock.mono() - listeningSince >= LASTING_MS
    slot.failures = hasLasted ? 1 : slot.failures + 1
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (slot.failures - 1), LONGEST_PAUSE_MS)
    const fields = { worker, pid: process.pid, code, signal, pauseMs }
    if (listeningSince === undefined)
      log.error({ ...fields, reason: lines.join('; ') }, 'a worker cannot start; it is tried again')
    else log.error(fields, 'a worker has ended; it is started anew')
    await Promise.race([
      this.#left.promise,
      new Promise<void>((resolve) => clock.after(pauseMs, resolve)),
    ])
  }
}
