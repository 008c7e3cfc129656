/** What is deleted is in no file of the database any more; its log is bounded, and free pages are given back. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryLog } from '../../kit/clock'
import { NEW_APP, type AppRecord } from '../../src/core/app'
import { Readiness } from '../../src/core/readiness'
import { appStore } from '../../src/store/apps'
import { backup } from '../../src/store/backup'
import { restore } from '../../src/store/restore'
import { commitDurably, openDatabase } from '../../src/store/sqlite'
import { Upkeep } from '../../src/store/upkeep'
import { start } from '../harness'
import { Receiver, waitUntilSettled } from '../webhooks/receiver'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const newPath = (): string => join(folder, `${crypto.randomUUID()}.sqlite`)

const BOUNDS = {
  logBytes: 65_536,
  cutBytes: 131_072,
  stuckLogBytes: 262_144,
  maxAppsInUse: 1000,
  sparePages: 8,
  pagesPerSweep: 4,
}

/** An open database with its upkeep. */
function open(path = newPath(), bounds = {}) {
  const db = openDatabase(path)
  const log = new MemoryLog()
  const upkeep = new Upkeep(db, path, log, { ...BOUNDS, ...bounds })
  return { path, db, log, upkeep, [Symbol.dispose]: () => db.close() }
}

const findIn = (path: string, texts: Iterable<string>): string[] => {
  const files = [path, `${path}-wal`].filter((file) => existsSync(file))
  const bytes = files.map((file) => readFileSync(file, 'latin1')).join()
  return [...texts].filter((text) => bytes.includes(text))
}

const logBytes = (path: string): number => statSync(`${path}-wal`).size

describe('secrets that were deleted', () => {
  const newText = (): string => crypto.randomUUID().slice(0, 24)
  const newPair = () => ({ key: newText(), secret: newText() })
  const newApp = (_: unknown, number: number): AppRecord => ({
    ...NEW_APP,
    id: newText(),
    name: `app ${number}`,
    slug: newText(),
    keys: [newPair(), newPair()],
    webhooks: [{ url: `https://example.org/${newText()}` } as never],
  })
  const textsOf = ({ id, slug, keys, webhooks }: AppRecord): string[] => [
    id,
    slug,
    ...keys.flatMap(({ key, secret }) => [key, secret]),
    ...webhooks.map(({ url }) => url.slice(-24)),
  ]

  /**
   * Creates apps, rotates a key of each and deletes four of five. What was moved between pages meanwhile is not all
   * overwritten by SQLite, with 300 apps as with 30 000.
   */
  function change(db: Database, count = 300) {
    const store = appStore(db)
    const inGroups = (apps: readonly AppRecord[], act: (app: AppRecord) => void): void => {
      for (let first = 0; first < count; first += 25)
        commitDurably(db, () => apps.slice(first, first + 25).forEach(act))
    }
    const apps = Array.from({ length: count }, newApp)
    inGroups(apps, (app) => store.insert(app, 0))
    const rotated = apps.map((app) => ({ ...app, keys: app.keys.slice(1) }))
    inGroups(rotated, (app) => store.update(app, 0))
    const gone = rotated.filter((_, number) => number % 5 !== 0)
    inGroups(gone, ({ id }) => store.remove(id, 0))
    const overrides = { webhooks: rotated[0]!.webhooks }
    store.override({ id: 'provided', overrides }, 0)
    const live = rotated.filter((app) => !gone.includes(app))
    const kept = live.flatMap(textsOf)
    return { live, kept, gone: apps.flatMap(textsOf).filter((text) => !kept.includes(text)) }
  }

  test('are in no file after the next sweep, and whatever is left is as it was', () => {
    using opened = open()
    const { path, db, upkeep } = opened
    const { live, kept, gone } = change(db)
    const [all, overrides] = [appStore(db).all(), appStore(db).overrides()]
    expect(findIn(path, gone).length).toBeGreaterThan(0)
    upkeep.sweep(new Readiness())
    expect(findIn(path, gone)).toEqual([])
    expect(appStore(db).all()).toEqual(all)
    expect(all.map(({ id }) => id)).toEqual(live.map(({ id }) => id))
    expect(appStore(db).overrides()).toEqual(overrides)
    expect(db.query('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 })
    expect(db.query('PRAGMA foreign_key_check').all()).toEqual([])
    expect(findIn(path, kept)).toEqual(kept)
  })

  test('of very many apps wait for the stop, or for the next start after a crash', async () => {
    const path = newPath()
    using killed = open(path, { maxAppsInUse: 3, logBytes: 1e9 })
    const { gone } = change(killed.db, 50)
    killed.upkeep.sweep(new Readiness())
    expect(logBytes(path)).toBeGreaterThan(0)
    using next = open(path, { maxAppsInUse: 3, logBytes: 1e9 })
    expect(findIn(path, gone)).toEqual([])
    appStore(next.db).remove(appStore(next.db).all()[0]!.id, 0)
    next.upkeep.sweep(new Readiness())
    expect(logBytes(path)).toBeGreaterThan(0)
    await next.upkeep.stop()
    expect(logBytes(path)).toBe(0)
  })

  test('go when the reader of an older state has gone', () => {
    using opened = open()
    const { path, db, upkeep } = opened
    using reader = new Database(path)
    reader.run('BEGIN')
    reader.query('SELECT COUNT(*) FROM apps').get()
    const { gone } = change(db, 50)
    upkeep.sweep(new Readiness())
    expect(logBytes(path)).toBeGreaterThan(0)
    reader.run('ROLLBACK')
    upkeep.sweep(new Readiness())
    expect(findIn(path, gone)).toEqual([])
  })

  test('over HTTP: an old key, a deleted app, the URL of a webhook', async () => {
    const databasePath = newPath()
    await using server = await start({ config: { databasePath, webhookFlushMs: 0 } })
    const secrets: string[] = []
    const keys: string[] = [] // which are no secrets: the audit has them
    const send = async (method: string, path: string, app?: object): Promise<void> => {
      const headers = { 'content-type': 'application/json' }
      const body = app && { body: JSON.stringify({ app }) }
      const answer = await server.admin(`/api/admin/apps${path}`, { method, headers, ...body })
      expect(answer.ok).toBe(true)
    }
    await using receiver = new Receiver()
    for (const slug of ['rotated', 'deleted']) {
      const [pair, query] = [newPair(), newText()]
      keys.push(pair.key)
      secrets.push(pair.secret, query)
      const webhooks = [{ url: `${receiver.url}?token=${query}` }]
      await send('POST', '', { name: slug, slug, ...pair, webhooks })
    }
    await using client = await server.raw({ path: `/app/${keys[1]}?protocol=7` })
    await client.subscribed('room')
    await receiver.requests.next('a webhook')
    expect(findIn(databasePath, secrets)).toEqual(secrets)
    await send('POST', '/rotated/keys')
    await send('DELETE', `/rotated/keys/${keys[0]}`)
    await send('PATCH', '/rotated', { webhooks: [] })
    await send('DELETE', '/deleted')
    await waitUntilSettled(server)
    server.advance(10_000)
    expect(findIn(databasePath, secrets)).toEqual([])
  })
})

describe('the log', () => {
  const write = (db: Database, times: number): void => {
    const set = db.query('INSERT OR REPLACE INTO plugin_values VALUES (?, ?, ?, NULL)')
    for (let n = 0; n < times; n++) set.run('p', 'k', 'x'.repeat(20_000))
  }

  /** Copies all of it, where nobody stands in the way; the next commit begins it anew. */
  const copy = (db: Database): void => {
    db.run('PRAGMA wal_checkpoint(PASSIVE)')
    write(db, 1)
  }

  test('is cut by a piece with each sweep, and never within one; a reader that stands in the way is told of once', () => {
    using opened = open()
    const { path, db, log, upkeep } = opened
    using reader = new Database(path)
    reader.run('BEGIN')
    reader.query('SELECT COUNT(*) FROM apps').get()
    write(db, 40)
    const bytes = logBytes(path)
    expect(bytes).toBeGreaterThan(BOUNDS.stuckLogBytes)
    upkeep.sweep(new Readiness())
    expect(db.query('PRAGMA journal_size_limit').get()).toEqual({ journal_size_limit: -1 }) // it has grown
    for (let n = 0; n < 2; n++) upkeep.sweep(new Readiness())
    reader.run('ROLLBACK')
    expect(logBytes(path)).toBe(bytes)
    copy(db)
    expect(logBytes(path)).toBe(bytes - BOUNDS.cutBytes)
    copy(db)
    expect(logBytes(path)).toBe(bytes - BOUNDS.cutBytes)
    for (let n = 0; n < 9; n++) {
      upkeep.sweep(new Readiness())
      copy(db)
    }
    expect(logBytes(path)).toBe(BOUNDS.logBytes)
    upkeep.sweep(new Readiness())
    expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'warn database: somebody reads it for long, and its log grows meanwhile',
      'info database: its log is short again',
    ])
  })
})

