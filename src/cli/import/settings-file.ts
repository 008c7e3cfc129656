/**
 * Settings as lines of an environment file: printed without secrets, or written whole, for its owner only.
 */
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { parseEnv } from 'node:util'
import { messageOf } from '../../core/errors'
import { usageError } from '../exits'

/** A setting of the process, by our own name. */
export type NewSetting = {
  readonly name: string
  readonly value: string
  readonly isSecret: boolean
}

const PLAIN = /^[\w./:@%+,*=[\]{}-]*$/

/** True for a value that an environment file can hold, whoever reads it: no quotes hold both kinds of them. */
export const isHoldable = (value: string): boolean =>
  PLAIN.test(value) || !(/[\r\n\\]/.test(value) || (value.includes('"') && value.includes("'")))

/** A line that every reader takes for this value; the runtime's takes `$` for the name of a variable, in any quotes. */
function lineOf({ name, value }: NewSetting): string {
  if (PLAIN.test(value)) return `${name}=${value}`
  const quote = value.includes('"') ? `'` : `"`
  return `${name}=${quote}${value.replaceAll('$', '\\$')}${quote}`
}

/** What is shown: secrets are left out. */
export const shownLines = (settings: readonly NewSetting[]): readonly string[] =>
  settings.map((setting) =>
    setting.isSecret ? `# ${setting.name} is a secret: --settings FILE writes it` : lineOf(setting),
  )

/**
 * Whether the file has them already.
 * @throws CommandError where it is there with others, unless `isForced`, and where it cannot be written
 */
export function checkSettings(
  path: string,
  settings: readonly NewSetting[],
  isForced: boolean,
): 'unchanged' | 'missing' {
  try {
    accessSync(dirname(path), constants.W_OK)
  } catch (cause) {
    throw usageError(`--settings: ${messageOf(cause)}`)
  }
  if (!existsSync(path)) return 'missing'
  // A pipe would be waited for.
  if (!statSync(path).isFile()) throw usageError(`--settings: ${path}: expected a file`)
  if (isForced) return 'missing'
  if (hasAll(path, settings)) return 'unchanged'
  throw usageError(
    `--settings: ${path} is there with other settings: --force replaces it, without --settings apps alone are imported`,
  )
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
      renameSync(temporary, path)
    } catch (cause) {
      rmSync(temporary, { force: true })
      throw cause
    } finally {
      closeSync(fd)
    }
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
