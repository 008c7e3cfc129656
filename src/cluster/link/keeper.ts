/**
 * Keeper: one connection that is remade for as long as it is wanted, after a growing pause. Owns the connection
 * there is, and why there is none. It notices a server that does not answer any more.
 */
import { messageOf } from '../../core/errors'
import type { Cancel, Clock } from '../../core/types'
import { NO_ANSWER, PATIENCE_MS, RedisAway, RedisUnfit } from './away'
import type { Dialled } from './dial'

const TICK_MS = 500
/** Ticks after which what was asked before them must have been answered. */
const PATIENT_TICKS = PATIENCE_MS / TICK_MS
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1500

export type KeeperOptions = {
  readonly clock: Clock
  /** Connects once; calls back when that connection ends. */
  readonly dial: (onEnd: (reason: string) => void) => Promise<Dialled>
  /** Prepares a new connection: it is there when this is done. */
  readonly prepare: (dialled: Dialled) => Promise<void>
  readonly onUp: (dialled: Dialled) => void
  /** Called when it is lost and after each attempt that fails; `isNews` the first time between two connections. */
  readonly onDown: (reason: string, isNews: boolean) => void
}

export class Keeper {
  #dialled: Dialled | undefined
  /** The last one that there was, which Redis may not know to be over. */
  #earlier: Pick<Dialled, 'id' | 'info'> | undefined
  #trouble: string | undefined = 'not connected yet'
  #isClosed = false
  #hasFailed = false
  #pauseMs = FIRST_PAUSE_MS
  #cancelPause: Cancel | undefined
  readonly #cancelTick: Cancel
  /** Counts; their difference has no answer. */
  asked = 0
  answered = 0
  /**
   * When what the server last answered was asked, in monotonic milliseconds; undefined where it never has. Its answer
   * may have waited long for a process that stood still.
   */
  #heardAt: number | undefined
  /** `asked` at each of the last ticks, the oldest first. */
  readonly #marks: number[] = []

  constructor(private readonly options: KeeperOptions) {
    this.#cancelTick = options.clock.every(TICK_MS, () => this.#tick())
  }

  /** The connection; undefined while there is none. */
  get current(): Dialled | undefined {
    return this.#dialled
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  get heardAt(): number | undefined {
    return this.#heardAt
  }

  /** Counts an answer of the connection there is, to what was asked then. */
  count(askedAt: number): void {
    this.answered++
    this.#heardAt = askedAt
  }

  /** Done after the first attempt, whatever came of it. @throws RedisUnfit */
  async start(): Promise<void> {
    try {
      await this.#connect()
    } catch (cause) {
      this.#fail(messageOf(cause))
      if (cause instanceof RedisUnfit) throw cause
    }
  }

  /** Gives the connection up, and makes a new one. */
  drop(reason: string): void {
    const given = this.#dialled
    if (given === undefined) return
    this.#dialled = undefined
    given.hangUp()
    this.#fail(reason)
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTick()
    this.#cancelPause?.()
    this.#trouble = 'closed'
    const given = this.#dialled
    this.#dialled = undefined
    given?.hangUp()
  }

  async #connect(): Promise<void> {
    const attempt: { ended?: string; dialled?: Dialled } = {}
    const dialled = await this.options.dial((reason) => {
      attempt.ended = reason
      if (attempt.dialled !== undefined && attempt.dialled === this.#dialled) this.drop(reason)
    })
    attempt.dialled = dialled
    try {
      if (this.#earlier) await dialled.fence(this.#earlier)
      await this.options.prepare(dialled)
      if (attempt.ended !== undefined) throw new RedisAway(attempt.ended, false)
    } catch (cause) {
      dialled.hangUp()
      throw cause
    }
    if (this.#isClosed) return dialled.hangUp()
    this.#dialled = dialled
    this.#earlier = { id: dialled.id, info: dialled.info }
    this.#trouble = undefined
    this.#hasFailed = false
    this.#pauseMs = FIRST_PAUSE_MS
    this.#marks.length = 0
    this.asked = 0
    this.answered = 0
    this.#heardAt = this.options.clock.mono()
    this.options.onUp(dialled)
  }

  #fail(reason: string): void {
    if (this.#isClosed) return
    this.#trouble = reason
    const isNews = !this.#hasFailed
    this.#hasFailed = true
    const pauseMs = this.#pauseMs * (0.5 + Math.random() / 2)
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS)
    this.#cancelPause = this.options.clock.after(pauseMs, () => {
      this.#connect().catch((cause: unknown) => this.#fail(messageOf(cause)))
    })
    this.options.onDown(reason, isNews)
  }

  /**
   * Counts ticks, not time: a process that was stopped for a while finds the answers waiting for it, and
   * has had one tick.
   */
  #tick(): void {
    if (this.#dialled === undefined) return
    if (this.answered === this.asked) this.#ping(this.#dialled)
    this.#marks.push(this.asked)
    if (this.#marks.length <= PATIENT_TICKS) return
    const due = this.#marks.shift()!
    if (this.answered < due) this.drop(NO_ANSWER)
  }

  #ping(dialled: Dialled): void {
    this.asked++
    const askedAt = this.options.clock.mono()
    const count = (): void => {
      if (this.#dialled === dialled) this.count(askedAt)
    }
    dialled.send('ping', []).then(count, count)
  }
}
