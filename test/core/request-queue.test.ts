/** Requests that arrived when the turn was already late. */
import { expect, spyOn, test } from 'bun:test'
import { REQUESTS_MS, RequestQueue } from '../../src/core/request-queue'
import { ARRIVALS_MS, Slices } from '../../src/core/slices'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A queue whose requests each take a millisecond, most of it after a wait. */
function queue() {
  const time = { ms: 0 }
  const done: number[] = []
  const requests = new RequestQueue(new Slices(() => time.ms, console.error))
  const act = async (name: number): Promise<number> => {
    await Promise.resolve()
    time.ms += 1
    done.push(name)
    return name
  }
  const request = (name: number) =>
    requests.mustWait() ? requests.defer(() => act(name)) : act(name)
  return { time, done, requests, ask: request }
}

test('go on in the next turns, as many as each has time for, in order', async () => {
  const { time, done, requests, ask: request } = queue()
  await request(0)
  time.ms += ARRIVALS_MS
  const answers = Array.from({ length: 20 }, (_, index) => request(index + 1))
  await Promise.resolve()
  expect(done).toEqual([0])
  while (requests.size > 0) {
    const before = done.length
    await turn()
    expect(done.length - before).toBeLessThanOrEqual(REQUESTS_MS.most)
  }
  await Promise.all(answers)
  expect(done).toEqual(Array.from({ length: 21 }, (_, index) => index))
})

test('their time is taken from the slices of that turn', async () => {
  const { time, requests, ask: request } = queue()
  const charge = spyOn(requests.slices, 'charge')
  await request(0)
  time.ms += ARRIVALS_MS
  await Promise.all(Array.from({ length: 20 }, (_, index) => request(index + 1)))
  await turn()
  const charged = charge.mock.calls.map(([ms]) => ms)
  expect(Math.max(...charged)).toBeLessThanOrEqual(REQUESTS_MS.most)
  expect(charged.reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(20 - charged.length)
})

test('who comes while others wait is behind them, in whichever turn', async () => {
  const { time, done, ask: request } = queue()
  await request(0)
  time.ms += ARRIVALS_MS
  const first = Array.from({ length: 6 }, (_, index) => request(index + 1))
  await turn()
  await Promise.all([...first, request(7)])
  expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('one that fails is rejected, and the next one is served', async () => {
  const { time, requests, ask: request } = queue()
  await request(0)
  time.ms += ARRIVALS_MS
  expect(requests.mustWait()).toBe(true)
  const failing = requests
    .defer(() => {
      throw new Error('no')
    })
    .catch(String)
  const next = request(1)
  expect(await failing).toBe('Error: no')
  expect(await next).toBe(1)
})
