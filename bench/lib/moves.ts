/**
 * MOVE_COLUMNS: what docs/moving.md shows of each way to move, out of the published runs.
 */
import { MOVED_FROM, MOVES } from '../move'
import { groupDigits } from './crowds'
import type { BenchRecord } from './records'
import { figureAt, type Place } from './statistics'

type MoveColumn = {
  readonly title: string
  /** They are added up. */
  readonly keys: readonly string[]
  readonly show: (value: number) => string
}

const seconds = (value: number): string => `${value.toFixed(value < 0.1 ? 2 : 1)} s`
const count = (value: number): string => groupDigits(value, value > 0 && value < 10 ? 1 : 0)

const MOVE_COLUMNS: readonly MoveColumn[] = [
  { title: 'A page is away', keys: ['gapP50Ms'], show: (ms) => seconds(ms / 1000) },
  { title: 'All are back after', keys: ['seconds'], show: seconds },
  { title: 'Events that a page misses', keys: ['missedPerPage'], show: count },
  { title: 'Twice or out of order', keys: ['repeated', 'misordered'], show: count },
  { title: 'Lost after its subscribe', keys: ['broken'], show: count },
]

const placeOf = ({ label }: { readonly label: string }): Place => ({
  question: 'move',
  case: label,
  side: MOVED_FROM,
})

export const MOVE_TITLES: readonly string[] = ['Way', ...MOVE_COLUMNS.map(({ title }) => title)]

/** True for what a row shows. */
export const isMoved = ({ question, case: label, side }: Place): boolean =>
  question === 'move' && side === MOVED_FROM && MOVES.some((row) => row.label === label)

/** A line of each way. */
export const listMoves = (records: readonly BenchRecord[]): readonly (readonly string[])[] =>
  MOVES.map((row) => [
    row.label,
    ...MOVE_COLUMNS.map(({ keys, show }) => {
      const figures = keys.map((key) => figureAt(records, placeOf(row), key)?.median ?? NaN)
      const sum = figures.reduce((all, each) => all + each, 0)
      return Number.isNaN(sum) ? 'not measured' : show(sum)
    }),
  ])
