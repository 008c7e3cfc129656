/** The stream of a channel against a plain list of all its events: whatever is appended, expires, is too much. */
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { EVENT_BYTES, Stream } from '../../src/core/stream'
import type { App } from '../../src/core/app'
import type { BackendPublication } from '../../src/core/messages'
import type { ChannelName, JsonText } from '../../src/core/types'
import {
  EventList,
  offsetsOf,
  question,
  somewhere,
  type Question,
  type Somewhere,
} from './event-list'

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
console.log(`seed ${seed}`)

const makeEvent = (event: string, data: string): BackendPublication => ({
  type: 'event',
  origin: 'backend',
  app: {} as App,
  channel: 'room' as ChannelName,
  event,
  data: JSON.stringify(data) as JsonText,
  sender: undefined,
  except: undefined,
  once: undefined,
})

type Step =
  | readonly ['append' | 'wait' | 'last', number]
  | readonly ['trim' | 'dropOldest' | 'begin']
  | readonly ['since', Somewhere]
  | readonly ['page', Question]

/** A stream and the list that it is held against. */
class Walk {
  stream = new Stream()
  readonly list = new EventList()
  now = 0
  #count = 0

  constructor(readonly bounds: { size: number; ttlMs: number; bytes: number }) {
    this.list.begin(this.stream.epoch)
  }

  take(step: Step): void {
    switch (step[0]) {
      case 'append':
        return this.append(step[1])
      case 'wait':
        return void (this.now += step[1])
      case 'last':
        return this.last(step[1])
      case 'since':
        return this.since(step[1])
      case 'page':
        return this.page(step[1])
      default:
        return this[step[0]]()
    }
  }

  append(chars: number): void {
    const { stream, list, now, bounds } = this
    const event = makeEvent(`e${++this.#count}`, 'ü'.repeat(chars))
    const position = stream.append(event, now, bounds)
    const bytes = event.event.length + 2 + Buffer.byteLength(event.data) + EVENT_BYTES
    list.append(event.event, now, bytes)
    list.trim(now, bounds)
    expect(position).toEqual({ epoch: list.epoch, offset: list.offset })
  }

  trim(): void {
    this.stream.trim(this.now, this.bounds)
    this.list.trim(this.now, this.bounds)
  }

  begin(): void {
    this.stream = new Stream()
    this.list.begin(this.stream.epoch)
  }

  dropOldest(): void {
    this.stream.dropOldest()
    this.list.dropOldest()
  }

  since(where: Somewhere): void {
    const { stream, list } = this
    const position = list.positionOf(where)
    const missed = list.since(position)
    const answer = stream.since(position, Infinity)
    expect(answer && offsetsOf(answer)).toEqual(missed && offsetsOf(missed))
    expect(answer?.map(({ publication }) => publication.event)).toEqual(
      missed?.map(({ name }) => name),
    )
    const bytes = answer?.reduce((sum, event) => sum + event.bytes, 0) ?? 0
    if (bytes > 0) expect(stream.since(position, bytes - 1)).toBeUndefined()
    if (answer) expect(stream.since(position, bytes)).toEqual(answer)
  }

  last(count: number): void {
    expect(offsetsOf(this.stream.last(count, Infinity))).toEqual(offsetsOf(this.list.last(count)))
  }

  page(asked: Question): void {
    const since = asked.since && this.list.positionOf(asked.since)
    const before = asked.before && this.list.positionOf(asked.before)
    const query = { ...asked, since, before }
    const page = this.stream.page({ ...query, maxBytes: Infinity })
    expect({ ...page, events: offsetsOf(page.events) }).toEqual(this.list.page(query))
  }

  check(): void {
    const { stream, list } = this
    expect([stream.size, stream.bytes]).toEqual([list.size, list.bytes])
  }
}

const bounds: fc.Arbitrary<Walk['bounds']> = fc.record({
  size: fc.integer({ min: 1, max: 20 }),
  ttlMs: fc.integer({ min: 1, max: 200 }),
  bytes: fc.integer({ min: 1000, max: 5000 }),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('append' as const), fc.nat(100)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), fc.nat(60)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('trim' as const, 'dropOldest' as const, 'begin' as const)),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant('since' as const), somewhere) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('last' as const), fc.nat(25)) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('page' as const), question) },
)

test('it answers as a plain list of its events does', () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 150, size: 'max' })
  const property = fc.property(bounds, steps, (given, path) => {
    const walk = new Walk(given)
    for (const each of path) {
      walk.take(each)
      walk.check()
    }
  })
  fc.assert(property, { seed, numRuns: 300 })
})

test('a stream that begins anew is never taken for the one before', () => {
  const epochs = Array.from({ length: 100 }, () => new Stream().epoch)
  expect(new Set(epochs).size).toBe(100)
  for (const epoch of epochs) expect(epoch).toMatch(/^[\da-z]{12}$/)
})

test('a page ends before its bytes do, and has one event at least', () => {
  const stream = new Stream()
  const bounds = { size: 10, ttlMs: 1000, bytes: 100_000 }
  for (let n = 0; n < 5; n++) stream.append(makeEvent('e', 'x'.repeat(1000)), 0, bounds)
  const query = { since: undefined, before: undefined, limit: 10 } as const
  const page = (maxBytes: number, direction: 'forward' | 'backward') =>
    stream.page({ ...query, direction, maxBytes })
  expect(offsetsOf(page(3000, 'forward').events)).toEqual([1, 2])
  expect(page(3000, 'forward').hasMore).toBe(true)
  expect(offsetsOf(page(1, 'backward').events)).toEqual([5])
  expect(page(1_000_000, 'forward').hasMore).toBe(false)
})

test('offsets that a crash has left out are no position that anything is recovered from', () => {
  const stream = new Stream('abc', 1001)
  for (const offset of [1, 2, 3])
    stream.restore({ offset, publication: makeEvent('e', ''), at: 0, row: 0 })
  const since = (offset: number): number[] | undefined => {
    const events = stream.since({ epoch: 'abc', offset }, Infinity)
    return events && offsetsOf(events)
  }
  expect([since(1), since(3), since(1001)]).toEqual([[2, 3], [], []])
  expect([since(4), since(1000), since(1002)]).toEqual([undefined, undefined, undefined])
  const bounds = { size: 10, ttlMs: 1000, bytes: 100_000 }
  expect(stream.append(makeEvent('e', ''), 0, bounds).offset).toBe(1002)
  expect([since(2), since(1001), since(1002)]).toEqual([[3, 1002], [1002], []])
  expect([since(4), since(1000)]).toEqual([undefined, undefined])
})
