/**
 * Notes: what the start says of the environment that it was given, one line each.
 */
import { aliasesOf, aliasNames, withAliases } from './aliases'
import { SECRETS, SETTING_NAMES } from './config'
import { broughtBy, type EnvFile } from './env-files'
import { serviceVariables, withoutServices } from './kubernetes'
import { nearMisses } from './near-misses'
import type { Environment } from './setting'
import { unreadNames } from './unread'

type Note = { readonly level: 'info' | 'warn'; readonly text: string }

/**
 * Notes of all kinds; a warning is about what is probably not as somebody meant it. `files` are those that the
 * runtime has read, the one that counts most first.
 */
export function notes(env: Environment, files: readonly EnvFile[] = []): Note[] {
  return NOTES.flatMap(({ level, of }) => of(env, files).map((text) => ({ level, text })))
}

const READ = [...SETTING_NAMES, ...aliasNames(SECRETS)]
const SECRET_NAMES = [...SECRETS, ...aliasesOf(SECRETS)]

/** A line for each file that has brought some of those. */
const inFiles =
  (which: 'names' | 'altered' | 'cut', says: (path: string) => string) =>
  (env: Environment, files: readonly EnvFile[]): string[] =>
    broughtBy(files, env, { known: READ, secrets: SECRET_NAMES }).flatMap((brought) => {
      const names = brought[which]
      return names.length > 0 ? `${names.join(', ')}: ${says(brought.path)}` : []
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
        `not what ${path} says, where a $ begins the name of a variable, in quotes too; write \\$ for the sign`,
    ),
  },
  {
    level: 'warn',
    of: inFiles(
      'cut',
      (path) => `ends where ${path} has a #, which begins a comment; quotes keep it`,
    ),
  },
  { level: 'warn', of: inQuotes },
  { level: 'info', of: aliasesUsed },
  { level: 'info', of: serviceVariables },
  { level: 'warn', of: unreadNames },
  { level: 'warn', of: unknownSettings },
] as const

/** Docker's `--env-file` takes quotes for a part of the value, which shells and other readers of such files take off. */
function inQuotes(env: Environment): string[] {
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

/** One line for each name that somebody meant for a setting, with its nearest neighbour. */
function unknownSettings(env: Environment): string[] {
  return nearMisses(Object.keys(withoutServices(env)), READ)
}
