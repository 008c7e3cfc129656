/** What plugins keep is small, row by row, so that nobody waits while a hook reads it. */
import { Database } from 'bun:sqlite'
import { describe, expect, test } from 'bun:test'
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

test.each([Number.NaN, Infinity, -Infinity, 'soon'])(
  'a value whose expiresAt is %p is refused: it would last for good',
  (expiresAt) => {
    using db = openDatabase(':memory:')
    const store = pluginStore(db, 'one', now)
    const until = { expiresAt: expiresAt as number }
    const message = "expiresAt of a plugin's value must be a time in epoch milliseconds"
    expect(() => store.set('a', 1, until)).toThrow(message)
    expect(() => store.increment('a', 1, until)).toThrow(message)
    expect(store.entries()).toEqual([])
  },
)

test.each([
  [1000.5, 1],
  [999.9, undefined],
  [1e300, 1],
  [-1e300, undefined],
])('a value that expires at %p is at 1000 %p', (expiresAt, value) => {
  using db = openDatabase(':memory:')
  const store = pluginStore(db, 'one', now)
  store.set('a', 1, { expiresAt })
  store.increment('b', 1, { expiresAt })
  expect([store.get('a'), store.get('b')]).toEqual([value, value])
})

test.each(['\ud800', 'a\udc00', 7])(
  'the key %j is refused: in the file it would be that of another',
  (key) => {
    using db = openDatabase(':memory:')
    const store = pluginStore(db, 'one', now)
    const message = "a plugin's key must be a well-formed text"
    expect(() => store.set(key as string, 1)).toThrow(message)
    expect(() => store.increment(key as string)).toThrow(message)
    expect(store.entries()).toEqual([])
  },
)

test.each([-1, Number.NaN, 1.5, Infinity])('entries with a limit of %p are refused', (limit) => {
  using db = openDatabase(':memory:')
  const store = pluginStore(db, 'one', now)
  store.set('a', 1)
  expect(() => store.entries({ limit })).toThrow('a limit must be an integer from 0 on, not')
  expect(store.entries({ limit: 0 })).toEqual([])
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

describe('entries with a prefix', () => {
  const KEYS = [
    '',
    'a',
    'a:',
    'a:1',
    'a:2',
    'a:\u{10ffff}',
    'a:\u{10ffff}z',
    'a;',
    'b',
    '\ud7ff!',
    '\ue000',
  ]

  test.each([
    ['a:', undefined, ['a:', 'a:1', 'a:2', 'a:\u{10ffff}', 'a:\u{10ffff}z']],
    ['a:', 'a:1', ['a:2', 'a:\u{10ffff}', 'a:\u{10ffff}z']],
    ['a:', 'Z', ['a:', 'a:1', 'a:2', 'a:\u{10ffff}', 'a:\u{10ffff}z']],
    ['a:', 'b', []],
    ['a:\u{10ffff}', undefined, ['a:\u{10ffff}', 'a:\u{10ffff}z']],
    ['\u{10ffff}', undefined, []],
    ['\ud7ff', undefined, ['\ud7ff!']],
    ['', undefined, KEYS],
  ])('%j after %j are those', (prefix, after, wanted) => {
    using db = openDatabase(':memory:')
    const [store, other] = [pluginStore(db, 'one', now), pluginStore(db, 'other', now)]
    for (const key of KEYS) store.set(key, 1)
    other.set('a:3', 1)
    expect(store.entries({ prefix, after }).map(([key]) => key)).toEqual(wanted)
    expect(store.entries({ prefix, after, limit: 1 })).toHaveLength(Math.min(1, wanted.length))
  })
})

describe('increment', () => {
  test('counts from nothing, keeps the end of a number that is there, and begins anew after it', () => {
    using db = openDatabase(':memory:')
    let time = 0
    const store = pluginStore(db, 'one', () => time)
    expect([store.increment('n'), store.increment('n', 4), store.increment('n', -2)]).toEqual([
      1, 5, 3,
    ])
    expect(store.increment('w', 1, { expiresAt: 100 })).toBe(1)
    time = 50
    expect(store.increment('w', 1, { expiresAt: 150 })).toBe(2)
    time = 100
    expect(store.get('w')).toBeUndefined()
    expect(store.increment('w', 1, { expiresAt: 200 })).toBe(1)
    time = 150
    expect(store.get('w')).toBe(1)
  })

  test.each([
    ['text', 'one', 1, "a plugin's value k is no number"],
    ['a number that is not exact', Number.MAX_SAFE_INTEGER, 1, "a plugin's number k would be"],
    ['a step that is no number', 1, Number.NaN, "a plugin's number k would be NaN"],
  ])('refuses %s, and changes nothing', (_, value, by, message) => {
    using db = openDatabase(':memory:')
    const store = pluginStore(db, 'one', now)
    store.set('k', value)
    expect(() => store.increment('k', by)).toThrow(message)
    expect(store.get('k')).toBe(value)
  })
})

describe('a transaction', () => {
  test('writes all or nothing, and one in another is part of it', () => {
    using db = openDatabase(':memory:')
    const store = pluginStore(db, 'one', now)
    const answer = store.transaction(() => {
      store.set('a', 1)
      store.transaction(() => store.set('b', 2))
      return 'done'
    })
    expect(answer).toBe('done')
    const runFailing = () =>
      store.transaction(() => {
        store.delete('a')
        store.increment('b')
        throw new Error('changed my mind')
      })
    expect(runFailing).toThrow('changed my mind')
    expect(store.entries()).toEqual([
      ['a', 1],
      ['b', 2],
    ])
  })

  test('may not wait', () => {
    using db = openDatabase(':memory:')
    const store = pluginStore(db, 'one', now)
    const waiting = () =>
      store.transaction(async () => {
        store.set('a', 1)
        throw new Error('late')
      })
    expect(waiting).toThrow('a transaction of a plugin may not wait')
    expect(store.get('a')).toBeUndefined()
  })
})
