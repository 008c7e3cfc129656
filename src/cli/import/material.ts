/**
 * Material: what the files of another server say, sorted into settings and apps, whatever they are written in.
 */
import { isRecord } from '../../core/json'
import { foreignOf, meaningOf } from '../../config/foreign'
import { CommandError } from '../exits'
import { readEnv } from './env-entries'
import { parseJson } from './json-text'
import type { FieldRow, Origin } from './field-rows'
import { lineOf, type AppEntries, type Entry, type Line, type Material } from './outcome'
import { MAX_APPS, type Source } from './source-file'
import { rowsOfDump } from './sql-dump'
import {
  rowsOfCsv,
  rowsOfItems,
  rowsOfList,
  rowsOfLines,
  rowsOfTabs,
  toApps,
  type TableRow,
} from './table-text'

/** The table of apps, where a file may have several. */
const TABLE = 'apps'
const MAX_ENTRIES = 10_000

type Kind = 'env' | 'json' | 'lines' | 'sql' | 'csv' | 'tabs'

const BY_ENDING: ReadonlyMap<string, Kind> = new Map([
  ['json', 'json'],
  ['jsonl', 'lines'],
  ['ndjson', 'lines'],
  ['sql', 'sql'],
  ['csv', 'csv'],
  ['tsv', 'tabs'],
  ['env', 'env'],
])
const BY_CONTENT: readonly (readonly [pattern: RegExp, kind: Kind])[] = [
  [/^\s*\{[^\n]*\}[^\S\n]*\n\s*\{/, 'lines'],
  [/^\s*[[{]/, 'json'],
  [/^\s*(?:--|\/\*|(?:INSERT|CREATE|COPY|SET|DROP|BEGIN)\s)/i, 'sql'],
  [/^(?!\s*#)[^\n=]*\t/, 'tabs'],
  [/^(?!\s*#)[^\n=]*,[^\n=]*(?:\n|$)/, 'csv'],
]

/** Files that people have, and what to bring in their place. */
const NOT_READ: readonly (readonly [name: RegExp, content: RegExp, instead: string])[] = [
  [
    /\.php$/i,
    /^\s*<\?php/,
    'PHP is not executed: docs/moving-from-reverb.md says how the application prints it as JSON',
  ],
  [
    /\.ya?ml$/i,
    /^(?:services|version|apiVersion):/m,
    'YAML is not read: docs/moving-from-soketi.md says how a container prints its environment',
  ],
]

/** @throws CommandError for a file that is none of the kinds */
function kindOf({ name, text }: Source): Kind {
  const ending = BY_ENDING.get(/\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? '')
  if (ending) return ending
  if (/^\.?env\b|\.env\b/i.test(name)) return 'env' // .env.production
  const [, , instead] =
    NOT_READ.find(([file, content]) => file.test(name) || content.test(text)) ?? []
  if (instead !== undefined) throw new CommandError('failed', `${name}: ${instead}`)
  return BY_CONTENT.find(([pattern]) => pattern.test(text))?.[1] ?? 'env'
}

const TABLES: Readonly<
  Partial<Record<Kind, (source: Source, table: string) => readonly TableRow[]>>
> = {
  lines: rowsOfLines,
  sql: rowsOfDump,
  csv: rowsOfCsv,
  tabs: rowsOfTabs,
}

/** What one source says; `configured` and `variables` are of apps that the server itself is started with. */
type Found = {
  readonly settings: readonly Entry[]
  readonly lines: readonly Line[]
  readonly rows: readonly AppEntries[]
  readonly configured: readonly AppEntries[]
  readonly variables: readonly Entry[]
}
const NONE: Found = { settings: [], lines: [], rows: [], configured: [], variables: [] }

/** Reads all sources together, as a server would. @throws CommandError for text that is not understood */
export function readMaterial(
  origin: Origin,
  sources: readonly Source[],
  table: string = TABLE,
): Material {
  const all = sources.map((source): Found => {
    const kind = kindOf(source)
    if (kind === 'env') return ofEnv(origin, source)
    if (kind === 'json') return ofJson(origin, source)
    return { ...NONE, rows: toApps(TABLES[kind]!(source, table)) }
  })
  const settings = all.flatMap((found) => found.settings)
  const lines = all.flatMap((found) => found.lines)
  const rows = all.flatMap((found) => found.rows)
  const configured = withVariables(
    origin,
    all.flatMap((found) => found.configured),
    all.flatMap((found) => found.variables),
  )
  const elsewhere = appsElsewhere(settings)
  if (elsewhere === undefined) return { settings, lines, apps: [...configured, ...rows] }
  const unused = configured.flatMap(({ entries }) => entries)
  const idle = unused.map((entry) => lineOf(entry, 'idle', elsewhere))
  return { settings, lines: [...lines, ...idle], apps: rows }
}

/** Where soketi has its apps, if that is neither its environment nor its configuration file. */
function appsElsewhere(settings: readonly Entry[]): string | undefined {
  const driver = settings.findLast(({ name }) => name === 'SOKETI_APP_MANAGER_DRIVER')?.value
  return driver === undefined || driver === 'array' || driver === ''
    ? undefined
    : `soketi reads its apps from ${String(driver)}`
}

/** Variables are of one app: in soketi of the first of the configuration file, whose values they replace. */
function withVariables(
  { fields, envIsFirstApp }: Origin,
  configured: readonly AppEntries[],
  variables: readonly Entry[],
): readonly AppEntries[] {
  const [variable] = variables
  if (!variable) return configured
  const [first, ...others] = configured
  const place = variable.place.replace(/:\d+$/, '')
  if (!first || !envIsFirstApp) return [...configured, { place, entries: variables }]
  const rowOf = ({ name }: Entry): FieldRow | undefined =>
    fields.find(({ names, env }) => env === name || names.includes(name))
  const replaced = new Set(variables.map(rowOf))
  const kept = first.entries.filter((entry) => !replaced.has(rowOf(entry)))
  return [{ place: first.place, entries: [...kept, ...variables] }, ...others]
}

function ofEnv(origin: Origin, source: Source): Found {
  const { entries, lines } = readEnv(source)
  if (entries.length > MAX_ENTRIES) throw tooMany(source)
  const foreign = foreignOf(origin.name)
  const isOfApp = ({ name }: Entry): boolean =>
    origin.fields.some(
      ({ env, names }) => env === name || (origin.hasBareNames && names.includes(name)),
    )
  const rest = entries.filter((entry) => !isOfApp(entry))
  const settings = rest.filter(({ name, value }) => meaningOf(name, String(value), foreign))
  return {
    ...NONE,
    settings,
    variables: entries.filter((entry) => isOfApp(entry) && entry.value !== ''),
    lines: [...lines, ...others(source.name, rest.length - settings.length)],
  }
}

const others = (place: string, count: number): Line[] =>
  count === 0
    ? []
    : [
        {
          place,
          name: '',
          fate: 'idle',
          about: `${count} ${count === 1 ? 'name of another program' : 'names of other programs'}`,
        },
      ]

function ofJson(origin: Origin, source: Source): Found {
  const value = parseJson(source)
  if (Array.isArray(value)) return { ...NONE, rows: toApps(rowsOfList(value, source.name)) }
  if (isRecord(value) && Array.isArray(value['Items']))
    return { ...NONE, rows: toApps(rowsOfItems(value['Items'], `${source.name} Items`)) }
  if (!isRecord(value))
    throw new CommandError('failed', `${source.name}: expected an object or a list`)
  const apps: AppEntries[] = []
  const byIndex = new Map<string, Entry[]>()
  const settings: Entry[] = []
  const lines: Line[] = []
  for (const [path, inner] of leavesOf(value, '', (path) => Object.hasOwn(origin.paths, path))) {
    const place = `${source.name} ${path}`
    const name = variableOf(origin, path)
    const [, list = '', index = '', field = ''] = /^(.+)\.(\d+)\.(\w+)$/.exec(path) ?? []
    const isApps = [...origin.appsIn, TABLE].includes(path)
    if (isApps && Array.isArray(inner)) apps.push(...toApps(rowsOfList(inner, place)))
    else if (origin.appsIn.includes(list))
      byIndex.getOrInsertComputed(index, () => []).push({ place, name: field, value: inner })
    else if (isEmpty(inner)) lines.push({ place, name, fate: 'idle', about: 'is empty' })
    else settings.push({ place, name, value: inner })
    if (settings.length > MAX_ENTRIES || byIndex.size > MAX_APPS) throw tooMany(source)
  }
  const indexed = [...byIndex.values()].map((entries) => ({ place: entries[0]!.place, entries }))
  return { ...NONE, settings, lines, configured: [...apps, ...indexed] }
}

/** Paths, with dots, and values that are no objects; `isLeaf` names objects that are not gone into. */
function* leavesOf(
  object: Readonly<Record<string, unknown>>,
  prefix: string,
  isLeaf: (path: string) => boolean,
): Generator<readonly [path: string, value: unknown]> {
  for (const [key, value] of Object.entries(object)) {
    const path = `${prefix}${key}`
    if (isRecord(value) && !isLeaf(path)) yield* leavesOf(value, `${path}.`, isLeaf)
    else yield [path, value]
  }
}

/** The variable of a path; without a row it has the path's own words: `SOKETI_ADAPTER_REDIS_PREFIX`. */
function variableOf({ name, paths }: Origin, path: string): string {
  if (Object.hasOwn(paths, path)) return paths[path]!
  const words = `${name}.${path}`.replaceAll(/(?<=[a-z])[A-Z]/g, '_$&')
  return words.replaceAll('.', '_').toUpperCase()
}

const isEmpty = (value: unknown): boolean =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0)

const tooMany = ({ name }: Source): CommandError =>
  new CommandError('failed', `${name}: has more than ${MAX_ENTRIES} entries, which is the limit`)
