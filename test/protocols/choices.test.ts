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

/** Rows whose test is elsewhere: its file, and what the test or its row of a table is called there. */
const ELSEWHERE: Readonly<Record<number, readonly [file: string, called: string]>> = {
  24: ['pusher-cache.test.ts', 'are told to everybody after each change, but in presence channels'],
  25: [
    'pusher-cache.test.ts',
    'keeps an event that nobody heard, and that somebody was left out of, until its time',
  ],
  26: [
    'pusher-cache.test.ts',
    'keeps nothing of client events, and no more channels than its app may',
  ],
  27: ['pusher-cache.test.ts', '%s tells newcomers the last event, or that there is none'],
  36: [
    'rows/users-signin.ts',
    'the same id again is a success; another is an error, and the old identity stays',
  ],
  38: [
    'rows/users-watched.ts',
    'the state at the sign-in is grouped, without empty groups, and has no channel',
  ],
  39: [
    'rows/users-closed.ts',
    'who only uses the id on a presence channel stays; the user may come back',
  ],
  40: [
    'rows/users-closed.ts',
    'all that the user has signed in is closed with 4009, without an error before',
  ],
  48: ['../http/auth.test.ts', 'a timestamp 600 s old'],
  49: ['../http/auth.test.ts', 'another auth_version'],
  50: ['../vectors/requests.ts', 'H8'],
  61: ['../transports/xhr.test.ts', 'by a poll: o, then the hello'],
}

test('every row but those of webhooks has its test', async () => {
  const rows = [...CHOICES.map(({ row }) => Number(row)), ...Object.keys(ELSEWHERE).map(Number)]
  const expected = Array.from({ length: 64 }, (_, index) => index + 1)
  expect(rows.sort((a, b) => a - b)).toEqual(expected.filter((row) => row < 56 || row > 60))
  for (const [row, [file, called]] of Object.entries(ELSEWHERE)) {
    const text = await Bun.file(`${import.meta.dir}/${file}`).text()
    expect([row, text.split(`'${called}'`).length - 1]).toEqual([row, 1])
  }
})
