/** What the last requests carried is kept for a while, within bounds. */
import { expect, test } from 'bun:test'
import { Exchanges } from '../../src/webhooks/exchanges'

const makeExchange = (body: string) => ({
  headers: {},
  body,
  bodyBytes: body.length,
  answer: '',
})

test('the last twenty of an endpoint are kept, and of all as many as fit', () => {
  const exchanges = new Exchanges(100_000)
  const numbersOf = (lane: string): number[] =>
    Array.from({ length: 40 }, (_, n) => n).filter((n) => exchanges.of(lane, n))
  for (let n = 0; n < 30; n++) exchanges.add('a', n, makeExchange('x'))
  expect(numbersOf('a')).toEqual(Array.from({ length: 20 }, (_, n) => n + 10))
  for (let n = 0; n < 8; n++) exchanges.add('b', n, makeExchange('x'.repeat(10_000)))
  // 88 000 bytes of `b` leave room for eleven of the twenty that were before.
  expect(numbersOf('b')).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  expect(numbersOf('a')).toEqual(Array.from({ length: 11 }, (_, n) => n + 19))
  exchanges.forget('b')
  expect(numbersOf('b')).toEqual([])
  for (let n = 30; n < 40; n++) exchanges.add('a', n, makeExchange('x'.repeat(8000)))
  expect(numbersOf('a')).toEqual(Array.from({ length: 19 }, (_, n) => n + 21))
  exchanges.add('a', 1, makeExchange('x'.repeat(200_000))) // more than all may have
  expect(numbersOf('a')).toEqual([])
})
