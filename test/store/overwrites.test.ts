/** A database file that is overwritten in place is noticed, logged once and red; what SQLite writes is not. */
import { Database } from 'bun:sqlite'
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start, type TestServer } from '../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const SWEEP_MS = 5000
const RED = {
  ready: false,
  reason:
    'database: its file was written over by another program; stop the server, then restore it, then start',
}

/** Times of a file move in steps of some milliseconds: writes right after each other get times of their own here. */
let seconds = 1_000_000_000
const touch = (path: string): void => utimesSync(path, seconds, seconds++)

const readiness = async (server: TestServer): Promise<unknown> => {
  server.advance(SWEEP_MS)
  return (await server.http('/ready')).json()
}
const addApp = (server: TestServer, name: string): Promise<Response> =>
  server.admin('/api/admin/apps', {
    method: 'POST',
    body: JSON.stringify({ app: { name } }),
    headers: { 'content-type': 'application/json' },
  })

describe('a file that is written over in place', () => {
  const ROWS: readonly (readonly [by: string, bytes: (before: Buffer) => Uint8Array])[] = [
    ['nothing', () => new Uint8Array()],
    ['text', () => Buffer.from('no database')],
    ['one that is longer', (before) => Buffer.concat([before, before])],
    [
      'one of the same length',
      (before) => before.map((byte, at) => (at === 4000 ? byte + 1 : byte)),
    ],
  ]
  test.each(ROWS)('by %s', async (_, bytes) => {
    const databasePath = join(folder, `${files++}.sqlite`)
    await using server = await start({ config: { databasePath } })
    expect(await readiness(server)).toEqual({ ready: true })
    const { ino } = statSync(databasePath)
    writeFileSync(databasePath, bytes(readFileSync(databasePath)))
    touch(databasePath)
    expect(statSync(databasePath).ino).toBe(ino)
    expect([await readiness(server), await readiness(server)]).toEqual([RED, RED])
    const errors = server.log.lines.filter(({ level }) => level === 'error')
    expect(errors).toMatchObject([
      { fields: { path: databasePath }, message: expect.stringContaining('was written over') },
    ])
  })
})

test('what SQLite writes, of this process or another, is no such thing; a backup that is put back then is', async () => {
  const databasePath = join(folder, `${files++}.sqlite`)
  await using server = await start({ config: { databasePath } })
  using other = new Database(databasePath)
  const backup = readFileSync(databasePath)
  const DEEDS: Record<string, () => unknown> = {
    'an app is added': () => addApp(server, 'one'),
    'a checkpoint': () => other.run('PRAGMA wal_checkpoint(PASSIVE)'),
    'a log that is begun anew': () => addApp(server, 'two'),
    'a checkpoint that empties the log': () => other.run('PRAGMA wal_checkpoint(TRUNCATE)'),
    'another program writes': () =>
      other.run("INSERT INTO plugin_values VALUES ('other', 'a', hex(zeroblob(500000)), NULL)"),
    'a checkpoint of much': () => other.run('PRAGMA wal_checkpoint(PASSIVE)'),
    'a vacuum': () => other.run('VACUUM'),
    'a last checkpoint': () => other.run('PRAGMA wal_checkpoint(PASSIVE)'),
    'a backup': () => other.run(`VACUUM INTO '${databasePath}.backup'`),
    'nothing but its time': () => undefined,
  }
  for (const [name, deed] of Object.entries(DEEDS)) {
    await deed()
    touch(databasePath)
    expect([name, await readiness(server)]).toEqual([name, { ready: true }])
  }
  writeFileSync(databasePath, backup)
  touch(databasePath)
  expect(await readiness(server)).toEqual(RED)
})
