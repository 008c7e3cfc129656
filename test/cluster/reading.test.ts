/** What a subscriber gets that joins while a channel goes on: what was read, what was delivered meanwhile, no more. */
import { expect, test } from 'bun:test'
import { Reading } from '../../src/cluster/reading'
import type { KeptEvent } from '../../src/core/messages'
import type { JsonText, SocketId } from '../../src/core/types'

const [OLD, NEW] = ['olds', 'news']

function event(offset: number, except?: string): KeptEvent {
  const publication = {
    event: 'e',
    data: '"x"' as JsonText,
    except: except as SocketId | undefined,
  }
  return { offset, publication: publication as never, at: 0, bytes: 100, row: 0 }
}

type Step = (reading: Reading) => void
const deliver =
  (offset: number, rev: number, epoch = OLD, except?: string): Step =>
  (reading) =>
    reading.add(event(offset, except), epoch, rev)
/** Redis answers at message 10: event 5 is the last one. */
const answer =
  (...offsets: number[]): Step =>
  (reading) =>
    reading.take({
      epoch: 'channel',
      rev: 10,
      position: { epoch: OLD, offset: 5 },
      recovered: true,
      events: offsets.map((offset) => event(offset)),
    })
const forget =
  (rev: number): Step =>
  (reading) =>
    reading.forget(rev)

const ROWS: readonly (readonly [
  what: string,
  steps: readonly Step[],
  offsets: readonly number[],
  recovered: boolean,
])[] = [
  ['what was read', [answer(4, 5)], [4, 5], true],
  ['nothing where nothing was missed', [answer()], [], true],
  [
    'what was delivered after it',
    [answer(4, 5), deliver(6, 11), deliver(7, 13)],
    [4, 5, 6, 7],
    true,
  ],
  [
    'what was delivered before it once',
    [deliver(5, 10), answer(4, 5), deliver(6, 11)],
    [4, 5, 6],
    true,
  ],
  [
    'what a fetch has delivered once',
    [answer(4, 5), deliver(5, 20), deliver(6, 20)],
    [4, 5, 6],
    true,
  ],
  ['nothing of what was given up meanwhile', [answer(4, 5), forget(12)], [], false],
  [
    'what came after that',
    [answer(4, 5), deliver(6, 11), forget(12), deliver(1, 13, NEW)],
    [1],
    false,
  ],
  ['nothing of what was given up before', [deliver(3, 7), forget(8), answer(4, 5)], [4, 5], true],
  [
    'the stream that began meanwhile',
    [answer(4, 5), deliver(1, 11, NEW), deliver(2, 12, NEW)],
    [1, 2],
    false,
  ],
  ['nothing without an answer', [deliver(6, 11)], [], false],
  [
    'nothing where it would be too much',
    [answer(4, 5), ...[6, 7, 8, 9, 10].map((offset) => deliver(offset, offset + 5))],
    [],
    false,
  ],
  [
    'nothing that leaves it out',
    [answer(4), deliver(6, 11, OLD, '1.2'), deliver(7, 12, OLD, '3.4')],
    [4, 7],
    true,
  ],
]

test.each(ROWS)('a subscriber gets %s', (_, steps, offsets, recovered) => {
  const reading = new Reading({
    since: { epoch: OLD, offset: 3 },
    count: 0,
    maxBytes: 500,
    besides: 10,
    id: '1.2' as SocketId,
    formerId: undefined,
  })
  for (const step of steps) step(reading)
  const replay = reading.finish('channel')
  expect(replay.events.map(({ offset }) => offset)).toEqual([...offsets])
  expect(replay.recovered).toBe(recovered)
  const last = replay.events.at(-1)
  if (last) expect(replay.position.offset).toBe(last.offset)
})

test('it is ready when the node has come as far, or where that cannot be', () => {
  const wish = {
    since: undefined,
    count: 9,
    maxBytes: 500,
    besides: 0,
    id: '1.2' as SocketId,
    formerId: undefined,
  }
  const told: string[] = []
  const reading = new Reading(wish)
  reading.offer('channel', 99)
  answer(5)(reading)
  reading.waitUntilReady('channel', 9, () => told.push('ready'))
  expect(told).toEqual([])
  reading.offer('channel', 10)
  reading.offer('channel', 11)
  expect(told).toEqual(['ready'])
  const other = new Reading(wish)
  answer(5)(other)
  other.waitUntilReady('another', 1, () => told.push('lost'))
  expect(told).toEqual(['ready', 'lost'])
  expect(other.finish('another').events).toEqual([])
})
