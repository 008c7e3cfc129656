/**
 * What is published of a run, as Markdown: every target, the digest, and the three
 * rows of it that stand in README.md.
 * Beside each ratio stands what both did: work per second, p50 and p99. No cell is empty.
 */
import { connectCase } from '../connect'
import { FAIRNESS_LABEL } from '../fairness'
import { presenceCase } from '../presence'
import { SPREAD_LABEL } from '../spread'
import { ONE_CHANNEL } from '../trigger'
import { questionNamed } from './catalogue'
import { atRate, crowd, grouped, labelOf, saturated } from './crowds'
import type { CrowdRow } from './crowd'
import { heading } from './heading'
import { judgeAll } from './judge'
import { BUSY_NOTE, busynessText, wasBusy } from './machine'
import type { BenchRecord } from './records'
import { OTHERS, sideNamed, type Side } from './sides'
import { figureAt, ratioOf, type Place } from './statistics'
import { spreadText, targetCells, type Cells } from './table'
import type { Target } from './targets'

export type DigestRow = {
  readonly title: string
  readonly question: string
  readonly label: string
  /** What is compared, where it is not the question's figure. */
  readonly key?: string
  /** Who else is asked, where it is not everybody, and why. */
  readonly only?: { readonly sides: readonly Side[]; readonly why: string }
  /** README.md shows it. */
  readonly isHeadline?: true
}

const fanout = (title: string, row: Partial<CrowdRow>, more: Partial<DigestRow> = {}) => ({
  title,
  question: 'fanout',
  label: labelOf(crowd(row)),
  ...more,
})

const CONNECTED = { question: 'connect', label: connectCase(10_000, 1).label } as const
const TOO_MUCH = {
  sides: ['bare'],
  why: 'a core of it does less than a million deliveries a second',
}

export const DIGEST: readonly DigestRow[] = [
  fanout('deliveries to 1 000 subscribers, 100 B, 4/4', saturated(4), { isHeadline: true }),
  fanout('to 1 000, 100 B, 16/16', saturated(16)),
  fanout('to 1 000, 100 B, one publish at a time', saturated(1)),
  fanout('to 1 000, 1 KiB, 4/4', { payloadBytes: 1024 }),
  fanout('to 10 000, 100 B, 4/4', { subscribers: 10_000 }),
  fanout('to 100, 100 B, 4/4', { subscribers: 100, ...saturated(4) }),
  fanout('p99 at 45 messages a second to 1 000', atRate(45), { key: 'p99Ms' }),
  fanout('p99 at 1 000 messages a second to 1 000', atRate(1000), { key: 'p99Ms', only: TOO_MUCH }),
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
    label: presenceCase(1000).label,
  },
  {
    title: 'p99 of a small channel beside a busy one of 8 000',
    question: 'fairness',
    label: FAIRNESS_LABEL,
  },
]

const SUBJECT = 'carillon'
const RIVAL = 'soketi'

/** Whether the digest shows a side of a case. */
export const isPublished = ({ question, case: label, side }: Place): boolean =>
  DIGEST.some(
    (row) => row.question === question && row.label === label && whyNot(row, side) === undefined,
  )

/** Why somebody is not asked for a row; undefined when it is. */
const whyNot = ({ question, only }: DigestRow, side: Side): string | undefined => {
  if (side === SUBJECT) return undefined
  if (!OTHERS.includes(side)) return 'it is no other server'
  const isLeftOut = only !== undefined && !only.sides.includes(side)
  return isLeftOut ? only.why : sideNamed(side).notAsked[question]
}

// ---------------------------------------------------------------- digest

/** A line per row, a column per server. */
export function digest(records: readonly BenchRecord[]): string {
  const sides = [SUBJECT, ...OTHERS]
  const lines = DIGEST.map((row) => [row.title, ...sides.map((side) => cellOf(row, side, records))])
  const titles = ['what', ...sides.map((side) => titleOf(side, records))]
  return `${markdownTable([titles, ...lines])}\n\n${whereOf(records)}`
}

/** What README.md shows: a few figures, and how many times those of the server that most come from. */
export function headlines(records: readonly BenchRecord[]): string {
  const lines = DIGEST.filter(({ isHeadline }) => isHeadline).map((row) => {
    const { question, label } = row
    const { key } = questionNamed(question).figure
    const at = (side: Side): Place => ({ question, case: label, side })
    const own = figureAt(records, at(SUBJECT), key)
    const ratio = ratioOf(records, [at(SUBJECT), at(RIVAL)], key)
    const figures = [own && rounded(own.median), ratio && spreadText(ratio, 1)]
    return [row.title, ...figures.map((text) => text ?? 'not measured')]
  })
  const titles = ['what', 'per second of CPU time', `times ${titleOf(RIVAL, records)}'s`]
  return `${markdownTable([titles, ...lines])}\n\n${whereOf(records)}`
}

