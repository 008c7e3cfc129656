/**
 * Files of the environment: the runtime reads `.env` and its like from the working directory before we start,
 * whosever they are, and takes `$word` for a variable, in quotes too, and `#` for the beginning of a comment.
 * Here it is found out which settings came from there, and which are not what somebody wrote.
 */
import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import type { Environment } from './setting'

export type EnvFile = {
  readonly path: string
  readonly values: Readonly<Record<string, string>>
  /** Names whose line goes on behind a `#`, without a space before it: nobody's comment. */
  readonly cut: readonly string[]
}

/** What one of the files brought. */
export type Brought = {
  readonly path: string
  readonly names: readonly string[]
  /** Those of `names` whose value is not what is written there, since it holds a `$`. */
  readonly altered: readonly string[]
  /** Those of `names` whose value ends where a `#` is. */
  readonly cut: readonly string[]
}

/**
 * The files that the runtime has read, the one that counts most first. `options` are the runtime's own,
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
    if (!statSync(path).isFile()) return [] // who fills a pipe may do so once
    const text = readFileSync(path, 'utf8')
    const values = parseEnv(text) as Record<string, string>
    return [{ path, values, cut: cutIn(text, values) }]
  } catch {
    return [] // ENOENT, or whatever kept the runtime from reading it
  }
}

/** `NAME=text#more`, without quotes. */
const CUT = /^[^\S\n]*(?:export\s+)?(\w+)\s*[=:][^\S\n]*([^\s"'`#][^#\n]*(?<!\s))#/gm

function cutIn(text: string, values: EnvFile['values']): string[] {
  const lines = Array.from(text.matchAll(CUT))
  return lines.flatMap(([, name = '', before]) => (values[name] === before ? name : []))
}

/** Which of `known` names came from which file; `secrets` are those of them that refer to nothing in their midst. */
export function broughtBy(
  files: readonly EnvFile[],
  env: Environment,
  { known, secrets }: { readonly known: readonly string[]; readonly secrets: readonly string[] },
): Brought[] {
  const left = new Set(known)
  const brought = files.map(({ path, values, cut }) => {
    const names = Object.keys(values).filter(
      (name) => values[name] && left.has(name) && env[name] === expanded(values[name], env),
    )
    for (const name of names) left.delete(name)
    const altered = names.filter((name) => !isMeant(values[name]!, env, secrets.includes(name)))
    return { path, names, altered, cut: names.filter((name) => cut.includes(name)) }
  })
  return brought.filter(({ names }) => names.length > 0)
}

/** `\$`, `$NAME`, `${NAME}` and `${NAME:-otherwise}`, as the runtime takes them. */
const REFERENCE = /\\\$|\$(\w+)|\$\{(\w+)(?::-([^}]*))?\}/g
const ONLY_A_REFERENCE = /^\$(?:\w+|\{\w+(?::-[^}$]*)?\})$/

function expanded(raw: string, env: Environment): string {
  return raw.replaceAll(REFERENCE, (sign, bare?: string, braced?: string, otherwise?: string) =>
    sign === '\\$' ? '$' : (env[bare ?? braced ?? ''] ?? expanded(otherwise ?? '', env)),
  )
}

/** Whoever writes a reference means a variable that there is; in the midst of a secret nobody writes one. */
function isMeant(raw: string, env: Environment, isSecret: boolean): boolean {
  const references = raw.match(REFERENCE)?.filter((sign) => sign !== '\\$') ?? []
  if (references.length === 0) return true
  if (isSecret && !ONLY_A_REFERENCE.test(raw)) return false
  return references.every((reference) => expanded(reference, env) !== '')
}
