/** `CARILLON_WEBHOOKS`: which entry is wrong, and the reason; no url and no secret in the line. */
import { expect, test } from 'bun:test'
import { findMistakes } from '../mistakes'

const GOOD = { url: 'https://example.org/hook' }
const HIDDEN = 'CARILLON_WEBHOOKS=(hidden):'
const LIST =
  'expected a JSON list of at most 50 like [{"url":"https://example.org/hook","event_types":["channel_occupied"]}]'

const WRONG: readonly (readonly [value: unknown, lines: string])[] = [
  ['[{url:https://hush@example.org}]', `${LIST}; this is no JSON (did a shell take its quotes?)`],
  [GOOD, `${LIST}; this is no list`],
  [Array.from({ length: 51 }, () => GOOD), `${LIST}; this one has 51 entries`],
  [[GOOD, 'https://hush@example.org'], 'entry 2 of 2 has (hidden); expected an object with a url'],
  [
    [GOOD, { url: 'hooks.example.org/hush' }, GOOD],
    'entry 2 of 3 has the url (hidden); expected one of http or https',
  ],
  [
    [{ url: 'http://169.254.169.254/hush' }],
    'entry 1 of 1 has the url (hidden), which is refused: 169.254.169.254 is a link-local or metadata address',
  ],
  [
    [
      { ...GOOD, events: [] },
      { ...GOOD, headers: { 'x token': 'hush' } },
    ],
    'entry 1 of 2 has the unknown key "events"; known are url, event_types, filter, headers; entry 2 of 2 has the header "x token", which no request can carry',
  ],
  [
    [{ ...GOOD, event_types: ['channel_ocupied'] }],
    'entry 1 of 1 has the event_types ["channel_ocupied"]; known are channel_occupied, channel_vacated, member_added, member_removed, client_event, cache_miss, subscription_count',
  ],
]
test.each(WRONG)('%j', (value, line) => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const found = findMistakes({ CARILLON_WEBHOOKS: text })
  expect(found).toEqual([expect.stringContaining(`${HIDDEN} ${line}`)])
  expect(found[0]).not.toContain('hush')
  const alias = findMistakes({ SOKETI_DEFAULT_APP_WEBHOOKS: text })
  expect(alias[0]).toBe(found[0]!.replace('CARILLON_WEBHOOKS', 'SOKETI_DEFAULT_APP_WEBHOOKS'))
})

test('an entry that another setting rules out is named as well', () => {
  const env = { CARILLON_WEBHOOKS: JSON.stringify([GOOD, { url: 'http://10.0.0.1/hook' }]) }
  expect(findMistakes(env)).toEqual([])
  for (const rule of [
    { CARILLON_WEBHOOK_DENY: '10.0.0.0/8' },
    { CARILLON_WEBHOOK_ALLOW: '192.0.2.0/24' },
  ])
    expect(findMistakes({ ...env, ...rule })).toEqual([
      expect.stringContaining(`${HIDDEN} entry 2 of 2 has the url (hidden), which is refused: `),
    ])
})
