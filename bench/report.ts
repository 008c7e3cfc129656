/**
 * `bun run bench report`: the page of one or several runs, and the targets as Markdown.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writePage } from './lib/page'
import { formatTargets } from './lib/published'
import { findNewestFile, readRecords, RESULTS } from './lib/records'
import { ROOT } from './lib/sides'

/** Several runs are shown as one: what one of them lacks comes from another. */
export function writeReport(given: readonly string[]): readonly string[] {
  const newest = findNewestFile(RESULTS)
  const runs = given.length > 0 ? given : newest === undefined ? [] : [newest]
  if (runs.length === 0) return ['nothing was played yet: bun run bench quick']
  const records = runs.flatMap((run) => [...readRecords(run)])
  const file = join(RESULTS, 'report.html')
  writeFileSync(file, writePage(records))
  console.log(formatTargets(records))
  process.stderr.write(`\nThe page is ${file.slice(ROOT.length + 1)}\n`)
  return []
}
