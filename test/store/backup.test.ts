/** A backup is whole or absent, and a restore changes nothing unless it succeeds. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { backup } from '../../src/store/backup'
import { deletePartial } from '../../src/store/copy'
import { lockDatabase } from '../../src/store/files'
import { MIGRATIONS } from '../../src/store/migrations'
import { restore } from '../../src/store/restore'
import { openDatabase } from '../../src/store/sqlite'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let folders = 0
const newFolder = (): string => {
  const path = join(folder, `${folders++}`)
  mkdirSync(path)
  return path
}
const NEWEST = MIGRATIONS.length

const ADD = "INSERT INTO plugin_values (plugin, key, value) VALUES ('p', $key, '1')"
const add = (db: Database, key: string): void => void db.query(ADD).run({ key })
const keysOf = (path: string): string[] => {
  using db = new Database(path, { readwrite: true })
  return db
    .query<{ key: string }, []>('SELECT key FROM plugin_values ORDER BY key')
    .all()
    .map(({ key }) => key)
}

/** A database with one value; open, so that the value stands in the log. */
function live(path: string, key = 'a') {
  const db = openDatabase(path)
  add(db, key)
  return { path, db, [Symbol.dispose]: () => db.close() }
}

/** A closed one. */
function stored(key: string, name = 'x.sqlite'): string {
  const path = join(newFolder(), name)
  live(path, key).db.close()
  return path
}

