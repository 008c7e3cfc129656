/** Backups are made when they are due, never two at once; only the oldest of ours are deleted; a failure is told once. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitFor } from '../../kit/client'
import { ManualClock, MemoryLog } from '../../kit/clock'
import { ConfigError, readConfig } from '../../src/config/config'
import { newCounters } from '../../src/core/counters'
import { ScheduledBackups } from '../../src/store/scheduled-backups'
import { openDatabase } from '../../src/store/sqlite'
import { start, type TestServer } from '../harness'

const root = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const databasePath = join(root, 'events.sqlite')
openDatabase(databasePath).close()

const NOON = Date.UTC(2026, 10, 28, 12)
const HOUR_MS = 3_600_000
const nameAt = (time: number): string =>
  `events-${new Date(time).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z.sqlite`

/** Backups every hour, of which two are kept, in a folder of their own. */
function schedule(folder = join(root, crypto.randomUUID()), now = NOON) {
  const [clock, log, counters] = [new ManualClock(now), new MemoryLog(), newCounters()]
  const state = {
    tick: 0,
    draining: false,
    backedUpAt: undefined as number | undefined,
    certificateEndsAt: undefined,
    port: undefined,
    readMetrics: undefined,
    backlogOf: undefined,
    twin: undefined,
    hasMoved: false,
    takeoverFailure: undefined,
  }
  const backups = new ScheduledBackups(
    { databasePath, folder, everyMs: HOUR_MS, keep: 2 },
    { clock, log, counters, state },
  )
  const attempts = () => counters.backupsMade + counters.backupsFailed
  /** Resolves once what has begun is over. */
  const settle = () => waitFor('a backup', backups.settle())
  /** Moves the clock, with a sweep every five seconds. */
  const pass = async (ms: number): Promise<void> => {
    for (const end = clock.mono() + ms; clock.mono() < end; clock.advance(HOUR_MS / 2)) {
      backups.sweep()
      backups.sweep()
      await settle()
    }
  }
  const age = () => state.backedUpAt && clock.mono() - state.backedUpAt
  const files = () => readdirSync(folder).sort()
  const lines = () => log.lines.map(({ level, message }) => `${level} ${message}`)
  return { backups, clock, counters, folder, attempts, settle, pass, age, files, lines }
}

