/** What guardian does to many is done a few at a time, and whole: its list, a revocation beside many tokens. */
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { guardian } from '../../plugins/guardian'
import { pluginStore } from '../../src/store/plugins'
import { openDatabase } from '../../src/store/sqlite'
import { start } from '../harness'
import { makePath, tokenOf } from './tokens'

const folder = mkdtempSync(join(tmpdir(), 'carillon-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const COUNT = 1500
/** 32 of them are read in one step and written in another. */
const STEPS = (2 * COUNT) / 32
/** Readings of the meter, each a millisecond: three steps are a turn's, and one more what is done at once. */
const MOST_READINGS_PER_TURN = 12

test('the list of revocations is read and written over many turns', async () => {
  const databasePath = join(folder, 'list.sqlite')
  const db = openDatabase(databasePath)
  const store = pluginStore(db, 'guardian/shared', () => 0)
  const ids = Array.from({ length: COUNT }, (_, index) => `id-${String(index).padStart(4, '0')}`)
  const revocation = { app: '1', jti: null, user: '42', revoked_at: 1, until: 9_999_999_999 }
  db.transaction(() => ids.forEach((id) => store.set(id, revocation)))()
  db.close()

  const readings = { all: 0, ofTurn: 0, most: 0 }
  const meter = (): number => {
    if (readings.ofTurn++ === 0) setImmediate(() => (readings.ofTurn = 0))
    readings.most = Math.max(readings.most, readings.ofTurn)
    return readings.all++
  }
  await using server = await start({ plugins: [guardian()], config: { databasePath }, meter })
  const before = readings.all
  readings.most = 0
  const answer = await server.admin('/plugins/guardian/revocations')
  expect(await answer.json()).toEqual({ data: ids.map((id) => ({ id, ...revocation })) })
  expect(readings.all - before).toBeGreaterThan(STEPS)
  expect(readings.most).toBeLessThanOrEqual(MOST_READINGS_PER_TURN)
})

test('a revocation looks for its tokens over many turns', async () => {
  let steps = 0
  await using server = await start({ plugins: [guardian()], meter: () => steps++ })
  await using stack = new AsyncDisposableStack()
  const clients = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => {
      const token = tokenOf(server, { sub: 'ada', jti: `token-${index}` })
      return stack.use(await server.raw({ path: makePath(server, { token }) }))
    }),
  )
  await clients[11]!.expectNothing()
  const { slices } = server.core
  const before = slices.turns
  const answer = await server.admin('/plugins/guardian/revocations', {
    method: 'POST',
    body: JSON.stringify({ app: '1', jti: 'token-11' }),
  })
  expect(answer.status).toBe(201)
  expect((await clients[11]!.closing()).code).toBe(4009)
  // Twelve steps, three a turn at most: at least two turns end with steps left.
  expect(slices.turns - before).toBeGreaterThan(1)
  for (const client of clients.slice(0, 11)) await client.expectNothing()
})
