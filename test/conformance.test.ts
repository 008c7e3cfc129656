/** What `bun run conformance` makes of its command line and of what it has found; test/field plays it. */
import { expect, test } from 'bun:test'
import { formatCards, replaceCards } from '../conformance/cards'
import { readCommandLine } from '../conformance/command-line'
import { GROUPS } from '../conformance/groups'
import { show } from '../conformance/mismatch'
import { isHere, makeTarget } from '../conformance/target'

const SECRET = 'secret-that-nobody-may-see'
const NAMES = GROUPS.map(({ name }) => name)
const USUAL = ['--url', 'http://127.0.0.1:1', '--app-id', '1', '--key', 'k', '--secret', SECRET]

test.each([
  [[], '--url, --app-id, --key, --secret must be given'],
  [['--url', 'http://h', '--key', 'k', '--secret', SECRET], '--app-id must be given'],
  [['--url', '127.0.0.1:6001', ...USUAL.slice(2)], '--url is no address'],
  [['--url', 'localhost:6001', ...USUAL.slice(2)], '--url begins with http:// or https://'],
  [['--url', 'here', ...USUAL.slice(2)], '--url is no address'],
  [['--url', `http://k:${SECRET}@h`, ...USUAL.slice(2)], '--url has no name or password in it'],
  [['--url', 'https://[::1]:6001', ...USUAL.slice(2)], '--url with https:// needs a name'],
  [['--url', 'http://h?a=1', ...USUAL.slice(2)], '--url has neither a query nor a fragment'],
  [[...USUAL, '--only', 'nothing'], '--only has no group of that name; there are connecting'],
  [[...USUAL, '--with', 'webhooks'], 'the group webhooks needs --webhooks PORT'],
  [[...USUAL, '--webhooks', '70000'], '--webhooks takes a whole number from 1 to 65535'],
  [[...USUAL, '--timeout', '0'], '--timeout takes a whole number from 1 to 60'],
  [[...USUAL, '--colour'], 'there is no option --colour'],
  [['--url', 'http://h', '--key', 'k', '--secret', `--${SECRET}`], 'these options cannot be read'],
  [[...USUAL, SECRET], 'these options cannot be read'],
])('of %j it says what is wrong, and no secret', (args, message) => {
  const read = (): unknown => readCommandLine(args, {}, NAMES)
  expect(read).toThrow(message)
  expect(read).not.toThrow(SECRET)
})

test.each([
  ['http://127.0.0.1:6001/', 'http://127.0.0.1:6001', '127.0.0.1', 6001, ''],
  ['https://push.example.test', 'https://push.example.test', 'push.example.test', 443, ''],
  ['http://[::1]:6001/a/b//', 'http://[::1]:6001/a/b', '[::1]', 6001, '/a/b'],
])('%s is %s', (given, url, host, port, prefix) => {
  const target = makeTarget(given, { appId: '1', key: 'k', secret: 's' })
  expect(target).toMatchObject({ url, host, port, prefix })
})

test.each([
  ['http://127.8.8.8', true],
  ['http://localhost:1', true],
  ['http://[::1]', true],
  ['http://127.example.test', false],
  ['http://10.0.0.1', false],
])('that %s is on this machine is %p; of others it is said', (given, expected) => {
  expect(isHere(makeTarget(given, { appId: '1', key: 'k', secret: 's' }))).toBe(expected)
})

test('what a server sends cannot move the cursor, is one line, and is cut', () => {
  expect(show('a\u001b[2J\nb\u202e\u2028c')).toBe('a [2J b c')
  expect(show({ text: 'x'.repeat(500) }).length).toBe(181)
  expect([show(undefined), show(''), show(null)]).toEqual(['nothing', '', 'null'])
})

test('cards are a table for a page; what differs in each run is left out', () => {
  const got = 'a|b `c` conformance-0123abcd-4-5 3584401654.9909097446'
  const failed = { name: 'this | that', isPassed: false, expected: 'no`thing', got }
  const played = { name: 'users', about: 'who', isPlayed: true, passed: 1 }
  const cases = [failed, { name: 'else', isPassed: true }]
  const document = { passed: 1, cases: 2, groups: [{ ...played, cases }] }
  const left = { passed: 0, cases: 0, groups: [{ ...played, isPlayed: false, cases: [] }] }
  const cards = [
    { name: 'one', version: '1', document },
    { name: 'other', version: '2', document: left },
  ]
  const page = replaceCards(
    'a <!-- conformance -->old<!-- /conformance --> z',
    formatCards(cards, 'today'),
  )
  expect(page).toContain('one 1 and other 2, today. Passed of tried:')
  expect(page).toContain('| `users` | who | 1 of 2 | not run |')
  expect(page).toContain("| `users` | this \\| that | `no'thing` | `a\\|b 'c' x 1.1` |  |")
  expect(page).toContain('Of other nothing failed.')
  expect(page).not.toContain('old')
  expect(() => replaceCards('a page', '')).toThrow('no <!-- conformance -->')
})

test('credentials may come from the environment, where no list of processes shows them', () => {
  const env = { PUSHER_APP_ID: '1', PUSHER_APP_KEY: 'k', PUSHER_APP_SECRET: SECRET }
  const command = readCommandLine(['--url', 'http://127.0.0.1:1'], env, NAMES)
  expect(command).toMatchObject({ kind: 'run', target: { appId: '1', key: 'k', secret: SECRET } })
})
