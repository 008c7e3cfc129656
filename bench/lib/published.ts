/**
 * What is published of a run, as Markdown: every target, the digest, and the three
 * rows of it that stand in README.md.
 * Beside each ratio stands what both did: work per second, p50 and p99. No cell is empty.
 */
import { makeConnectCase } from '../connect'
import { FAIRNESS_LABEL } from '../fairness'
import { makePresenceCase } from '../presence'
import { SPREAD_LABEL } from '../spread'
import { ONE_CHANNEL } from '../trigger'
import { findQuestion } from './catalogue'
import { publishAtRate, makeCrowd, groupDigits, labelOf, saturate } from './crowds'
import type { CrowdRow } from './crowd'
import { formatHeading } from './heading'
import { judgeAll } from './judge'
import { BUSY_NOTE, formatBusyness, wasBusy } from './machine'
import type { BenchRecord } from './records'
import { isMoved, listMoves, MOVE_TITLES } from './moves'
import { isSized, listSizing, readTaken } from './sizing'
import { EXAMPLES, listExample } from './sizing-examples'
import { isTargeted } from './targets'
import { OTHERS, findSide, type Side } from './sides'
import { figureAt, ratioOf, type Place } from './statistics'
import { formatSpread, formatTarget, type Cells } from './table'
import type { Target } from './target-rows'

export type DigestRow = {
  readonly title: string
  readonly question: string
  readonly label: string
  /** What is compared, where it is not the question's figure. */
  readonly key?: string
  /** The other sides of the row, where it is not all of them, and the reason. */
  readonly only?: { readonly sides: readonly Side[]; readonly reason: string }
  /** README.md shows it. */
  readonly isHeadline?: true
}

const fanout = (title: string, row: Partial<CrowdRow>, more: Partial<DigestRow> = {}) => ({
  title,
  question: 'fanout',
  label: labelOf(makeCrowd(row)),
  ...more,
})

const CONNECTED = { question: 'connect', label: makeConnectCase(10_000, 1).label } as const
const TOO_MUCH = {
  sides: ['bare'],
  reason: 'a core of it does less than a million deliveries a second',
}

export const DIGEST: readonly DigestRow[] = [
  fanout('deliveries to 1 000 subscribers, 100 B, 4/4', saturate(4), { isHeadline: true }),
  fanout('to 1 000, 100 B, 16/16', saturate(16)),
  fanout('to 1 000, 100 B, one publish at a time', saturate(1)),
  fanout('to 1 000, 1 KiB, 4/4', { payloadBytes: 1024 }),
  fanout('to 10 000, 100 B, 4/4', { subscribers: 10_000 }),
  fanout('to 100, 100 B, 4/4', { subscribers: 100, ...saturate(4) }),
  fanout('p99 at 45 messages a second to 1 000', publishAtRate(45), { key: 'p99Ms' }),
  fanout('p99 at 1 000 messages a second to 1 000', publishAtRate(1000), {
    key: 'p99Ms',
    only: TOO_MUCH,
  }),
  {
    title: 'signed triggers that nobody hears',
    question: 'trigger',
    label: ONE_CHANNEL.label,
    isHeadline: true,
  },
  {
    title: 'triggers, 5 000 connections over 1 000 channels',
    question: 'spread',
    label: SPREAD_LABEL,
  },
  { title: 'connections accepted and subscribed, 10 000', ...CONNECTED, isHeadline: true },
  { title: 'memory of the process with them, idle', key: 'restingRssMib', ...CONNECTED },
  {
    title: 'members that join a presence channel of 1 000 at once',
    question: 'presence',
    label: makePresenceCase(1000).label,
  },
  {
    title: 'p99 of a small channel beside a busy one of 8 000',
    question: 'fairness',
    label: FAIRNESS_LABEL,
  },
]

const SUBJECT = 'carillon'
const RIVAL = 'soketi'

/** True where the digest shows this side of this case. */
export const isPublished = ({ question, case: label, side }: Place): boolean =>
  DIGEST.some(
    (row) =>
      row.question === question && row.label === label && findExclusion(row, side) === undefined,
  )

