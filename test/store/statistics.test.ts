/** Rows of statistics: how they add up, and how many there may be. */
import { expect, test } from 'bun:test'
import { NO_VALUES, PERIODS, SERIES_NAMES, stepAt, type SeriesName } from '../../src/core/series'
import { SERVER, type StatisticsRow } from '../../src/core/statistics'
import { openDatabase } from '../../src/store/sqlite'
import { statisticsStore } from '../../src/store/statistics'
import { Writes } from '../../src/store/writes'
import { MemoryLog } from '../../kit/clock'

const NOON = Date.UTC(2026, 0, 1, 12)
const STEP_MS = 10_000

const makeValues = (given: Partial<Record<SeriesName, number>>): readonly number[] =>
  SERIES_NAMES.map((name, index) => given[name] ?? NO_VALUES[index]!)

const makeRow = (appId: string, at: number, more: Partial<StatisticsRow> = {}): StatisticsRow => ({
  appId,
  period: PERIODS.hour,
  at,
  values: makeValues({ publications: 1 }),
  labels: [],
  ...more,
})

function open(maxRows = 1000) {
  const db = openDatabase(':memory:')
  const store = statisticsStore(new Writes(db, new MemoryLog()), maxRows)
  const countRows = (table = 'statistics'): number =>
    db.query<{ rows: number }, []>(`SELECT COUNT(*) AS rows FROM ${table}`).get()!.rows
  const stepsOf = (appId: string) =>
    store.read(appId, { period: PERIODS.hour, after: 0, until: 2 * NOON, limit: 1000 })
  return { db, store, countRows, stepsOf }
}

const trimAll = (store: ReturnType<typeof open>['store'], now: number | undefined): void => {
  while (store.trim(now, 16));
}

test('what is written of a step adds to it: counters are summed up, the last gauge and the highest peak count', () => {
  const { store, stepsOf } = open()
  const label = { tally: 'refusalsByCode', label: 'too_often', count: 2 } as const
  const numbers = [
    { publications: 1, connections: 5, connections_peak: 9, fan_out_lag_ms: 0.5 },
    { publications: 2, connections: 3, connections_peak: 4, fan_out_lag_ms: 0.25 },
  ]
  for (const given of numbers)
    store.write([makeRow('1', NOON, { values: makeValues(given), labels: [label] })])
  const sum = { publications: 3, connections: 3, connections_peak: 9, fan_out_lag_ms: 0.75 }
  expect(stepsOf('1')).toEqual([
    { at: NOON, values: makeValues(sum), labels: [{ ...label, at: NOON, count: 4 } as never] },
  ])
  expect(stepsOf('2')).toEqual([])
  expect(store.lastValues('1', NOON)).toEqual(makeValues(sum))
  expect(store.lastValues('1', NOON - 1)).toBeUndefined()
})

test('rows that are too old are given up with their labels, and those that are too far ahead', () => {
  const { store, stepsOf, countRows } = open(1e6)
  const labels = [{ tally: 'publicationsByApi', label: 'pusher', count: 1 } as const]
  for (const appId of ['1', SERVER])
    for (let step = -500; step <= 500; step++)
      store.write([makeRow(appId, NOON + step * STEP_MS, { labels })])
  trimAll(store, undefined)
  expect(countRows()).toBe(2002)
  trimAll(store, NOON)
  for (const appId of ['1', SERVER]) {
    const steps = stepsOf(appId)
    expect([steps[0]!.at, steps.at(-1)!.at]).toEqual([NOON - 3_600_000, NOON + 3_600_000])
  }
  expect([countRows(), countRows('statistics_labels')]).toEqual([1442, 1442])
})

test('where apps have too many rows the oldest go first, and none of the server', () => {
  const { db, store, stepsOf, countRows } = open(3 * 100)
  const apps = Array.from({ length: 20 }, (_, index) => String(index))
  for (let step = 0; step < 30; step++)
    store.write([SERVER, ...apps].map((appId) => makeRow(appId, NOON + step * STEP_MS)))
  trimAll(store, undefined)
  expect(stepsOf(SERVER)).toHaveLength(30)
  expect(countRows()).toBe(30 + 100)
  expect(stepsOf('7').map(({ at }) => at)).toEqual(
    [25, 26, 27, 28, 29].map((step) => NOON + step * STEP_MS),
  )
  store.write([makeRow('7', NOON)]) // added to nothing, since it has gone
  const again = statisticsStore(new Writes(db, new MemoryLog()), 3 * 100)
  trimAll(again, undefined)
  expect(countRows()).toBe(30 + 100)
  while (store.forget('7'));
  expect(stepsOf('7')).toEqual([])
  expect(countRows()).toBe(30 + 95)
})

test('a step begins at a multiple of its length', () => {
  const at = NOON + 3_599_999
  expect(Object.values(PERIODS).map((period) => stepAt(at, period) - NOON)).toEqual([
    3_590_000, 3_540_000, 0,
  ])
})
