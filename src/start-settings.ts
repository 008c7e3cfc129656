/** The settings of a start, with the files that the runtime has read; what is wrong with them ends it. */
import { ConfigError, readConfig, type Config } from './config/config'
import { envFiles, withoutFiles } from './config/env-files'
import { notes } from './config/notes'
import type { Environment } from './config/setting'
import { toOneLine } from './core/errors'

/** Ends the process with some lines for the operator. */
type Fail = (...lines: readonly string[]) => never

/** Exits where the folder was removed, as a deploy removes the release before. */
export function workingFolder(give: Fail = fail): string {
  try {
    return process.cwd()
  } catch {
    return give('the working directory was removed: start the server in one that exists') // ENOENT
  }
}

const readFiles = () => envFiles(workingFolder(), process.execArgv, process.env)

/** What a start logs about its environment. */
export const readNotes = () => notes(process.env, readFiles())

/** Of this process at its start, without what the files in its folder have: they may be others by the next one. */
export const environmentOfStart = (): Environment => withoutFiles(readFiles(), process.env)

export function readSettings(give: Fail = fail): Config {
  try {
    return readConfig(process.env)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    return give(...cause.mistakes, ...readNotes().map(({ message }) => message))
  }
}

const MAX_LINE_CHARS = 4096

/** Exits with a line for each mistake. Lines may quote what others wrote: a configuration file, a database. */
export function fail(...lines: readonly string[]): never {
  for (const line of lines) process.stderr.write(`carillon: ${toOneLine(line, MAX_LINE_CHARS)}\n`)
  process.exit(1)
}
