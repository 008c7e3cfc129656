/**
 * `bun run bench publish [RUN ...]`: keeps runs as the published ones, and writes their tables into README.md,
 * bench/README.md, docs/sizing.md and docs/moving.md. Without a name it takes the newest run that was not published; where
 * there is none it writes the tables of the published one anew.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findDefects, judgeAll } from './lib/judge'
import {
  formatDigest,
  formatExample,
  formatHeadlines,
  formatMoves,
  formatSizing,
  formatTargets,
} from './lib/published'
import { findNewestFile, readRecords, RESULTS, type BenchRecord } from './lib/records'
import { ROOT } from './lib/sides'
import { nameTarget } from './lib/table'

/** Each block of a file, between `<!-- bench NAME -->` and `<!-- /bench NAME -->`, and what it shows. */
export const BLOCKS = [
  ['README.md', 'headlines', formatHeadlines],
  ['bench/README.md', 'digest', formatDigest],
  ['bench/README.md', 'targets', formatTargets],
  ['docs/sizing.md', 'sizing', formatSizing],
  ['docs/sizing.md', 'chat', formatExample('chat')],
  ['docs/sizing.md', 'waiting', formatExample('waiting')],
  ['docs/moving.md', 'move', formatMoves],
] as const

export function publishRun(given: readonly string[]): readonly string[] {
  const newest = findNewestFile(RESULTS)
  const runs = given.length > 0 ? given : newest === undefined ? [] : [newest]
  const records = runs.flatMap((run) => [...readRecords(run)])
  const defects = findDefects(records)
  if (records.length === 0) return ['nothing was played yet: bun run bench targets']
  if (defects.length > 0) return [...defects, 'what loses messages is not published']
  keep(records)
  for (const [file, name, show] of BLOCKS) {
    const path = join(ROOT, file)
    writeFileSync(path, replaceBlock(readFileSync(path, 'utf8'), name, show(records)))
  }
  const files = [...new Set(BLOCKS.map(([file]) => file))]
  Bun.spawnSync([process.execPath, 'fmt', ...files], { cwd: ROOT, stdout: 'ignore' })
  console.log(
    `Written: ${files.join(', ')}. What was missed is to be explained in bench/README.md:`,
  )
  for (const { target, verdict } of judgeAll(records))
    if (verdict === 'missed') console.log(`- ${nameTarget(target)}`)
  return []
}

/** One file, without what no chart of several rounds shows. */
function keep(records: readonly BenchRecord[]): void {
  const day = records
    .map(({ at }) => at.slice(0, 10))
    .toSorted()
    .at(-1)!
  const lines = records.map((record) => JSON.stringify(pickFields(record)))
  const before = readdirSync(RESULTS).filter((file) => file.startsWith('published-'))
  for (const file of before) rmSync(join(RESULTS, file))
  writeFileSync(join(RESULTS, `published-${day}.jsonl`), `${lines.join('\n')}\n`)
}

/** Histograms are merged at fixed rates only; the quantiles stay. */
export function pickFields(record: BenchRecord): object {
  const { latency, ...rest } = record
  return record.question === 'fanout' && / at \d/.test(record.case) ? { ...rest, latency } : rest
}

/** A text with another content of a block. @throws Error where it has none of that name */
export function replaceBlock(before: string, name: string, content: string): string {
  const [start, end] = [`<!-- bench ${name} -->`, `<!-- /bench ${name} -->`]
  const [from, to] = [before.indexOf(start), before.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`there is no block ${start}`)
  return `${before.slice(0, from)}${start}\n\n${content}\n\n${before.slice(to)}`
}
