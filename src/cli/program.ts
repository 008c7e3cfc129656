/**
 * The program as the parser of command lines knows it: made of COMMANDS, it refuses what is unknown, guesses what was
 * meant, and shows help.
 */
import { Command, CommanderError } from 'commander'
import { toSafe } from './text'
import { EXITS } from './exits'
import { COMMANDS, GROUPS } from './commands'
import type { CommandRow } from './command'
import { Given } from './surroundings'

/** A row and what it was given, or the text that answers in its place. */
export type Parsed =
  | { readonly row: CommandRow; readonly given: Given }
  | { readonly help: string }
  /** One line; secrets that were typed are not in it. */
  | { readonly mistake: string }

const HELP_COLUMNS = 80

/** Reads a command line. */
export function parseArguments(given: readonly string[]): Parsed {
  const args = given[0] === 'help' ? toHelp(given.slice(1)) : given
  const found: { parsed?: Parsed } = {}
  const printed: string[] = []
  const program = buildProgram(
    (parsed) => (found.parsed = parsed),
    (text) => printed.push(text),
  )
  try {
    program.parse([...args], { from: 'user' })
  } catch (cause) {
    if (!(cause instanceof CommanderError)) throw cause
    if (cause.code === 'commander.help' && cause.exitCode !== 0)
      return { mistake: describeChoices(args) }
    if (cause.exitCode !== 0) return { mistake: describeMistake(cause, args) }
  }
  return found.parsed ?? { help: printed.join('') }
}

/** `help apps list` is `apps list --help`. Words that are no command stay, and are refused. */
const toHelp = (words: readonly string[]): readonly string[] =>
  words.length > 0 && wordsOf(words).length === 0 ? words : [...words, '--help']

/** Builds the parser. */
function buildProgram(onParsed: (parsed: Parsed) => void, write: (text: string) => void): Command {
  const program = new Command('carillon')
    .description('Carillon, a realtime push server: serves, and talks to a server that runs.')
    .usage('COMMAND [options]')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show the help of a command')
    .exitOverride()
    .configureOutput({
      writeOut: write,
      writeErr: write,
      outputError: () => undefined,
      getOutHelpWidth: () => HELP_COLUMNS,
      getErrHelpWidth: () => HELP_COLUMNS,
    })
    .addHelpText('after', PROGRAM_NOTES)
  const groups = new Map(
    Object.entries(GROUPS).map(([name, about]) => [
      name,
      program
        .command(name)
        .summary(about)
        .description(`${capitalize(about)}.`),
    ]),
  )
  for (const row of COMMANDS) {
    const [first = '', second] = row.name.split(' ')
    const command =
      second === undefined ? program.command(first) : groups.get(first)!.command(second)
    describe(command, row)
    command.action((...values: unknown[]) => {
      const given = new Given(values.slice(0, -2) as Given['args'], toLongNames(command))
      onParsed({ row, given })
    })
  }
  return program
}

function describe(command: Command, { about, details, examples, ...row }: CommandRow): void {
  command
    .summary(about)
    .description([`${capitalize(about)}.`, details].filter(Boolean).join('\n\n'))
  for (const [name, text] of row.arguments ?? []) command.argument(name, text)
  for (const [flags, text] of row.options ?? []) {
    const isRepeated = flags.endsWith('...>')
    // The parser's own lists take all that follows, arguments too.
    if (isRepeated) command.option(flags.replace('...>', '>'), text, collect)
    else command.option(flags, text)
  }
  const lines = examples.map(([line, text]) => `  $ carillon ${line}\n      ${text}`)
  command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`)
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
]

/** By the names that were typed: `token-file`, and not `tokenFile`. */
const toLongNames = (command: Command): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    command.options.map((option) => [
      option.name(),
      command.getOptionValue(option.attributeName()),
    ]),
  )

const capitalize = (text: string): string => text[0]!.toUpperCase() + text.slice(1)

const PROGRAM_NOTES = `
Without a command it serves, as \`carillon serve\` does.

The server is found by --url, CARILLON_URL, PUSHER_URL, else by the settings that
it was started with (PORT, HOST), also from .env; the admin by CARILLON_TOKEN,
else by PUSHER_ADMIN_USERNAME and PUSHER_ADMIN_PASSWORD.

Exit codes:
${Object.values(EXITS)
  .map(({ code, about }) => `  ${code}  ${about}`)
  .join('\n')}`

// ---------------------------------------------------------------- mistakes

/** The parser's message on one line: without `error:`, and without the value of an option, which may be a secret. */
function describeMistake({ message, code }: CommanderError, args: readonly string[]): string {
  const help = `\`carillon ${[...wordsOf(args), '--help'].join(' ')}\` shows what there is`
  if (code === 'commander.excessArguments') {
    const count = message.match(/Expected \d+ arguments? but got \d+/)?.[0] ?? message
    return `too many arguments: ${count.toLowerCase()}; ${help}`
  }
  const [first = '', guess = ''] = message.replace(/^error: /, '').split('\n')
  const what = toSafe(first.replace(/^(unknown option '[^=]*)=[^]*/, "$1'"))
  return guess === '' ? `${what}; ${help}` : `${what} ${guess.replace('(Did', '(did')}`
}

const describeChoices = (args: readonly string[]): string => {
  const [group = ''] = wordsOf(args)
  const names = COMMANDS.filter(({ name }) => name.startsWith(`${group} `)).map(({ name }) =>
    name.slice(group.length + 1),
  )
  return `${group} needs one of ${names.join(', ')}; \`carillon ${group} --help\` tells what they do`
}

/** The words of the command that was meant. */
function wordsOf([first = '', second = '']: readonly string[]): readonly string[] {
  if (COMMANDS.some(({ name }) => name === `${first} ${second}`)) return [first, second]
  const isKnown = first in GROUPS || COMMANDS.some(({ name }) => name === first)
  return isKnown ? [first] : []
}
