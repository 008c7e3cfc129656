/**
 * FiguresText: what a node tells of an app, or of itself, in one line of JSON, without what is zero. Nodes of all
 * versions read it: what one does not know it passes over. What is none is refused.
 */
import { GAUGES, newTally, PEAKS, TALLIES, type Tallies } from '../../core/counters'
import { NO_BACKLOG, type Backlog } from '../../core/deliveries'
import { newFigures, type Figures } from '../../core/figures'
import { isRecord, parseRecord } from '../../core/json'

const MAX_CHARS = 100_000
const MAX_LABELS = 1000
const MAX_LABEL_CHARS = 256

type Numbers = Readonly<Record<string, number>>

/** Empty where there is nothing but zeros: 1 µs for an app that nobody uses, 4 µs for a busy one (Bun 1.4.5). */
export function writeFigures(figures: Figures): string {
  const { counters, tallies, gauges, subscriptionsByKind, backlog, peaks } = figures
  const told = {
    counters: presentIn(counters),
    tallies: presentTallies(tallies),
    gauges: presentIn(gauges),
    kinds: presentIn(subscriptionsByKind),
    backlog: backlog === NO_BACKLOG ? undefined : presentIn(backlog),
    peaks: presentIn(peaks),
  }
  return Object.values(told).some(Boolean) ? JSON.stringify(told) : ''
}

/** Those that are not zero; undefined where none is. */
function presentIn(numbers: Readonly<Record<string, number | null>>): Numbers | undefined {
  let found: Record<string, number> | undefined
  for (const name in numbers) {
    const value = numbers[name]
    if (value) (found ??= newTally())[name] = value
  }
  return found
}

function presentTallies(tallies: Tallies): Record<string, Numbers> | undefined {
  let found: Record<string, Numbers> | undefined
  for (const name in tallies) {
    const present = presentIn(tallies[name as keyof Tallies])
    if (present) (found ??= {})[name] = present
  }
  return found
}

/** Undefined for what is none. */
export function readFigures(text: string): Figures | undefined {
  if (text === '') return newFigures()
  const fields = text.length <= MAX_CHARS ? parseRecord(text) : undefined
  if (!fields) return undefined
  const { counters = {}, tallies = {}, gauges = {}, kinds = {}, backlog = {}, peaks = {} } = fields
  if (!isRecord(tallies) || ![counters, gauges, kinds, backlog, peaks].every(areNumbers))
    return undefined
  const read = newFigures()
  for (const name of Object.keys(TALLIES) as (keyof Tallies)[]) {
    const tally = tallies[name] ?? {}
    if (!areNumbers(tally)) return undefined
    Object.assign(read.tallies[name], tally)
  }
  return {
    counters: Object.assign(newTally(), counters),
    tallies: read.tallies,
    gauges: pick(GAUGES, gauges as Numbers),
    subscriptionsByKind: Object.assign(newTally(), kinds),
    backlog: readBacklog(backlog as Partial<Backlog>),
    peaks: pick(PEAKS, peaks as Numbers),
  }
}

function areNumbers(value: unknown): value is Numbers {
  if (!isRecord(value)) return false
  const all = Object.entries(value)
  return (
    all.length <= MAX_LABELS &&
    all.every(
      ([name, count]) =>
        name.length <= MAX_LABEL_CHARS && Number.isFinite(count) && (count as number) >= 0,
    )
  )
}

const pick = <Name extends string>(
  names: Readonly<Record<Name, unknown>>,
  numbers: Numbers,
): Record<Name, number> =>
  Object.fromEntries(Object.keys(names).map((name) => [name, numbers[name] ?? 0])) as Record<
    Name,
    number
  >

const readBacklog = (given: Partial<Backlog>): Backlog => {
  const { pending = 0, failing = 0, dead = 0, paused = 0, oldest = null } = given
  return { pending, failing, dead, paused, oldest }
}
