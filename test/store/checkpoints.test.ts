/** The log of the database is copied into its file by a thread, and not within commits; it stays short all the same. */
import { Database } from 'bun:sqlite'
import { afterAll, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MemoryLog } from '../../kit/clock'
import { Checkpoints } from '../../src/store/checkpoints'
import { openDatabase, readLog } from '../../src/store/sqlite'
import { start } from '../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const newPath = (): string => join(folder, `${crypto.randomUUID()}.sqlite`)

const BOUNDS = { due: 100, long: 200, few: 16, most: 800 }

/** What the event loop is given to do is counted, and done at once. */
class Tasks {
  count = 0

  schedule(task: () => void): void {
    this.count++
    task()
  }
}

function open(code?: URL) {
  const path = newPath()
  const [db, log, tasks] = [openDatabase(path), new MemoryLog(), new Tasks()]
  const checkpoints = new Checkpoints(db, path, log, BOUNDS, code)
  const stop = async (): Promise<void> => {
    await checkpoints.stop()
    db.close()
  }
  return { path, db, log, tasks, checkpoints, [Symbol.asyncDispose]: stop }
}

/** Commits one by one; each adds six pages to the log at least. */
function write(db: Database, times: number): void {
  const set = db.query('INSERT OR REPLACE INTO plugin_values VALUES (?, ?, ?, NULL)')
  for (let n = 0; n < times; n++) set.run('p', `${n % 50}`, 'x'.repeat(20_000))
}

test('a commit copies nothing; the thread does, and the next commit begins the log anew', async () => {
  await using opened = open()
  const { db, tasks, checkpoints } = opened
  write(db, 50)
  const { log, checkpointed } = readLog(db)
  expect(checkpointed).toBe(0)
  expect(log).toBeGreaterThan(BOUNDS.long)
  checkpoints.look(tasks)
  await checkpoints.settle()
  expect(readLog(db)).toMatchObject({ log, checkpointed: log })
  write(db, 1)
  expect(readLog(db).log).toBeLessThan(BOUNDS.due)
  expect(tasks.count).toBe(0)
})

test('a short log is left alone, without a thread', async () => {
  await using opened = open()
  const { db, tasks, checkpoints } = opened
  write(db, 5)
  const before = readLog(db)
  checkpoints.look(tasks)
  await checkpoints.settle()
  expect(readLog(db)).toEqual(before)
})

test('what commits add while the thread copies is left to the event loop once it is little', async () => {
  await using opened = open()
  const { db, tasks, checkpoints } = opened
  for (let rounds = 0; rounds < 20; rounds++) {
    write(db, 40)
    checkpoints.look(tasks)
    write(db, 1) // before the thread is done, so that the log does not begin anew by itself
    await checkpoints.settle()
    write(db, 1)
    checkpoints.look(tasks)
  }
  const { log } = readLog(db)
  expect(log).toBeLessThan(BOUNDS.most)
})

test('nothing is copied while somebody reads what is older, and the thread is not asked again for that', async () => {
  await using opened = open()
  const { path, db, tasks, checkpoints } = opened
  using reader = new Database(path)
  reader.run('BEGIN')
  reader.query('SELECT COUNT(*) FROM apps').get()
  write(db, 50)
  for (let looks = 0; looks < 3; looks++) {
    checkpoints.look(tasks)
    await checkpoints.settle()
  }
  const { log, checkpointed } = readLog(db)
  expect(checkpointed).toBeLessThan(log)
  reader.run('ROLLBACK')
  write(db, 50)
  checkpoints.look(tasks)
  await checkpoints.settle()
  const after = readLog(db)
  expect(after.checkpointed).toBe(after.log)
})

test('where there can be no thread, commits copy again, and it is logged once', async () => {
  await using opened = open(pathToFileURL(join(folder, 'none.ts')))
  const { db, log, tasks, checkpoints } = opened
  write(db, 50)
  checkpoints.look(tasks)
  await checkpoints.settle()
  expect(log.lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
    'warn database: its log is copied within commits, since a thread could not do it',
  ])
  write(db, 1)
  const { log: pages, checkpointed } = readLog(db)
  expect(checkpointed).toBe(pages)
  checkpoints.look(tasks)
  await checkpoints.settle()
  expect(log.lines).toHaveLength(1)
})

test('where nobody looks, commits copy a log that has become very long', async () => {
  await using opened = open()
  const { db } = opened
  write(db, 400)
  expect(readLog(db).log).toBeLessThan(BOUNDS.most + 20)
})

test('a server looks several times a second, and leaves one file', async () => {
  const databasePath = newPath()
  {
    await using server = await start({ config: { databasePath } })
    using other = new Database(databasePath)
    other.run('PRAGMA wal_autocheckpoint = 0')
    write(other, 250)
    expect(readLog(other).log).toBeGreaterThan(1000)
    server.advance(1000)
    while (readLog(other).checkpointed < 1000) await new Promise(setImmediate)
  }
  expect(['', '-wal', '-shm'].map((ending) => existsSync(databasePath + ending))).toEqual([
    true,
    false,
    false,
  ])
})
