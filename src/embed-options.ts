/**
 * Options of a server inside another program: settings by the names that the code has for them, typed. They are
 * checked as the environment is, with the same rows, and every mistake is reported at once.
 */
import { ALL_SETTINGS, ConfigError, LIMIT_SETTINGS, readConfig, SETTINGS } from './config/config'
import type { Config } from './config/config'
import { readFileConfig, type FileConfig } from './config/config-file'
import { findNear } from './config/near-misses'
import type { Limits } from './core/limits'
import type { Log } from './core/types'
import type { AnyPlugin, AppConfig } from './plugin'

/** Those that an environment, a program or a log of its own needs. */
type Elsewhere = 'configFile' | 'logLevel' | 'workers' | 'limits' | 'adminListen'

type Settings = Omit<Config, Elsewhere> & Limits & { readonly adminListen: string }

/**
 * All are optional. Settings are those of docs/settings.md without their prefix: `CARILLON_DRAIN_SECONDS` is
 * `drainSeconds`, `PUSHER_APP_KEY` is `appKey`, and so on.
 */
export type ServeOptions = {
  readonly [Name in keyof Settings]?: Settings[Name] | undefined
} & {
  /** Apps as a configuration file has them, in place of the published one of development. */
  readonly apps?: readonly AppConfig[] | undefined
  /** Their hooks run in this order. Without, there are none: no limit of rates, no check of origins. */
  readonly plugins?: readonly AnyPlugin[] | undefined
  /** Receives each line of the log, such as `console`. Without, nothing is written. */
  readonly log?: Log | undefined
}

/** What a server in this process is built from. */
export type EmbedParts = FileConfig & { readonly config: Config; readonly log: Log }

/** A free port and a database in memory, since several run at once and leave nothing behind. */
const DEFAULTS = { port: 0, databasePath: ':memory:' }

const OWN_OPTIONS = ['apps', 'plugins', 'log']
const LEVELS = ['debug', 'info', 'warn', 'error'] as const
const SILENT = Object.fromEntries(LEVELS.map((level) => [level, () => undefined])) as Record<
  (typeof LEVELS)[number],
  () => undefined
>

const NOT_HERE: readonly string[] = ['configFile', 'logLevel', 'workers']
/** The variable of each option that is a setting. */
const ENV_BY_NAME: ReadonlyMap<string, string> = new Map(
  [
    ...Object.entries(SETTINGS),
    ...LIMIT_SETTINGS.map(({ name, setting }) => [name, setting] as const),
  ]
    .filter(([name]) => !NOT_HERE.includes(name))
    .map(([name, { env }]) => [name, env]),
)
const NAME_BY_ENV = new Map(Array.from(ENV_BY_NAME, ([name, env]) => [env, name]))
const KNOWN = [...ENV_BY_NAME.keys(), ...OWN_OPTIONS]

/** Reads the options. @throws ConfigError with every mistake */
export function readOptions(options: ServeOptions): EmbedParts {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new ConfigError(['expected an object with options, like { port: 6001 }'])
  const { apps, plugins, log = SILENT, ...settings } = options
  const mistakes = Object.keys(settings).flatMap(unknownMistake)
  if (!LEVELS.every((level) => typeof log?.[level] === 'function'))
    mistakes.push(`log: expected an object with the methods ${LEVELS.join(', ')}`)
  const collect = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause
      mistakes.push(...cause.mistakes.map(inOptions))
      return undefined
    }
  }
  const environment = { ...environmentOf(DEFAULTS), ...environmentOf(settings) }
  const config = collect(() => readConfig(environment))
  const content = collect(() => readFileConfig({ apps, plugins }, 'serve'))
  if (!config || !content || mistakes.length > 0) throw new ConfigError(mistakes)
  return { ...content, config, log }
}

function unknownMistake(name: string): string[] {
  if (ENV_BY_NAME.has(name)) return []
  const meant = NAME_BY_ENV.get(name) ?? findNear(name, KNOWN, 3)
  return [`${name} is no option${meant === undefined ? '' : `; did you mean ${meant}?`}`]
}

/** The settings among the options as the environment would have them. What is undefined or empty is not set. */
function environmentOf(settings: Readonly<Record<string, unknown>>): Record<string, string> {
  const given = Object.entries(settings).flatMap(([name, value]) => {
    const env = ENV_BY_NAME.get(name)
    const text = value === undefined ? '' : textOf(value)
    return env === undefined || text === '' ? [] : [[env, text] as const]
  })
  return Object.fromEntries(given)
}

/** A list of texts is separated by commas; what else has parts is JSON. */
function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((part) => typeof part === 'string'))
    return value.join(',')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const ENVIRONMENT_NAMES = new RegExp(
  `\\b(?:${ALL_SETTINGS.map(({ env }) => env).join('|')})\\b`,
  'g',
)

/** A mistake of the environment, in the names of the options. */
export const inOptions = (mistake: string): string =>
  mistake.replace(ENVIRONMENT_NAMES, (env) => NAME_BY_ENV.get(env) ?? env)