function titleOf(side: Side, records: readonly BenchRecord[]): string {
  const versions = records.findLast((record) => record.versions)?.versions
  const version = versions?.[side] ?? ''
  return /^\d/.test(version) ? `${side} ${version}` : side
}

/** How many times as much Carillon does, and what this one does. */
function cellOf(row: DigestRow, side: Side, records: readonly BenchRecord[]): string {
  const { question, label, key = questionNamed(question).figure.key } = row
  const why = whyNot(row, side)
  if (why !== undefined) return `not asked: ${why}`
  const at = (who: Side): Place => ({ question, case: label, side: who })
  const own = figureAt(records, at(side), key)
  if (!own) return 'not measured'
  const ratio = side === SUBJECT ? undefined : ratioOf(records, [at(SUBJECT), at(side)], key)
  const times = ratio && `**${spreadText(ratio, 2)} times**`
  if (key === 'restingRssMib') return joined([times, `${grouped(own.median)} MiB`])
  const perCpu = key.endsWith('PerCpuSecond') && `${rounded(own.median)} per CPU-second`
  return joined([times, perCpu, ...didAt(at(side), records)])
}

const joined = (parts: readonly (string | false | undefined)[]): string =>
  parts.filter(Boolean).join('<br>')

/** `504 000/s` and `0.54 / 4.93 ms`, as far as they were measured. */
function didAt(place: Place, records: readonly BenchRecord[]): readonly string[] {
  const { columns } = questionNamed(place.question)
  const column = columns.find(({ title }) => title.endsWith('per second'))
  const rate = figureAt(records, place, column?.key ?? 'deliveriesPerSecond')
  const [p50, p99] = ['p50Ms', 'p99Ms'].map((key) => figureAt(records, place, key))
  return [
    ...(rate ? [`${rounded(rate.median)}/s`] : []),
    ...(p50 && p99 ? [`${millis(p50.median)} / ${millis(p99.median)} ms`] : []),
  ]
}

/** To three digits. */
const rounded = (value: number): string => grouped(Number(value.toPrecision(3)))
const millis = (value: number): string => grouped(value, value < 10 ? 2 : value < 100 ? 1 : 0)

// ---------------------------------------------------------------- targets

const TITLES: Cells = ['figure', 'reached', 'asked', 'verdict', 'Carillon', 'beside it']

/** Every target that was measured, and of which questions some were not. */
export function publishedTargets(records: readonly BenchRecord[]): string {
  const judged = judgeAll(records)
  const measured = judged.filter(({ verdict }) => verdict !== 'not measured')
  const lines = measured.map((each) => [...targetCells(each), ...besideCells(each.target, records)])
  const left = judged.filter(({ verdict }) => verdict === 'not measured')
  const questions = [...new Set(left.map(({ target }) => target.place.question))]
  const note = left.length > 0 ? `\n\nNot measured: targets of ${questions.join(', ')}.` : ''
  return `${markdownTable([TITLES, ...lines])}${note}\n\n${whereOf(records)}`
}

/** What the figure's two sides did; the second is an earlier self where it is compared with that. */
export function besideCells({ place, through }: Target, records: readonly BenchRecord[]): Cells {
  const did = (at: Place): string =>
    (at.question === '' ? [] : didAt(at, records)).join(', ') || 'no rate'
  if (!through) return [did(place), 'nobody']
  const who = through.side === place.side ? through.case : through.side
  return [did(place), `${who}: ${did(through)}`]
}

// ---------------------------------------------------------------- both

function markdownTable([titles, ...lines]: readonly Cells[]): string {
  const row = (cells: Cells): string => `| ${cells.join(' | ')} |`
  return [row(titles!), row(titles!.map(() => '---')), ...lines.map(row)].join('\n')
}

/** Where, when and how, of every run among the records. */
function whereOf(records: readonly BenchRecord[]): string {
  const runs = [...new Map(records.map((record) => [record.run, record])).values()]
  const commands = runs.map(({ at, command }) => `\`${command}\` on ${at.slice(0, 10)}`)
  const rounds = Math.max(...records.map(({ round }) => round))
  const busy = [busynessText(records), wasBusy(records) ? BUSY_NOTE : ''].filter(Boolean)
  const around = busy.map((text) => ` ${text}.`).join('')
  return `${heading(runs.at(-1)!)}. Medians of up to ${rounds} rounds: ${commands.join(', ')}.${around}`
}
