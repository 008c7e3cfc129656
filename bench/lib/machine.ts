/**
 * What else the machine did while a play took place: its load average, the time that its host took
 * away, and the time that others took. Of a busy machine no target is called met or missed.
 */
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { groupDigits } from './crowds'
import { readAllowedCpus } from './pinning'
import { readNumber } from './question'
import { spreadOf } from './statistics'

/** Shares are of the CPUs that the bench uses; NaN where the system has no figures. */
export type Busyness = {
  /** The load average of the last minute, the bench's own work included. */
  readonly loadAverage: number
  readonly stealPercent: number
  /** The share of whatever is not the bench. */
  readonly othersPercent: number
}

/** Time in hundredths of a second, of some CPUs. */
export type Ticks = { readonly all: number; readonly busy: number; readonly steal: number }

/** BUSY: shares above which figures depend more on the machine than on a server: a fifth of a CPU of two. */
export const BUSY = { stealPercent: 5, othersPercent: 10 } as const

/** A load average per CPU with which it is not worth to begin. */
const CALM_PER_CPU = 0.5

/** Begins to watch; the result ends it. `alien` are the ticks of servers that are no children of ours. */
export function watchMachine(countAlienTicks: () => number = () => 0): () => Busyness {
  const before = look(countAlienTicks)
  return () => {
    const after = look(countAlienTicks)
    const shares = before && after && computeShares(before, after)
    return { loadAverage: loadavg()[0]!, ...(shares ?? { stealPercent: NaN, othersPercent: NaN }) }
  }
}

type Look = { readonly machine: Ticks; readonly own: number }

export function computeShares(before: Look, after: Look): Omit<Busyness, 'loadAverage'> {
  const all = after.machine.all - before.machine.all
  const busy = after.machine.busy - before.machine.busy
  const percent = (ticks: number): number => (all > 0 ? (100 * Math.max(0, ticks)) / all : 0)
  return {
    stealPercent: percent(after.machine.steal - before.machine.steal),
    othersPercent: percent(busy - (after.own - before.own)),
  }
}

const [STAT, OWN_STAT] = ['/proc/stat', '/proc/self/stat']

function look(countAlienTicks: () => number): Look | undefined {
  if (!existsSync(STAT)) return undefined
  const machine = parseTicks(readFileSync(STAT, 'utf8'), readAllowedCpus().slice(0, 2))
  return { machine, own: parseOwnTicks(readFileSync(OWN_STAT, 'utf8')) + countAlienTicks() }
}

/** Parses the ticks of `/proc/stat`: `cpu0 user nice system idle iowait irq softirq steal ...`; of all where none is named. */
export function parseTicks(stat: string, cpus: readonly number[]): Ticks {
  const names = cpus.length > 0 ? cpus.map((cpu) => `cpu${cpu}`) : ['cpu']
  const lines = stat.split('\n').map((line) => line.split(/\s+/))
  const sum = (columns: readonly number[]): number =>
    lines
      .filter(([name]) => names.includes(name!))
      .flatMap((line) => columns.map((column) => Number(line[column] ?? 0)))
      .reduce((all, one) => all + one, 0)
  return { all: sum([1, 2, 3, 4, 5, 6, 7, 8]), busy: sum([1, 2, 3, 6, 7]), steal: sum([8]) }
}

/** Parses `/proc/self/stat`: user and system time of this process and of its children that have ended. */
export function parseOwnTicks(stat: string): number {
  const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return afterName.slice(11, 15).reduce((all, one) => all + Number(one), 0)
}

type Record = Readonly<{ [figure: string]: unknown }>

/** The median busyness of some plays; undefined when no record has it. */
export function summarizeBusyness(records: readonly Record[]): Busyness | undefined {
  const usual = (key: keyof Busyness): number =>
    spreadOf(records.map((record) => readNumber(record, key)))?.median ?? NaN
  const found = {
    loadAverage: usual('loadAverage'),
    stealPercent: usual('stealPercent'),
    othersPercent: usual('othersPercent'),
  }
  return Number.isNaN(found.loadAverage) ? undefined : found
}

/** True where the machine was too busy during these plays. Records without its busyness are trusted. */
export const wasBusy = (records: readonly Record[]): boolean => {
  const usual = summarizeBusyness(records)
  return (
    usual !== undefined &&
    (usual.stealPercent > BUSY.stealPercent || usual.othersPercent > BUSY.othersPercent)
  )
}

/** Formats the busyness as a line, for the end of a run and for the page. Empty when no record has it. */
export function formatBusyness(records: readonly Record[]): string {
  const usual = summarizeBusyness(records)
  if (!usual) return ''
  const percent = (value: number): string => `${groupDigits(value, 1)} %`
  const steal = Number.isNaN(usual.stealPercent) ? '' : `, steal ${percent(usual.stealPercent)}`
  const others = Number.isNaN(usual.othersPercent)
    ? ''
    : `, others took ${percent(usual.othersPercent)} of the CPUs`
  return `Median of the plays: load average ${groupDigits(usual.loadAverage, 2)}${steal}${others}`
}

export const BUSY_NOTE = `The machine was busy (steal above ${BUSY.stealPercent} % or others above ${BUSY.othersPercent} % of the CPUs): figures say little, and no target is called met or missed`

/** Formats the line before a run; a machine that has just done something calms down in minutes. */
export function formatBeginning(load = loadavg()[0]!, cpus = availableParallelism()): string {
  const now = `Load average ${groupDigits(load, 2)} on ${cpus} CPUs`
  return load > CALM_PER_CPU * cpus ? `${now}: the machine is busy, wait until it is not` : now
}
