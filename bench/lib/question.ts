/**
 * Question: what a bench asks, as a table of cases. Each case is played by a load process against
 * each side and against the yardstick; the figure is what they are compared by.
 */
import type { Side } from './app'
import type { LoadOutcome } from './load'

export type BenchCase = {
  readonly label: string
  /** The least ratio to the yardstick that is good enough; undefined where none was set. */
  readonly target?: number | undefined
}

export type Column<Outcome> = {
  readonly title: string
  readonly of: (outcome: Outcome) => number
  readonly digits: number
}

export type Question<Case extends BenchCase, Outcome extends LoadOutcome> = {
  readonly name: string
  /** The script of the load process, in `bench/lib`. */
  readonly load: string
  readonly cases: readonly Case[]
  readonly smokeCases: readonly Case[]
  /** Who is asked, and whom they are compared with. */
  readonly sides: readonly Side[]
  readonly yardstick: Side
  /** More is better; its ratio is the result. */
  readonly figure: Column<Outcome>
  readonly columns: readonly Column<Outcome>[]
  /** Why an outcome proves a defect, whatever its figures are. */
  readonly defect: (outcome: Outcome) => string | undefined
}

/** Columns that every question has. */
export const COMMON_COLUMNS: readonly Column<LoadOutcome>[] = [
  { title: 'p50 ms', of: (outcome) => outcome.p50Ms, digits: 2 },
  { title: 'p99 ms', of: (outcome) => outcome.p99Ms, digits: 2 },
  { title: 'max ms', of: (outcome) => outcome.maxMs, digits: 2 },
  { title: 'RSS MiB', of: (outcome) => outcome.serverRssMib, digits: 0 },
  { title: 'server %', of: (outcome) => outcome.serverCpuPercent, digits: 0 },
  { title: 'load %', of: (outcome) => outcome.loadCpuPercent, digits: 0 },
]
