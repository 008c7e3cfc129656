/**
 * Command: one row of COMMANDS, what it may be given, and the options that many share.
 */
import type { Client } from './client'
import type { Given, Surroundings } from './surroundings'
import type { Terminal } from './terminal'

/** `[name, about]`: `<slug>` is needed, `[event]` is not, `<channel...>` may be several. */
export type ArgumentRow = readonly [name: string, about: string]
/** `[flags, about]`: `--url <url>` has a value, `--set <field=value...>` may be repeated. */
export type OptionRow = readonly [flags: string, about: string]

/** A command line without `carillon`, and what it does. */
type Example = readonly [line: string, about: string]

export type CommandRow = {
  /** Its words, as they are typed: `apps create`. */
  readonly name: string
  /** One line, without a full stop. */
  readonly about: string
  readonly details?: string
  readonly arguments?: readonly ArgumentRow[]
  readonly options?: readonly OptionRow[]
  /** Command lines without `carillon`, and what each does. */
  readonly examples: readonly [Example, ...Example[]]
  /** Resolves with how it ended, where that is not 0. @throws CommandError */
  readonly run: (given: Given, around: Around) => Promise<number | void>
}

export type Around = Surroundings & {
  readonly terminal: Terminal
  /** The server, found on first use. @throws CommandError where credentials are missing */
  readonly client: Client
}

export const JSON_OPTION: OptionRow = ['--json', 'print JSON']

/** How the server and the admin are found. No option takes a secret: `ps` would show it to everybody. */
export const SERVER_OPTIONS: readonly OptionRow[] = [
  ['--url <url>', 'the server (CARILLON_URL)'],
  [
    '--token-file <file>',
    'a file with a token of the admin API, - is standard input (CARILLON_TOKEN)',
  ],
  JSON_OPTION,
]

/** The same for an app's own API. */
export const APP_OPTIONS: readonly OptionRow[] = [
  ['--app <slug>', 'slug or id of the app, which the admin API is asked for (PUSHER_URL)'],
  ...SERVER_OPTIONS,
]

export const DATABASE_OPTION: OptionRow = [
  '--database <file>',
  'work on the database file of a server that does not run',
]
