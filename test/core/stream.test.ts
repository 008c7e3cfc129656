/** The stream of a channel against a plain list of all its events: whatever is appended, expires, is too much. */
import { expect, test } from 'bun:test'
import { Stream, type HistoryQuery } from '../../src/core/stream'
import type { App } from '../../src/core/app'
import type { BackendPublication } from '../../src/core/messages'
import type { ChannelName, JsonText, Position } from '../../src/core/types'
import { makeRandom } from '../random'

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

type Listed = { readonly offset: number; readonly name: string; readonly at: number; bytes: number }

/** All events that the model has kept: a list, cut at its front by each rule anew. */
function cut(list: Listed[], now: number, size: number, ttlMs: number, bytes: number): Listed[] {
  let kept = list.filter(({ at }) => at > now - ttlMs).slice(-size)
  while (kept.reduce((sum, each) => sum + each.bytes, 0) > bytes) kept = kept.slice(1)
  return kept
}

test('it answers as a plain list of its events does', () => {
  const random = makeRandom(seed)
  const upTo = (most: number): number => Math.floor(random() * (most + 1))
  for (let walk = 0; walk < 40; walk++) {
    const stream = new Stream()
    const bounds = { size: 1 + upTo(20), ttlMs: 1 + upTo(200), bytes: 1000 + upTo(4000) }
    let list: Listed[] = []
    let [now, offset] = [0, 0]
    for (let step = 0; step < 300; step++) {
      now += upTo(8)
      if (random() < 0.6) {
        const name = `e${step}`
        const data = 'ü'.repeat(upTo(100))
        const position = stream.append(makeEvent(name, data), now, bounds)
        offset++
        expect(position).toEqual({ epoch: stream.epoch, offset })
        const bytes = stream.last(1, Infinity)[0]?.bytes ?? 0
        list.push({ offset, name, at: now, bytes })
      } else if (random() < 0.5) {
        stream.trim(now, bounds)
      } else {
        if (list.length > 0) list.shift()
        stream.dropOldest()
        continue
      }
      list = cut(list, now, bounds.size, bounds.ttlMs, bounds.bytes)
      expect(stream.size).toBe(list.length)
      expect(stream.bytes).toBe(list.reduce((sum, each) => sum + each.bytes, 0))
      checkSince(stream, list, offset, upTo)
      checkPage(stream, list, offset, upTo)
    }
  }
})

const offsets = (events: readonly { readonly offset: number }[]): number[] =>
  events.map(({ offset }) => offset)

function checkSince(stream: Stream, list: Listed[], end: number, upTo: (most: number) => number) {
  const offset = upTo(end + 2)
  const missed = list.filter((each) => each.offset > offset)
  const isWhole = offset <= end && missed.length === end - offset
  const answer = stream.since({ epoch: stream.epoch, offset }, Infinity)
  expect(answer && offsets(answer)).toEqual(isWhole ? offsets(missed) : undefined)
  expect(answer?.map(({ publication }) => publication.event)).toEqual(
    isWhole ? missed.map(({ name }) => name) : undefined,
  )
  const total = missed.reduce((sum, each) => sum + each.bytes, 0)
  if (isWhole && total > 0)
    expect(stream.since({ epoch: stream.epoch, offset }, total - 1)).toBeUndefined()
  expect(stream.since({ epoch: 'other', offset }, Infinity)).toBeUndefined()
  const count = upTo(25)
  expect(offsets(stream.last(count, Infinity))).toEqual(
    count === 0 ? [] : offsets(list.slice(-count)),
  )
}

function checkPage(stream: Stream, list: Listed[], end: number, upTo: (most: number) => number) {
  const { epoch } = stream
  const pick = (): Position | undefined =>
    upTo(2) === 0 ? undefined : { epoch: upTo(9) === 0 ? 'other' : epoch, offset: upTo(end + 2) }
  const query: HistoryQuery = {
    since: pick(),
    before: pick(),
    direction: upTo(1) === 0 ? 'forward' : 'backward',
    limit: 1 + upTo(10),
    maxBytes: Infinity,
  }
  const { since, before, direction, limit } = query
  const isUnknown =
    [since, before].some((each) => each && each.epoch !== epoch) ||
    (since && since.offset > end) ||
    (before && before.offset > end + 1)
  const found = isUnknown
    ? []
    : list.filter(
        (each) => each.offset > (since?.offset ?? 0) && each.offset < (before?.offset ?? Infinity),
      )
  if (direction === 'backward') found.reverse()
  const first = list[0]?.offset ?? end + 1
  const page = stream.page(query)
  expect({ ...page, events: offsets(page.events) }).toEqual({
    position: { epoch, offset: end },
    events: offsets(found.slice(0, limit)),
    hasMore: found.length > limit,
    recovered: !isUnknown && (since?.offset ?? 0) >= first - 1,
  })
}

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
  expect(offsets(page(3000, 'forward').events)).toEqual([1, 2])
  expect(page(3000, 'forward').hasMore).toBe(true)
  expect(offsets(page(1, 'backward').events)).toEqual([5])
  expect(page(1_000_000, 'forward').hasMore).toBe(false)
})

test('offsets that a crash has left out are no position that anything is recovered from', () => {
  const stream = new Stream('abc', 1001)
  for (const offset of [1, 2, 3]) stream.restore(offset, makeEvent('e', ''), 0)
  const since = (offset: number): number[] | undefined => {
    const events = stream.since({ epoch: 'abc', offset }, Infinity)
    return events && offsets(events)
  }
  expect([since(1), since(3), since(1001)]).toEqual([[2, 3], [], []])
  expect([since(4), since(1000), since(1002)]).toEqual([undefined, undefined, undefined])
  const bounds = { size: 10, ttlMs: 1000, bytes: 100_000 }
  expect(stream.append(makeEvent('e', ''), 0, bounds).offset).toBe(1002)
  expect([since(2), since(1001), since(1002)]).toEqual([[3, 1002], [1002], []])
  expect([since(4), since(1000)]).toEqual([undefined, undefined])
})
