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

const NOTES = [
  { level: 'info', of: namesFromFiles },
  { level: 'warn', of: alteredByFiles },
  { level: 'warn', of: cutByFiles },
  { level: 'warn', of: inQuotes },
  { level: 'info', of: aliasesUsed },
  { level: 'info', of: serviceVariables },
  { level: 'warn', of: unreadNames },
  { level: 'warn', of: unknownSettings },
] as const

const READ = [...SETTING_NAMES, ...aliasNames(SECRETS)]
const SECRET_NAMES = [...SECRETS, ...aliasesOf(SECRETS)]

const brought = (env: Environment, files: readonly EnvFile[]) =>
  broughtBy(files, env, { known: READ, secrets: SECRET_NAMES })

function namesFromFiles(env: Environment, files: readonly EnvFile[]): string[] {
  return brought(env, files).map(
    ({ path, names }) => `${names.join(', ')}: from ${path}, which the runtime reads at its start`,
  )
}

function alteredByFiles(env: Environment, files: readonly EnvFile[]): string[] {
  return brought(env, files)
    .filter(({ altered }) => altered.length > 0)
    .map(
      ({ path, altered }) =>
        `${altered.join(', ')}: not what ${path} says, where a $ begins the name of a variable, in quotes too; write \\$ for the sign`,
    )
}

function cutByFiles(env: Environment, files: readonly EnvFile[]): string[] {
  return brought(env, files)
    .filter(({ cut }) => cut.length > 0)
    .map(
      ({ path, cut }) =>
        `${cut.join(', ')}: ends where ${path} has a #, which begins a comment; quotes keep it`,
    )
}

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
