/** The earliest name is the first of the sorted ones, and deleted times take no room. */
import { expect, test } from 'bun:test'
import { Deadlines } from '../../src/store/deadlines'
import { makeRandom } from '../random'

test.each([1, 2, 3])('random walk %d', (seed) => {
  const chance = makeRandom(seed)
  const deadlines = new Deadlines()
  const times = new Map<string, number>()
  let now = 0
  for (let step = 0; step < 3000; step++) {
    const name = `n${Math.floor(chance() * 40)}`
    const fate = chance()
    if (fate < 0.6) {
      const at = now + Math.floor(chance() * 500)
      deadlines.set(name, at)
      times.set(name, at)
    } else if (fate < 0.8) {
      deadlines.delete(name)
      times.delete(name)
    } else {
      now += Math.floor(chance() * 20)
      for (let due = deadlines.shift(now); due !== undefined; due = deadlines.shift(now)) {
        expect(times.get(due)).toBe(Math.min(...times.values()))
        times.delete(due)
      }
    }
    expect(deadlines.first).toBe(times.size === 0 ? undefined : Math.min(...times.values()))
    expect(deadlines.has(name)).toBe(times.has(name))
    expect(deadlines.length).toBeLessThanOrEqual(2 * 40 + 65)
  }
})

test('a name whose time is changed again and again holds a few of them', () => {
  const deadlines = new Deadlines()
  deadlines.set('first', 0)
  for (let at = 1; at <= 10_000; at++) deadlines.set('often', at)
  expect(deadlines.length).toBeLessThan(100)
  expect([deadlines.shift(0), deadlines.shift(9999), deadlines.shift(10_000)]).toEqual([
    'first',
    undefined,
    'often',
  ])
})
