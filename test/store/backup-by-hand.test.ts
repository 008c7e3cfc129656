/** The commands of docs/operations.md put a backup in the place of a database. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backup } from '../../src/store/backup'
import { openDatabase } from '../../src/store/sqlite'
import { blocksOf, readPage } from '../docs/pages'
import { execute } from '../field/commands'

test('a backup is restored by hand, over the database of a server that was killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
  mkdirSync(join(folder, 'data'))
  const path = join(folder, 'data/carillon.sqlite')
  const count = (db: Database) => db.query('SELECT COUNT(*) AS n FROM plugin_values').get()
  const add = (db: Database, key: string) =>
    db.query("INSERT INTO plugin_values VALUES ('p', ?, '1', NULL)").run(key)
  {
    using source = openDatabase(join(folder, 'source.sqlite'))
    add(source, 'before')
    await backup(join(folder, 'source.sqlite'), join(folder, 'backup.sqlite'))
    for (let n = 0; n < 50; n++) add(source, `after ${n}`)
    for (const ending of ['', '-wal', '-shm'])
      copyFileSync(join(folder, `source.sqlite${ending}`), `${path}${ending}`)
  }
  const blocks = blocksOf(await readPage('docs/operations.md'))
  const { code } = blocks.find((block) => block.code.includes('.before-restore'))!
  const commands = code.replace(/\/var\/\S+\.sqlite/, join(folder, 'backup.sqlite'))
  await execute(['sh', '-ec', commands], { cwd: folder, timeoutMs: 5000 })
  using restored = openDatabase(path)
  expect(count(restored)).toEqual({ n: 1 })
  rmSync(folder, { recursive: true, force: true })
})
