/**
 * Records: one JSON line per round and side, with all that is needed to know what was measured and
 * where. They are appended to `bench/results/DATE.jsonl`.
 */
import { appendFileSync, mkdirSync } from 'node:fs'
import { arch, availableParallelism, cpus, release } from 'node:os'
import { join } from 'node:path'
import type { Side } from './app'
import type { LoadOutcome } from './load'
import { pinned } from './processes'
import type { BenchCase } from './question'

const FOLDER = join(import.meta.dir, '../results')

export type Play<Case extends BenchCase, Outcome extends LoadOutcome> = {
  readonly question: string
  readonly case: Case
  readonly side: Side
  /** From 1. */
  readonly round: number
  readonly outcome: Outcome
}

/** The same for all lines of a run. */
export function surroundings() {
  return {
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      kernel: release(),
      arch: arch(),
    },
    pinned: pinned(),
    bun: Bun.version,
    commit: commit(),
  }
}

type Surroundings = ReturnType<typeof surroundings>

export function writeRecord(play: Play<BenchCase, LoadOutcome>, around: Surroundings): void {
  const at = new Date().toISOString()
  const { question, side, round } = play
  const { label, ...settings } = play.case
  const record = { at, question, case: label, side, round, ...settings, ...play.outcome, ...around }
  mkdirSync(FOLDER, { recursive: true })
  appendFileSync(recordsFile(at), `${JSON.stringify(record)}\n`)
}

const recordsFile = (at: string): string => join(FOLDER, `${at.slice(0, 10)}.jsonl`)

/** With `-dirty` when files differ from it. */
function commit(): string {
  const command = ['git', 'describe', '--always', '--dirty', '--exclude', '*']
  const git = Bun.which('git') && Bun.spawnSync(command, { cwd: import.meta.dir, stderr: 'ignore' })
  return (git && git.stdout.toString().trim()) || 'unknown'
}
