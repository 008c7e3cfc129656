/**
 * Secrets from files: for each secret setting `NAME_FILE` may name a file that holds it, as Docker and
 * Kubernetes mount it.
 */
import { readFileSync, statSync } from 'node:fs'
import { quote } from '../core/errors'
import type { Environment, AliasedEnvironment } from './setting'

export const fileVariable = (name: string): string => `${name}_FILE`

const MAX_BYTES = 1_048_576

type SecretsOfFiles = {
  /** The environment, with the files' content under the names of the settings. */
  readonly env: Environment
  /** `NAME_FILE=path` for each setting that is from a file. */
  readonly sources: ReadonlyMap<string, string>
  /** A line for each file that can't be used. */
  readonly mistakes: readonly string[]
}

/** Reads the files that `secrets` name. */
export function withSecretFiles(
  { env, foundAs }: AliasedEnvironment,
  secrets: readonly string[],
): SecretsOfFiles {
  const filled: Record<string, string | undefined> = { ...env }
  const sources = new Map<string, string>()
  const mistakes: string[] = []
  for (const name of secrets) {
    const file = env[fileVariable(name)]
    if (!file) continue
    const variable = foundAs.get(fileVariable(name)) ?? fileVariable(name)
    if (env[name]) {
      mistakes.push(
        `${foundAs.get(name) ?? name} and ${variable} are both set: expected one of them`,
      )
      continue
    }
    const source = `${variable}=${quote(file)}`
    try {
      filled[name] = readSecret(file)
      sources.set(name, source)
    } catch (cause) {
      mistakes.push(`${source}: expected a file with a secret, ${describe(cause)}`)
    }
  }
  return { env: filled, sources, mistakes }
}

/** The file's text, without a line end at its end. */
function readSecret(file: string): string {
  const found = statSync(file)
  if (!found.isFile()) throw new Error('this is none') // a pipe could make us wait without end
  if (found.size > MAX_BYTES) throw new Error(`this has more than ${MAX_BYTES} bytes`)
  const content = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  const text = content.replace(/\r?\n$/, '')
  if (text === '') throw new Error('this one is empty')
  return text
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is none',
  ENOTDIR: 'there is none',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'this one is not UTF-8',
}

/** Why a file can't be used; never quotes its content. */
function describe(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code === undefined ? message : (REASONS[code] ?? code)
}
