/**
 * Question: one question of the bench, as a table of cases. Each case is played by a load process against
 * each subject and each yardstick; the figure is what they are compared by.
 */
import type { Buckets } from './histogram'
import type { Side } from './sides'

export type BenchCase = {
  readonly label: string
  /** The sides of the case, where it is not all that the question names. */
  readonly sides?: readonly Side[]
  /** Seconds of its own, for what is slower than others to show itself. */
  readonly seconds?: number
}

/** What a play found: numbers by name, NaN where nothing is known. */
export type Outcome = Readonly<Record<string, number | Buckets>>

export type Column = {
  readonly title: string
  /** The field of the outcome. */
  readonly key: string
  readonly digits: number
}

export type Figure = Column & { readonly better: 'more' | 'less' }

/** One play in its own processes. */
export type Turn = {
  readonly row: BenchCase
  readonly side: Side
  readonly seconds: number
  readonly onProgress: ((perSecond: number) => void) | undefined
}

export type Question = {
  readonly name: string
  /** The question as a sentence, for newcomers. */
  readonly asks: string
  readonly play: (turn: Turn) => Promise<Outcome>
  /** The most rounds that are played, where fewer are enough. */
  readonly rounds?: number
  readonly cases: readonly BenchCase[]
  /** A few seconds each, for `quick`. */
  readonly quickCases: readonly BenchCase[]
  /** A moment each, to see that it runs. */
  readonly smokeCases: readonly BenchCase[]
  readonly subjects: readonly Side[]
  readonly yardsticks: readonly Side[]
  readonly figure: Figure
  readonly columns: readonly Column[]
  /** Counts that prove a defect, whatever the figures are: they must be 0. */
  readonly faults: readonly string[]
  /** A count of what was measured: without any, nothing was. */
  readonly counted: string
}

/** Columns that every load has. */
export const LATENCY_COLUMNS: readonly Column[] = [
  { title: 'p50 ms', key: 'p50Ms', digits: 2 },
  { title: 'p99 ms', key: 'p99Ms', digits: 2 },
]
export const USAGE_COLUMNS: readonly Column[] = [
  { title: 'RSS MiB', key: 'serverRssMib', digits: 0 },
  { title: 'server CPU %', key: 'serverCpuPercent', digits: 0 },
  { title: 'load CPU %', key: 'loadCpuPercent', digits: 0 },
]

/** Reads a number of an outcome, or of a record, in which NaN is null. */
export function readNumber(outcome: Readonly<Record<string, unknown>>, key: string): number {
  const value = outcome[key]
  return typeof value === 'number' ? value : NaN
}

/** Why an outcome proves a defect. */
export function findDefect({ faults, counted }: Question, outcome: Outcome): string | undefined {
  const found = faults.filter((key) => readNumber(outcome, key) !== 0)
  if (found.length > 0) return found.map((key) => `${readNumber(outcome, key)} ${key}`).join(', ')
  return readNumber(outcome, counted) > 0 ? undefined : `no ${counted}`
}
