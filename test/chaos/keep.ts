/** Keeps what a run has left for whoever reads it afterwards. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Outcome } from './run'

/** Writes journal, logs and verdict to a folder, and returns its path. */
export function keepOutcome({ journal, wrongs, logs }: Outcome): string {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-chaos-'))
  const lines = journal.map((entry) => JSON.stringify(entry))
  writeFileSync(join(folder, 'journal.jsonl'), lines.join('\n'))
  writeFileSync(join(folder, 'logs.txt'), logs)
  writeFileSync(join(folder, 'wrongs.json'), JSON.stringify(wrongs, null, 2))
  return folder
}
