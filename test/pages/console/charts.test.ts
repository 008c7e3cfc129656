/** What is plotted: columns for uPlot, reasons of refusals, gaps, what is new, sparklines. */
import { expect, test } from 'bun:test'
import {
  CHARTS,
  columnsOf,
  join,
  summaryOf,
  type Point,
} from '../../../src/pages/console/overview/charts'
import { pathOf } from '../../../src/pages/console/overview/sparkline'

const STEP_MS = 10_000
const makePoints = (...values: readonly object[]): Point[] =>
  values.map((value, index) => ({ at: index * STEP_MS, ...value }))
const makeCourse = (points: readonly Point[]) => ({ points, stepSeconds: 10, from: 0, to: 60_000 })
const chartOf = (id: string) => CHARTS.find((chart) => chart.id === id)!
const draw = (id: string, points: readonly Point[]) =>
  columnsOf(chartOf(id).linesOf(points), makeCourse(points))

test('counters are rates, gauges are as they were, means and peaks are of what was measured', () => {
  const points = makePoints(
    {
      publications: 20,
      client_events: 5,
      connections: 3,
      delivery_ms: 3,
      delivery_peak_ms: 2,
      deliveries_timed: 2,
    },
    { publications: 0, client_events: 10, connections: 4, delivery_ms: 0, deliveries_timed: 0 },
  )
  expect(draw('events', points)).toEqual([
    [0, STEP_MS],
    [2, 0],
    [0.5, 1],
  ])
  expect(draw('connections', points)).toEqual([
    [0, STEP_MS],
    [3, 4],
  ])
  expect(draw('latency', points).slice(1)).toEqual([
    [1.5, null],
    [2, null],
  ])
})

test('where the server did not run there is a gap', () => {
  const points = [
    { at: 0, connections: 1 },
    { at: STEP_MS, connections: 2 },
    { at: 50_000, connections: 3 },
  ]
  expect(draw('connections', points)).toEqual([
    [0, STEP_MS, 2 * STEP_MS, 50_000],
    [1, 2, null, 3],
  ])
  expect(draw('connections', [])).toEqual([[], []])
})

test('the four most frequent reasons have lines, others are one', () => {
  const points = makePoints(
    { refusals: 25, refusals_by_code: { a: 10, b: 1, c: 2, d: 3, e: 4, f: 5 } },
    { refusals: 0 },
  )
  const lines = chartOf('refusals').linesOf(points)
  expect(lines.map(({ name }) => name)).toEqual(['a', 'f', 'e', 'd', 'others'])
  expect(draw('refusals', points).slice(1)).toEqual([
    [1, 0],
    [0.5, 0],
    [0.4, 0],
    [0.3, 0],
    [0.3, 0],
  ])
  const few = chartOf('refusals').linesOf(makePoints({ refusals_by_code: { a: 1 } }))
  expect(few.map(({ name }) => name)).toEqual(['a'])
  expect(
    chartOf('refusals')
      .linesOf(makePoints({}))
      .map(({ name }) => name),
  ).toEqual(['refused'])
})

test('a summary has the last, the least and the most of what there is', () => {
  expect(summaryOf([4, null, 2, 3, null])).toEqual({ last: 3, least: 2, most: 4 })
  expect(summaryOf([null])).toBeUndefined()
})

test('new points come after those that are known, the last of which has grown', () => {
  const known = makePoints({ n: 1 }, { n: 2 })
  const more = [
    { at: STEP_MS, n: 5 },
    { at: 2 * STEP_MS, n: 6 },
  ]
  expect(join(known, more).map((point) => point['n'])).toEqual([1, 5, 6])
  expect(join(known, [])).toBe(known)
  expect(join([], more)).toEqual(more)
})

test('numbers have their units, bytes steps of their own', () => {
  const show = (id: string, value: number) => chartOf(id).unit.show(value)
  expect([show('events', 2.5), show('latency', 12), show('memory', 3 * 2 ** 20)]).toEqual([
    '2.5 /s',
    '12 ms',
    '3 MB',
  ])
  expect(chartOf('memory').unit.steps).toContain(2 ** 24)
  expect(new Set(CHARTS.map(({ id }) => id)).size).toBe(CHARTS.length)
})

test('a sparkline goes from the left to the right, the highest value at the top', () => {
  expect(pathOf([0, 2, 1])).toBe('M0.0 19.0L50.0 1.0L100.0 10.0')
  expect(pathOf([0, 0])).toBe('M0.0 19.0L100.0 19.0')
})
