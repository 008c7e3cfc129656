/**
 * Statistics: writes what the server and each app have done since the last time, every ten seconds, in slices. Owns
 * what was written of each app; the numbers themselves are the counters'.
 *
 * What has happened counts in the step that has the middle of the interval. Steps of a minute and an hour get a
 * minute's numbers when it is over; a stop writes what there is of one. An app that has not changed is not written:
 * where it has no row it went on as before. A database that refuses a write loses nothing: its numbers are in the next
 * one. Times of steps are those of the clock, intervals are not: a clock that jumps moves rows, no numbers.
 */
import type { App } from './app'
import type { Core } from './core'
import { addTallies, newTallies, type Tallies } from './counters'
import { NO_BACKLOG, type Backlog } from './deliveries'
import { RealtimeError } from './errors'
import {
  addValues,
  carried,
  differs,
  labelsSince,
  NO_LABELS,
  NO_VALUES,
  PERIODS,
  readLabels,
  readValues,
  since,
  stepAt,
  withPeaks,
  type LabelCount,
  type Labels,
  type Period,
  type SeriesName,
  type Values,
} from './series'
import type { Work } from './slices'

/** How often statistics are written. */
export const STATISTICS_MS = PERIODS.hour.stepSeconds * 1000
/** Apps that one step reads, and rows of one transaction: a millisecond at most. */
const APPS_PER_STEP = 8
const ROWS_PER_WRITE = 32
const ROWS_PER_TRIM = 64
/** Rows that are given up at a time: more than are written. */
const TRIMMED = { perRow: 2, least: 64 } as const
/** A clock that was set, or has just begun, may be wrong: for so long it is no reason to give up rows. */
const DOUBTED_MS = 600_000
/** From here on a difference between clocks is one that was made. */
const SET_BY_MS = 60_000

/** The server's own rows have no app. */
export const SERVER = ''

/** One step of one app, or of the server. */
export type StatisticsRow = {
  readonly appId: string
  readonly period: Period
  /** The beginning of the step; epoch milliseconds. */
  readonly at: number
  readonly values: Values
  readonly labels: readonly LabelCount[]
}

/** A step as it is read. */
export type StoredStep = Pick<StatisticsRow, 'at' | 'values' | 'labels'>

/** Some numbers of a step, in the order in which they were asked for. */
export type SomeOfStep = Pick<StatisticsRow, 'at' | 'values'>

/** Which steps to read: those after `after` until `until`, the first `limit` of them. */
export type StepRange = {
  readonly period: Period
  readonly after: number
  readonly until: number
  readonly limit: number
}

export interface StatisticsStore {
  /** Adds rows to those of the same steps; all or nothing. @throws RealtimeError('store_unavailable') */
  write(rows: readonly StatisticsRow[]): void
  /**
   * Gives up `rows` of each length of step that are too many, or too far from `now`, where that is known. True where
   * there may be more. @throws as `write`
   */
  trim(now: number | undefined, rows: number): boolean
  /** Gives up some of an app's rows. True while there are more. @throws as `write` */
  forget(appId: string): boolean
  /** In their order. */
  read(appId: string, range: StepRange): readonly StoredStep[]
  /** Only these numbers of such steps, without labels: a tenth of the time. */
  readSome(appId: string, range: StepRange, names: readonly SeriesName[]): readonly SomeOfStep[]
  /** The app's newest step that begins no later, of any length, if there is one. */
  lastValues(appId: string, at: number): Values | undefined
}

type Snapshot = { readonly values: Values; readonly labels: Labels }

/** What was written of an app, or of the server. */
type Account = {
  /** All that is in the steps of ten seconds. */
  written: Snapshot
  /** All that is in the steps of a minute and an hour. */
  ofMinutes: Snapshot
  /** Peaks since the last row, and of the rows that are in no minute yet. */
  peaks: Values
  minutePeaks: Values
}

const newAccount = (values = NO_VALUES): Account => {
  const snapshot = { values, labels: NO_LABELS }
  return { written: snapshot, ofMinutes: snapshot, peaks: NO_VALUES, minutePeaks: NO_VALUES }
}

