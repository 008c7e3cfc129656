/**
 * `carillon check-config`: what a server would be started with, or every mistake in it. Nothing is started; the
 * configuration file is loaded, as a server loads it.
 */
import { relative } from 'node:path'
import { formatAddress } from '../config/admin-settings'
import { withAliases } from '../config/aliases'
import {
  ConfigError,
  LIMIT_SETTINGS,
  readConfig,
  SECRETS,
  SETTING_NAMES,
  SETTINGS,
  type Config,
} from '../config/config'
import { providedApps } from '../config/credentials'
import { envFiles, settingsFrom } from '../config/env-files'
import { recognise } from '../config/foreign'
import { notes } from '../config/notes'
import { fileVariable } from '../config/secret-files'
import type { Environment } from '../config/setting'
import type { ListenAddress } from '../core/addresses'
import { isRecord } from '../core/json'
import { JSON_OPTION, type Around, type CommandRow } from './command'
import type { Surroundings } from './surroundings'
import { EXITS, usageError } from './exits'
import { describeImport, explain } from './explain'
import { printWhole } from './import/report'
import { readSource } from './import/source-file'

export const CHECK_CONFIG: CommandRow = {
  name: 'check-config',
  about: 'check the settings, and print what a server would use',
  details:
    'Exits with 1 and a line for each mistake: the variable and what is expected. Secrets are not shown. With a file: what each name in it is here, also where it was written for soketi, Reverb or Pusher.',
  arguments: [['[file]', 'an environment file to explain, - is standard input']],
  options: [['--all', 'print the settings that have their defaults, too'], JSON_OPTION],
  examples: [
    ['check-config', 'before a restart'],
    ['check-config --all --json', 'every setting by its variable'],
    ['check-config .env', 'what each name of a file is here, of another server too'],
  ],
  run: async (given, around) => {
    const file = given.argument(0)
    if (file !== '') return await explainFile(file, around)
    const { terminal, env, folder } = around
    const { mistakes, warnings, rows } = await checkConfig({ env, folder })
    const shown = rows.filter(({ source }) => given.has('all') || source !== DEFAULT)
    if (terminal.isJson)
      terminal.json({
        mistakes,
        warnings,
        settings: Object.fromEntries(shown.map(({ variable, value }) => [variable, value])),
      })
    else {
      for (const line of [...warnings, ...mistakes, ...foreignFiles(around)]) terminal.note(line)
      if (mistakes.length === 0) printSettings(shown, around)
    }
    return mistakes.length === 0 ? EXITS.done.code : EXITS.failed.code
  },
}

async function explainFile(file: string, around: Around): Promise<void> {
  const { terminal } = around
  const source = await readSource(file, around)
  if (/^\s*[[{]/.test(source.text))
    throw usageError(`${file} is no environment file; \`carillon import\` reads JSON, too`)
  const { whose, lines, isMostlyOdd } = explain(source)
  if (isMostlyOdd) throw usageError(`${file} is no environment file: few lines are NAME=value`)
  if (terminal.isJson) return terminal.json({ whose: whose ?? null, lines })
  printWhole(
    terminal,
    lines.map(({ place, name, here }) => [[place, name], [here]]),
  )
  if (whose) terminal.note(describeImport(whose, file))
}

/** A line for each file of this folder that was written for another server. */
function foreignFiles({ env, folder }: Around): string[] {
  return envFiles(folder, process.execArgv, env).flatMap(({ path, values }) => {
    const foreign = recognise(values)
    return foreign ? describeImport(foreign.name, relative(folder, path)) : []
  })
}

type SettingRow = {
  readonly variable: string
  readonly value: string
  /** Where it is from: another variable, a file, the environment. */
  readonly source: string
}

type Checked = {
  readonly mistakes: readonly string[]
  readonly warnings: readonly string[]
  /** None where there are mistakes. */
  readonly rows: readonly SettingRow[]
}

/** Checks all that a start checks before it opens the database. */
export async function checkConfig({
  env,
  folder,
}: Pick<Surroundings, 'env' | 'folder'>): Promise<Checked> {
  const files = envFiles(folder, process.execArgv, env)
  const warnings = notes(env, files).flatMap(({ level, message }) =>
    level === 'warn' ? message : [],
  )
  try {
    const config = readConfig(env)
    const { loadConfigFile } = await import('../config/config-file') // loads what plugins may import
    const { apps, plugins, path, isOwn } = await loadConfigFile(config.configFile, folder)
    const provided = providedApps(config, apps)
    const own = [
      { variable: 'plugins', value: plugins.map(({ name }) => name).join(',') },
      { variable: 'apps', value: provided.map(({ id }) => id).join(',') },
    ].map((row) => ({
      ...row,
      source: path === undefined || isOwn ? OWN_FILE : relative(folder, path),
    }))
    return { mistakes: [], warnings, rows: [...settingRows(config, env, folder), ...own] }
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    return { mistakes: cause.mistakes, warnings, rows: [] }
  }
}

const DEFAULT = 'default'
const OWN_FILE = "the server's own"
const HIDDEN = '(hidden)'

/** Every setting, as it is read. */
function settingRows(config: Config, env: Environment, folder: string): SettingRow[] {
  const sources = sourcesOf(env, folder)
  const row = (variable: string, value: unknown, isSecret = false): SettingRow => ({
    variable,
    value: isSecret && sources.has(variable) ? HIDDEN : showSetting(value),
    source: sources.get(variable) ?? DEFAULT,
  })
  return [
    ...Object.entries(SETTINGS).map(([name, { env: variable, secret }]) =>
      row(variable, config[name as keyof typeof SETTINGS], secret),
    ),
    ...LIMIT_SETTINGS.map(({ name, setting }) => row(setting.env, config.limits[name])),
  ]
}

function showSetting(value: unknown): string {
  if (Array.isArray(value)) return value.map(showSetting).join(',')
  return isRecord(value) ? formatAddress(value as ListenAddress) : String(value ?? '')
}

/** Where each setting is from that is set at all. */
function sourcesOf(env: Environment, folder: string): ReadonlyMap<string, string> {
  const { env: own, foundAs } = withAliases(env, SECRETS)
  const files = settingsFrom(envFiles(folder, process.execArgv, env), env, {
    known: SETTING_NAMES,
    secrets: SECRETS,
  })
  const fileOf = new Map(
    files.flatMap(({ path, names }) => names.map((name) => [name, relative(folder, path)])),
  )
  const sourceOf = (name: string): string => foundAs.get(name) ?? fileOf.get(name) ?? 'environment'
  const isSet = (name: string): boolean => Boolean(own[name])
  return new Map(
    SETTING_NAMES.flatMap((name) => {
      const file = fileVariable(name)
      if (isSet(name)) return [[name, sourceOf(name)] as const]
      return isSet(file) ? [[name, foundAs.get(file) ?? file] as const] : []
    }),
  )
}

function printSettings(rows: readonly SettingRow[], { terminal }: Around): void {
  terminal.table(
    [{ title: 'VARIABLE' }, { title: 'VALUE' }, { title: 'FROM' }],
    rows.map(({ variable, value, source }) => [variable, value, source]),
    'every setting has its default',
  )
}
