/** The command of docs/upgrades.md puts a backup in the place of a database. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup } from '../../src/store/backup'
import { openDatabase } from '../../src/store/sqlite'
import { blocksOf, readPage, ROOT } from '../docs/pages'
import { PATIENCE_MS } from '../harness'

test('a backup is restored over the database of a server that was killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  const path = join(folder, 'carillon.sqlite')
  const copy = join(folder, 'backup.sqlite')
  const count = (db: Database) => db.query('SELECT COUNT(*) AS n FROM plugin_values').get()
  const add = (db: Database, key: string) =>
    db.query("INSERT INTO plugin_values VALUES ('p', ?, '1', NULL)").run(key)
  {
    using source = openDatabase(join(folder, 'source.sqlite'))
    add(source, 'before')
    await backup(join(folder, 'source.sqlite'), copy)
    for (let n = 0; n < 9; n++) add(source, `after ${n}`)
    for (const ending of ['', '-wal', '-shm'])
      copyFileSync(join(folder, `source.sqlite${ending}`), `${path}${ending}`)
  }
  const blocks = blocksOf(await readPage('docs/upgrades.md'))
  const { code } = blocks.find((block) => block.code.includes('carillon restore'))!
  const command = Bun.spawnSync(
    [
      'sh',
      '-ec',
      code.replace(/\/var\/\S+\.sqlite/, copy).replace('bun run carillon', 'bun src/index.ts'),
    ],
    {
      cwd: ROOT,
      env: { PATH: process.env['PATH'] ?? '', DATABASE_PATH: path },
      timeout: PATIENCE_MS * 4,
    },
  )
  expect(`${command.stderr}${command.stdout}`).toContain(path)
  expect(command.exitCode).toBe(0)
  const [kept = ''] = readdirSync(folder).filter((name) => name.includes('.before-restore-'))
  using restored = openDatabase(path)
  using replaced = openDatabase(join(folder, kept))
  expect([count(restored), count(replaced)]).toEqual([{ n: 1 }, { n: 10 }])
  rmSync(folder, { recursive: true, force: true })
})
