/**
 * Statistics: time series of the server and of each app, in steps of three lengths. What is written of a step adds to
 * what it has, each number as its row of SERIES says.
 */
import type { Database } from 'bun:sqlite'
import {
  PERIODS,
  SERIES,
  SERIES_NAMES,
  type LabelCount,
  type Period,
  type SeriesName,
  type Values,
} from '../core/series'
import {
  type StatisticsRow,
  type StatisticsStore,
  type StepRange,
  type StoredStep,
} from '../core/statistics'
import type { Writes } from './writes'

const FOLDS = {
  sum: (name: string) => `${name} = ${name} + excluded.${name}`,
  max: (name: string) => `${name} = MAX(${name}, excluded.${name})`,
  last: (name: string) => `${name} = excluded.${name}`,
} as const

const COLUMNS = SERIES_NAMES.join(', ')
/** Values have places, since as many names would double the time: 3 µs, Bun 1.4.5. */
const ADD = `
  INSERT INTO statistics (app_id, step, at, ${COLUMNS})
  VALUES (?, ?, ?, ${SERIES_NAMES.map(() => '?').join(', ')})
  ON CONFLICT (app_id, step, at) DO UPDATE SET
    ${SERIES_NAMES.map((name) => FOLDS[SERIES[name].fold](name)).join(', ')}`
const ADD_LABEL = `
  INSERT INTO statistics_labels (app_id, step, at, tally, label, count)
  VALUES ($appId, $step, $at, $tally, $label, $count)
  ON CONFLICT (app_id, step, at, tally, label) DO UPDATE SET count = count + excluded.count`
const readingOf = (names: readonly SeriesName[]): string => `
  SELECT at, ${names.join(', ')} FROM statistics
   WHERE app_id = $appId AND step = $step AND at > $after AND at <= $until ORDER BY at LIMIT $limit`
const READ = readingOf(SERIES_NAMES)
const READ_LABELS = `
  SELECT at, tally, label, count FROM statistics_labels
   WHERE app_id = $appId AND step = $step AND at >= $from AND at <= $to ORDER BY at`
const LAST = `
  SELECT at, ${COLUMNS} FROM statistics
   WHERE app_id = $appId AND step = $step AND at <= $at ORDER BY at DESC LIMIT 1`
const COUNT = 'SELECT rows FROM statistics_rows WHERE step = $step'

// Rows to give up; a trigger deletes the labels of their step. The server's and those of apps have an index each.
const OLD = `
  SELECT rowid FROM statistics WHERE app_id <> '' AND step = $step AND at < $before LIMIT $limit`
const OLD_OF_SERVER = `
  SELECT rowid FROM statistics WHERE app_id = '' AND step = $step AND at < $before LIMIT $limit`
const FUTURE = `
  SELECT rowid FROM statistics WHERE app_id <> '' AND step = $step AND at > $after LIMIT $limit`
const FUTURE_OF_SERVER = `
  SELECT rowid FROM statistics WHERE app_id = '' AND step = $step AND at > $after LIMIT $limit`
const OLDEST = `
  SELECT rowid FROM statistics WHERE app_id <> '' AND step = $step ORDER BY at LIMIT $limit`
const OF_APP = 'SELECT rowid FROM statistics WHERE app_id = $appId LIMIT $limit'
const removal = (chosen: string): string => `DELETE FROM statistics WHERE rowid IN (${chosen})`

/** Rows of an app that has ended, deleted at a time: a millisecond. */
const FORGOTTEN_AT_ONCE = 64

type Cells = { readonly [name: string]: number }

/** `maxRows` is of all steps of all apps; each length of step has a third of it. */
export function statisticsStore(writes: Writes, maxRows: number): StatisticsStore {
  const { db } = writes
  const most = Math.floor(maxRows / Object.keys(PERIODS).length)
  const countOf = (step: number): number =>
    db.query<{ rows: number }, [{ step: number }]>(COUNT).get({ step })!.rows
  /** True where there may be more. */
  const remove = (chosen: string, limit: number, values: object): boolean => {
    const terms = { ...values, limit }
    const { changes } = writes.runWhileSound(() => db.query(removal(chosen)).run(terms))
    return changes >= limit
  }
  const trimStep = (
    { stepSeconds: step, keptSeconds }: Period,
    now: number | undefined,
    limit: number,
  ): boolean => {
    const tooMany = Math.min(limit, countOf(step) - most)
    const more = [tooMany > 0 && remove(OLDEST, tooMany, { step })]
    if (now === undefined) return more.includes(true)
    const keptMs = keptSeconds * 1000
    const [before, after] = [now - keptMs, now + keptMs]
    for (const chosen of [OLD, OLD_OF_SERVER]) more.push(remove(chosen, limit, { step, before }))
    for (const chosen of [FUTURE, FUTURE_OF_SERVER])
      more.push(remove(chosen, limit, { step, after }))
    return more.includes(true)
  }
  const read = (appId: string, range: StepRange): StoredStep[] => {
    const rows = readCells(db, READ, termsOf(appId, range))
    if (rows.length === 0) return []
    const step = range.period.stepSeconds
    const terms = { appId, step, from: rows[0]!['at']!, to: rows.at(-1)!['at']! }
    const labels = Map.groupBy(
      db.query<LabelCount & { readonly at: number }, [typeof terms]>(READ_LABELS).all(terms),
      ({ at }) => at,
    )
    return rows.map((cells) => stepOf(cells, labels.get(cells['at']!) ?? []))
  }
  return {
    write: (rows) =>
      writes.runWhileSound(() =>
        db.transaction(() => rows.forEach((row) => addRow(db, row))).immediate(),
      ),
    trim: (now, rows) =>
      Object.values(PERIODS)
        .map((period) => trimStep(period, now, rows))
        .includes(true),
    forget: (appId) => remove(OF_APP, FORGOTTEN_AT_ONCE, { appId }),
    read,
    readSome: (appId, range, names) =>
      readCells(db, readingOf(names), termsOf(appId, range)).map((cells) => ({
        at: cells['at']!,
        values: names.map((name) => cells[name]!),
      })),
    lastValues: (appId, at) => {
      for (const { stepSeconds: step } of Object.values(PERIODS)) {
        const terms = { appId, step, at }
        const last = db.query<Cells, [typeof terms]>(LAST).get(terms)
        if (last) return valuesOf(last)
      }
      return undefined
    },
  }
}

const termsOf = (appId: string, { period, after, until, limit }: StepRange) => ({
  appId,
  step: period.stepSeconds,
  after,
  until,
  limit,
})

const readCells = (db: Database, sql: string, terms: ReturnType<typeof termsOf>): Cells[] =>
  db.query<Cells, [typeof terms]>(sql).all(terms)

function addRow(db: Database, { appId, period, at, values, labels }: StatisticsRow): void {
  const step = period.stepSeconds
  db.query<unknown, (string | number)[]>(ADD).run(appId, step, at, ...values)
  for (const label of labels) db.query(ADD_LABEL).run({ appId, step, at, ...label })
}

const valuesOf = (cells: Cells): Values => SERIES_NAMES.map((name) => cells[name]!)

const stepOf = (cells: Cells, labels: readonly LabelCount[]): StoredStep => ({
  at: cells['at']!,
  values: valuesOf(cells),
  labels,
})
