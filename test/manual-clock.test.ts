/** The clock of tests: months pass in no time, and nothing that is due is left out. */
import { expect, test } from 'bun:test'
import { ManualClock } from '../kit/clock'

const DAY_MS = 86_400_000

test('a timer that repeats runs a thousand times and the last time; others at their own time', () => {
  const clock = new ManualClock(0)
  const began = clock.mono()
  const [ticks, others]: number[][] = [[], []]
  clock.every(250, () => ticks!.push(clock.mono() - began))
  for (const days of [1, 31]) clock.after(days * DAY_MS, () => others!.push(clock.mono() - began))
  clock.advance(32 * DAY_MS + 100)
  expect(ticks).toHaveLength(1001)
  expect([ticks![0], ticks![999], ticks![1000]]).toEqual([250, 250_000, 32 * DAY_MS])
  expect(others).toEqual([DAY_MS, 31 * DAY_MS])
  clock.advance(150)
  expect(ticks!.at(-1)).toBe(32 * DAY_MS + 250)
  expect(clock.mono() - began).toBe(32 * DAY_MS + 250)
})

test('fewer runs are all there', () => {
  const clock = new ManualClock(0)
  let runs = 0
  clock.every(10, () => runs++)
  clock.advance(9990)
  expect(runs).toBe(999)
  clock.advance(10)
  expect(runs).toBe(1000)
})
