/**
 * Settings as lines of an environment file: printed without secrets, or written whole, for its owner only.
 */
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { parseEnv } from 'node:util'
import { messageOf } from '../../core/errors'
import { CommandError, usageError } from '../exits'
import type { NewSetting } from './translate'

const PLAIN = /^[\w./:@%+,*=[\]{}-]*$/

/** A line that every reader takes for this value; the runtime's takes `$` for the name of a variable. @throws CommandError for a value that no quotes can hold */
function lineOf({ name, value }: NewSetting): string {
  if (PLAIN.test(value)) return `${name}=${value}`
  const quoted = value.replaceAll('$', '\\$')
  const quote = [`"`, `'`].find((sign) => !quoted.includes(sign))
  if (quote === undefined || /[\n\\]/.test(value))
    throw new CommandError(
      'failed',
      `${name}: no file of settings can hold this value; ${name}_FILE names a file that does`,
    )
  return `${name}=${quote}${quoted}${quote}`
}

/** What is shown: secrets are left out. */
export const shownLines = (settings: readonly NewSetting[]): readonly string[] =>
  settings.map((setting) =>
    setting.isSecret ? `# ${setting.name} is a secret: --settings FILE writes it` : lineOf(setting),
  )

/** Whether the file has them already. @throws CommandError where it is there with others, unless `isForced` */
export function checkSettings(
  path: string,
  settings: readonly NewSetting[],
  isForced: boolean,
): 'unchanged' | 'missing' {
  if (!existsSync(path) || isForced) return 'missing'
  if (hasAll(path, settings)) return 'unchanged'
  throw usageError(`--settings: ${path} is there with other settings; --force replaces it`)
}

/** Writes the file, in the place of any other. @throws CommandError */
export function writeSettings(path: string, settings: readonly NewSetting[]): void {
  const text = settings.map((setting) => `${lineOf(setting)}\n`).join('')
  const temporary = `${path}.${process.pid}`
  try {
    // A link in its place is replaced, and not followed.
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const fd = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      writeSync(fd, text)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (cause) {
    throw usageError(`--settings: ${messageOf(cause)}`)
  }
}

function hasAll(path: string, settings: readonly NewSetting[]): boolean {
  try {
    const there = parseEnv(readFileSync(path, 'utf8'))
    return settings.every(({ name, value }) => there[name]?.replaceAll('\\$', '$') === value)
  } catch {
    return false // a folder, or no right to read it
  }
}
