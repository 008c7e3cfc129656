/** Keys and the answers that are kept under them: as a plain map would have it, bounded, and dropped in slices. */
import { describe, expect, test } from 'bun:test'
import type { App } from '../../src/core/app'
import { CHARS_PER_KEY, claimOf, KEPT_MS, KeptRepeats } from '../../src/core/repeats'
import { SLICE_MS, Slices } from '../../src/core/slices'
import { ManualClock } from '../../kit/clock'
import { makeRandom } from '../random'

const app = (id: string, maxIdempotencyKeys = 1000) =>
  ({ id, limits: { maxIdempotencyKeys } }) as App

function makeRepeats() {
  const clock = new ManualClock(0)
  const time = { ms: 0, perReading: 0 }
  const faults: unknown[] = []
  const slices = new Slices(
    () => (time.ms += time.perReading),
    (cause) => faults.push(cause),
  )
  return { clock, slices, time, faults, repeats: new KeptRepeats({ clock, slices }) }
}

const code = (answer: string | { readonly code: string } | undefined) =>
  typeof answer === 'object' ? answer.code : answer

test('they are what a plain map says, whatever comes', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
  console.log(`seed ${seed}`)
  const next = makeRandom(seed)
  const pick = (count: number): number => Math.floor(next() * count)
  const { clock, repeats, faults } = makeRepeats()
  const apps = [app('1', 12), app('2', 12)]
  type Known = { print: string; answer?: string; until: number; counts: number }
  const plain = apps.map(() => new Map<string, Known>())
  const sizeOf = (known: Map<string, Known>) =>
    [...known.values()].reduce((sum, { counts }) => sum + counts, 0)
  for (let step = 0; step < 20_000; step++) {
    const at = pick(2)
    const [one, known] = [apps[at]!, plain[at]!]
    const key = ['__proto__', 'constructor', 'a', 'b'][pick(4)]! + pick(6)
    const print = `print ${pick(2)}`
    const entry = known.get(key)
    const action = pick(8)
    if (action < 4) {
      const isFull = sizeOf(known) >= 12
      const expected = entry
        ? entry.print !== print
          ? 'key_reused'
          : (entry.answer ?? 'key_in_use')
        : isFull
          ? 'too_many_keys'
          : undefined
      expect([step, code(repeats.claim(one, key, print))]).toEqual([step, expected])
      if (!entry && !isFull) known.set(key, { print, until: Infinity, counts: 1 })
    } else if (action === 4 && entry && entry.answer === undefined) {
      const answer = 'x'.repeat(pick(3) * CHARS_PER_KEY)
      repeats.keep(one, key, answer)
      const counts = 1 + answer.length / CHARS_PER_KEY
      known.set(key, { ...entry, answer, counts, until: clock.mono() + KEPT_MS })
    } else if (action === 5) {
      repeats.release(one, key)
      if (entry && entry.answer === undefined) known.delete(key)
    } else if (action === 6) repeats.sweep()
    else {
      clock.advance(pick(KEPT_MS / 4))
      for (const each of plain)
        for (const [name, { until }] of each) if (until <= clock.mono()) each.delete(name)
    }
  }
  clock.advance(KEPT_MS)
  repeats.sweep()
  for (const [at, known] of plain.entries()) {
    const underWay = [...known.values()].filter(({ answer }) => answer === undefined)
    expect(repeats.sizeOf(apps[at]!)).toBe(underWay.length)
  }
  expect(faults).toEqual([])
})

describe('of many that expire at once', () => {
  const COUNT = 10_000

  function fill() {
    const made = makeRepeats()
    const one = app('1', COUNT)
    for (let n = 0; n < COUNT; n++) {
      expect(made.repeats.claim(one, `key ${n}`, '')).toBeUndefined()
      made.repeats.keep(one, `key ${n}`, 'answer')
    }
    return { ...made, one }
  }

  test('each turn drops a share', async () => {
    const { clock, repeats, slices, time, one } = fill()
    clock.advance(KEPT_MS)
    time.perReading = SLICE_MS / 10
    repeats.sweep()
    const sizes = [repeats.sizeOf(one)]
    while (sizes.at(-1)! > 0) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      sizes.push(repeats.sizeOf(one))
      repeats.sweep() // one that comes while the last is at work changes nothing
    }
    const dropped = sizes.slice(1).map((size, index) => sizes[index]! - size)
    expect(Math.max(...dropped)).toBeLessThanOrEqual(10 * 16)
    expect(slices.turns).toBeGreaterThan(50)
  })

  test('none of them answers, or keeps the place of a new one', () => {
    const { clock, repeats, one } = fill()
    expect(code(repeats.claim(one, 'new', ''))).toBe('too_many_keys')
    clock.advance(KEPT_MS)
    expect(repeats.claim(one, 'key 0', 'of another')).toBeUndefined()
    repeats.keep(one, 'key 0', 'anew')
    expect(repeats.claim(one, 'new', '')).toBeUndefined()
    repeats.sweep()
    expect(repeats.sizeOf(one)).toBe(2)
    expect(repeats.claim(one, 'key 0', 'of another')).toBe('anew')
  })
})

test('an app that has its keys is told when the first of them expires', () => {
  const { clock, repeats } = makeRepeats()
  const one = app('1', 2)
  const claim = (key: string) => repeats.claim(one, key, '')
  expect([claim('a'), claim('b')]).toEqual([undefined, undefined])
  expect(claim('c')).toMatchObject({ code: 'too_many_keys', retryAfterSeconds: 1 })
  repeats.keep(one, 'a', '')
  clock.advance(60_000)
  expect(claim('c')).toMatchObject({ code: 'too_many_keys', retryAfterSeconds: 540 })
  repeats.release(one, 'b')
  expect(claim('c')).toBeUndefined()
  // Another app has its own.
  expect(repeats.claim(app('2', 1), 'c', '')).toBeUndefined()
})

test('events are told apart by all that subscribers see of them', () => {
  const event = { name: 'e', data: 'x', channels: ['a', 'b'], socketId: undefined }
  const encrypted = { ...event, channels: ['private-encrypted-a'] }
  const others = [
    event,
    { ...event, name: 'f' },
    { ...event, data: 'y' },
    { ...event, channels: ['a'] },
    { ...event, channels: ['a,b'] },
    { ...event, socketId: '1.1' },
    { ...event, name: 'e"', data: '' },
    encrypted,
  ]
  const prints = others.map((each) => claimOf('key', each).fingerprint)
  expect(new Set(prints).size).toBe(others.length)
  expect(claimOf('key', { ...event, socketId: '' }).fingerprint).toBe(prints[0]!)
  expect(claimOf('key', { ...encrypted, data: 'anew' }).fingerprint).toBe(prints.at(-1)!)
})
