/** The command line of a run. */
import { parseArgs } from 'node:util'
import { makeTarget, type Target } from './target'

export type Options = {
  readonly target: Target
  /** Names of groups; empty for all that are not asked for apart. */
  readonly only: readonly string[]
  /** Names of groups that are played besides. */
  readonly besides: readonly string[]
  /** The port on 127.0.0.1 where webhooks are awaited. */
  readonly webhooks: number | undefined
  readonly seconds: number
  readonly isJson: boolean
  /** Shows cases that have passed, too. */
  readonly isVerbose: boolean
}

export type Command = { readonly kind: 'help' | 'list' } | ({ readonly kind: 'run' } & Options)

/** A command line that cannot be followed. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const HELP = `bun run conformance --url http://HOST:PORT --app-id ID --key KEY --secret SECRET

Drives a server that speaks the Pusher Channels protocol with real clients, and prints what it does as
documented and what it does not. It connects to the given address only: some 300 short connections and
200 requests in all, a few at a time, on channels and users whose names have "conformance" in them.

  --url URL         http:// or https://, with a path where the server is below one
  --app-id ID       or PUSHER_APP_ID in the environment
  --key KEY         or PUSHER_APP_KEY
  --secret SECRET   or PUSHER_APP_SECRET, which no list of processes shows
  --only A,B        plays these groups alone
  --with A,B        plays these besides: groups that are not played by themselves
  --webhooks PORT   plays webhooks besides; the app must send them to http://127.0.0.1:PORT
  --timeout N       seconds for a case (5)
  --verbose         shows what has passed, too
  --json            prints one JSON document
  --list            lists groups and cases, and connects to nothing

Exit code: 0 where all has passed, 1 where some has failed, 2 where it could not run.`

const OPTIONS = {
  url: { type: 'string' },
  'app-id': { type: 'string' },
  key: { type: 'string' },
  secret: { type: 'string' },
  only: { type: 'string', multiple: true },
  with: { type: 'string', multiple: true },
  webhooks: { type: 'string' },
  timeout: { type: 'string' },
  verbose: { type: 'boolean' },
  json: { type: 'boolean' },
  list: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

type Env = Readonly<Record<string, string | undefined>>
type Values = ReturnType<typeof parse>

/** Reads the arguments of a run; `known` are the names of groups. @throws UsageError */
export function readCommandLine(
  args: readonly string[],
  env: Env,
  known: readonly string[],
): Command {
  const values = parse(args)
  if (values.help) return { kind: 'help' }
  if (values.list) return { kind: 'list' }
  const only = readGroups('--only', values.only, known)
  const besides = readGroups('--with', values.with, known)
  if (values.webhooks === undefined && [...only, ...besides].includes('webhooks'))
    throw new UsageError('the group webhooks needs --webhooks PORT')
  return {
    kind: 'run',
    target: readTarget(values, env),
    only,
    besides: values.webhooks === undefined ? besides : [...besides, 'webhooks'],
    webhooks:
      values.webhooks === undefined ? undefined : readNumber('--webhooks', values.webhooks, 65_535),
    seconds: values.timeout === undefined ? 5 : readNumber('--timeout', values.timeout, 60),
    isJson: values.json === true,
    isVerbose: values.verbose === true,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, strict: true }).values
  } catch (error) {
    // What was given is not repeated: it may be a secret.
    const { code } = error as { code?: string }
    const name = args.find((arg) => /^--?[a-z-]+$/.test(arg) && !(arg.slice(2) in OPTIONS))
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && name !== undefined)
      throw new UsageError(`there is no option ${name}`)
    throw new UsageError(
      'these options cannot be read; each but --json, --list, --verbose takes a value',
    )
  }
}

function readTarget(values: Values, env: Env): Target {
  const given = {
    url: values.url,
    'app-id': values['app-id'] ?? env['PUSHER_APP_ID'],
    key: values.key ?? env['PUSHER_APP_KEY'],
    secret: values.secret ?? env['PUSHER_APP_SECRET'],
  }
  const missing = Object.entries(given).flatMap(([name, value]) => (value ? [] : `--${name}`))
  if (missing.length > 0) throw new UsageError(`${missing.join(', ')} must be given`)
  const [url = '', appId = '', key = '', secret = ''] = Object.values(given)
  try {
    return makeTarget(url, { appId, key, secret })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function readGroups(
  option: string,
  given: readonly string[] = [],
  known: readonly string[],
): readonly string[] {
  const names = given.flatMap((text) => text.split(',').map((name) => name.trim()))
  return names.map((name) => {
    const found = known.find((each) => each.toLowerCase() === name.toLowerCase())
    if (found === undefined)
      throw new UsageError(`${option} has no group of that name; there are ${known.join(', ')}`)
    return found
  })
}

function readNumber(option: string, text: string, max: number): number {
  const number = Number(text)
  if (/^\d+$/.test(text) && number >= 1 && number <= max) return number
  throw new UsageError(`${option} takes a whole number from 1 to ${max}`)
}
