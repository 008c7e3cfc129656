/** What plugins keep is small, row by row, so that nobody waits while a hook reads it. */
import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { MIGRATIONS } from '../../src/store/migrations'
import { pluginStore } from '../../src/store/plugins'
import { migrate, openDatabase } from '../../src/store/sqlite'

const now = (): number => 1000
const KB64 = 65_536
const quoted = 2 // the quotes of a JSON text

test.each([
  ['text', 'x'.repeat(KB64 - quoted), 'x'.repeat(KB64 - quoted + 1), KB64 + 1],
  ['text of two bytes each', 'é'.repeat(KB64 / 2 - 1), 'é'.repeat(KB64 / 2), KB64 + 2],
])('a value of 64 KB is kept, more is refused: %s', (_, fitting, large, bytes) => {
  using db = openDatabase(':memory:')
  const store = pluginStore(db, 'one', now)
  store.set('a', fitting)
  expect(() => store.set('a', large)).toThrow(
    `a plugin's value has ${bytes} bytes as JSON; the limit is 65536 (key a)`,
  )
  expect(store.get('a')).toBe(fitting)
  store.set('k'.repeat(1024), 1)
  expect(() => store.set('k'.repeat(1025), 1)).toThrow(
    "a plugin's key has 1025 bytes; the limit is 1024",
  )
  expect(store.entries()).toHaveLength(2)
})

test('values that were larger before can still be read', () => {
  using db = new Database(':memory:', { strict: true })
  migrate(db, 'old', { migrations: MIGRATIONS.slice(0, 8) })
  const insert = db.query('INSERT INTO plugin_values VALUES (?, ?, ?, ?)')
  insert.run('one', 'large', JSON.stringify('x'.repeat(5_000_000)), null)
  insert.run('one', 'over', '1', 999)
  migrate(db, 'old')
  const store = pluginStore(db, 'one', now)
  expect(store.get('large')).toHaveLength(5_000_000)
  expect(store.entries().map(([key]) => key)).toEqual(['large'])
  expect(db.query('SELECT COUNT(rowid) AS n FROM plugin_values').get()).toEqual({ n: 2 })
})

test('a write drops a few that have expired, however many there are', () => {
  using db = openDatabase(':memory:')
  const old = pluginStore(db, 'one', () => 0)
  for (let n = 0; n < 100; n++) old.set(`k${n}`, n, { expiresAt: 500 })
  const store = pluginStore(db, 'one', now)
  const rows = () => db.query<{ n: number }, []>('SELECT COUNT(*) AS n FROM plugin_values').get()!.n
  const left = Array.from({ length: 8 }, () => {
    store.set('new', true)
    return rows()
  })
  expect(left).toEqual([85, 69, 53, 37, 21, 5, 1, 1])
  expect(store.entries()).toEqual([['new', true]])
})
