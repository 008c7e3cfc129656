/** `bun run conformance`: drives a server and says what it does as documented. See README.md. */
import { Receiver } from './clients/receiver'
import { HELP, readCommandLine, UsageError, type Options } from './command-line'
import { GROUPS } from './groups'
import { findObstacle } from './reach'
import { play } from './run'
import { countAll, listCases, toDocument, toLines, type Score } from './scorecard'
import { isHere, redact, type Target } from './target'

/** EXITS: what scripts are told. */
const EXITS = { passed: 0, failed: 1, impossible: 2 } as const

/** Back to the start of the line, which is erased. */
const LINE_START = '\r\u001b[K'

const print = (lines: readonly string[]): void => console.log(lines.join('\n'))
/** For people, beside what is printed. */
const tell = (text: string): boolean => process.stderr.write(text)

/** Says why there is no card. */
function giveUp(reason: string): number {
  tell(`conformance: ${reason}\n`)
  return EXITS.impossible
}

async function main(args: readonly string[]): Promise<number> {
  const names = GROUPS.map(({ name }) => name)
  try {
    const command = readCommandLine(args, process.env, names)
    if (command.kind === 'help') print([HELP])
    else if (command.kind === 'list') print(listCases(GROUPS))
    return command.kind === 'run' ? await run(command) : EXITS.passed
  } catch (error) {
    if (error instanceof UsageError) return giveUp(`${error.message}; see --help`)
    throw error
  }
}

async function run(options: Options): Promise<number> {
  const { target, webhooks } = options
  warn(target)
  const obstacle = await findObstacle(target)
  if (obstacle !== undefined) return giveUp(redact(obstacle, target))
  const receiver = webhooks === undefined ? undefined : listen(target, webhooks)
  if (receiver === null)
    return giveUp(`port ${webhooks} of 127.0.0.1 cannot be listened to: is it in use?`)
  try {
    const score = await judge(options, receiver)
    const hasColours = process.stdout.isTTY === true && !process.env['NO_COLOR']
    if (options.isJson) print([JSON.stringify(toDocument(score), null, 2)])
    else print(toLines(score, { hasColours, isVerbose: options.isVerbose }))
    return countAll(score.groups).failed === 0 ? EXITS.passed : EXITS.failed
  } finally {
    await receiver?.stop()
  }
}

/** Says to whom connections are made, before the first one. */
function warn(target: Target): void {
  const note = isHere(target)
    ? ''
    : ' It is not on this machine: make sure that it is yours to test.'
  tell(`Connecting to ${target.url} some hundred times, app ${target.appId}.${note}\n\n`)
}

/** Null where that cannot be. */
function listen(target: Target, port: number): Receiver | null {
  try {
    return new Receiver(target, port)
  } catch {
    return null // a port that is in use, or one that needs rights
  }
}

async function judge(options: Options, receiver: Receiver | undefined): Promise<Score> {
  const { target, only, besides, seconds } = options
  const [at, start] = [new Date().toISOString(), performance.now()]
  const isWatched = process.stderr.isTTY === true
  let count = 0
  const groups = await play(GROUPS, {
    target,
    seconds,
    receiver,
    onResult: () => isWatched && tell(`${LINE_START}${++count} cases played`),
    isAsked: ({ name, asked }) =>
      only.length > 0 ? only.includes(name) : asked === undefined || besides.includes(name),
  })
  if (isWatched) tell(LINE_START)
  return { target, at, seconds: (performance.now() - start) / 1000, groups }
}

process.exit(await main(process.argv.slice(2)))
