/**
 * Notes: lines that the start logs about its environment.
 */
import { aliasesOf, aliasNames, withAliases } from './aliases'
import { SECRETS, SETTING_NAMES } from './config'
import { settingsFrom, type EnvFile } from './env-files'
import { serviceVariables, withoutServices } from './kubernetes'
import { nearMisses } from './near-misses'
import type { Environment } from './setting'
import { unreadNames } from './unread'

type Note = { readonly level: 'info' | 'warn'; readonly message: string }

/**
 * All notes; a warning is about a value that is probably not the one that was meant. `files` are those that
 * the runtime has read, the one with precedence first.
 */
export function notes(env: Environment, files: readonly EnvFile[] = []): Note[] {
  return NOTES.flatMap(({ level, of }) => of(env, files).map((message) => ({ level, message })))
}

const READ = [...SETTING_NAMES, ...aliasNames(SECRETS)]
const SECRET_NAMES = [...SECRETS, ...aliasesOf(SECRETS)]

/** Makes a line for each file that settings of a kind are from. */
const inFiles =
  (kind: 'names' | 'altered' | 'cut', describe: (path: string) => string) =>
  (env: Environment, files: readonly EnvFile[]): string[] =>
    settingsFrom(files, env, { known: READ, secrets: SECRET_NAMES }).flatMap((settings) => {
      const names = settings[kind]
      return names.length > 0 ? `${names.join(', ')}: ${describe(settings.path)}` : []
    })

const NOTES = [
  {
    level: 'info',
    of: inFiles('names', (path) => `from ${path}, which the runtime reads at its start`),
  },
  {
    level: 'warn',
    of: inFiles(
      'altered',
      (path) =>
        `differs from ${path}, where a $ begins the name of a variable, in quotes too; write \\$ for the sign`,
    ),
  },
  {
    level: 'warn',
    of: inFiles('cut', (path) => `ends at a # in ${path}, where a comment begins; quotes keep it`),
  },
  { level: 'warn', of: quotedValues },
  { level: 'info', of: aliasesUsed },
  { level: 'info', of: serviceVariables },
  { level: 'warn', of: unreadNames },
  { level: 'warn', of: unknownSettings },
] as const

/** One line for each value in quotes: Docker's `--env-file` keeps them, which shells and other readers drop. */
function quotedValues(env: Environment): string[] {
  const names = READ.filter((name) => /^(["'`]).*\1$/s.test(env[name] ?? ''))
  return names.map((name) => `${name}: its quotes are a part of the value`)
}

/** One line for each setting that was found under another server's name. */
function aliasesUsed(env: Environment): string[] {
  return Array.from(
    withAliases(env, SECRETS).foundAs,
    ([name, alias]) => `${alias} is read as ${name}`,
  )
}

/** One line for each misspelt setting, with the nearest one. */
function unknownSettings(env: Environment): string[] {
  return nearMisses(Object.keys(withoutServices(env)), READ)
}
