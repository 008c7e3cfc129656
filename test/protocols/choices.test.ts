/**
 * Where Pusher's documentation leaves a choice or other servers differ, and what is chosen here: the
 * rows of contract 11, by number, in the tables of `rows/`. Webhooks (56 to 60) have tests of their own.
 */
import { test, expect } from 'bun:test'
import { testRows } from './rows/row'
import { CONNECTIONS } from './rows/choices-connections'
import { BACKENDS } from './rows/choices-http'
import { MESSAGES } from './rows/choices-messages'
import { SUBSCRIPTIONS } from './rows/choices-subscriptions'

const CHOICES = [...CONNECTIONS, ...SUBSCRIPTIONS, ...MESSAGES, ...BACKENDS]

testRows(CHOICES)

/** Rows whose test is elsewhere, or whose subject is not served yet. */
const ELSEWHERE: Readonly<Record<number, string>> = {
  24: 'pusher-cache.test.ts',
  25: 'pusher-cache.test.ts',
  26: 'pusher-cache.test.ts',
  27: 'pusher-cache.test.ts',
  36: 'users-rows.test.ts',
  38: 'users-rows.test.ts',
  39: 'users-rows.test.ts',
  40: 'users-rows.test.ts',
  48: '../http/auth.test.ts',
  49: '../http/auth.test.ts',
  50: '../http/auth.test.ts',
  61: '../transports/xhr.test.ts',
}

test('every row but those of webhooks has its test', async () => {
  const rows = [...CHOICES.map(({ row }) => Number(row)), ...Object.keys(ELSEWHERE).map(Number)]
  const expected = Array.from({ length: 64 }, (_, index) => index + 1)
  expect(rows.sort((a, b) => a - b)).toEqual(expected.filter((row) => row < 56 || row > 60))
  for (const file of new Set(Object.values(ELSEWHERE)))
    expect(await Bun.file(`${import.meta.dir}/${file}`).exists()).toBe(true)
})
