/**
 * ScheduledBackups: copies the database to a folder every so often, and keeps the last ones. Owns when the next is due.
 *
 * Time is measured by the monotonic clock; only the start looks at the time of the newest file. The names have the time
 * of day, which somebody may have set wrong: a name from the future counts as an old one, and the backup that was made
 * last is never deleted.
 */
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Core } from '../core/core'
import { messageOf } from '../core/errors'
import { backup } from './backup'
import { errorAbout } from './errors'

export type BackupSchedule = {
  readonly databasePath: string
  readonly folder: string
  readonly everyMs: number
  /** How many are kept. */
  readonly keep: number
}

/** After a failure; sooner where backups are made more often. */
const RETRY_MS = 300_000
/** How long a stop waits for the folder. */
const STOP_MS = 1000

export class ScheduledBackups {
  #dueAt = -Infinity
  #hasLooked = false
  #running: Promise<void> | undefined = undefined
  /** Why the last one failed; undefined where it did not. */
  failure: string | undefined = undefined
  readonly #stopping = new AbortController()
  readonly #names: RegExp

  constructor(
    readonly schedule: BackupSchedule,
    readonly core: Pick<Core, 'clock' | 'log' | 'counters' | 'state'>,
  ) {
    const stem = RegExp.escape(this.#stem)
    this.#names = new RegExp(
      `^${stem}-(\\d{8}T\\d{6}Z)\\.sqlite(\\.[\\da-f]{8}\\.partial(-journal)?)?$`,
    )
  }

  /** Called several times a minute. Begins a backup that is due, unless one is underway. */
  sweep(): void {
    const { clock } = this.core
    if (this.#running || this.#stopping.signal.aborted || clock.mono() < this.#dueAt) return
    this.#running = this.#run(clock.mono()).finally(() => (this.#running = undefined))
  }

  /** Resolves when none is underway. */
  async settle(): Promise<void> {
    await this.#running
  }

  /** Gives up the one that is underway, which leaves nothing unless its disk hangs: that is not waited for. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.core.clock.after(STOP_MS, resolve)
    await Promise.race([this.settle(), late])
    cancel()
  }

  /** Never rejects. */
  async #run(now: number): Promise<void> {
    const { everyMs, folder } = this.schedule
    const { clock, counters, log } = this.core
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      if (!this.#hasLooked && (await this.#lookForOlder(now))) return
      const file = join(folder, `${this.#stem}-${timeOf(clock.now())}.sqlite`)
      await this.#deletePartial()
      const bytes = await this.#copyTo(file)
      this.#dueAt = now + everyMs
      this.core.state.backedUpAt = now
      counters.backupsMade++
      log.info({ file, bytes, ms: Math.round(clock.mono() - now) }, 'backup made')
      await this.#deleteOldest(basename(file))
      this.failure = undefined
    } catch (cause) {
      if (this.#stopping.signal.aborted) return
      this.#dueAt = Math.max(this.#dueAt, now + Math.min(everyMs, RETRY_MS))
      counters.backupsFailed++
      this.#logFailure(errorAbout(`backups ${folder}`, cause))
    }
  }

  /** Once, so that a restart is no reason for a backup. True where the newest one is not old enough. */
  async #lookForOlder(now: number): Promise<boolean> {
    const names = await this.#find((match) => match[2] === undefined)
    const times = names.map((name) => stat(join(this.schedule.folder, name)))
    const newest = Math.max(...(await Promise.all(times)).map(({ mtimeMs }) => mtimeMs))
    this.#hasLooked = true
    if (newest === -Infinity) return false
    // A time in the future is of a clock that was wrong.
    const madeAt = now - Math.max(0, this.core.clock.now() - newest)
    this.core.state.backedUpAt = madeAt
    this.#dueAt = madeAt + this.schedule.everyMs
    return this.#dueAt > now
  }

  #copyTo(file: string): Promise<number> {
    const { signal } = this.#stopping
    return backup(this.schedule.databasePath, file, { overwrite: true, signal })
  }

  /** What is left of a process that was killed in the middle. */
  async #deletePartial(): Promise<void> {
    await this.#delete(await this.#find((match) => match[2] !== undefined))
  }

  async #deleteOldest(made: string): Promise<void> {
    const now = timeOf(this.core.clock.now())
    const names = await this.#find((match) => match[2] === undefined && match[0] !== made)
    const isPast = (name: string): boolean => this.#names.exec(name)![1]! <= now
    const { past = [], future = [] } = Object.groupBy(names.toSorted(), (name) =>
      isPast(name) ? 'past' : 'future',
    )
    const newestFirst = [made, ...past.toReversed(), ...future.toReversed()]
    await this.#delete(newestFirst.slice(this.schedule.keep))
  }

  /** Of files that have other names nothing is known, and nothing is done with them. */
  async #find(isMeant: (match: RegExpExecArray) => boolean): Promise<string[]> {
    const names = await readdir(this.schedule.folder)
    return names.filter((name) => {
      const match = this.#names.exec(name)
      return match !== null && isMeant(match)
    })
  }

  async #delete(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.schedule.folder, name), { force: true })
  }

  /** Once for each reason. */
  #logFailure(error: Error): void {
    const message = messageOf(error)
    if (message === this.failure) return
    this.failure = message
    this.core.log.error({ err: error }, `backup failed: ${message}`)
  }

  /** The name of the database, without its ending. */
  get #stem(): string {
    return basename(this.schedule.databasePath).replace(/\.[^.]+$/, '') || 'carillon'
  }
}

/** `20261128T091500Z`, in UTC. */
const timeOf = (now: number): string =>
  `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
