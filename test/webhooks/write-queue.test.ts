/** The queue of entries that are not in the outbox yet is as a list of them, whatever it keeps. */
import { expect, test } from 'bun:test'
import type { Entry } from '../../src/store/outbox'
import { WriteQueue } from '../../src/webhooks/write-queue'
import { makeRandom } from '../random'

test.each([1, 2, 3])('random walk %d', (seed) => {
  const chance = makeRandom(seed)
  const upTo = (most: number): number => Math.floor(chance() * (most + 1))
  const queue = new WriteQueue()
  const expected: Entry[] = []
  const push = (number: number): void => {
    const common = { appId: `${upTo(2)}`, channel: `c${number}` }
    if (upTo(3) === 0) {
      const entry = { type: 'announce', ...common, userId: '' } as const
      queue.push(entry, undefined)
      expected.push(entry)
      return
    }
    const subject = { kind: 'occurrence' } as const
    const event = { type: 'event', ...common, event: '{}', at: number, subject } as const
    for (let endpoint = 0; endpoint < 3; endpoint++) {
      queue.push(event, `e${endpoint}`)
      expected.push({ ...event, endpoint: `e${endpoint}` })
    }
  }
  for (let number = 0; number < 500; number++) {
    if (upTo(1) === 0) push(number)
    const taken = Math.min(upTo(5), expected.length)
    expect(queue.first(taken)).toEqual(expected.slice(0, taken))
    queue.shift(taken)
    expected.splice(0, taken)
    expect(queue.length).toBe(expected.length)
  }
  expect(queue.first(1000)).toEqual(expected)
})
