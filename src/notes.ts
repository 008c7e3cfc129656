/**
 * Notes: what the start says of the environment that it was given, one line each.
 */
import { aliasNames, withAliases } from './aliases'
import { SECRETS, SETTING_NAMES } from './config'
import { serviceVariables, withoutServices } from './kubernetes'
import { nearMisses } from './near-misses'
import type { Environment } from './setting'

type Note = { readonly level: 'info' | 'warn'; readonly text: string }

/** Notes of all kinds; a warning is about what is probably not as somebody meant it. */
export function notes(env: Environment): Note[] {
  return NOTES.flatMap(({ level, of }) => of(env).map((text) => ({ level, text })))
}

const NOTES = [
  { level: 'info', of: aliasesUsed },
  { level: 'info', of: serviceVariables },
  { level: 'warn', of: unknownSettings },
] as const

/** One line for each setting that was found under another server's name. */
function aliasesUsed(env: Environment): string[] {
  return Array.from(
    withAliases(env, SECRETS).foundAs,
    ([name, alias]) => `${alias} is read as ${name}`,
  )
}

/** One line for each name that somebody meant for a setting, with its nearest neighbour. */
function unknownSettings(env: Environment): string[] {
  return nearMisses(Object.keys(withoutServices(env)), [...SETTING_NAMES, ...aliasNames(SECRETS)])
}