describe('a backup', () => {
  test('has what was committed, of a database in use too, and is for this user only', async () => {
    const dir = newFolder()
    using source = live(join(newFolder(), 'x.sqlite'))
    const to = join(dir, 'copy.sqlite')
    const seen: (readonly number[])[] = []
    const bytes = await backup(source.path, to, { onProgress: (...step) => seen.push(step) })
    expect(readdirSync(dir)).toEqual(['copy.sqlite'])
    expect([statSync(to).size, statSync(to).mode & 0o777]).toEqual([bytes, 0o600])
    expect([seen[0]![0], seen.at(-1)]).toEqual([0, [bytes, bytes]])
    expect(keysOf(to)).toEqual(['a'])
    add(source.db, 'b')
    await expect(backup(source.path, to)).rejects.toThrow(`backup ${to}: exists already`)
    await backup(source.path, to, { overwrite: true })
    expect(keysOf(to)).toEqual(['a', 'b'])
  })

  test('of a database that nobody uses leaves nothing beside it', async () => {
    const path = stored('a')
    await backup(path, `${path}.copy`)
    expect(readdirSync(join(path, '..')).sort()).toEqual(['x.sqlite', 'x.sqlite.copy'])
  })

  test('does not hold the event loop', async () => {
    using source = live(join(newFolder(), 'x.sqlite'))
    let turns = 0
    let isDone = false
    const count = (): void => {
      turns++
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    await backup(source.path, `${source.path}.copy`)
    isDone = true
    expect(turns).toBeGreaterThan(10)
  })

  test('that is given up leaves nothing, and the older one as it was', async () => {
    using source = live(join(newFolder(), 'x.sqlite'))
    fill(source.db)
    const dir = newFolder()
    const to = join(dir, 'copy.sqlite')
    writeFileSync(to, 'older')
    const error = `backup ${to}: given up before it was done`
    const inTheMiddle = new AbortController()
    const onProgress = () => inTheMiddle.abort()
    const { signal } = inTheMiddle
    const options = { overwrite: true, onProgress, signal }
    for (const _ of ['in the middle', 'before the start'])
      await expect(backup(source.path, to, options)).rejects.toThrow(error)
    expect(readdirSync(dir)).toEqual(['copy.sqlite'])
    expect(readFileSync(to, 'utf8')).toBe('older')
  })

  test('on a disk that is full is refused in one line, and leaves nothing', async () => {
    using source = live(join(newFolder(), 'x.sqlite'))
    fill(source.db)
    const dir = newFolder()
    const to = join(dir, 'copy.sqlite')
    const call = `await backup(${JSON.stringify(source.path)}, ${JSON.stringify(to)}).catch((e) => console.log(e.message))`
    const program = `import { backup } from './src/store/backup'; ${call}`
    // A longer file than this is refused like one on a full disk.
    const limited = `trap '' XFSZ; ulimit -f 512; exec "$0" -e "$1"`
    const child = Bun.spawn(['sh', '-c', limited, process.execPath, program], {
      cwd: join(import.meta.dir, '../..'),
      stdout: 'pipe',
    })
    expect(await new Response(child.stdout).text()).toMatch(
      new RegExp(`^backup ${to}: .*the disk is full\\)?\n$`),
    )
    expect(readdirSync(dir)).toEqual([])
  })

  /** Each row makes a file from a whole one. */
  const SOURCES: readonly (readonly [why: string, make: (path: string) => void])[] = [
    ['there is no such file', (path) => rmSync(path)],
    ['there is no such file', (path) => (rmSync(path), mkdirSync(path))],
    [
      'is not a SQLite database, or is corrupt',
      (path) => writeFileSync(path, 'not a database, but some text'.repeat(99)),
    ],
    ['is corrupt', (path) => truncateSync(path, 16_384)],
    ['is empty, no database of ours', (path) => writeFileSync(path, '')],
    ['belongs to another program, or was changed: it has no table apps', run('DROP TABLE apps')],
    [
      `written by a newer version (schema 999; this one knows ${NEWEST})`,
      run('PRAGMA user_version = 999'),
    ],
  ]
  test.each(SOURCES)('is not made of a file that %s, nor restored from it', async (why, make) => {
    const path = stored('a')
    make(path)
    const dir = newFolder()
    const to = join(dir, 'to.sqlite')
    await expect(backup(path, to)).rejects.toThrow(`database ${path}: ${why}`)
    expect(readdirSync(dir)).toEqual([])
    const old = stored('old')
    const before = readFileSync(old)
    await expect(restore(path, old)).rejects.toThrow(`backup ${path}: ${why}`)
    await expect(restore(path, to)).rejects.toThrow(`backup ${path}: ${why}`)
    expect(readFileSync(old)).toEqual(before)
    expect(readdirSync(join(old, '..')).sort()).toEqual(['x.sqlite', 'x.sqlite.lock'])
    expect(readdirSync(dir)).toEqual([])
  })

  test('does not go to a place that it cannot have', async () => {
    const path = stored('a')
    symlinkSync(path, `${path}.link`)
    writeFileSync(`${path}.lock`, '')
    const ROWS: readonly (readonly [to: string, why: string])[] = [
      [join(path, '..'), 'is a folder'],
      [path, 'is a file of the database itself'],
      [`${path}.link`, 'is a file of the database itself'],
      [`${path}.lock`, 'is a file of the database itself'],
      [join(folder, 'none/x.sqlite'), 'its folder does not exist'],
      [join(path, 'x.sqlite'), 'its folder cannot be created (a parent is a file)'],
      ['/proc/x.sqlite', 'cannot be opened'],
    ]
    for (const [to, why] of ROWS)
      await expect(backup(path, to, { overwrite: true })).rejects.toThrow(`backup ${to}: ${why}`)
    await expect(backup(':memory:', `${path}.copy`)).rejects.toThrow('there is no such file')
    expect(keysOf(path)).toEqual(['a'])
  })
})

describe('a restore', () => {
  const now = new Date(Date.UTC(2026, 10, 28, 9, 8, 7, 6))
  const keptName = (path: string): string => `${path}.before-restore-20261128T090807.006Z`

  test('keeps what it replaces, with what a killed server had left in the log', async () => {
    const to = join(newFolder(), 'x.sqlite')
    {
      using killed = live(join(newFolder(), 'x.sqlite'), 'old')
      for (const ending of ['', '-wal', '-shm'])
        copyFileSync(`${killed.path}${ending}`, `${to}${ending}`)
    }
    symlinkSync(to, `${to}.link`)
    // Root restores for the user that the server runs as; anybody else has files of their own only.
    if (process.getuid?.() === 0) chownSync(to, 1234, 1234)
    const { uid, gid } = statSync(to)
    const restored = await restore(stored('new'), `${to}.link`, { now })
    expect(restored).toMatchObject({ kept: keptName(to), version: NEWEST })
    expect(readdirSync(join(to, '..')).sort()).toEqual(
      [to, keptName(to), `${to}.link`, `${to}.lock`].map((name) => basename(name)),
    )
    expect([keysOf(to), keysOf(keptName(to))]).toEqual([['new'], ['old']])
    expect(statSync(to)).toMatchObject({ uid, gid })
    expect(statSync(to).mode & 0o777).toBe(0o600)
    openDatabase(to).close()
  })

  test('makes the file where there is none', async () => {
    const to = join(newFolder(), 'x.sqlite')
    expect(await restore(stored('new'), to)).toMatchObject({ kept: undefined })
    expect(keysOf(to)).toEqual(['new'])
  })

  test('replaces a broken database, and keeps all of it', async () => {
    const to = stored('old')
    for (const ending of ['', '-wal', '-journal']) writeFileSync(`${to}${ending}`, `x${ending}`)
    await restore(stored('new'), to, { now })
    expect(keysOf(to)).toEqual(['new'])
    const kept = ['', '-wal', '-journal'].map((ending) =>
      readFileSync(`${keptName(to)}${ending}`, 'utf8'),
    )
    expect(kept).toEqual(['x', 'x-wal', 'x-journal'])
  })

  test('is refused while a server has the database, and when it is given up', async () => {
    const to = stored('old')
    const unlock = lockDatabase(to, 0)!
    const inUse = `database ${to}: is in use by a server; stop it first`
    await expect(restore(stored('new'), to)).rejects.toThrow(inUse)
    unlock()
    const signal = AbortSignal.abort()
    await expect(restore(stored('new'), to, { signal })).rejects.toThrow('given up')
    expect(keysOf(to)).toEqual(['old'])
    await expect(restore(stored('new'), folder)).rejects.toThrow(`database ${folder}: is a folder`)
    lockDatabase(to, 0)!()
    expect(existsSync(keptName(to))).toBe(false)
  })

  test('takes a backup of an older version, which the next start brings up to date', async () => {
    const from = join(newFolder(), 'old.sqlite')
    {
      using db = new Database(from, { create: true })
      for (const sql of MIGRATIONS.slice(0, 1)) db.run(sql)
      db.run('PRAGMA user_version = 1')
    }
    const to = join(newFolder(), 'x.sqlite')
    expect(await restore(from, to)).toMatchObject({ version: 1 })
    openDatabase(to).close()
  })
})

function run(sql: string) {
  return (path: string): void => {
    using db = new Database(path, { readwrite: true })
    db.run(sql)
  }
}

/** Four megabytes. */
function fill(db: Database): void {
  db.run(`
    WITH RECURSIVE numbers(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < 64)
    INSERT INTO plugin_values (plugin, key, value) SELECT 'filler', n, hex(zeroblob(32768)) FROM numbers`)
}

test('what is left of a copy is no fault where its folder has become a file', async () => {
  const file = join(newFolder(), 'file')
  writeFileSync(file, '')
  await deletePartial(join(file, 'copy.partial'))
  expect(readFileSync(file, 'utf8')).toBe('')
})