/** Finds the reason for which a side is not in a row; undefined where it is. */
const findExclusion = ({ question, only }: DigestRow, side: Side): string | undefined => {
  if (side === SUBJECT) return undefined
  if (!OTHERS.includes(side)) return 'it is no other server'
  const isLeftOut = only !== undefined && !only.sides.includes(side)
  return isLeftOut ? only.reason : findSide(side).unsuited[question]
}

// ---------------------------------------------------------------- digest

/** A line per row, a column per server. */
export function formatDigest(all: readonly BenchRecord[]): string {
  const records = selectJudged(all)
  const sides = [SUBJECT, ...OTHERS]
  const lines = DIGEST.map((row) => [row.title, ...sides.map((side) => cellOf(row, side, records))])
  const titles = ['what', ...sides.map((side) => titleOf(side, records))]
  return `${formatMarkdownTable([titles, ...lines])}\n\n${whereOf(records)}`
}

/** Formats what README.md shows: a few figures, and how many times soketi's they are. */
export function formatHeadlines(all: readonly BenchRecord[]): string {
  const records = selectJudged(all)
  const lines = DIGEST.filter(({ isHeadline }) => isHeadline).map((row) => {
    const { question, label } = row
    const { key } = findQuestion(question).figure
    const at = (side: Side): Place => ({ question, case: label, side })
    const own = figureAt(records, at(SUBJECT), key)
    const ratio = ratioOf(records, [at(SUBJECT), at(RIVAL)], key)
    const figures = [own && roundFigure(own.median), ratio && formatSpread(ratio, 1)]
    return [row.title, ...figures.map((text) => text ?? 'not measured')]
  })
  const titles = ['what', 'per second of CPU time', `times ${titleOf(RIVAL, records)}'s`]
  return `${formatMarkdownTable([titles, ...lines])}\n\n${whereOf(records)}`
}

function titleOf(side: Side, records: readonly BenchRecord[]): string {
  const versions = records.findLast((record) => record.versions)?.versions
  const version = versions?.[side] ?? ''
  return /^\d/.test(version) ? `${side} ${version}` : side
}

/** How many times as much Carillon does, and what this one does. */
function cellOf(row: DigestRow, side: Side, records: readonly BenchRecord[]): string {
  const { question, label, key = findQuestion(question).figure.key } = row
  const reason = findExclusion(row, side)
  if (reason !== undefined) return `not asked: ${reason}`
  const at = (who: Side): Place => ({ question, case: label, side: who })
  const own = figureAt(records, at(side), key)
  if (!own) return 'not measured'
  const ratio = side === SUBJECT ? undefined : ratioOf(records, [at(SUBJECT), at(side)], key)
  const times = ratio && `**${formatSpread(ratio, 2)} times**`
  if (key === 'restingRssMib') return joinParts([times, `${groupDigits(own.median)} MiB`])
  const perCpu = key.endsWith('PerCpuSecond') && `${roundFigure(own.median)} per CPU-second`
  return joinParts([times, perCpu, ...describeFigures(at(side), records)])
}

const joinParts = (parts: readonly (string | false | undefined)[]): string =>
  parts.filter(Boolean).join('<br>')

/** `504 000/s` and `0.54 / 4.93 ms`, as far as they were measured. */
function describeFigures(place: Place, records: readonly BenchRecord[]): readonly string[] {
  const { columns } = findQuestion(place.question)
  const column = columns.find(({ title }) => title.endsWith('per second'))
  const rate = figureAt(records, place, column?.key ?? 'deliveriesPerSecond')
  const [p50, p99] = ['p50Ms', 'p99Ms'].map((key) => figureAt(records, place, key))
  return [
    ...(rate ? [`${roundFigure(rate.median)}/s`] : []),
    ...(p50 && p99 ? [`${formatMillis(p50.median)} / ${formatMillis(p99.median)} ms`] : []),
  ]
}

/** Rounds a figure to three digits. */
const roundFigure = (value: number): string => groupDigits(Number(value.toPrecision(3)))
const formatMillis = (value: number): string =>
  groupDigits(value, value < 10 ? 2 : value < 100 ? 1 : 0)

