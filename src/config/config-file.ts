/**
 * The configuration file: plugins, and apps that are not in the database. It is the file that
 * `CARILLON_CONFIG` names, or `carillon.config.ts` in the working directory, or else the server's own, so
 * that a start in another folder has the same plugins.
 */
import { statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { exports as packageExports } from '../../package.json'
import usual from '../../plugins/usual.json'
import { systemClock } from '../clock'
import { ConfigError } from './config'
import { EMBEDDED } from './embedded'
import { quote } from '../core/errors'
import { isRecord } from '../core/json'
import type { ProvidedApp } from '../core/provided-apps'
import { withTimeout } from '../core/faults'
import type { Clock, Log } from '../core/types'
import { newRecord, readAppChanges, type Enforced } from '../apps/fields'
import { hide } from '../apps/reading'
import * as pluginInterface from '../plugin'
import type { AnyPlugin } from '../plugin'
import { findEnforced } from '../plugin-checks'
import { START_LIMIT_MS } from '../plugins'

/** The content of a configuration file. */
export type FileConfig = {
  readonly plugins: readonly AnyPlugin[]
  readonly apps: readonly ProvidedApp[]
}

/** The content, and the file that it is from. */
export type ConfigFile = FileConfig & {
  /** Undefined where there is no file, not even our own. */
  readonly path: string | undefined
  readonly isOwn: boolean
}

const DEFAULT_FILE = 'carillon.config.ts'
/** The folder of our sources, or of their bundle. */
const SRC = import.meta.file === 'config-file.ts' ? dirname(import.meta.dir) : import.meta.dir
/** The server's own file. */
const OWN_FILE = join(SRC, '..', DEFAULT_FILE)

/**
 * Makes what a package of ours exports importable from a file anywhere, whatever is installed beside it. Where
 * nothing is, the runtime would ask a registry for a package of our name, and run a stranger's. A bundle has
 * `carillon/plugin` alone.
 */
function provideExports(): void {
  Bun.plugin({
    name: 'carillon',
    setup: (build) => {
      for (const [path, { default: file }] of Object.entries(packageExports).filter(
        ([name]) => name !== '.',
      ))
        build.module(`carillon${path.slice(1)}`, async () => ({
          exports: (await import(join(SRC, '..', file))) as Record<string, unknown>,
          loader: 'object',
        }))
      for (const [path, module] of Object.entries(EMBEDDED?.modules ?? {}))
        build.module(`carillon${path.slice(1)}`, () => ({
          exports: module as Record<string, unknown>,
          loader: 'object',
        }))
      build.module('carillon/plugin', () => ({ exports: pluginInterface, loader: 'object' }))
      build.module('carillon', () => {
        throw new Error(
          "'carillon' serves inside of other programs: plugins import 'carillon/plugin'",
        )
      })
    },
  })
}

type StartLimits = { readonly clock: Clock; readonly givenUp?: AbortSignal }

/**
 * Loads the configuration file. Without any file there are no plugins and no apps.
 * @throws ConfigError with every mistake
 */
export async function loadConfigFile(
  named: string | undefined,
  folder: string,
  limits: StartLimits = { clock: systemClock },
): Promise<ConfigFile> {
  const given = resolve(folder, named ?? DEFAULT_FILE)
  const reason = unreadableReason(given)
  if (reason !== undefined && (named !== undefined || reason !== NO_FILE)) {
    const what = named === undefined ? DEFAULT_FILE : `CARILLON_CONFIG=${quote(named)}`
    throw new ConfigError([`${what}: expected a file at ${given}, ${reason}`])
  }
  const path = [given, OWN_FILE].find((file) => unreadableReason(file) === undefined)
  if (path === undefined && EMBEDDED)
    return { ...readFileConfig(EMBEDDED.config, DEFAULT_FILE), path, isOwn: true }
  if (path === undefined) return { plugins: [], apps: [], path, isOwn: false }
  provideExports()
  const isOwn = path !== given
  const name = isOwn ? path : (named ?? DEFAULT_FILE)
  return { ...readFileConfig(await importDefault(path, limits), name), path, isOwn }
}

const NO_FILE = 'there is none'

/** Why a file cannot be read; undefined where it can. Docker makes a folder in place of a missing file to mount. */
function unreadableReason(path: string): string | undefined {
  try {
    const found = statSync(path)
    if (found.isFile()) return undefined
    return found.isDirectory() ? 'this is a folder' : 'this is none'
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException
    return ['ENOENT', 'ENOTDIR'].includes(code) ? NO_FILE : `this cannot be read (${code})`
  }
}

/** Logs which file was read, and what is off since it lists no plugin for it. */
export function logConfigFile({ path, isOwn, plugins }: ConfigFile, log: Log): void {
  const fields = path === undefined ? {} : { file: path }
  if (isOwn) log.info(fields, `no ${DEFAULT_FILE} in this folder: the server's own is used`)
  else log.info(fields, path === undefined ? 'no configuration file' : 'configuration file')
  const listed = plugins.map(({ name }) => name)
  const off = Object.entries(usual).filter(([name]) => !listed.includes(name))
  if (off.length > 0)
    log.info(
      { ...fields, off: Object.fromEntries(off) },
      'plugins that most servers have are not listed',
    )
}

async function importDefault(path: string, { clock, givenUp }: StartLimits): Promise<unknown> {
  try {
    const module = import(path) as Promise<{ default?: unknown }>
    return await withTimeout(
      clock,
      START_LIMIT_MS,
      module.then((file) => file.default),
      givenUp,
    )
  } catch (cause) {
    // For syntax errors the runtime throws all of them at once.
    const { errors = [] } = cause instanceof AggregateError ? cause : {}
    const causes: readonly unknown[] = errors.length > 0 ? errors : [cause]
    throw new ConfigError(causes.map((each) => `${path}: could not be loaded: ${describe(each)}`))
  }
}

/** What is wrong, and where: `file:line:column`, which may be a file that was imported. */
function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const place = placeOf(cause)
  return place === undefined ? cause.message : `${cause.message} (${place})`
}

