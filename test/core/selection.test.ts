/** A page of many items: in order, in slices, whatever comes and goes. */
import { expect, test } from 'bun:test'
import { select } from '../../src/core/selection'
import { Slices } from '../../src/core/slices'
import { makeRandom } from '../random'

const compare = (a: number, b: number): number => a - b

/** Slices of a clock that 128 items, a step, move by a millisecond. */
function makeSlices() {
  let looked = 0
  const slices = new Slices(
    () => Math.floor(looked / 128),
    (cause) => {
      throw cause
    },
  )
  const accepts = (): boolean => Boolean(++looked)
  return { slices, accepts }
}

test('pages have everything once and in order, in whatever order it is held', async () => {
  const { slices } = makeSlices()
  const random = makeRandom(7)
  const all = Array.from({ length: 3000 }, (_, index) => index)
  for (const items of [all, all.toReversed(), all.toSorted(() => random() - 0.5)]) {
    for (const limit of [1, 700, 2999, 3000, 5000]) {
      const accepts = (item: number): boolean => item > 1
      const page = await select(slices, { items, accepts, compare, limit })
      expect(page.items).toEqual(all.slice(2, limit + 2))
      expect(page.hasMore).toBe(limit < 2998)
    }
  }
  const nothing = { items: [], accepts: () => true, compare, limit: 1 }
  expect(await select(slices, nothing)).toEqual({ items: [], hasMore: false })
})

test('a hundred thousand are looked at in as many turns as they need', async () => {
  const { slices, accepts } = makeSlices()
  const items = Array.from({ length: 100_000 }, (_, index) => 100_000 - index)
  const page = await select(slices, { items, accepts, compare, limit: 100 })
  expect(page.items).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  expect(slices.turns).toBeGreaterThan(100_000 / 128 / 5)
})

test('what throws rejects, and the next one is served', async () => {
  const { slices } = makeSlices()
  const accepts = (): boolean => {
    throw new Error('broken')
  }
  const failing = select(slices, { items: [1], accepts, compare, limit: 1 })
  expect(await failing.catch((cause: Error) => cause.message)).toBe('broken')
  const page = await select(slices, { items: [1], accepts: () => true, compare, limit: 1 })
  expect(page.items).toEqual([1])
})
