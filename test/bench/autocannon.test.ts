/** What is portable, and when a run of autocannon is whole. */
import { expect, test } from 'bun:test'
import { runAutocannon, isWhole } from '../../bench/autocannon'
import { mustBePortable, describeLeftOut, PORTABLE } from '../../bench/lib/portable'

test.each([
  ['5 requests in 1.01s, 1 kB read', 0, true],
  ['0 2xx responses, 5 non 2xx responses\n5 requests in 1.01s', 0, false],
  ['5 requests in 1.01s\n5 errors (0 timeouts)', 0, false],
  ['5 requests in 1.01s', 1, false],
  ['sh: bun: not found', 0, false],
])('%j with %p is a whole run: %p', (said, code, expected) => {
  expect(isWhole(code, said)).toBe(expected)
})

test.each([
  [['--requests'], '--requests expects'],
  [['--requests', '0'], '--requests expects'],
  [['--rum'], 'autocannon expects'],
  [['http://127.0.0.1:1', 'more'], 'autocannon expects'],
])('autocannon %p is refused', async (words, why) => {
  await expect(runAutocannon(words)).rejects.toThrow(why)
})

test.each([
  ['linux', false, false],
  ['linux', true, true],
  ['darwin', false, true],
  ['win32', false, true],
])('on %s, asked for what is portable: %p', (platform, isRequested, expected) => {
  expect(mustBePortable(platform, { isPortable: isRequested })).toBe(expected)
})

test('what is portable is what `autocannon` asks, and what is left out is said', () => {
  expect(PORTABLE.flatMap(({ quickCases }) => quickCases.map(({ label }) => label))).toEqual([
    '1 channel',
    '10 channels',
    'batch of 10',
    'GET /channels',
    'GET /channels/room',
  ])
  expect(describeLeftOut(['fanout', 'trigger', 'micro'])).toContain(
    'and the questions fanout, micro.',
  )
})
