/**
 * `bun run bench report`: the page of one or several runs, and the Markdown table for the README.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { heading } from './lib/heading'
import { page } from './lib/page'
import { newestFile, readRecords, RESULTS, type BenchRecord } from './lib/records'
import { ROOT } from './lib/sides'
import { targetCells } from './lib/table'
import { judgeAll } from './lib/judge'

/** Several runs are shown as one: what one of them lacks comes from another. */
export function report(given: readonly string[]): readonly string[] {
  const newest = newestFile(RESULTS)
  const runs = given.length > 0 ? given : newest === undefined ? [] : [newest]
  if (runs.length === 0) return ['nothing was played yet: bun run bench quick']
  const records = runs.flatMap((run) => [...readRecords(run)])
  const file = join(RESULTS, 'report.html')
  writeFileSync(file, page(records))
  console.log(markdown(records))
  process.stderr.write(`\nThe page is ${file.slice(ROOT.length + 1)}\n`)
  return []
}

/** What was reached of what was asked, and where. */
export function markdown(records: readonly BenchRecord[]): string {
  const judged = judgeAll(records)
  const lines = judged
    .filter(({ verdict }) => verdict !== 'not measured')
    .map((each) => `| ${targetCells(each).join(' | ')} |`)
  const { at, command } = records[0]!
  const head = ['| figure | reached | asked | |', '| --- | --- | --- | --- |']
  const where = `${heading(records[0]!)}; ${at.slice(0, 10)}; \`${command}\``
  return [...head, ...lines, '', where].join('\n')
}
