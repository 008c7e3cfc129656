/**
 * Problems: finds out what is wrong right now, by the rows of PROBLEMS and APP_PROBLEMS. It looks when somebody asks,
 * and once a minute, so that it is known since when; apps are looked at in slices. Owns readings of the last minutes,
 * and since when there is what there is.
 */
import { statfs } from 'node:fs/promises'
import type { App } from '../core/app'
import type { Core } from '../core/core'
import { NO_BACKLOG, type Backlog } from '../core/deliveries'
import { messageOf } from '../core/errors'
import { countFault } from '../core/faults'
import { Lately, readingOf, readingOfApp, sinceThen, type Reading } from '../core/lately'
import { sumUp } from '../core/totals'
import { outdatedClients } from './outdated-clients'
import type { Moment, ProblemRow, ProblemSources, Severity } from './problem'
import { PROBLEMS } from './problem-rows'
import { APP_PROBLEMS } from './problem-rows-of-apps'

export const PROBLEMS_MS = 60_000
/** Readings that are kept: what happened in the last five minutes counts, or since the start. */
const READINGS = 6
const SHOWN_PUBLISHED = 3

/** Something that is wrong. */
export type Problem = {
  readonly code: string
  readonly severity: Severity
  /** Undefined where it is about the server. */
  readonly app: App | undefined
  readonly text: string | (() => string)
  /** Epoch milliseconds. */
  readonly since: number
  readonly remedy: string
}

export class Problems {
  readonly #readings: Reading[] = []
  readonly #startedAt: number
  #since: ReadonlyMap<string, number> = new Map()
  #running: Promise<readonly Problem[]> | undefined = undefined
  #isTick = false
  #freeBytes: number | undefined = undefined
  #isReadingDisk = false

  constructor(
    readonly core: Core,
    readonly sources: ProblemSources,
  ) {
    this.#startedAt = core.clock.mono()
    this.#readDisk()
  }

  /** Called every `PROBLEMS_MS`. */
  readonly tick = (): void => {
    this.#readDisk()
    this.#isTick = true
    void this.find().catch((cause: unknown) => countFault(this.core, cause, { part: 'problems' }))
  }

  /** What is wrong, the worst first. Whoever asks meanwhile gets the same answer. */
  find(): Promise<readonly Problem[]> {
    this.#running ??= this.#look().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #look(): Promise<readonly Problem[]> {
    const { core, sources } = this
    const { deliveries } = sources
    let unreadable: string | undefined
    const backlogOf = (app: App): Backlog => {
      try {
        return deliveries.backlog(app)
      } catch (cause) {
        unreadable ??= messageOf(cause)
        return NO_BACKLOG
      }
    }
    const now = core.clock.now()
    const before = this.#readings.length < READINGS ? undefined : this.#readings[0]
    const looking = new Looking(this.#since, now)
    const published: string[] = []
    const apps = new Map<App, NonNullable<ReturnType<typeof readingOfApp>>>()
    const ms = core.clock.mono() - (before?.at ?? this.#startedAt)
    const total = await sumUp(core, backlogOf, (app, backlog) => {
      const reading = readingOfApp(app)
      if (reading) apps.set(app, reading)
      if (app.isPublished && published.length < SHOWN_PUBLISHED) published.push(app.id)
      const lately = { ms, ...sinceThen(reading, before?.apps.get(app)) }
      looking.test(APP_PROBLEMS, { app, now, lately, backlog, deliveries }, app)
    })
    const reading = readingOf(core, total, { apps, outdated: outdatedClients(core) })
    const moment: Moment = {
      core,
      now,
      lately: new Lately(reading, before, this.#startedAt),
      process: sources.metrics.readProcess(),
      freeBytes: this.#freeBytes,
      publishedApps: published,
      unreadable,
      sources,
    }
    looking.test(PROBLEMS, moment, undefined)
    this.#since = looking.since
    if (this.#isTick) this.#keep(reading)
    return looking.problems.toSorted(compare)
  }

  #keep(reading: Reading): void {
    this.#isTick = false
    this.#readings.push(reading)
    if (this.#readings.length > READINGS) this.#readings.shift()
  }

  /** Nobody waits for it: a disk may hang. */
  #readDisk(): void {
    const { databaseFolder } = this.sources
    if (databaseFolder === undefined || this.#isReadingDisk) return
    this.#isReadingDisk = true
    void statfs(databaseFolder)
      .then(({ bavail, bsize }) => void (this.#freeBytes = bavail * bsize))
      .catch(() => void (this.#freeBytes = undefined)) // ENOENT: `/ready` tells
      .finally(() => (this.#isReadingDisk = false))
  }
}

/** One look at everything. */
class Looking {
  readonly problems: Problem[] = []
  readonly since = new Map<string, number>()

  constructor(
    readonly before: ReadonlyMap<string, number>,
    /** Epoch milliseconds. */
    readonly now: number,
  ) {}

  test<Subject>(
    rows: readonly ProblemRow<Subject>[],
    subject: Subject,
    app: App | undefined,
  ): void {
    for (const { code, severity, remedy, test } of rows) {
      const found = test(subject)
      if (!found) continue
      for (const { key = '', since, ...finding } of [found].flat()) {
        const name = `${code} ${app?.id ?? ''} ${key}`
        const seen = this.before.get(name) ?? this.now
        this.since.set(name, seen)
        this.problems.push({ code, severity, remedy, ...finding, app, since: since ?? seen })
      }
    }
  }
}

const RANKS: Readonly<Record<Severity, number>> = { critical: 0, warning: 1, notice: 2 }

/** The worst first; of the server before those of apps; the oldest first. */
const compare = (a: Problem, b: Problem): number =>
  RANKS[a.severity] - RANKS[b.severity] ||
  Number(a.app !== undefined) - Number(b.app !== undefined) ||
  a.since - b.since
