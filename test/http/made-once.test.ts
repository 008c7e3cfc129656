/** What is made at its first request is made again after a failure: a full disk, a file that is being replaced. */
import { expect, spyOn, test } from 'bun:test'
import { Elysia } from 'elysia'
import { start } from '../harness'

const ROWS = [
  ['/swagger', () => spyOn(Bun, 'build')],
  ['/swagger/json', () => spyOn(Elysia.prototype as never, 'getGlobalDefinitions' as never)],
] as const

test.each(ROWS)('%s that failed once is made anew, then kept', async (path, making) => {
  await using server = await start()
  using made = making()
  made.mockImplementationOnce(() => {
    throw new Error('the disk is full')
  })
  const statuses = []
  for (let n = 0; n < 3; n++) statuses.push((await server.http(path)).status)
  expect(statuses).toEqual([500, 200, 200])
  expect(made).toHaveBeenCalledTimes(2)
  expect(server.core.counters.faults).toBe(1)
})
