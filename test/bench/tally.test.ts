/** The bench's judge: it must see what is lost or out of order, or a green run means nothing. */
import { expect, test } from 'bun:test'
import { firstOf, makeStamp } from '../../bench/lib/stamp'
import { Tally } from '../../bench/lib/tally'

type Message = readonly [publisher: number, sequence: number]

const FIRST: Message = [0, 1]
const SECOND: Message = [0, 2]
const OTHERS: Message = [1, 1]

/** What each of two subscribers received, of three messages by two publishers. */
const RUNS: readonly (readonly [
  string,
  [Message[], Message[]],
  { lost: number; isFaulty: boolean },
])[] = [
  [
    'everything in one order',
    [
      [FIRST, OTHERS, SECOND],
      [FIRST, OTHERS, SECOND],
    ],
    { lost: 0, isFaulty: false },
  ],
  [
    'publishers in another order',
    [
      [FIRST, OTHERS, SECOND],
      [OTHERS, FIRST, SECOND],
    ],
    { lost: 0, isFaulty: true },
  ],
  [
    'a publisher out of sequence',
    [
      [FIRST, OTHERS, SECOND],
      [SECOND, OTHERS, FIRST],
    ],
    { lost: 0, isFaulty: true },
  ],
  [
    'one message twice',
    [
      [FIRST, OTHERS, SECOND],
      [FIRST, OTHERS, SECOND, SECOND],
    ],
    { lost: 0, isFaulty: true },
  ],
  [
    'a gap',
    [
      [FIRST, OTHERS, SECOND],
      [OTHERS, SECOND],
    ],
    { lost: 1, isFaulty: true },
  ],
  [
    'the last one missing',
    [
      [FIRST, OTHERS, SECOND],
      [FIRST, OTHERS],
    ],
    { lost: 1, isFaulty: true },
  ],
]

test.each(RUNS)('%s', (_name, received, { lost, isFaulty }) => {
  const tally = new Tally(2, 2)
  for (const [subscriber, messages] of received.entries())
    for (const [publisher, sequence] of messages)
      tally.receive(subscriber, new TextEncoder().encode(makeStamp(publisher, sequence, 0)), 0)

  expect(tally.lost(6)).toBe(lost)
  expect(tally.lost(6) + tally.reordered > 0).toBe(isFaulty)
})

test('latency is from the time in the stamp to the read that brought it', () => {
  const tally = new Tally(1, 1)
  tally.readMicros = 5000
  tally.receive(0, new TextEncoder().encode(makeStamp(0, 1, 2000)), 0)
  tally.receive(0, new TextEncoder().encode(makeStamp(0, 2, 4900)), 0)

  expect([tally.latency.quantileMs(0.5), tally.latency.maxMs]).toEqual([0.1, 3])
})

test('subscribers of different channels need not agree', () => {
  const tally = new Tally(4, 1, 2)
  const numbers = [[1, 2], [1], [1, 2], [1]]
  for (const [subscriber, own] of numbers.entries())
    for (const number of own) tally.receive(subscriber, messageOf(subscriber % 2, number), 0)

  expect(tally.lost(6)).toBe(0)
  expect(tally.reordered).toBe(0)
})

test('a message on the wrong channel is a fault', () => {
  const tally = new Tally(2, 1, 2)
  tally.receive(0, messageOf(1, 1), 0)
  tally.receive(1, messageOf(0, 1), 0)

  expect(tally.lost(2)).toBe(0)
  expect(tally.reordered).toBe(2)
})

/** The so manieth of a channel. */
const messageOf = (channel: number, number: number): Uint8Array =>
  new TextEncoder().encode(makeStamp(0, firstOf(channel) + number - 1, 0))
