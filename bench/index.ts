/**
 * The bench: `bun run bench --help` lists what it can do. Fails when a round fails or proves a defect;
 * a missed target is only marked, since a busy machine misses it too.
 */
import { QUESTIONS } from './lib/catalogue'
import { parseCommandLine, UsageError } from './lib/command-line'
import { helpText } from './lib/help'
import { endWithBench } from './lib/processes'
import { runBench } from './lib/run'
import { runAutocannon } from './autocannon'
import { compareRuns } from './compare'
import { publishRun } from './publish'
import { writeReport } from './report'
import { runSoak } from './soak'

type Command = (args: readonly string[]) => readonly string[] | Promise<readonly string[]>

/** COMMANDS: all that is not a run. Each returns the reasons for which it failed. */
const COMMANDS: Readonly<Record<string, Command>> = {
  report: writeReport,
  publish: publishRun,
  compare: compareRuns,
  autocannon: runAutocannon,
  soak: runSoak,
  help: helpText,
}

const args = process.argv.slice(2)
const failures = await main()
for (const failure of failures) process.stderr.write(`bench: ${failure}\n`)
process.exit(failures.length === 0 ? 0 : 1)

async function main(): Promise<readonly string[]> {
  const command = args.includes('--help') ? helpText : COMMANDS[args[0] ?? '']
  try {
    endWithBench()
    if (command) return await command(args.slice(1))
    const options = parseCommandLine(args, Object.keys(QUESTIONS))
    return await runBench(options, args)
  } catch (cause) {
    if (cause instanceof UsageError) return [cause.message]
    return [cause instanceof Error ? cause.message : String(cause)]
  }
}
