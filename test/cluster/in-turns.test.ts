/** Very many items are sorted in short turns. */
import { expect, spyOn, test } from 'bun:test'
import { inOrder } from '../../src/cluster/in-turns'
import type { Context } from '../../src/cluster/context'
import { Queries } from '../../src/cluster/queries'
import type { App } from '../../src/core/app'
import type { ChannelName } from '../../src/core/types'

/** Numbers in no order, the same in each run; some are there twice. */
function* scattered(count: number): Iterable<number> {
  for (let n = 0, seed = 7; n < count; n++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31
    yield seed % (count * 2)
  }
}

type Item = { readonly number: number; readonly index: number }

test.each([0, 1, 2, 1000, 1001, 2001, 3500, 100_000])('%d items', async (count) => {
  const items: Item[] = Array.from(scattered(count), (number, index) => ({ number, index }))
  const placed = await inOrder(items, ({ number }) => number)
  expect(placed).toEqual(items.toSorted((one, other) => one.number - other.number))
})

/** The most items that are sorted at once while it runs. */
async function mostSorted(run: () => Promise<unknown>): Promise<number> {
  let most = 0
  const { sort } = Array.prototype
  const spy = spyOn(Array.prototype, 'sort').mockImplementation(function (
    this: unknown[],
    compare,
  ) {
    most = Math.max(most, this.length)
    return sort.call(this, compare)
  })
  await run().finally(() => spy.mockRestore())
  return most
}

test('a hundred thousand members are listed in short turns, as they have come', async () => {
  const MANY = 100_000
  const flat = Array.from({ length: MANY }, (_, index) => {
    const rev = MANY - index
    const userId = `user-${rev}`
    const member = { userId, userIdJson: JSON.stringify(userId), userInfo: '{}' }
    return [userId, `1\n${rev}\n${JSON.stringify(member)}`]
  }).flat()
  const context = {
    link: { run: async () => [0, flat] },
    incarnations: { idOf: () => 'a.0' },
  } as unknown as Context
  let members: readonly { readonly userId: string }[] = []
  const most = await mostSorted(async () => {
    members = await new Queries(context).members({ id: '1' } as App, 'presence-big' as ChannelName)
  })
  expect(members.map(({ userId }) => userId)).toEqual(
    Array.from({ length: MANY }, (_, index) => `user-${index + 1}`),
  )
  expect(most).toBeWithin(1, 1001)
})