describe('free pages', () => {
  const pagesOf = (db: Database): number =>
    db.query<{ page_count: number }, []>('PRAGMA page_count').get()!.page_count

  test('are given back with each sweep, but for some that the next rows need', () => {
    using opened = open()
    const { db, upkeep } = opened
    const before = pagesOf(db)
    const set = db.query("INSERT INTO plugin_values VALUES ('p', ?, ?, NULL)")
    for (let n = 0; n < 30; n++) set.run(`${n}`, 'x'.repeat(8000))
    db.run('DELETE FROM plugin_values')
    const full = pagesOf(db)
    upkeep.sweep(new Readiness())
    expect(pagesOf(db)).toBe(full - BOUNDS.pagesPerSweep)
    for (let n = 0; n < 50; n++) upkeep.sweep(new Readiness())
    expect(pagesOf(db)).toBeLessThanOrEqual(before + BOUNDS.sparePages)
    expect(pagesOf(db)).toBeGreaterThan(before)
  })

  test('of a file from before stay, until it is restored from a backup', async () => {
    const path = newPath()
    {
      using db = new Database(path, { create: true })
      db.run('CREATE TABLE _t (a); DROP TABLE _t')
    }
    const modeOf = (db: Database) => db.query('PRAGMA auto_vacuum').get()
    {
      using opened = open(path)
      opened.upkeep.sweep(new Readiness())
      await backup(path, `${path}.copy`)
      expect(modeOf(opened.db)).toEqual({ auto_vacuum: 0 })
    }
    await restore(`${path}.copy`, path)
    using restored = open(path)
    expect(modeOf(restored.db)).toEqual({ auto_vacuum: 2 })
  })
})
