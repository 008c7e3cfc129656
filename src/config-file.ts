/**
 * The configuration file: apps that are not in the database. `carillon.config.ts` in the working
 * directory, or the file that `CARILLON_CONFIG` names.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from './config'
import type { ProvidedApp } from './core/apps'
import { isRecord } from './core/json'
import { NEW_APP } from './core/new-app'
import { applyChanges, readAppChanges } from './http/app-fields'
import { slugOf } from './http/slug'

/** An app as the admin API takes it, with the id, key and secret that it must have. */
export type AppConfig = {
  readonly id: string
  readonly key: string
  readonly secret: string
  readonly name?: string
  readonly slug?: string
  readonly active?: boolean
  readonly client_events?: boolean
  readonly public_client_events?: boolean
  readonly subscription_counts?: boolean
  readonly webhooks?: readonly { readonly url: string; readonly [key: string]: unknown }[]
  readonly limits?: { readonly [name: string]: number }
}

export type CarillonConfig = { readonly apps?: readonly AppConfig[] }

/** Checks the file's shape as it is written. */
export function defineConfig(config: CarillonConfig): CarillonConfig {
  return config
}

const DEFAULT_FILE = 'carillon.config.ts'

/**
 * The apps of the file; none where there is no file and none was named.
 * @throws ConfigError with every mistake
 */
export async function loadConfigFile(
  named: string | undefined,
  folder: string,
): Promise<ProvidedApp[]> {
  const path = resolve(folder, named ?? DEFAULT_FILE)
  if (!existsSync(path)) {
    if (named === undefined) return []
    throw new ConfigError([`CARILLON_CONFIG=${named}: expected a file, there is none at ${path}`])
  }
  return appsOf(await importDefault(path), named ?? DEFAULT_FILE)
}

async function importDefault(path: string): Promise<unknown> {
  try {
    return ((await import(path)) as { default?: unknown }).default
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([`${path}: could not be loaded: ${why}`])
  }
}

function appsOf(config: unknown, file: string): ProvidedApp[] {
  if (!isRecord(config)) throw new ConfigError([`${file}: expected a default export, an object`])
  const mistakes = Object.keys(config)
    .filter((key) => key !== 'apps')
    .map((key) => `${file}: ${key} is unknown; known is apps`)
  const { apps = [] } = config
  if (!Array.isArray(apps)) throw new ConfigError([...mistakes, `${file}: apps: expected a list`])
  const read = apps.map((app: unknown, index) => readApp(app, `${file}: apps[${index}]`, file))
  mistakes.push(...read.flatMap((app) => (Array.isArray(app) ? app : [])), ...repeated(read, file))
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return read.filter((app): app is ProvidedApp => !Array.isArray(app))
}

/** An app, or its mistakes. */
function readApp(raw: unknown, where: string, file: string): ProvidedApp | string[] {
  if (!isRecord(raw)) return [`${where}: expected an object`]
  const { changes, errors } = readAppChanges(raw, 'create')
  const { id, key, secret } = changes
  for (const name of ['id', 'key', 'secret'] as const)
    if (changes[name] === undefined) errors[name] ??= ["can't be blank"]
  const mistakes = Object.entries(errors).map(
    ([name, texts]) => `${where}.${name}: ${texts.join(', ')}`,
  )
  if (id === undefined || key === undefined || secret === undefined || mistakes.length > 0)
    return mistakes
  const name = changes.name ?? `App ${id}`
  const fresh = { ...NEW_APP, id, name, slug: slugOf(name), keys: [{ key, secret }] }
  return { ...applyChanges(fresh, changes), providedBy: file }
}

function repeated(apps: readonly (ProvidedApp | string[])[], file: string): string[] {
  const seen = new Set<string>()
  return apps.flatMap((app) => {
    if (Array.isArray(app)) return []
    return [`id ${app.id}`, `key ${app.keys[0]?.key}`, `slug ${app.slug}`].flatMap((name) => {
      const twice = seen.has(name)
      seen.add(name)
      return twice ? [`${file}: apps: ${name} is there twice`] : []
    })
  })
}
