/** Where rate-limit keeps what outlives a connection: what is kept, for how long, and what goes first. */
import { describe, expect, test } from 'bun:test'
import { MemoryStore } from '../../plugins/rate-limit/store'
import { makeRandom } from '../random'

const RATE = { perSecond: 1, burst: 2 }
const NOW = 1_700_000_000_000

/** A store of eight keys whose first is exhausted. */
function makeExhausted(): MemoryStore {
  const store = new MemoryStore(8)
  for (let n = 0; n < 2; n++) store.take('mine', RATE, 1, NOW)
  expect(store.take('mine', RATE, 0, NOW).waitSeconds).toBe(1)
  return store
}

describe('taking', () => {
  const STEPS: readonly {
    readonly name: string
    readonly steps: readonly (readonly [
      cost: number,
      afterMs: number,
      wait: number,
      left: number,
    ])[]
  }[] = [
    { name: 'a new key has a full bucket', steps: [[1, 0, 0, 1]] },
    {
      name: 'all at once',
      steps: [
        [2, 0, 0, 0],
        [1, 0, 1, 0],
      ],
    },
    {
      name: 'none is taken where not all are there',
      steps: [
        [1, 0, 0, 1],
        [2, 0, 1, 1],
        [1, 0, 0, 0],
      ],
    },
    {
      name: 'refilled as time goes by',
      steps: [
        [2, 0, 0, 0],
        [1, 500, 0.5, 0],
        [1, 500, 0, 0],
      ],
    },
    {
      name: 'not beyond its burst',
      steps: [
        [2, 0, 0, 0],
        [0, 60_000, 0, 2],
        [2, 0, 0, 0],
        [1, 0, 1, 0],
      ],
    },
    {
      name: 'a cost of 0 asks for one and takes none',
      steps: [
        [1, 0, 0, 1],
        [0, 0, 0, 1],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
      ],
    },
    {
      name: 'a clock that is set back gives and takes nothing',
      steps: [
        [1, 0, 0, 1],
        [0, -60_000, 0, 1],
      ],
    },
  ]
  test.each(STEPS)('$name', ({ steps }) => {
    const store = new MemoryStore(8)
    let now = NOW
    for (const [cost, afterMs, waitSeconds, remaining] of steps) {
      now += afterMs
      expect(store.take('key', RATE, cost, now)).toEqual({ waitSeconds, remaining })
    }
  })

  test('fractions add up: ten per minute are one after exactly six seconds', () => {
    const rate = { perSecond: 10 / 60, burst: 10 }
    const store = new MemoryStore(8)
    store.take('key', rate, 10, NOW)
    for (let n = 1; n <= 100; n++) {
      expect(store.take('key', rate, 1, NOW + n * 6000 - 1).waitSeconds).toBeGreaterThan(0)
      expect(store.take('key', rate, 1, NOW + n * 6000).waitSeconds).toBe(0)
    }
  })
})

describe('memory', () => {
  test('a key that was only asked for is not kept', () => {
    const store = new MemoryStore(8)
    for (let n = 0; n < 20; n++) store.take(`key ${n}`, RATE, 0, NOW)
    expect(store.size).toBe(0)
  })

  test('full buckets go first, though they were used last', () => {
    const store = makeExhausted()
    const fast = { perSecond: 1000, burst: 2 }
    for (let n = 0; n < 20; n++) store.take(`other ${n}`, fast, 1, NOW + 2 * n)
    expect(store.size).toBeLessThanOrEqual(8)
    expect(store.take('mine', RATE, 0, NOW + 40).waitSeconds).toBeCloseTo(0.96)
  })

  test('then those that were unused for longest; to be refused is a use', () => {
    const store = makeExhausted()
    for (let n = 0; n < 100; n++) {
      store.take(`other ${n}`, RATE, 1, NOW)
      expect(store.take('mine', RATE, n % 2, NOW).waitSeconds).toBe(1)
    }
    expect(store.size).toBe(8)
    expect(store.take('other 0', RATE, 0, NOW).remaining).toBe(2)
    expect(store.take('other 99', RATE, 0, NOW).remaining).toBe(1)
  })

  test('it takes as many others as there are places to push one out', () => {
    const store = makeExhausted()
    for (let n = 0; n < 7; n++) store.take(`stranger ${n}`, RATE, 1, NOW)
    expect(store.take('mine', RATE, 0, NOW).waitSeconds).toBe(1)
    for (let n = 7; n < 15; n++) store.take(`stranger ${n}`, RATE, 1, NOW)
    expect(store.take('mine', RATE, 0, NOW)).toEqual({ waitSeconds: 0, remaining: 2 })
  })

  test.each([2, 8, 16, 50])('of %d places, those used last are remembered', (places) => {
    const store = new MemoryStore(places)
    const next = makeRandom(1)
    let recent: { key: string; left: number; second: number }[] = [] // newest first
    let second = 0
    for (let n = 0; n < 20_000; n++) {
      second += next() < 2 / places ? 1 : 0
      const key = `key ${Math.floor(next() * 2.5 * places)}`
      const known = recent.find((use) => use.key === key)
      const now = NOW + second * 1000
      if (known) {
        const left = Math.min(2, known.left + second - known.second)
        expect([n, store.take(key, RATE, 0, now).remaining]).toEqual([n, left])
      }
      const left = store.take(key, RATE, 1, now).remaining
      recent = [{ key, left, second }, ...recent.filter((use) => use !== known)].slice(
        0,
        places - 1,
      )
      expect(store.size).toBeLessThanOrEqual(places)
    }
  })

  test('a million addresses at once take no more than a hundred thousand places', () => {
    const store = new MemoryStore(100_000)
    let most = 0
    for (let n = 0; n < 1_000_000; n++) {
      store.take(`connects ${n}`, RATE, 1, NOW)
      most = Math.max(most, store.size)
    }
    expect(most).toBe(100_000)
    expect(store.take('connects 999999', RATE, 0, NOW).remaining).toBe(1)
  })

  test('a store for one key is possible', () => {
    const store = new MemoryStore(1)
    for (const key of ['a', 'b', 'a', 'b']) expect(store.take(key, RATE, 1, NOW).remaining).toBe(1)
    expect(store.size).toBe(1)
  })
})
