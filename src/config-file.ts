/**
 * The configuration file: plugins, and apps that are not in the database. `carillon.config.ts` in the working
 * directory, or the file that `CARILLON_CONFIG` names.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from './config'
import { isRecord } from './core/json'
import { NEW_APP } from './core/new-app'
import type { ProvidedApp } from './core/provided-apps'
import { applyChanges, readAppChanges, type Enforced } from './http/app-fields'
import { slugOf } from './http/slug'
import * as pluginInterface from './plugin'
import type { AnyPlugin, AppConfig } from './plugin'
import { enforcedBy } from './plugins'

/** What the configuration file brings. */
export type FileConfig = {
  readonly plugins: readonly AnyPlugin[]
  readonly apps: readonly ProvidedApp[]
}

const DEFAULT_FILE = 'carillon.config.ts'

/** Makes `carillon/plugin` importable from a file anywhere, whatever is installed beside it. */
function provideInterface(): void {
  Bun.plugin({
    name: 'carillon',
    setup: (build) =>
      void build.module('carillon/plugin', () => ({ exports: pluginInterface, loader: 'object' })),
  })
}

/**
 * Empty where there is no file and none was named.
 * @throws ConfigError with every mistake
 */
export async function loadConfigFile(
  named: string | undefined,
  folder: string,
): Promise<FileConfig> {
  const path = resolve(folder, named ?? DEFAULT_FILE)
  if (!existsSync(path)) {
    if (named === undefined) return { plugins: [], apps: [] }
    throw new ConfigError([`CARILLON_CONFIG=${named}: expected a file, there is none at ${path}`])
  }
  provideInterface()
  return read(await importDefault(path), named ?? DEFAULT_FILE)
}

async function importDefault(path: string): Promise<unknown> {
  try {
    return ((await import(path)) as { default?: unknown }).default
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError([`${path}: could not be loaded: ${why}`])
  }
}

const KEYS = ['plugins', 'apps']

function read(config: unknown, file: string): FileConfig {
  if (!isRecord(config)) throw new ConfigError([`${file}: expected a default export, an object`])
  const mistakes = Object.keys(config)
    .filter((key) => !KEYS.includes(key))
    .map((key) => `${file}: ${key} is unknown; known are ${KEYS.join(' and ')}`)
  for (const key of KEYS)
    if (!Array.isArray(config[key] ?? [])) mistakes.push(`${file}: ${key}: expected a list`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  const { plugins = [], apps = [] } = config as { plugins?: AnyPlugin[]; apps?: unknown[] }
  for (const [index, plugin] of plugins.entries())
    if (!isRecord(plugin))
      mistakes.push(`${file}: plugins[${index}]: expected a plugin (was its function called?)`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return { plugins, apps: readApps(apps, file, enforcedBy(plugins)) }
}

/** Apps as a configuration file lists them. @throws ConfigError with every mistake */
export function readAppConfigs(
  apps: readonly AppConfig[],
  plugins: readonly AnyPlugin[],
): ProvidedApp[] {
  return readApps(apps, 'apps', enforcedBy(plugins))
}

function readApps(apps: readonly unknown[], file: string, enforced: Enforced): ProvidedApp[] {
  const read = apps.map((app, index) => readApp(app, `${file}: apps[${index}]`, { file, enforced }))
  const mistakes = read.flatMap((app) => (Array.isArray(app) ? app : []))
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return read.filter((app): app is ProvidedApp => !Array.isArray(app))
}

/** An app, or its mistakes. */
function readApp(
  raw: unknown,
  where: string,
  { file, enforced }: { readonly file: string; readonly enforced: Enforced },
): ProvidedApp | string[] {
  if (!isRecord(raw)) return [`${where}: expected an object`]
  const { changes, errors } = readAppChanges(raw, 'create', enforced)
  const { id, key, secret } = changes
  for (const name of ['id', 'key', 'secret'] as const)
    if (changes[name] === undefined) errors[name] ??= ["can't be blank"]
  const name = changes.name ?? `App ${id}`
  const slug = changes.slug ?? slugOf(name)
  if (slug === '') errors['slug'] ??= ['is invalid']
  const mistakes = Object.entries(errors).map(
    ([name, texts]) => `${where}.${name}: ${texts.join(', ')}`,
  )
  if (id === undefined || key === undefined || secret === undefined || mistakes.length > 0)
    return mistakes
  const fresh = { ...NEW_APP, id, name, slug, keys: [{ key, secret }] }
  return { ...applyChanges(fresh, changes), providedBy: file }
}
