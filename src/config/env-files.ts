/**
 * Environment files: the runtime reads `.env` and its like from the working directory before we start, and
 * takes `$word` for a variable, in quotes too, and `#` for a comment. Here we find the settings that came
 * from such files, and those whose value differs from what the file has.
 */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from './setting'

export type EnvFile = {
  readonly path: string
  readonly values: Readonly<Record<string, string>>
  /** Names whose value was cut at a `#` without a space before it, which is hardly meant as a comment. */
  readonly cut: readonly string[]
}

/** The settings that are from one file. */
export type FileSettings = {
  readonly path: string
  readonly names: readonly string[]
  /** Those of `names` whose value differs from the file's text, which has a `$`. */
  readonly altered: readonly string[]
  /** Those of `names` whose value ends at a `#`. */
  readonly cut: readonly string[]
}

/**
 * The files that the runtime has read, the one with precedence first. `options` are the runtime's own,
 * as `process.execArgv` has them. Source: Bun's documentation, "Environment variables".
 */
export function envFiles(folder: string, options: readonly string[], env: Environment): EnvFile[] {
  if (options.includes('--no-env-file')) return []
  const named = options.flatMap((option, index) => {
    if (option === '--env-file') return [options[index + 1] ?? '']
    return option.startsWith('--env-file=') ? [option.slice('--env-file='.length)] : []
  })
  const names = named.length > 0 ? named.toReversed() : defaultNames(env)
  return names.flatMap((name) => read(resolve(folder, name)))
}

function defaultNames(env: Environment): string[] {
  const given = env['BUN_ENV'] || env['NODE_ENV']
  const mode = given === 'production' || given === 'test' ? given : 'development'
  const local = mode === 'test' ? [] : ['.env.local']
  return [`.env.${mode}.local`, ...local, `.env.${mode}`, '.env']
}

function read(path: string): EnvFile[] {
  try {
    if (!statSync(path).isFile()) return [] // a pipe can be read only once
    const text = readFileSync(path, 'utf8')
    const values = parseEnv(text) as Record<string, string>
    return [{ path, values, cut: findCut(text, values) }]
  } catch {
    return [] // ENOENT, or any error that kept the runtime from reading it, too
  }
}

/** `NAME=text#more`, without quotes. */
const CUT = /^[^\S\n]*(?:export\s+)?(\w+)\s*[=:][^\S\n]*([^\s"'`#][^#\n]*(?<!\s))#/gm

function findCut(text: string, values: EnvFile['values']): string[] {
  const lines = Array.from(text.matchAll(CUT))
  return lines.flatMap(([, name = '', before]) => (values[name] === before ? name : []))
}

/** The settings of each file among `known` names; a `$` amid the text of one of `secrets` is no reference. */
export function settingsFrom(
  files: readonly EnvFile[],
  env: Environment,
  { known, secrets }: { readonly known: readonly string[]; readonly secrets: readonly string[] },
): FileSettings[] {
  const left = new Set(known)
  const found = files.map(({ path, values, cut }) => {
    const names = Object.keys(values).filter(
      (name) => values[name] && left.has(name) && env[name] === expand(values[name], env),
    )
    for (const name of names) left.delete(name)
    const altered = names.filter((name) => !isMeant(values[name]!, env, secrets.includes(name)))
    return { path, names, altered, cut: names.filter((name) => cut.includes(name)) }
  })
  return found.filter(({ names }) => names.length > 0)
}

/** The environment without what is from the files: a process that is given it reads them as they are then. */
export function withoutFiles(files: readonly EnvFile[], env: Environment): Environment {
  const isFromFile = (name: string): boolean =>
    files.some(
      ({ values }) => values[name] !== undefined && env[name] === expand(values[name], env),
    )
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isFromFile(name)))
}

/** `\$`, `$NAME`, `${NAME}` and `${NAME:-otherwise}`, as the runtime expands them. */
const REFERENCE = /\\\$|\$(\w+)|\$\{(\w+)(?::-([^}]*))?\}/g
const ONLY_A_REFERENCE = /^\$(?:\w+|\{\w+(?::-[^}$]*)?\})$/

function expand(raw: string, env: Environment): string {
  return raw.replaceAll(REFERENCE, (sign, bare?: string, braced?: string, otherwise?: string) =>
    sign === '\\$' ? '$' : (env[bare ?? braced ?? ''] ?? expand(otherwise ?? '', env)),
  )
}

/** True where each reference names a variable that is set, and, in a secret, is all of its text. */
function isMeant(raw: string, env: Environment, isSecret: boolean): boolean {
  const references = raw.match(REFERENCE)?.filter((sign) => sign !== '\\$') ?? []
  if (references.length === 0) return true
  if (isSecret && !ONLY_A_REFERENCE.test(raw)) return false
  return references.every((reference) => expand(reference, env) !== '')
}
