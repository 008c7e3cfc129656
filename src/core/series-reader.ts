/** Reads a time series a page at a time. An app has a point wherever the server has one: of a step without a row it goes on as before. */
import { carried, NO_VALUES, PERIODS, stepAt, type PeriodName, type Values } from './series'
import { SERVER, type StatisticsStore, type StoredStep } from './statistics'

/** Steps that are read at a time: a millisecond. */
const STEPS_PER_PAGE = 64

/** The beginning of the first step of the period that ends now. */
export const firstStepOf = (period: PeriodName, now: number): number =>
  stepAt(now - PERIODS[period].keptSeconds * 1000, PERIODS[period])

type Asked = {
  readonly period: PeriodName
  readonly now: number
  /** Only points that begin then or later; epoch milliseconds. */
  readonly since?: number
}

/** Returns the next points each time, at last none. */
export function readSeries(
  store: Pick<StatisticsStore, 'read' | 'lastValues'>,
  appId: string,
  { period: name, now, since = 0 }: Asked,
): () => readonly StoredStep[] {
  const period = PERIODS[name]
  const first = Math.max(since, firstStepOf(name, now))
  let after = first - 1
  let values: Values | undefined
  return () => {
    const range = { period, after, until: now, limit: STEPS_PER_PAGE }
    const steps = store.read(SERVER, range)
    const last = steps.at(-1)
    if (!last || appId === SERVER) {
      after = last?.at ?? after
      return steps
    }
    values ??= store.lastValues(appId, first - 1) ?? NO_VALUES
    const own = new Map(
      store
        .read(appId, { ...range, until: last.at, limit: Number.MAX_SAFE_INTEGER })
        .map((step) => [step.at, step]),
    )
    after = last.at
    return steps.map(({ at }) => {
      const step = own.get(at) ?? { at, values: carried(values!), labels: [] }
      values = step.values
      return step
    })
  }
}