describe('backups', () => {
  test('are made at the start and then every so often; the last ones are kept, and what is not ours', async () => {
    const { clock, counters, folder, pass, files, age } = schedule()
    mkdirSync(folder)
    const others = [
      'events-20200101T000000Z.sqlite.bak',
      'events.sqlite',
      'x-20200101T000000Z.sqlite',
    ]
    for (const name of others) writeFileSync(join(folder, name), '')
    writeFileSync(
      join(folder, 'events-20200101T000000Z.sqlite.0123abcd.partial'),
      'of a killed one',
    )
    await pass(3 * HOUR_MS)
    expect(counters).toMatchObject({ backupsMade: 3, backupsFailed: 0 })
    const made = [nameAt(NOON + HOUR_MS), nameAt(NOON + 2 * HOUR_MS)]
    expect(files()).toEqual([...others, ...made].sort())
    expect(age()).toBe(HOUR_MS)
    expect(statSync(join(folder, made[0]!)).mode & 0o777).toBe(0o600)
    using copy = new Database(join(folder, made[1]!), { readonly: true })
    expect(copy.query('SELECT COUNT(*) AS n FROM apps').get()).toEqual({ n: 0 })
    expect(clock.now()).toBe(NOON + 3 * HOUR_MS)
  })

  test('are not made again by a restart, but made up for after a stop', async () => {
    const first = schedule()
    await first.pass(1)
    const [name] = first.files()
    const made = join(first.folder, name!)
    const minute = 60_000
    utimesSync(made, (NOON - 50 * minute) / 1000, (NOON - 50 * minute) / 1000)
    const second = schedule(first.folder)
    second.backups.sweep()
    await second.settle()
    expect([second.attempts(), second.age()]).toEqual([0, 50 * minute])
    second.clock.advance(10 * minute)
    second.backups.sweep()
    await second.settle()
    expect([second.attempts(), second.age()]).toEqual([1, 0])
  })

  test('are made by the time that passes, whatever the time of day is set to; the last one is never deleted', async () => {
    const { clock, counters, pass, files } = schedule()
    await pass(1)
    clock.set(-10 * 365 * 24 * HOUR_MS)
    await pass(HOUR_MS)
    const wrong = clock.now() - HOUR_MS / 2
    clock.set(20 * 365 * 24 * HOUR_MS)
    await pass(HOUR_MS / 2)
    expect(counters).toMatchObject({ backupsMade: 2, backupsFailed: 0 })
    expect(files()).toContain(nameAt(wrong))
    await pass(HOUR_MS)
    const future = clock.now() - HOUR_MS
    clock.set(-10 * 365 * 24 * HOUR_MS)
    expect(counters.backupsMade).toBe(3)
    expect(files()).toContain(nameAt(future))
    await pass(HOUR_MS)
    expect(files()).toHaveLength(2)
    expect(files()).toContain(nameAt(clock.now() - HOUR_MS))
    expect(files()).not.toContain(nameAt(future))
  })

  test('that fail are counted and told once for each reason, and tried again after five minutes', async () => {
    const { backups, clock, counters, folder, settle, lines, age } = schedule()
    const attempt = async (): Promise<void> => {
      backups.sweep()
      await settle()
    }
    writeFileSync(folder, '')
    await attempt()
    await attempt()
    expect(counters.backupsFailed).toBe(1)
    clock.advance(300_000)
    await attempt()
    expect(counters.backupsFailed).toBe(2)
    const reason = `backups ${folder}: its folder cannot be created (a file is in its place)`
    expect(lines()).toEqual([`error backup failed: ${reason}`])
    expect(age()).toBeUndefined()
    rmSync(folder)
    clock.advance(300_000)
    await attempt()
    expect(counters).toMatchObject({ backupsMade: 1, backupsFailed: 2 })
    expect(lines().at(-1)).toBe('info backup made')
  })

  test('of a server begin with its first sweep, are metrics, and end with it', async () => {
    const backupPath = join(root, 'of-a-server')
    const config = { databasePath: join(root, 'server.sqlite'), backupPath }
    const { counters, core } = await use(config, async (server) => {
      server.advance(5000)
      await waitFor('a backup', untilMade(server))
      server.advance(10_000)
      expect((await (await server.admin('/metrics')).text()).split('\n')).toContain(
        'carillon_backup_age_seconds 10',
      )
      return server.core.counters
    })
    expect([counters.backupsMade, core.state.backedUpAt]).toEqual([1, expect.any(Number)])
    expect(readdirSync(backupPath)).toHaveLength(1)
  })

  test('that are underway at a stop leave nothing, and are no failure', async () => {
    const { backups, counters, files, lines } = schedule()
    backups.sweep()
    await backups.stop()
    backups.sweep()
    await backups.settle()
    expect(files()).toEqual([])
    expect(counters).toMatchObject({ backupsMade: 0, backupsFailed: 0 })
    expect(lines()).toEqual([])
  })

  test('need a file to be made of', () => {
    const env = { DATABASE_PATH: ':memory:', CARILLON_BACKUP_PATH: '/backups' }
    expect(() => readConfig(env)).toThrow(
      new ConfigError(['CARILLON_BACKUP_PATH goes with a file: DATABASE_PATH is :memory:']),
    )
  })
})

/** Runs a server as long as `act` takes. */
async function use<T>(config: object, act: (server: TestServer) => Promise<T>) {
  await using server = await start({ config })
  return { counters: await act(server), core: server.core }
}

async function untilMade({ core }: TestServer): Promise<void> {
  while (core.counters.backupsMade === 0)
    await new Promise<void>((resolve) => setImmediate(resolve))
}
