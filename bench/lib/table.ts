/**
 * The tables at the end of a question: per case a line for each side with medians, and on the lines
 * of the yardsticks how many times as much the subject does.
 */
import { groupDigits } from './crowds'
import type { Column, Question } from './question'
import type { BenchRecord } from './records'
import type { Side } from './sides'
import { figureAt, ratioOf, type Place, type Spread } from './statistics'
import { judgeAll, type Judged } from './judge'
import type { Target } from './target-rows'

export type Cells = readonly string[]

/** Shares of one CPU: above the first a load is busy, below the second the server is not. Then the load paces it. */
const LIMIT = { loadPercent: 90, serverPercent: 95 }

export const LIMIT_NOTE =
  '* the load was the limit and not the server: rates and latencies are its own, figures per server-CPU-second still hold'

export function formatTable(question: Question, records: readonly BenchRecord[]): string {
  const lines = linesOf(question, records)
  const text = alignColumns([titlesOf(question), ...lines], 4)
  const isLimited = lines.some((line) => line.at(-1)!.endsWith('*'))
  return isLimited ? `${text}\n${LIMIT_NOTE}` : text
}

export const titlesOf = ({ figure, columns }: Question): Cells => [
  'case',
  'side',
  figure.title,
  'compared',
  ...columns.map(({ title }) => title),
]

export function linesOf(question: Question, records: readonly BenchRecord[]): readonly Cells[] {
  return casesOf(question, records).flatMap((label) => {
    const inCase = records.filter(
      (record) => record.question === question.name && record.case === label,
    )
    const sides = orderSides(question, inCase)
    return sides.map((side, index) => [
      index === 0 ? label : '',
      side,
      ...formatSide(question, { label, side }, inCase),
    ])
  })
}

/** Those that were played, in the question's order. */
export function casesOf(question: Question, records: readonly BenchRecord[]): readonly string[] {
  const own = records.filter((record) => record.question === question.name)
  const known = [...question.cases, ...question.quickCases].map(({ label }) => label)
  return [...new Set(own.map((record) => record.case))].toSorted(
    (a, b) => known.indexOf(a) - known.indexOf(b),
  )
}

/** Subjects first. */
export function orderSides(
  { subjects, yardsticks }: Question,
  records: readonly BenchRecord[],
): readonly Side[] {
  const played = [...new Set(records.map(({ side }) => side))]
  const known = [...subjects, ...yardsticks]
  const rank = (side: Side): number => known.indexOf(side) + (known.includes(side) ? 0 : 100)
  return played.toSorted((a, b) => rank(a) - rank(b))
}

type Row = { readonly label: string; readonly side: Side }

function formatSide(
  question: Question,
  { label, side }: Row,
  records: readonly BenchRecord[],
): Cells {
  const { name, figure, columns } = question
  const place = { question: name, case: label, side }
  const cell = (column: Column): string => {
    const spread = figureAt(records, place, column.key)
    const text = spread ? formatFigure(spread, column.digits) : '-'
    const isLimited = column.key === 'loadCpuPercent' && isLoadLimited(records, place)
    return text + (isLimited ? '*' : '')
  }
  const spread = figureAt(records, place, figure.key)
  return [
    spread ? formatFigure(spread, figure.digits) : '-',
    formatComparison(question, { label, side }, records),
    ...columns.map(cell),
  ]
}

/** True where the load paced the server. */
export function isLoadLimited(records: readonly BenchRecord[], place: Place): boolean {
  const load = figureAt(records, place, 'loadCpuPercent')
  const server = figureAt(records, place, 'serverCpuPercent')
  if (!load || !server) return false
  return load.median >= LIMIT.loadPercent && server.median < LIMIT.serverPercent
}

/** `carillon 1.77 x (1.70-1.81)`, on the line of a yardstick. */
function formatComparison(
  { name, figure, subjects }: Question,
  { label, side }: Row,
  records: readonly BenchRecord[],
): string {
  if (subjects.includes(side)) return ''
  return subjects
    .map((subject) => {
      const at = (who: Side) => ({ question: name, case: label, side: who })
      const ratio = ratioOf(records, [at(subject), at(side)], figure.key)
      return ratio ? `${subject} ${formatSpread(ratio, 2)} x` : ''
    })
    .filter(Boolean)
    .join('; ')
}

/** The median, and by how much rounds were off it at the most. */
function formatFigure({ median, min, max, rounds }: Spread, digits: number): string {
  const text = groupDigits(median, digits)
  if (rounds === 1 || median === 0) return text
  const off = Math.max(max - median, median - min) / median
  return `${text} ±${Math.round(off * 100)} %`
}

export function formatSpread({ median, min, max, rounds }: Spread, digits: number): string {
  const text = groupDigits(median, digits)
  return rounds === 1 ? text : `${text} (${groupDigits(min, digits)}-${groupDigits(max, digits)})`
}

// ---------------------------------------------------------------- targets

const TARGET_TITLES: Cells = ['target', 'reached', 'asked', '']

/** All targets that were measured; the others are counted. */
export function formatTargetTable(records: readonly BenchRecord[]): string {
  const judged = judgeAll(records)
  const measured = judged.filter(({ verdict }) => verdict !== 'not measured')
  const left = judged.length - measured.length
  const note = left > 0 ? `\n${left} of ${judged.length} targets were not measured` : ''
  return alignColumns([TARGET_TITLES, ...measured.map(formatTarget)], 4) + note
}

export function formatTarget({ target, reached, verdict }: Judged): Cells {
  return [
    nameTarget(target),
    reached ? formatReached(target, reached) : '-',
    formatBound(target),
    verdict,
  ]
}

/** Names a target, with the side that it is compared with where the figure does not name it. */
export function nameTarget({ figure, through, place }: Target): string {
  const isOther = through && through.side !== place.side && !figure.includes('times')
  return isOther ? `${figure}: times ${through.side}'s` : figure
}

const formatReached = ({ through, unit }: Target, reached: Spread): string =>
  through
    ? formatSpread(reached, 2)
    : `${formatSpread(reached, digitsOf(reached.median) && (reached.median < 100 ? 2 : 0))} ${unit ?? ''}`

/** `at least 19.5 (30 until 2026-11-22: another machine)`, `at most 11 ms (10 on 2026-11-28, and a tenth)`. */
export function formatBound({ bound, unit, changed, was }: Target): string {
  const text =
    'atLeast' in bound
      ? `at least ${bound.atLeast}`
      : `at most ${groupDigits(bound.atMost, digitsOf(bound.atMost))}`
  const before = changed ? ` (${changed.from} until ${changed.on}: ${changed.why})` : ''
  const then = was ? ` (${was.figure} on ${was.on}, and a tenth)` : ''
  return (unit ? `${text} ${unit}` : text) + before + then
}

const digitsOf = (value: number): number => (Number.isInteger(value) ? 0 : 2)

/** The first columns are text and begin together, the others are numbers and end together. */
function alignColumns(lines: readonly Cells[], textColumns: number): string {
  const width = (column: number): number =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  const widths = lines[0]!.map((_, column) => width(column))
  const pad = (cell: string, column: number): string =>
    column < textColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
  return lines.map((line) => line.map(pad).join('  ').trimEnd()).join('\n')
}