// ---------------------------------------------------------------- targets

const TITLES: Cells = ['figure', 'reached', 'asked', 'verdict', 'Carillon', 'beside it']

/** Every target that was measured, and of which questions some were not. */
export function formatTargets(all: readonly BenchRecord[]): string {
  const records = selectJudged(all)
  const judged = judgeAll(records)
  const measured = judged.filter(({ verdict }) => verdict !== 'not measured')
  const lines = measured.map((each) => [
    ...formatTarget(each),
    ...formatBeside(each.target, records),
  ])
  const left = judged.filter(({ verdict }) => verdict === 'not measured')
  const questions = [...new Set(left.map(({ target }) => target.place.question))]
  const note = left.length > 0 ? `\n\nNot measured: targets of ${questions.join(', ')}.` : ''
  return `${formatMarkdownTable([TITLES, ...lines])}${note}\n\n${whereOf(records)}`
}

/** What the figure's two sides did; the second is an earlier self where it is compared with that. */
export function formatBeside({ place, through }: Target, records: readonly BenchRecord[]): Cells {
  const did = (at: Place): string =>
    (at.question === '' ? [] : describeFigures(at, records)).join(', ') || 'no rate'
  if (!through) return [did(place), 'nobody']
  const who = through.side === place.side ? through.case : through.side
  return [did(place), `${who}: ${did(through)}`]
}

// ---------------------------------------------------------------- guides

/** What one of each takes, for docs/sizing.md. */
export function formatSizing(all: readonly BenchRecord[]): string {
  const records = selectRuns(all, isSized)
  const titles = ['what', 'takes', 'measured by']
  const lines = listSizing(records)
  return `${formatMarkdownTable([titles, ...lines])}\n\n${whereOf(records)}`
}

/** A machine of docs/sizing.md, out of what one of each takes. */
export const formatExample =
  (name: keyof typeof EXAMPLES) =>
  (records: readonly BenchRecord[]): string =>
    formatMarkdownTable([['what', 'is'], ...listExample(EXAMPLES[name], readTaken(records))])

/** What a page misses while its application moves, for docs/moving.md. */
export function formatMoves(all: readonly BenchRecord[]): string {
  const records = selectRuns(all, isMoved)
  return `${formatMarkdownTable([MOVE_TITLES, ...listMoves(records)])}\n\n${whereOf(records)}`
}

// ---------------------------------------------------------------- all

function formatMarkdownTable([titles, ...lines]: readonly Cells[]): string {
  const row = (cells: Cells): string => `| ${cells.join(' | ')} |`
  return [row(titles!), row(titles!.map(() => '---')), ...lines.map(row)].join('\n')
}

/** The records of the runs that have something of a table. */
function selectRuns(
  records: readonly BenchRecord[],
  isShown: (place: Place) => boolean,
): readonly BenchRecord[] {
  const shown = new Set(records.filter(isShown).map(({ run }) => run))
  return records.filter(({ run }) => shown.has(run))
}

/** Without the runs that are made for docs/sizing.md and docs/moving.md alone. */
const selectJudged = (records: readonly BenchRecord[]): readonly BenchRecord[] =>
  selectRuns(records, (place) => isTargeted(place) || isPublished(place))

/** Where, when and how, of every run among the records. */
function whereOf(records: readonly BenchRecord[]): string {
  if (records.length === 0) return 'Nothing of it was measured.'
  const runs = [...new Map(records.map((record) => [record.run, record])).values()]
  const commands = runs.map(({ at, command }) => `\`${command}\` on ${at.slice(0, 10)}`)
  const rounds = Math.max(...records.map(({ round }) => round))
  const busy = [formatBusyness(records), wasBusy(records) ? BUSY_NOTE : ''].filter(Boolean)
  const around = busy.map((text) => ` ${text}.`).join('')
  return `${formatHeading(runs.at(-1)!)}. Medians of up to ${rounds} rounds: ${commands.join(', ')}.${around}`
}
