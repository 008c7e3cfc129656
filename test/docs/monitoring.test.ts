/** The alert rules and the board of `ops/` ask for metrics that there are, by labels that those have. */
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { METRICS } from '../../src/http/metrics-table'
import { alertsIn, boardExpressions, readBoard } from './monitoring'
import { ROOT, readPage } from './pages'

/** What Prometheus adds to each series, and what it has of the scrape itself. */
const OF_TARGETS = ['job', 'instance', 'alertname']
const OF_SCRAPES = ['up']

/** The labels of each series, by its name. */
const LABELS = new Map<string, readonly string[]>(
  METRICS.flatMap(({ name, kind, labels }) =>
    kind === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((part) => [`${name}${part}`, labels] as const)
      : [[name, labels] as const],
  ),
)

/** Selectors, as `name{label=~"value"}`. */
const SELECTOR = /\b(\w+)\{([^}]*)\}/g

function expectKnown(expression: string): void {
  const selectors = [...expression.matchAll(SELECTOR)]
  expect({ expression, selectors: selectors.length }).not.toEqual({ expression, selectors: 0 })
  for (const [, name = '', matchers = ''] of selectors) {
    if (OF_SCRAPES.includes(name)) continue
    const known = LABELS.get(name)
    expect({ name, known: known !== undefined }).toEqual({ name, known: true })
    const asked = matchers.split(',').map((matcher) => /^\w+/.exec(matcher)?.[0] ?? '')
    const unknown = asked.filter((label) => ![...OF_TARGETS, ...known!].includes(label))
    expect({ name, unknown }).toEqual({ name, unknown: [] })
  }
}

test('the alerts do', async () => {
  const alerts = await alertsIn(join(ROOT, 'ops/alerts.yml'))
  expect(alerts.length).toBeGreaterThan(10)
  for (const { expr } of alerts) expectKnown(expr)
})

test('the board does', async () => {
  const board = await readBoard()
  const expressions = boardExpressions(board)
  expect(expressions.length).toBeGreaterThan(30)
  for (const expression of expressions) expectKnown(expression)
})

test('every panel has a title and says what it shows, each at a place of its own', async () => {
  const { panels } = await readBoard()
  const shown = panels.filter(({ type }) => type !== 'row')
  for (const { title, description } of shown)
    expect([title, description]).toEqual([expect.stringMatching(/./), expect.stringMatching(/./)])
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const places = panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)
  expect(new Set(places).size).toBe(places.length)
})

test('docs/operations.md names each alert, by its severity', async () => {
  const text = await readPage('docs/operations.md')
  for (const severity of ['page', 'ticket']) {
    const [, list = ''] = new RegExp(`^- ${severity}: (.*)$`, 'm').exec(text) ?? []
    const alerts = await alertsIn(join(ROOT, 'ops/alerts.yml'))
    const names = alerts.flatMap(({ alert, labels }) => (labels.severity === severity ? alert : []))
    expect(list.replaceAll('`', '').split(', ')).toEqual(names)
  }
})