/** What the core does not know by itself. */
export type StatisticsSources = {
  readonly backlogOf: (app: App) => Backlog
  /** Resident memory of the process; some microseconds. */
  readonly memoryBytes: () => number
}

export class Statistics {
  readonly accounts = new Map<App, Account>()
  readonly own = newAccount()
  #run: Run | undefined = undefined
  /** The step of a minute that the numbers of now belong to. */
  #minute: number
  /** Time of day less monotonic time, and until when it is doubted (`mono`). */
  #offset: number
  #doubtedUntil: number

  constructor(
    readonly core: Core,
    readonly store: StatisticsStore,
    readonly sources: StatisticsSources,
  ) {
    const { clock } = core
    this.#minute = stepAt(clock.now(), PERIODS.day)
    this.#offset = clock.now() - clock.mono()
    this.#doubtedUntil = clock.mono() + DOUBTED_MS
    core.facts.listen({
      types: ['app_changed'],
      receive: ({ app }) => {
        if (core.apps.byId(app.id) !== app) this.#forget(app)
      },
    })
  }

  /** Begins to write, unless the last time is still underway. */
  readonly tick = (): void => {
    if (this.#run) return
    const middle = this.core.clock.now() - STATISTICS_MS / 2
    const minute = stepAt(middle, PERIODS.day)
    const run = new Run(this, middle, minute === this.#minute ? undefined : this.#minute)
    this.#minute = minute
    this.#run = run
    this.core.slices.add({ part: 'statistics', step: () => this.#step(run) })
  }

  /** Writes all that is not written yet. */
  stop(): void {
    while (this.#run?.step());
    this.#run = undefined
    const now = this.core.clock.now()
    for (const minute of [undefined, this.#minute]) {
      const run = new Run(this, now, minute)
      while (run.step());
    }
  }

  /** Epoch milliseconds; undefined while they are doubted. */
  trustedNow(): number | undefined {
    const { clock } = this.core
    const [now, mono] = [clock.now(), clock.mono()]
    const offset = now - mono
    if (Math.abs(offset - this.#offset) > SET_BY_MS) this.#doubtedUntil = mono + DOUBTED_MS
    this.#offset = offset
    return mono < this.#doubtedUntil ? undefined : now
  }

  #step(run: Run): boolean {
    const more = this.#run === run && run.step()
    if (!more && this.#run === run) this.#run = undefined
    return more
  }

  /** Another app with the same id begins at nothing. */
  #forget(app: App): void {
    this.accounts.delete(app)
    const step = (): boolean => this.attempt(() => this.store.forget(app.id)) ?? false
    this.core.slices.add({ part: 'statistics', step })
  }

  /** Undefined where the database refuses, which is counted. */
  attempt<Result>(write: () => Result): Result | undefined {
    try {
      return write()
    } catch (cause) {
      if (!(cause instanceof RealtimeError)) throw cause
      this.core.counters.statisticsRefused++
      return undefined
    }
  }
}

/** One pass over all apps, then the server itself, then what is too old. */
class Run implements Pick<Work, 'step'> {
  readonly #apps: Iterator<App>
  readonly #sum: number[]
  readonly #tallies: Tallies = newTallies()
  readonly #trustedNow: number | undefined
  #rows: StatisticsRow[] = []
  /** What is noted once they are written. */
  #notes: (() => void)[] = []
  /** Rows of each length that are still given up; undefined while it writes. */
  #left: number | undefined = undefined
  #count = 0

  constructor(
    readonly statistics: Statistics,
    /** A time within the interval; epoch milliseconds. */
    readonly at: number,
    /** The step of a minute that is over, if one is. */
    readonly minute: number | undefined,
  ) {
    const { core } = statistics
    this.#apps = core.apps.all()[Symbol.iterator]()
    // Before those of the apps: an app that ends meanwhile is counted once.
    this.#sum = readValues(numbersOfProcess(core, statistics.sources.memoryBytes()))
    addTallies(this.#tallies, core)
    this.#trustedNow = statistics.trustedNow()
  }

  step(): boolean {
    const { statistics } = this
    if (this.#left !== undefined) return this.#trim(this.#left)
    for (let left = APPS_PER_STEP; left > 0; left--) {
      const next = this.#apps.next()
      if (next.done) {
        this.#add(SERVER, statistics.own, this.#sum, this.#tallies)
        this.#write()
        this.#left = TRIMMED.perRow * this.#count + TRIMMED.least
        return true
      }
      this.#addApp(next.value)
    }
    if (this.#rows.length >= ROWS_PER_WRITE) this.#write()
    return true
  }

  #addApp(app: App): void {
    const { core, accounts, sources } = this.statistics
    const values = readValues(numbersOf(app, sources.backlogOf(app), core.clock.now()))
    addValues(this.#sum, values)
    addTallies(this.#tallies, app)
    const account = accounts.getOrInsertComputed(app, () => this.#open(app))
    this.#add(app.id, account, values, app.tallies)
  }

  /** The gauges that the last process has left are not those of this one. */
  #open({ id }: App): Account {
    const { store, core } = this.statistics
    const left = store.lastValues(id, core.clock.now())
    return newAccount(left && carried(left))
  }

  #add(appId: string, account: Account, values: Values, tallies: Tallies): void {
    if (this.minute !== undefined) this.#addMinute(appId, account, this.minute)
    const before = account.written
    const peaks = (account.peaks = withPeaks(values, account.peaks))
    if (appId !== SERVER && !differs(values, before.values)) return
    const now = { values, labels: readLabels(tallies) }
    this.#rows.push(rowOf({ appId, period: PERIODS.hour, at: this.at }, { now, before, peaks }))
    this.#notes.push(() => {
      account.written = now
      account.minutePeaks = withPeaks(peaks, account.minutePeaks)
      account.peaks = NO_VALUES
    })
  }

  /** Adds what was written in the minute to its step, and to that of the hour. */
  #addMinute(appId: string, account: Account, at: number): void {
    const { written: now, ofMinutes: before, minutePeaks: peaks } = account
    if (appId !== SERVER && !differs(now.values, before.values)) return
    for (const period of [PERIODS.day, PERIODS.year])
      this.#rows.push(rowOf({ appId, period, at }, { now, before, peaks }))
    this.#notes.push(() => {
      account.ofMinutes = now
      account.minutePeaks = NO_VALUES
    })
  }

  #write(): void {
    const [rows, notes] = [this.#rows, this.#notes]
    this.#rows = []
    this.#notes = []
    this.#count += rows.length
    const { statistics } = this
    const isWritten = statistics.attempt(() => statistics.store.write(rows) ?? true)
    if (isWritten) for (const note of notes) note()
  }

  #trim(left: number): boolean {
    const { statistics } = this
    this.#left = left - ROWS_PER_TRIM
    const rows = Math.min(left, ROWS_PER_TRIM)
    const more = statistics.attempt(() => statistics.store.trim(this.#trustedNow, rows)) ?? false
    return more && this.#left > 0
  }
}

type Place = Pick<StatisticsRow, 'appId' | 'period' | 'at'>
type Interval = { readonly now: Snapshot; readonly before: Snapshot; readonly peaks: Values }

const rowOf = ({ appId, period, at }: Place, { now, before, peaks }: Interval): StatisticsRow => ({
  appId,
  period,
  at: stepAt(at, period),
  values: withPeaks(since(now.values, before.values), peaks),
  labels: labelsSince(now.labels, before.labels),
})

const numbersOf = ({ counters, tallies, gauges, peaks }: App, backlog: Backlog, now: number) => ({
  counters,
  tallies,
  gauges,
  openConnections: gauges.connections,
  peaks,
  backlog,
  oldestPendingMs: backlog.oldest === null ? 0 : Math.max(0, now - backlog.oldest),
  faults: 0,
  process: undefined,
})

/** What no app has. */
const numbersOfProcess = (
  { counters, tallies, peaks, hub, latencies }: Core,
  memoryBytes: number,
) => ({
  counters,
  tallies,
  gauges: { connections: hub.unnamedCount, channels: 0, subscriptions: 0, users: 0, members: 0 },
  openConnections: hub.connectionCount,
  peaks,
  backlog: NO_BACKLOG,
  oldestPendingMs: 0,
  faults: counters.faults,
  process: { delivery: latencies.delivery, loopLag: latencies.loopLag, memoryBytes },
})
