/** Guardian's list of revocations: whole, and a few at a time, however many there are. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guardian } from '../../plugins/guardian'
import { pluginStore } from '../../src/store/plugins'
import { openDatabase } from '../../src/store/sqlite'
import { start } from '../harness'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COUNT = 1500
/** With a step of a millisecond, three are a turn's; 32 of them are read in one step and written in another. */
const TURNS = Math.floor((2 * COUNT) / 32 / 3) - 5

test('is read and written over many turns', async () => {
  const databasePath = join(folder, 'list.sqlite')
  const db = openDatabase(databasePath)
  const store = pluginStore(db, 'guardian', () => 0)
  const ids = Array.from({ length: COUNT }, (_, index) => `id-${String(index).padStart(4, '0')}`)
  const revocation = { app: '1', jti: null, user: '42', revoked_at: 1, until: 9_999_999_999 }
  db.transaction(() => ids.forEach((id) => store.set(id, revocation)))()
  db.close()

  let steps = 0
  await using server = await start({
    plugins: [guardian()],
    config: { databasePath },
    meter: () => steps++,
  })
  const { slices } = server.core
  const before = slices.turns
  const answer = await server.admin('/plugins/guardian/revocations')
  expect(await answer.json()).toEqual({ data: ids.map((id) => ({ id, ...revocation })) })
  expect(slices.turns - before).toBeGreaterThan(TURNS)
})
