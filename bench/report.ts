/**
 * `bun run bench report`: the tables of a run.
 */
import { questionNamed } from './lib/catalogue'
import { newestFile, readRecords } from './lib/records'
import { table, targetTable } from './lib/table'

export function report([run = newestFile()]: readonly string[]): readonly string[] {
  if (run === undefined) return ['nothing was played yet: bun run bench quick']
  const records = readRecords(run)
  for (const name of new Set(records.map(({ question }) => question)))
    console.log(`${table(questionNamed(name), records)}\n`)
  console.log(targetTable(records))
  return []
}
