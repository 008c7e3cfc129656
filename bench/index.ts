/**
 * The bench: `bun run bench --help` says what it can do. Fails when a round fails or proves a defect;
 * a missed target is only marked, since a busy machine misses it too.
 */
import { QUESTIONS } from './lib/catalogue'
import { readWords, UsageError } from './lib/command-line'
import { help } from './lib/help'
import { endWithBench } from './lib/processes'
import { runBench } from './lib/run'
import { autocannon } from './autocannon'
import { compareRuns } from './compare'
import { publish } from './publish'
import { report } from './report'
import { soak } from './soak'

type Command = (words: readonly string[]) => readonly string[] | Promise<readonly string[]>

/** What can be done besides playing; each returns why it failed. */
const COMMANDS: Readonly<Record<string, Command>> = {
  report,
  publish,
  compare: compareRuns,
  autocannon,
  soak,
  help,
}

const given = process.argv.slice(2)
const failures = await main()
for (const failure of failures) process.stderr.write(`bench: ${failure}\n`)
process.exit(failures.length === 0 ? 0 : 1)

async function main(): Promise<readonly string[]> {
  const command = given.includes('--help') ? help : COMMANDS[given[0] ?? '']
  try {
    endWithBench()
    if (command) return await command(given.slice(1))
    const words = readWords(given, Object.keys(QUESTIONS))
    return await runBench(words, given)
  } catch (cause) {
    if (cause instanceof UsageError) return [cause.message]
    return [cause instanceof Error ? cause.message : String(cause)]
  }
}
