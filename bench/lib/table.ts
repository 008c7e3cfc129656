/**
 * The table at the end of a question: per case a line for each side with medians, and the ratio of
 * each to the yardstick as the median of the rounds' own ratios, least and greatest in brackets.
 */
import type { Side } from './app'
import type { LoadOutcome } from './load'
import type { BenchCase, Column, Question } from './question'
import type { Play } from './records'
import { spreadOf, type Spread } from './statistics'

type Cells = readonly string[]

export function table<Case extends BenchCase, Outcome extends LoadOutcome>(
  question: Question<Case, Outcome>,
  plays: readonly Play<Case, Outcome>[],
): string {
  const { figure, columns } = question
  const titles = ['case', 'side', `${figure.title} (min-max)`, ...columns.map(({ title }) => title)]
  const cases = [...new Set(plays.map((play) => play.case))]
  const lines = cases.flatMap((row) => {
    const own = plays.filter((play) => play.case === row)
    const { sides, yardstick } = question
    return [
      ...[...sides, yardstick].map((side) => sideLine(question, side, own)),
      ...sides.map((side) => ['', `${side} / ${yardstick}`, ratioText(question, side, own)]),
    ]
  })
  return aligned([titles, ...lines])
}

function sideLine<Case extends BenchCase, Outcome extends LoadOutcome>(
  { figure, columns, sides }: Question<Case, Outcome>,
  side: Side,
  plays: readonly Play<Case, Outcome>[],
): Cells {
  const own = plays.filter((play) => play.side === side)
  const spread = (column: Column<Outcome>): Spread =>
    spreadOf(own.map((play) => column.of(play.outcome)))
  const cells = columns.map((column) => grouped(spread(column).median, column.digits))
  const label = side === sides[0] ? (own[0]?.case.label ?? '') : ''
  return [label, side, spreadText(spread(figure), figure.digits), ...cells]
}

function ratioText<Case extends BenchCase, Outcome extends LoadOutcome>(
  question: Question<Case, Outcome>,
  side: Side,
  plays: readonly Play<Case, Outcome>[],
): string {
  const target = side === question.sides[0] ? plays[0]?.case.target : undefined
  const spread = spreadOf(ratios(question, side, plays))
  const text = spreadText(spread, 2)
  if (target === undefined) return text
  return `${text}  ${spread.median >= target ? 'pass' : 'FAIL'}: at least ${target}`
}

/** A side to the yardstick, round by round. */
function ratios<Case extends BenchCase, Outcome extends LoadOutcome>(
  { figure, yardstick }: Question<Case, Outcome>,
  side: Side,
  plays: readonly Play<Case, Outcome>[],
): readonly number[] {
  return plays
    .filter((play) => play.side === side)
    .map((play) => {
      const pair = plays.find((other) => other.round === play.round && other.side === yardstick)!
      return figure.of(play.outcome) / figure.of(pair.outcome)
    })
}

const spreadText = ({ median, min, max }: Spread, digits: number): string =>
  `${grouped(median, digits)} (${grouped(min, digits)}-${grouped(max, digits)})`

const grouped = (value: number, digits: number): string =>
  value
    .toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replaceAll(',', ' ')

/** The first three columns are text and begin together, the others are numbers and end together. */
function aligned(lines: readonly Cells[]): string {
  const width = (column: number): number =>
    Math.max(...lines.filter((line) => line.length > 3).map((line) => line[column]?.length ?? 0))
  const pad = (cell: string, column: number): string =>
    column < 3 ? cell.padEnd(width(column)) : cell.padStart(width(column))
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}
