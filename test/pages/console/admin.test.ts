/** What the pages about tokens, sessions and the audit tell, without a browser. */
import { describe, expect, test } from 'bun:test'
import { ACTIONS as SERVER_ACTIONS } from '../../../src/core/audit'
import { describeAgent } from '../../../src/pages/console/admin/agent'
import { differencesOf } from '../../../src/pages/console/admin/diff'
import { formatAgo } from '../../../src/pages/console/format'

type Fields = Readonly<Record<string, unknown>>
type Row = readonly [name: string, before: Fields | null, after: Fields | null, shown: string[]]

const ROWS: readonly Row[] = [
  ['a text', { name: 'a' }, { name: 'b' }, ['name: a > b']],
  ['nothing', { a: 1, b: [1] }, { a: 1, b: [1] }, []],
  [
    'what is new',
    null,
    { name: 'a', on: true, none: null },
    ['name: > a', 'on: > true', 'none: > null'],
  ],
  ['what is gone', { name: 'a', '': '' }, null, ['name: a >', ': "" >']],
  [
    'what is nested, where it differs alone',
    { history: [{ prefix: 'a', size: 1 }], limits: { most: 1, least: 0 } },
    { history: [{ prefix: 'a', size: 2 }], limits: { least: 0 } },
    ['history[0].size: 1 > 2', 'limits.most: 1 >'],
  ],
  [
    'lists that grow from nothing',
    { webhooks: [], plugins: {} },
    { webhooks: [{ url: 'x' }], plugins: { p: { on: false } } },
    ['webhooks: [] >', 'plugins: {} >', 'webhooks[0].url: > x', 'plugins.p.on: > false'],
  ],
  ['a number and a text that look alike', { a: 1 }, { a: '1' }, ['a: 1 > "1"']],
  [
    'names of every object',
    { __proto__x: 1 },
    { constructor: 2 },
    ['__proto__x: 1 >', 'constructor: > 2'],
  ],
]

describe('the difference', () => {
  test.each(ROWS)('shows %s', (_, before, after, shown) => {
    const lines = differencesOf(before, after).map(
      ({ path, before: was = '', after: is = '' }) => `${path}: ${was} > ${is}`,
    )
    expect(lines.map((line) => line.replace(/ {2,}/g, ' ').trim())).toEqual(shown)
  })
})

const AGENTS: readonly (readonly [agent: string, shown: string])[] = [
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36',
    'Chrome 141 on Linux',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0',
    'Edge 141 on Windows',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0',
    'Firefox 143 on Linux',
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
    'Safari 18 on iPhone',
  ],
  ['curl/8.14.1', 'curl/8.14.1'],
  ['', 'a program without a name'],
]

test.each(AGENTS)('%s is told in few words', (agent, shown) => {
  expect(describeAgent(agent)).toBe(shown)
})

test('the audit has words for every action', async () => {
  const text = await Bun.file('src/pages/console/admin/audit.ts').text()
  const [, table = ''] = /ACTIONS[^=]*= \{\n([^}]*)\}/.exec(text) ?? []
  const named = Array.from(table.matchAll(/'([\w.]+)':/g), ([, name]) => name!)
  expect(named.toSorted()).toEqual(Object.keys(SERVER_ACTIONS).toSorted())
})

test('what was is rounded down, what is to come to the nearest', () => {
  const [minute, day] = [60_000, 86_400_000]
  const ages = [-999, -1000, -119_000, -3 * day + 1, minute, 90 * day - 1, 999]
  expect(ages.map((ms) => formatAgo(10 * day + ms, 10 * day))).toEqual([
    'now',
    '1 s ago',
    '1 min ago',
    '2 d ago',
    'in 1 min',
    'in 90 d',
    'now',
  ])
})
