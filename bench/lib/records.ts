/**
 * Records: one JSON line per play, with all that is needed to know what was measured and where. A
 * run is one file, `bench/results/TIME.jsonl`; reports and comparisons read nothing else.
 */
import {
  accessSync,
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
} from 'node:fs'
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import type { Busyness } from './machine'
import { isPinned } from './pinning'
import type { Play } from './rounds'
import { ROOT, readInstalledVersions, type Side } from './sides'

export const RESULTS = join(ROOT, 'bench/results')

/** The same for all lines of a run. */
export type Surroundings = {
  readonly run: string
  /** The words of the command. */
  readonly command: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGib: number
  /** Undefined in older runs, which were Linux's. */
  readonly system?: string
  readonly kernel: string
  readonly arch: string
  readonly pinned: boolean
  readonly bun: string
  readonly node: string
  /** By the names of the others, `none` where one is not installed; runs before 2026-11-28 have a `soketi`. */
  readonly versions: Readonly<Record<string, string>>
  readonly commit: string
}

/** A line: the outcome's fields stand beside these. NaN is null. */
export type BenchRecord = Surroundings & {
  readonly at: string
  readonly question: string
  readonly case: string
  readonly side: Side
  readonly round: number
  readonly [figure: string]: unknown
}

export function describeSurroundings(args: readonly string[]): Surroundings {
  return {
    run: new Date().toISOString().slice(0, 19).replaceAll(':', ''),
    command: ['bun run bench', ...args].join(' '),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: type(),
    kernel: release(),
    arch: arch(),
    pinned: isPinned(),
    bun: Bun.version,
    node: readOutput('node', '--version'),
    versions: readInstalledVersions(),
    commit: readOutput('git', 'describe', '--always', '--dirty', '--exclude', '*'),
  }
}

/** @param busyness what the machine did meanwhile */
export function recordOf(play: Play, around: Surroundings, busyness: Busyness): BenchRecord {
  const { question, side, round, outcome } = play
  const { label } = play.case
  return {
    ...outcome,
    ...around,
    ...busyness,
    at: new Date().toISOString(),
    question,
    case: label,
    side,
    round,
  }
}

/** Makes sure that records can be kept, before half an hour is spent on them. @throws Error */
export function prepareRecords(): void {
  mkdirSync(RESULTS, { recursive: true })
  accessSync(RESULTS, constants.W_OK)
}

export function writeRecord(record: BenchRecord): void {
  appendFileSync(fileOf(record.run), `${JSON.stringify(record)}\n`)
}

export const fileOf = (run: string): string => join(RESULTS, `${run}.jsonl`)

/** The newest run of this machine; a published one where there is none, or it is wanted. Undefined without any. */
export function findNewestFile(folder: string, wanted?: 'published'): string | undefined {
  const files = existsSync(folder) ? readdirSync(folder) : []
  const runs = files.filter((file) => file.endsWith('.jsonl')).toSorted()
  const own = runs.filter((file) => !file.startsWith('published'))
  const newest = (wanted ? undefined : own.at(-1)) ?? runs.at(-1)
  return newest && join(folder, newest)
}

/** A file, or the name of one in `bench/results` with or without its ending. @throws Error */
export function readRecords(name: string): readonly BenchRecord[] {
  const places = [name, `${name}.jsonl`, join(RESULTS, name), join(RESULTS, `${name}.jsonl`)]
  const file = places.find((place) => place.endsWith('.jsonl') && existsSync(place))
  if (file === undefined)
    throw new Error(`there is no run ${name}: expected a file of bench/results`)
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  if (lines.length === 0) throw new Error(`there is nothing in ${file}`)
  return lines.map((line, index) => parseRecord(line, `line ${index + 1} of ${file}`))
}

const TEXTS = [
  'run',
  'command',
  'at',
  'question',
  'case',
  'side',
  'cpu',
  'kernel',
  'commit',
] as const

/** @throws Error for what no bench has written */
function parseRecord(line: string, where: string): BenchRecord {
  try {
    const record = JSON.parse(line) as Partial<BenchRecord> | null
    const isWhole = TEXTS.every((key) => typeof record?.[key] === 'string')
    if (isWhole && typeof record?.round === 'number') return record as BenchRecord
  } catch {
    // SyntaxError: the line was cut short
  }
  throw new Error(`${where} is no record of a bench`)
}

/** What a program answers; `none` where it is not installed. */
function readOutput(program: string, ...args: readonly string[]): string {
  if (!Bun.which(program)) return 'none'
  const { stdout } = Bun.spawnSync([program, ...args], { cwd: ROOT, stderr: 'ignore' })
  return stdout.toString().trim() || 'none'
}