function placeOf(cause: Error): string | undefined {
  const { position } = cause as { position?: BuildMessage['position'] }
  if (position) return `${position.file}:${position.line}:${position.column}`
  const frames = (cause.stack ?? '').matchAll(/^ +at (?:.*\()?(\/.*:\d+:\d+)\)?$/gm)
  const places = Array.from(frames, ([, place = '']) => place)
  return places.find((place) => !place.startsWith(`${SRC}/`)) // frames of ours do not help the file's author
}

const KEYS = ['plugins', 'apps']

/** Checks plugins and apps; mistakes begin with `file`. @throws ConfigError with every mistake */
export function readFileConfig(config: unknown, file: string): FileConfig {
  if (!isRecord(config)) throw new ConfigError([`${file}: expected a default export, an object`])
  const mistakes = Object.keys(config)
    .filter((key) => !KEYS.includes(key))
    .map((key) => `${file}: ${key} is unknown; known are ${KEYS.join(' and ')}`)
  for (const key of KEYS)
    if (!Array.isArray(config[key] ?? [])) mistakes.push(`${file}: ${key}: expected a list`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  const { plugins, apps } = config as { plugins?: AnyPlugin[] | null; apps?: unknown[] | null }
  for (const [index, plugin] of (plugins ?? []).entries())
    if (!isRecord(plugin))
      mistakes.push(`${file}: plugins[${index}]: expected a plugin (was its function called?)`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return { plugins: plugins ?? [], apps: readApps(apps ?? [], file, findEnforced(plugins ?? [])) }
}

/** Reads apps as a configuration file lists them. @throws ConfigError with every mistake */
export function readApps(
  apps: readonly unknown[],
  file: string,
  enforced: Enforced,
): ProvidedApp[] {
  const mistakes: string[] = []
  const read = apps.flatMap((app, index) => {
    const where = `${file}: apps[${index}]`
    if (!isRecord(app)) {
      mistakes.push(`${where}: expected an object`)
      return []
    }
    const { changes, errors } = readAppChanges(app, 'create', { ...enforced, showUrl: hide })
    const record = newRecord({ name: `App ${changes.id}`, ...changes }, errors)
    for (const [name, texts] of Object.entries(errors))
      mistakes.push(`${where}.${name}: ${texts.join(', ')}`)
    return { ...record, providedBy: file }
  })
  if (mistakes.length > 0) throw new ConfigError(mistakes)
  return read
}
